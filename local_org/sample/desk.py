"""Decides whom the brokers called and wrote to: pools of people by how surely a phone or an e-mail finds them."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from local_org.sample.base import DAY, Row, World
from local_org.sample.companies import domain_of
from local_org.sample.history import phones_of
from local_org.sample.lineage import holders
from local_org.sample.people import live_people
from local_org.sample.phones import digits
from local_org.sample.users import DOMAIN, brokers, users

NEW_HIRE = {"Email": f"jess.park@{DOMAIN}", "Name": "Jess Park", "TimeZoneSidKey": "America/Denver", "IsActive": True}
"""A workspace user who has no user in the org."""


class Desk:
    """The pools that intake rows draw from; plain ones hold only people whom one key finds and nothing else."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.held = holders(world)
        self.emails = Counter(str(row["Email"]).lower() for row in live_people(world) if row["Email"])
        special = self._special()
        plain = [row for row in live_people(world) if row["Id"] not in special and not row["DoNotCall"]]
        self.contacts = [row for row in plain if "IsConverted" not in row and self.sure_phone(row)]
        self.leads = [row for row in plain if "IsConverted" in row and self.sure_phone(row)]
        self.opted_out_of_calls = [
            row for row in live_people(world)
            if row["DoNotCall"] and row["Id"] not in special and self.sure_phone(row)
        ]  # fmt: skip
        reachable = [row for row in plain if self.sure_email(row)]
        self.mail = [row for row in reachable if not row["HasOptedOutOfEmail"]]
        self.mail_contacts = [row for row in self.mail if "IsConverted" not in row]
        self.mail_opted_out = [row for row in reachable if row["HasOptedOutOfEmail"]]
        self.accounts = self._sure_accounts()

    def sure_phone(self, row: Row) -> str | None:
        """A number that only this person holds, as E.164, without extension; ``None`` when there is none."""
        for text in phones_of(row):
            if "x" not in text.lower() and len(self.held[digits(text)]) == 1:
                return f"+{digits(text)}"
        return None

    def sure_email(self, row: Row) -> str | None:
        """The person's e-mail in lower case when nobody else has it."""
        email = str(row["Email"]).lower() if row["Email"] else None
        return email if email and self.emails[email] == 1 else None

    def caller(self, rng: random.Random) -> Row:
        """An active broker, the busy ones more often."""
        return rng.choices(brokers(self.world), (2, 6, 6, 5, 4, 8, 5, 3, 1))[0]

    def inactive(self) -> Row:
        """The broker who has left."""
        return users(self.world)["inactive"]

    def _special(self) -> set[str]:
        """The people of planted cases, whom only that case's rows may name."""
        plant = self.world.planted
        found = {i for pair in plant["duplicate_contacts"] for i in pair["contacts"]}
        found |= {pair["master"] for pair in plant["merged_contacts"]}
        found |= {i for chain in plant["merged_contact_chains"] for i in chain}
        found |= {pair["contact"] for pair in plant["converted_leads"]}
        for name in ("hostile_contacts", "case_twin_contacts", "contacts_with_extension"):
            found |= set(plant[name])
        return found

    def _sure_accounts(self) -> list[Row]:
        """Live accounts found by a domain that no other live account has."""
        seen = Counter(domain_of(row) for row in self.world.live("Account"))
        masters = {pair["master"] for pair in self.world.planted["merged_accounts"]}
        return [
            row for row in self.world.live("Account")
            if row["Website"] and seen[domain_of(row)] == 1 and row["Id"] not in masters
        ]  # fmt: skip


def moment(rng: random.Random, now: int, user: Row) -> datetime:
    """A working moment of the user's day, in the last thirty days mostly, always before now."""
    days = rng.uniform(0.3, 29.4) if rng.random() < 0.93 else rng.uniform(31, 120)
    at = datetime.fromtimestamp(now - int(days * DAY), ZoneInfo(user["TimeZoneSidKey"]))
    if at.weekday() >= 5 and rng.random() < 0.9:
        at -= timedelta(days=at.weekday() - 4)
    local = at.replace(hour=rng.randint(8, 17), minute=rng.randint(0, 59), second=rng.randint(0, 59), fold=0)
    return local if local.timestamp() < now - 3_600 else local - timedelta(days=1)


def later(start: datetime, seconds: int) -> datetime:
    """A moment so many elapsed seconds later, in the same zone."""
    return datetime.fromtimestamp(start.timestamp() + seconds, start.tzinfo)


def text(when: datetime) -> str:
    """A moment as intake files write it: ISO-8601 with offset, whole seconds."""
    return when.isoformat(timespec="seconds")


def activity(**values: Any) -> Row:
    """An intake row: the keys that were given a value, the others absent."""
    return {key: value for key, value in values.items() if value is not None}
