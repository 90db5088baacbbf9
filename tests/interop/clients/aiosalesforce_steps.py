"""One step of an everyday aiosalesforce program; prints what came of it as JSON. Usage: python ... STEP."""

import asyncio
import json
import os
import sys

from aiosalesforce import ClientCredentialsFlow, Salesforce
from aiosalesforce.exceptions import SalesforceError
from httpx import AsyncClient

WORD = os.environ.get("WORD", "")


async def work(salesforce):
    """Writes a row, changes it, upserts twice, asks, deletes, and is refused once."""
    made = await salesforce.sobject.create("Account", {"Name": WORD})
    await salesforce.sobject.update("Account", made, {"Phone": "1"})
    shown = await salesforce.sobject.get("Account", made, fields=["Name", "Phone"])
    keyed = {"Subject": WORD, "Syncline_Key__c": WORD}
    upserts = [(await salesforce.sobject.upsert("Task", WORD, "Syncline_Key__c", keyed)).created for _ in range(2)]
    asked = [record["Id"] async for record in salesforce.query(f"SELECT Id FROM Account WHERE Name = '{WORD}'")]
    try:
        await salesforce.sobject.create("Account", {"Phone": "1"})
        refused = ""
    except SalesforceError as fault:
        refused = str(fault)
    await salesforce.sobject.delete("Account", made)
    shown = {name: shown[name] for name in ("Name", "Phone")}
    return {"made": made, "shown": shown, "upserts": upserts, "asked": asked, "refused": refused}


async def bulk(salesforce):
    """Loads rows of which some must fail."""
    rows = [{"LastName": f"{WORD} {n}" if n % 3 else "", "Title": f'"{n}", ö'} for n in range(12)]
    result = await salesforce.bulk_v2.insert("Contact", rows)
    return {
        "good": list(result.successful_results),
        "bad": list(result.failed_results),
        "left": list(result.unprocessed_records),
    }


async def main():
    """Signs in by client credentials at a My Domain host, as its users do."""
    auth = ClientCredentialsFlow(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
    async with AsyncClient(timeout=30) as http:
        salesforce = Salesforce(http, base_url="https://practice.my.salesforce.com", auth=auth)
        return await globals()[sys.argv[1]](salesforce)


print(json.dumps(asyncio.run(main())))
