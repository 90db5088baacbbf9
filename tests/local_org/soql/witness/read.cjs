// Reads SOQL with soql-parser-js: one query per line as a JSON string, one answer per line as JSON.
"use strict";

const { createInterface } = require("node:readline");
const { parseQuery } = require("@jetstreamapp/soql-parser-js");

const answers = [];
createInterface({ input: process.stdin })
  .on("line", (line) => {
    let answer;
    try {
      answer = { tree: parseQuery(JSON.parse(line)) };
    } catch (error) {
      const lines = String(error.message).split("\n");
      answer = { error: lines.length > 1 ? `${lines[0]} ${lines.at(-1)}` : lines[0] };
    }
    answers.push(JSON.stringify(answer));
  })
  .on("close", () => process.stdout.write(answers.join("\n") + "\n"));
