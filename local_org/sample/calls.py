"""Writes the dialer's calls: thousands that match one person, and a counted few for every way of not matching."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from local_org.sample import hostile, texts
from local_org.sample.base import DAY, Row, World, to18
from local_org.sample.desk import NEW_HIRE, Desk, activity, later, moment, text
from local_org.sample.phones import dialer_format, digits
from local_org.sample.users import brokers

OUTCOMES = ("connected", "voicemail", "no_answer", "meeting_booked", "not_interested", "wrong_number", "callback")
UNMAPPED = "Gatekeeper"
CALLS = 4_500
_WEIGHTS = (30, 27, 26, 5, 6, 3, 3)
_TALKED = ("connected", "meeting_booked", "not_interested", "callback")
_RELATED = ("Property__c", "Listing__c", "Opportunity")

Labeled = tuple[str, Row]


class Dialer:
    """Makes the calls of one world in a fixed order, each under the label of the case that it stands for."""

    def __init__(self, world: World, desk: Desk) -> None:
        self.world = world
        self.desk = desk
        self.rng = world.stream("calls")
        self.number = 0
        self.calls: list[Labeled] = []
        self.finds: dict[str, str | None] = {}
        """By external id: the one live contact or lead that the call belongs to, ``None`` when there is no such one."""

    def make(self) -> list[Labeled]:
        """All distinct calls, in order of their time; the plain ones fill up to the wanted number."""
        for label, at_scale_one, floor, maker in self._cases():
            for index in range(self.world.count(at_scale_one, floor)):
                self.calls.append((label, maker(index)))
        self._midnights()
        while len(self.calls) < self.world.count(CALLS, 300):
            self.calls.append(self._plain())
        return sorted(
            self.calls, key=lambda call: (datetime.fromisoformat(call[1]["occurred_at"]), call[1]["external_id"])
        )

    def _cases(self) -> Sequence[tuple[str, int, int, Callable[[int], Row]]]:
        """Label, how many at scale 1, how many at least, and who makes them."""
        plant, rng = self.world.planted, self.rng
        shared = sorted(plant["ambiguous_phones"])
        converted, merged, chains = plant["converted_leads"], plant["merged_contacts"], plant["merged_contact_chains"]
        extended = [self.world.by_id[i] for i in plant["contacts_with_extension"]]
        return (
            ("ambiguous", 30, 4, lambda i: self.call(phone=shared[i % len(shared)])),
            ("unmapped_outcome", 25, 3, lambda i: self.call(self._contact(), outcome=UNMAPPED)),
            ("no_outcome", 15, 2, lambda i: self.call(self._contact(), outcome=None)),
            ("long_notes", 8, 2, lambda i: self.call(self._contact(), notes=_transcript(rng, i))),
            ("orphan", 40, 4, lambda i: self.call(phone=f"+1{rng.choice(('530', '541', '775'))}555{4000 + i:04d}")),
            ("inactive_caller", 20, 3, lambda i: self.call(self._contact(), user=self.desk.inactive())),
            ("caller_without_org_user", 5, 2, lambda i: self.call(self._contact(), user=NEW_HIRE)),
            ("opted_out", 12, 2, lambda i: self.call(_nth(self.desk.opted_out_of_calls, i))),
            ("extension", 8, 2, lambda i: self.call(_nth(extended, i), phone=_with_extension(_nth(extended, i)))),
            ("converted_by_phone", 8, 2, lambda i: self._of(_nth(converted, i)["contact"])),
            ("converted_by_lead_id", 6, 2, lambda i: self._by_id(_nth(converted, i)["lead"])),
            ("merged_by_loser_id", 6, 2, lambda i: self._by_id(_nth(merged, i)["loser"])),
            ("merged_chain_by_first_id", 4, 2, lambda i: self._by_id(_nth(chains, i)[0])),
            ("deleted_by_id", 4, 2, lambda i: self._by_id(_nth(plant["deleted_contacts"], i))),
            ("by_id_18", 4, 2, lambda i: self._by_id(self._contact()["Id"])),
            ("by_id_15", 4, 2, lambda i: self._by_id(self._contact()["Id"][:15])),
            ("by_id_18_lower", 3, 2, lambda i: self._by_id(self._contact()["Id"].lower())),
            ("by_id_15_lower", 2, 2, lambda i: self._by_id(self._contact()["Id"][:15].lower())),
            ("case_twin_by_id", 4, 2, lambda i: self._by_id(_nth(plant["case_twin_contacts"], i))),
            ("workspace_only_person", 10, 2, lambda i: self._by_id(f"wp-{i % 10 + 1:04d}")),
            ("lead_with_related_to", 5, 2, lambda i: self.call(rng.choice(self.desk.leads), related=self._related())),
            ("hostile_text", 14, 14, self._hostile),
        )  # fmt: skip

    def _plain(self) -> Labeled:
        """A call that exactly one contact or lead answers to, by phone or now and then by e-mail."""
        if self.rng.random() < 0.14:
            return "lead", self.call(self.rng.choice(self.desk.leads))
        related = self._related() if self.rng.random() < 0.06 else None
        if self.rng.random() < 0.04:
            return "contact", self.call(self.rng.choice(self.desk.mail_contacts), by_email=True, related=related)
        return "contact", self.call(self._contact(), related=related)

    def _contact(self) -> Row:
        return self.rng.choice(self.desk.contacts)

    def _of(self, record_id: str) -> Row:
        """A call to the business phone of one certain person."""
        row = self.world.by_id[record_id]
        return self.call(row, phone=f"+{digits(row['Phone'])}")

    def _by_id(self, person_id: str) -> Row:
        """A call that names its person by an Id, of the org or of the workspace, in one of its spellings."""
        row = self.call(person={"id": person_id})
        self.finds[row["external_id"]] = successor(self.world, person_id)
        return row

    def _related(self) -> Row:
        sobject = self.rng.choice(_RELATED)
        return {"object": sobject, "id": self.rng.choice(self.world.of(sobject))["Id"]}

    def _hostile(self, index: int) -> Row:
        return self.call(
            self._contact(), subject=hostile.SUBJECTS[index % len(hostile.SUBJECTS)],
            notes=hostile.NOTES[index % len(hostile.NOTES)],
        )  # fmt: skip

    def call(
        self,
        row: Row | None = None,
        *,
        phone: str | None = None,
        person: Row | None = None,
        by_email: bool = False,
        user: Row | None = None,
        outcome: str | None = "",
        at: datetime | None = None,
        **more: Any,
    ) -> Row:
        """One call; whatever is not given is made up, ``outcome=None`` leaves the outcome out."""
        rng = self.rng
        user = user or self.desk.caller(rng)
        if outcome == "":
            outcome = rng.choices(OUTCOMES, _WEIGHTS)[0]
        when = at or moment(rng, self.world.now, user)
        seconds = more.pop("seconds", None) or _seconds(rng, outcome)
        first = str((row or {}).get("FirstName") or "them")
        self.number += 1
        key = f"dlr-{self.number:06d}"
        self.finds[key] = row["Id"] if row is not None else None
        return activity(
            source="dialer", external_id=key, kind="call", occurred_at=text(when),
            updated_at=text(later(when, seconds + rng.randint(1, 240))), duration_s=seconds,
            direction=_direction(rng, outcome),
            person=person or self._person(row, phone, by_email), related_to=more.pop("related", None),
            user=user["Email"], subject=more.pop("subject", None),
            notes=more.pop("notes", None) or self._notes(outcome, first, seconds), outcome=outcome, status="completed",
            fields=self._fields(), **more,
        )  # fmt: skip

    def _person(self, row: Row | None, phone: str | None, by_email: bool) -> Row:
        """How the dialer names the person: the number dialed, or an address in its own case."""
        if by_email and row is not None:
            return {"email": _recased(self.rng, str(row["Email"]))}
        number = phone or (self.desk.sure_phone(row) if row is not None else None)
        if number is None:
            raise ValueError("a call needs somebody to be called")
        return {"phone": number if " " in number else dialer_format(self.rng, number)}

    def _notes(self, outcome: str | None, first: str, seconds: int) -> str | None:
        """Typed notes: always after a talk, seldom when nobody answered."""
        key = (outcome or "connected").lower()
        if key in ("no_answer", "voicemail") and self.rng.random() < 0.6:
            return None
        return texts.call_note(self.rng, key, first, seconds)

    def _fields(self) -> Row | None:
        if self.rng.random() > 0.3:
            return None
        lists = ("Q4 industrial", "Office renewals", "Retail expansion", "Absentee owners")
        return {"call_list": self.rng.choice(lists), "attempt": self.rng.randint(1, 6)}

    def _midnights(self) -> None:
        """Calls seconds before, on and across midnight, on every broker's calendar and in UTC."""
        zones = sorted({str(row["TimeZoneSidKey"]) for row in brokers(self.world)})
        for index, zone in enumerate(zones):
            user = next(row for row in brokers(self.world) if row["TimeZoneSidKey"] == zone)
            base = datetime.fromtimestamp(self.world.now - (index + 2) * DAY, ZoneInfo(zone)).replace(
                microsecond=0, fold=0
            )
            for hour, minute, second, seconds in ((23, 59, 30, 20), (0, 0, 0, 45), (23, 58, 0, 300)):
                at = base.replace(hour=hour, minute=minute, second=second)
                self.calls.append(("midnight", self.call(self._contact(), user=user, at=at, seconds=seconds)))
        utc = datetime.fromtimestamp(self.world.now - self.world.now % DAY - DAY, ZoneInfo("UTC"))
        self.calls.append(("midnight", self.call(self._contact(), at=utc, seconds=60)))


