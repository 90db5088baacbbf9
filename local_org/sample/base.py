"""The ground that the generator stands on: Ids, seeded streams, stamps, and the world being built."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from local_org.org.ids import ALPHABET, check_characters

Row = dict[str, Any]

DAY = 86_400
HOUR = 3_600

PREFIXES = {
    "Account": "001",
    "Contact": "003",
    "User": "005",
    "Opportunity": "006",
    "ListView": "00B",
    "OpportunityContactRole": "00K",
    "Lead": "00Q",
    "Task": "00T",
    "Event": "00U",
    "Profile": "00e",
    "UserRole": "00E",
    "Campaign": "701",
    "EventRelation": "0RE",
    "TaskRelation": "0RT",
    "Group": "00G",
    "QueueSobject": "03g",
    "Property__c": "a00",
    "Listing__c": "a01",
    "Deal__c": "a02",
}


def to18(id15: str) -> str:
    """The 18-character form of a 15-character Id: three check characters that tell which letters are upper case."""
    return id15 + check_characters(id15)


def make_id(sobject: str, number: int) -> str:
    """The Id of the ``number``-th sample record of an sObject; ``Hp`` keeps them apart from Ids made later."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = ALPHABET[rest] + digits
    return to18(f"{PREFIXES[sobject]}Hp{digits:0>10}")


def epoch(moment: datetime) -> int:
    """Whole seconds since 1970-01-01 UTC."""
    return int(moment.timestamp())


def day_of(seconds: int) -> str:
    """The UTC date of a moment, as the org stores dates."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def iso_utc(seconds: int) -> str:
    """A moment as ISO-8601 text in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def parse_day(text: str) -> date:
    """A stored date as a value."""
    return date.fromisoformat(text)


@dataclass(slots=True)
class World:
    """Everything the sample org holds, as rows by sObject, and what was planted in it on purpose."""

    scale: float
    seed: int
    now: int
    rows: dict[str, list[Row]] = field(default_factory=dict)
    planted: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    by_id: dict[str, Row] = field(default_factory=dict)
    by_account: dict[str, list[Row]] = field(default_factory=dict)

    def stream(self, name: str) -> random.Random:
        """A source of randomness of its own per part, so that a change in one part leaves the others alone."""
        return random.Random(f"{self.seed}/{name}")

    def count(self, at_scale_one: int, floor: int = 1) -> int:
        """How many of something there are at this scale, never fewer than ``floor``."""
        return max(floor, round(at_scale_one * self.scale))

    def of(self, sobject: str) -> list[Row]:
        """The rows of an sObject so far, in the order of their making."""
        return self.rows.setdefault(sobject, [])

    def live(self, sobject: str) -> list[Row]:
        """The rows that are not in the recycle bin."""
        return [row for row in self.of(sobject) if not row["IsDeleted"]]

    def add(self, sobject: str, row: Row, *, record_id: str | None = None) -> Row:
        """Give the row the next Id of its sObject (or the given one) and keep it."""
        if record_id is None:
            self.numbers[sobject] = self.numbers.get(sobject, 0) + 1
            record_id = make_id(sobject, self.numbers[sobject])
        row = {"Id": record_id, "IsDeleted": False, **row}
        self.of(sobject).append(row)
        self.by_id[record_id] = row
        return row


def audit(rng: random.Random, world: World, creator: str, *, oldest_days: float, newest_days: float = 0.1) -> Row:
    """Audit fields of a record, more likely old than new, touched since; SystemModstamp is never before the edit."""
    age = newest_days + (oldest_days - newest_days) * math.sqrt(rng.random())
    created = world.now - int(age * DAY)
    modified = created + int((world.now - 2 * HOUR - created) * rng.random() ** 2) if rng.random() < 0.7 else created
    modified = max(created, modified)
    moved = min(world.now - HOUR, modified + rng.choice((0, 0, 0, 0, 1, 40)))
    return stamps(created, modified, creator, moved=max(moved, modified))


def stamps(created: int, modified: int, user: str, *, moved: int | None = None) -> Row:
    """The five audit fields, all by one user."""
    return {
        "CreatedDate": created,
        "CreatedById": user,
        "LastModifiedDate": modified,
        "LastModifiedById": user,
        "SystemModstamp": modified if moved is None else moved,
    }


def touch(row: Row, moment: int, user: str) -> None:
    """Mark a record as edited at a later moment."""
    row["LastModifiedDate"] = max(row["LastModifiedDate"], moment)
    row["LastModifiedById"] = user
    row["SystemModstamp"] = max(row["SystemModstamp"], moment)
