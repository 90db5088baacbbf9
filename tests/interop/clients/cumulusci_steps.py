"""One step of what CumulusCI's data tasks do; prints what came of it as JSON. Usage: python ... STEP."""

import json
import logging
import os
import sys
from types import SimpleNamespace

from cumulusci.core.config import BaseProjectConfig, OrgConfig, UniversalConfig
from cumulusci.tasks.bulkdata.step import (
    BulkApiDmlOperation,
    BulkApiQueryOperation,
    DataOperationType,
    RestApiDmlOperation,
    RestApiQueryOperation,
)
from salesforce_bulk import SalesforceBulk
from simple_salesforce import Salesforce

WORD = os.environ.get("WORD", "")
VERSION = "60.0"
WAYS = {
    "bulk": (BulkApiDmlOperation, BulkApiQueryOperation),
    "rest": (RestApiDmlOperation, RestApiQueryOperation),
}
PROJECT = {"project": {"name": "interop", "package": {"name": "interop", "api_version": VERSION}}}


def context():
    """What an operation wants of the task that runs it."""
    org = OrgConfig({"instance_url": os.environ["BASE_URL"], "access_token": os.environ["TOKEN"]}, "interop")
    return SimpleNamespace(
        sf=Salesforce(instance_url=os.environ["BASE_URL"], session_id=os.environ["TOKEN"], version=VERSION),
        bulk=SalesforceBulk(host=os.environ["HOST"], sessionId=os.environ["TOKEN"], API_version=VERSION),
        logger=logging.getLogger(),
        options={},
        org_config=org,
        project_config=BaseProjectConfig(UniversalConfig(), PROJECT),
    )


def save(task, kind, operation, fields, rows, **options):
    """One operation to its end; what came of each row, and of all."""
    done = kind(sobject="Contact", operation=operation, api_options=options, context=task, fields=fields)
    done.start()
    done.load_records(iter(rows))
    done.end()
    results = [[row.id, row.success, row.created, row.error] for row in done.get_results()]
    return {"rows": results, "failed": done.job_result.total_row_errors}


def both():
    """Inserts with bad rows, upserts by an address, deletes, reads; through Bulk API 1.0 and through REST."""
    task, told = context(), {}
    for way, (kind, reader) in WAYS.items():
        word = f"{WORD}{way}"
        rows = [[f"{word} {n}", "bad" if n % 50 == 7 else f"{word}{n}@x.example"] for n in range(250)]
        fields = ["LastName", "Email"]
        made = save(task, kind, DataOperationType.INSERT, fields, rows, batch_size=100)
        again = [[f"{word} again", f"{word}1@x.example"], [f"{word} new", f"{word}new@x.example"]]
        merged = save(task, kind, DataOperationType.UPSERT, fields, again, update_key="Email")
        gone = save(task, kind, DataOperationType.DELETE, ["Id"], [[made["rows"][0][0]]])
        query = f"SELECT Id, LastName, Email FROM Contact WHERE LastName LIKE '{word}%' ORDER BY Id"
        more = {"fields": ["Id", "LastName", "Email"]} if way == "rest" else {}
        found = reader(sobject="Contact", api_options={}, context=task, query=query, **more)
        found.query()
        told[way] = {"made": made, "merged": merged, "gone": gone, "found": [list(row) for row in found.get_results()]}
    return told | {"version": task.org_config.latest_api_version, "persons": task.org_config.is_person_accounts_enabled}


print(json.dumps(globals()[sys.argv[1]]()))
