// One step of an everyday jsforce program; prints what came of it as JSON. Usage: node jsforce_steps.cjs STEP
"use strict";
const { createRequire } = require("node:module");
const path = require("node:path");
// The client lies where npm has put it, not beside this file.
const jsforce = createRequire(path.join(process.env.JSFORCE_HOME, "package.json"))("jsforce");
const { BASE_URL, TOKEN, WORD, USERNAME, PASSWORD, CLIENT_ID, CLIENT_SECRET } = process.env;

function connected() {
  const conn = new jsforce.Connection({ instanceUrl: BASE_URL, accessToken: TOKEN, version: "60.0" });
  for (const bulk of [conn.bulk, conn.bulk2]) {
    bulk.pollInterval = 50;
    bulk.pollTimeout = 20000;
  }
  return conn;
}

async function refusal(work) {
  try {
    await work();
  } catch (error) {
    return { name: error.name, code: error.errorCode ?? null, message: error.message };
  }
  return null;
}

async function gather(stream) {
  const records = [];
  for await (const record of stream) records.push(record);
  return records;
}

const steps = {
  async session() {
    const conn = connected();
    const identity = await conn.identity();
    return { username: identity.username, org: identity.organization_id, limit: conn.limitInfo.apiUsage.limit };
  },

  async password() {
    const conn = new jsforce.Connection({ loginUrl: BASE_URL, version: "60.0" });
    const user = await conn.login(USERNAME, PASSWORD);
    const found = await conn.query("SELECT Id FROM Organization");
    const identity = await conn.identity();
    await conn.logout();
    const after = await refusal(() => conn.query("SELECT Id FROM Organization"));
    const wrong = new jsforce.Connection({ loginUrl: BASE_URL });
    return {
      user: user.id, org: found.records[0].Id, username: identity.username, after,
      wrong: await refusal(() => wrong.login(USERNAME, "wrong")),
    };
  },

  async client_credentials() {
    const oauth2 = { loginUrl: BASE_URL, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };
    const conn = new jsforce.Connection({ instanceUrl: BASE_URL, oauth2 });
    await conn.authorize({ grant_type: "client_credentials" });
    return (await conn.query("SELECT Id FROM Organization")).records[0].Id;
  },

  async refresh() {
    const conn = new jsforce.Connection({
      instanceUrl: BASE_URL, accessToken: "00D000000000000!expired",
      refreshFn: (_, done) => done(null, TOKEN),
    });
    return (await conn.query("SELECT Id FROM Organization")).totalSize;
  },

  async rows() {
    const conn = connected();
    const made = await conn.sobject("Account").create({ Name: WORD, Phone: "1" });
    const read = await conn.sobject("Account").retrieve(made.id);
    await conn.sobject("Account").update({ Id: made.id, Phone: null });
    const cleared = await conn.sobject("Account").findOne({ Id: made.id }, "Id, Name, Phone");
    const key = { Syncline_Key__c: WORD, Subject: "Call" };
    const first = await conn.sobject("Task").upsert(key, "Syncline_Key__c");
    const second = await conn.sobject("Task").upsert(key, "Syncline_Key__c");
    const gone = await conn.sobject("Account").destroy(made.id);
    return {
      made: made.success, phones: [read.Phone, cleared.Phone], created: [first.created, second.created],
      gone: gone.success, missing: await refusal(() => conn.sobject("Account").retrieve(made.id)),
    };
  },

  async collections() {
    const conn = connected();
    const rows = Array.from({ length: 250 }, (_, n) => ({ LastName: `${WORD} ${n}` }));
    const made = await conn.sobject("Contact").create([...rows, { Title: "no name" }], { allowRecursive: true });
    const good = made.filter((one) => one.success);
    const bad = made.find((one) => !one.success);
    const gone = await conn.sobject("Contact").destroy(good.map((one) => one.id), { allowRecursive: true });
    return { made: good.length, error: bad.errors[0].statusCode, gone: gone.filter((one) => one.success).length };
  },

  async queries() {
    const conn = connected();
    const soql = `SELECT Id, LastName, Account.Name FROM Contact WHERE LastName LIKE '${WORD}%'`;
    const page = await conn.query(soql, { headers: { "Sforce-Query-Options": "batchSize=200" } });
    const more = await conn.queryMore(page.nextRecordsUrl);
    const all = [];
    const query = conn.query(soql, { autoFetch: true, maxFetch: 10000 });
    await query.on("record", (record) => all.push(record.Id)).run({ autoFetch: true, maxFetch: 10000 });
    const found = await conn.sobject("Contact").find({ LastName: { $like: `${WORD}%` } }).limit(7).execute();
    const count = await conn.sobject("Contact").count({ LastName: { $like: `${WORD}%` } });
    return {
      page: page.records.length, more: more.records.length, all: new Set(all).size, found: found.length, count,
      account: page.records[0].Account, bad: await refusal(() => conn.query("SELECT FROM Contact")),
    };
  },

  async describe() {
    const conn = connected();
    const described = await conn.describe("Task");
    const everything = await conn.describeGlobal();
    const layouts = await conn.sobject("Task").layouts();
    const compact = await conn.sobject("Account").compactLayouts();
    const versions = await conn.request("/services/data");
    const start = new Date(Date.now() - 3600000);
    const updated = await conn.sobject("Contact").updated(start, new Date(Date.now() + 60000));
    return {
      name: described.name, fields: described.fields.length, objects: everything.sobjects.map((one) => one.name),
      layouts: layouts.layouts.length, compact: compact.compactLayouts[0].objectType, versions: versions.length,
      recent: Array.isArray(await conn.recent()), limits: (await conn.limits()).DailyApiRequests.Max,
      updated: Array.isArray(updated.ids),
    };
  },

  async bulk() {
    const conn = connected();
    const rows = Array.from({ length: 30 }, (_, n) => ({ LastName: `${WORD} ${n}`, Title: 'a "b", c', DoNotCall: true }));
    const made = await conn.bulk.load("Contact", "insert", [...rows, { LastName: null, Title: "no name" }]);
    const good = made.filter((one) => one.success);
    const soql = `SELECT Id, LastName, Title, DoNotCall FROM Contact WHERE LastName LIKE '${WORD}%'`;
    const records = await gather(await conn.bulk.query(soql));
    const nobody = await refusal(async () => gather(await conn.bulk.query("SELECT Foo FROM Contact")));
    const gone = await conn.bulk.load("Contact", "delete", good.map(({ id }) => ({ Id: id })));
    const tasks = [{ Syncline_Key__c: WORD, Subject: "Call" }];
    const upserts = [];
    for (const _ of [1, 2]) {
      const [one] = await conn.bulk.load("Task", "upsert", { extIdField: "Syncline_Key__c" }, tasks);
      upserts.push(one.created);
    }
    const job = conn.bulk.createJob("Contact", "insert");
    await job.open();
    await job.abort();
    return {
      made: good.length, error: made[30].errors[0], first: records[0], found: records.length, nobody,
      gone: gone.filter((one) => one.success).length, upserts, state: job.state,
      refused: await refusal(() => conn.bulk.createJob("Nonsense", "insert").open()),
    };
  },

  async bulk2() {
    const conn = connected();
    const input = Array.from({ length: 30 }, (_, n) => ({ LastName: `${WORD} ${n}`, Title: "x" }));
    const done = await conn.bulk2.loadAndWaitForResults({
      object: "Contact", operation: "insert", input: [...input, { LastName: "", Title: "no name" }],
    });
    const records = await gather(await conn.bulk2.query(`SELECT Id, Title FROM Contact WHERE LastName LIKE '${WORD}%'`));
    return {
      good: done.successfulResults.length, bad: done.failedResults.map((one) => one.sf__Error),
      left: done.unprocessedRecords.length, found: records.length,
      failed: await refusal(() => conn.bulk2.query("SELECT Foo FROM Contact")),
    };
  },

  async soap() {
    const conn = connected();
    const [master, loser] = await conn.soap.create([
      { type: "Account", Name: WORD }, { type: "Account", Name: `${WORD} Ltd` },
    ]);
    const contact = await conn.sobject("Contact").create({ LastName: WORD, AccountId: loser.id });
    const merged = await conn.soap.merge({
      masterRecord: { type: "Account", Id: master.id }, recordToMergeIds: [loser.id],
    });
    const lead = await conn.sobject("Lead").create({ LastName: WORD, Company: WORD });
    const converted = await conn.soap.convertLead({
      leadId: lead.id, convertedStatus: "Closed - Converted", doNotCreateOpportunity: true,
    });
    await conn.soap.delete([contact.id]);
    const back = await conn.soap.undelete([contact.id]);
    const user = await conn.soap.getUserInfo();
    const now = await conn.soap.getServerTimestamp();
    return {
      merged: [merged.success, merged.mergedRecordIds[0] === loser.id],
      moved: (await conn.sobject("Contact").retrieve(contact.id)).AccountId === master.id,
      converted: [converted.success, converted.accountId.slice(0, 3), converted.opportunityId ?? null],
      back: back[0].success, username: user.userName, time: Math.abs(Date.now() - new Date(now.timestamp)) < 60000,
      again: await conn.soap.convertLead({ leadId: lead.id, convertedStatus: "Closed - Converted" }),
      fault: await refusal(() => conn.soap.create({ type: "Nonsense", Name: "x" })),
    };
  },
};

steps[process.argv[2]]().then(
  (value) => console.log(JSON.stringify(value)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