def successor(world: World, person_id: str) -> str | None:
    """The live contact or lead that an Id leads to: over merges and conversions, not past a delete.

    Fifteen characters name a record as surely as eighteen; in lower case only eighteen do.
    """
    row = _row_of(world, person_id)
    while row is not None:
        if row["MasterRecordId"]:
            row = world.by_id[row["MasterRecordId"]]
        elif row.get("ConvertedContactId"):
            row = world.by_id[row["ConvertedContactId"]]
        else:
            return None if row["IsDeleted"] else str(row["Id"])
    return None


def _row_of(world: World, person_id: str) -> Row | None:
    if len(person_id) == 18 and person_id == person_id.lower():
        return next((row for key, row in world.by_id.items() if key.lower() == person_id), None)
    return world.by_id.get(to18(person_id[:15]))


def _transcript(rng: random.Random, index: int) -> str:
    """Notes beyond what a Description holds, each longer than the one before."""
    return texts.long_note(rng, "them", 32_400 + 900 * index)


def _nth(rows: Sequence[Any], index: int) -> Any:
    """The index-th of a planted list, from the start again when there are more calls than cases."""
    return rows[index % len(rows)]


def _direction(rng: random.Random, outcome: str | None) -> str:
    """Mostly outbound; an inbound call was answered, or it would not be one."""
    return "inbound" if rng.random() < 0.2 and outcome in _TALKED else "outbound"


def _seconds(rng: random.Random, outcome: str | None) -> int:
    """How long the call took, by what came of it."""
    return rng.randint(45, 1_600) if outcome in _TALKED or outcome is None else rng.randint(3, 75)


def _with_extension(row: Row) -> str:
    """The number with its extension, spelled differently from the org."""
    main, _, extension = str(row["Phone"]).rpartition("x")
    number = digits(main.removesuffix("e").rstrip())
    return f"+{number[0]} {number[1:4]} {number[4:7]} {number[7:]} ext. {extension.lstrip('t. ')}"


def _recased(rng: random.Random, email: str) -> str:
    """The address in another case than it may be stored in."""
    return rng.choice((email.lower(), email.upper(), email.lower().capitalize()))
