"""One step of an everyday salesforce-bulk program; prints what came of it as JSON. Usage: python ... STEP."""

import csv
import io
import json
import os
import sys

from salesforce_bulk import CsvDictsAdapter, SalesforceBulk
from salesforce_bulk.salesforce_bulk import BulkBatchFailed
from salesforce_bulk.util import IteratorBytesIO

WORD = os.environ.get("WORD", "")


def connected():
    """By access token, as programs do that have one already."""
    return SalesforceBulk(sessionId=os.environ["TOKEN"], host=os.environ["HOST"])


def load(bulk, job, rows):
    """One batch of CSV rows; its results."""
    batch = bulk.post_batch(job, CsvDictsAdapter(iter(rows)))
    bulk.wait_for_batch(job, batch, timeout=30, sleep_interval=0.05)
    bulk.close_job(job)
    return [list(result) for result in bulk.get_batch_results(batch, job)]


def read(bulk, kind, query):
    """Every row of a query."""
    job = bulk.create_query_job("Contact", contentType=kind)
    batch = bulk.query(job, query)
    bulk.close_job(job)
    bulk.wait_for_batch(job, batch, timeout=30, sleep_interval=0.05)
    rows = []
    for result in bulk.get_all_results_for_query_batch(batch, job):
        if kind == "JSON":
            rows += json.load(IteratorBytesIO(result))
        else:
            rows += csv.DictReader(io.StringIO(b"".join(result).decode("utf-8"), newline=""))
    return rows


def password():
    """Signs in over SOAP by user name and password, and asks."""
    bulk = SalesforceBulk(username=os.environ["USERNAME"], password=os.environ["PASSWORD"], security_token="")
    return len(read(bulk, "CSV", "SELECT Id FROM Contact LIMIT 1")) < 2


def write():
    """Inserts good and bad rows, changes, upserts twice, deletes."""
    bulk = connected()
    rows = [{"LastName": f"{WORD} {n}" if n % 5 else "", "Title": f'{WORD} "{n}", ü\nx'} for n in range(40)]
    made = load(bulk, bulk.create_insert_job("Contact", contentType="CSV"), rows)
    ids = [row[0] for row in made if row[1] == "true"]
    changed = load(
        bulk, bulk.create_update_job("Contact", contentType="CSV"), [{"Id": i, "Department": WORD} for i in ids]
    )
    keyed = [{"Syncline_Key__c": f"{WORD} {n}", "Subject": WORD} for n in range(3)]
    upserts = [
        load(bulk, bulk.create_upsert_job("Task", "Syncline_Key__c", contentType="CSV"), keyed) for _ in range(2)
    ]
    gone = load(bulk, bulk.create_delete_job("Contact", contentType="CSV"), [{"Id": i} for i in [*ids[:3], ids[0]]])
    return {"made": made, "changed": changed, "upserts": upserts, "gone": gone}


def read_back():
    """The same rows as CSV and as JSON."""
    bulk = connected()
    query = f"SELECT Id, LastName, Title, Department, CreatedDate FROM Contact WHERE Department = '{WORD}' ORDER BY Id"
    return {kind: read(bulk, kind, query) for kind in ("CSV", "JSON")}


def refused():
    """What a broken query and a broken header come to."""
    bulk = connected()
    said = []
    for query in ("SELECT Nope FROM Contact", "SELECT Id, MailingAddress FROM Contact"):
        try:
            read(bulk, "CSV", query)
        except BulkBatchFailed as fault:
            said.append(fault.state_message)
    job = bulk.create_insert_job("Contact", contentType="CSV")
    try:
        load(bulk, job, [{"Nope": "1"}])
    except BulkBatchFailed as fault:
        said.append(fault.state_message)
    bulk.abort_job(job)
    return {"said": said, "state": bulk.job_status(job)["state"]}


print(json.dumps(globals()[sys.argv[1]]()))
