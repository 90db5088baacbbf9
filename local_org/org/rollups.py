"""Counts campaign members on their campaigns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable


def count_members(conn: sqlite3.Connection, member_ids: Iterable[str], stamp: int) -> None:
    """Bring the counts of the campaigns that these members belong to up to date."""
    ids = json.dumps(list(member_ids))
    counts = (
        ("NumberOfLeads", '"LeadId" IS NOT NULL AND "ContactId" IS NULL'),
        ("NumberOfContacts", '"ContactId" IS NOT NULL'),
        ("NumberOfResponses", '"HasResponded" = 1'),
    )
    assigned = ", ".join(
        f'"{name}" = (SELECT count(*) FROM "CampaignMember" m '
        f'WHERE m."CampaignId" = "Campaign"."Id" AND m."IsDeleted" = 0 AND {condition})'
        for name, condition in counts
    )
    conn.execute(
        f'UPDATE "Campaign" SET {assigned}, "SystemModstamp" = max("SystemModstamp", ?) WHERE "Id" IN '
        '(SELECT "CampaignId" FROM "CampaignMember" WHERE "Id" IN (SELECT value FROM json_each(?)))',
        (stamp, ids),
    )
