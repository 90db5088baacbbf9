"""Makes fourteen months of tasks and events as a team leaves them behind, the oldest of them archived."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from local_org.sample import hostile, texts
from local_org.sample.base import DAY, HOUR, Row, World, day_of, stamps, touch
from local_org.sample.lineage import PHONE_FIELDS
from local_org.sample.people import live_people
from local_org.sample.users import brokers, users

MONTHS_14 = 425 * DAY
ARCHIVED_AFTER = 365 * DAY
OUTCOMES = (
    "Connected", "Left Voicemail", "No Answer", "Meeting Booked", "Not Interested", "Wrong Number",
    "Callback Requested",
)  # fmt: skip
_NOTE_OF = dict(zip(
    OUTCOMES,
    ("connected", "voicemail", "no_answer", "meeting_booked", "not_interested", "wrong_number", "callback"),
    strict=True,
))  # fmt: skip
_WHATS = (("Opportunity", "AccountId"), ("Property__c", "Owner_Account__c"), ("Deal__c", "Account__c"))
_OUTCOME_WEIGHTS = (30, 28, 24, 5, 7, 3, 6)


def add_history(world: World) -> None:
    """About 3,000 tasks and 1,000 events at scale 1, and what follows from them on their parents."""
    rng = world.stream("history")
    cast = _Cast(rng, world)
    for _ in range(world.count(3_000, 120)):
        world.add("Task", _task(rng, world, cast))
    for _ in range(world.count(1_000, 50)):
        world.add("Event", _event(rng, world, cast))
    _plant_hostile(rng, world)
    _plant_midnights(rng, world, cast)
    _plant_deleted(rng, world)
    _relate(rng, world)
    _last_activity(world)
    _note_archived(world)


class _Cast:
    """Who and what an activity may be about, prepared once."""

    def __init__(self, rng: random.Random, world: World) -> None:
        self.world = world
        self.people = live_people(world)
        self.weights = list(itertools.accumulate(rng.paretovariate(1.3) for _ in self.people))
        self.accounts = world.live("Account")
        self.whats = {
            name: self._by_account(name, field)
            for name, field in _WHATS
        }  # fmt: skip
        self.free_whats = world.of("Listing__c") + world.of("Property__c")

    def _by_account(self, sobject: str, field: str) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in self.world.of(sobject):
            found.setdefault(row[field], []).append(row)
        return found

    def parties(self, rng: random.Random) -> Row:
        """WhoId, WhatId and the AccountId that follows from them, with the rules of activities obeyed."""
        roll = rng.random()
        if roll < 0.08:
            account = rng.choice(self.accounts)["Id"]
            return {"WhoId": None, "WhatId": account, "AccountId": account}
        person = rng.choices(self.people, cum_weights=self.weights)[0]
        if "IsConverted" in person:
            return {"WhoId": person["Id"], "WhatId": None, "AccountId": None}
        return {"WhoId": person["Id"], **self._what(rng, person["AccountId"])}

    def _what(self, rng: random.Random, account: str) -> Row:
        """What the activity is related to: often nothing, else the account or something of it."""
        roll = rng.random()
        if roll < 0.45:
            return {"WhatId": None, "AccountId": account}
        if roll < 0.65:
            return {"WhatId": account, "AccountId": account}
        if roll < 0.75:
            row = rng.choice(self.free_whats)
            return {"WhatId": row["Id"], "AccountId": row.get("Owner_Account__c", account)}
        for name in rng.sample(sorted(self.whats), 3):
            if rows := self.whats[name].get(account):
                return {"WhatId": rng.choice(rows)["Id"], "AccountId": account}
        return {"WhatId": None, "AccountId": account}


def _who_when(rng: random.Random, world: World, parties: Row) -> tuple[Row, int]:
    """Who did it, and at which working moment of the last fourteen months: after the parties became known.

    The one who left has done one activity in twenty, all of them before leaving three months ago.
    """
    earliest = max(world.now - MONTHS_14, _known_since(world, parties))
    owner = users(world)["inactive"] if rng.random() < 0.07 else rng.choice(brokers(world))
    newest = world.now - (4 * HOUR if owner["IsActive"] else 93 * DAY)
    if newest <= earliest:
        owner, newest = rng.choice(brokers(world)), world.now - HOUR
    at = earliest + int((newest - earliest) * rng.random())
    local = datetime.fromtimestamp(at, ZoneInfo(owner["TimeZoneSidKey"]))
    local -= timedelta(days=max(0, local.weekday() - 4))
    working = local.replace(hour=rng.randint(8, 17), minute=rng.randint(0, 59), second=rng.randint(0, 59), fold=0)
    return owner, min(max(int(working.timestamp()), earliest), newest)


def _known_since(world: World, parties: Row) -> int:
    """When the last of the records that an activity names was made."""
    return max(int(world.by_id[record_id]["CreatedDate"]) for record_id in parties.values() if record_id)


def local_day(seconds: int, zone: str) -> str:
    """The date of a moment on a user's calendar."""
    return datetime.fromtimestamp(seconds, ZoneInfo(zone)).date().isoformat()


def _task(rng: random.Random, world: World, cast: _Cast) -> Row:
    """One task: a call logged, a mail kept, or something to do."""
    parties = cast.parties(rng)
    owner, at = _who_when(rng, world, parties)
    kind = rng.choices(("Call", "Email", "Meeting", "Other"), (50, 20, 8, 22))[0]
    who = world.by_id[parties["WhoId"] or parties["WhatId"]]
    first = str(who.get("FirstName") or who["Name"])
    lucky = rng.random() < 0.4
    done = lucky or kind in ("Call", "Email") or at < world.now - 60 * DAY
    row = _task_of_kind(rng, kind, first, str(who["Name"]))
    creator = users(world)["integration"]["Id"] if rng.random() < 0.03 else owner["Id"]
    due = at if kind in ("Call", "Email") else at + rng.randint(0, 21) * DAY
    return {
        **row, **parties, **_state(rng, done), "OwnerId": owner["Id"], "Type": kind, "IsRecurrence": False,
        "ActivityDate": local_day(due, owner["TimeZoneSidKey"]) if kind != "Other" or rng.random() > 0.2 else None,
        "IsArchived": done and at < world.now - ARCHIVED_AFTER, "CompletedDateTime": at if done else None,
        "IsReminderSet": False, **stamps(at, at, creator, moved=at + rng.choice((0, 0, 0, 1))),
    }  # fmt: skip


def _task_of_kind(rng: random.Random, kind: str, first: str, name: str) -> Row:
    """The part of a task that depends on its type."""
    if kind == "Call":
        outcome = rng.choices(OUTCOMES, _OUTCOME_WEIGHTS)[0]
        talked = outcome in ("Connected", "Meeting Booked", "Not Interested", "Callback Requested")
        seconds = rng.randint(50, 1_500) if talked else rng.randint(4, 60)
        return {
            "Subject": rng.choice((f"Call: {name}", "Call", f"Call with {first}"))[:255],
            "Description": texts.call_note(rng, _NOTE_OF[outcome], first, seconds), "TaskSubtype": "Call",
            "CallDurationInSeconds": seconds,
            "CallType": "Inbound" if talked and rng.random() < 0.25 else "Outbound",
            "CallDisposition": outcome, "Call_Outcome__c": outcome,
        }  # fmt: skip
    subject, notes = texts.email_text(rng, first) if kind == "Email" else texts.task_text(rng, name)
    return {
        "Subject": (f"Email: {subject}" if kind == "Email" else subject)[:255], "Description": notes or None,
        "TaskSubtype": "Email" if kind == "Email" else "Task", "CallDurationInSeconds": None, "CallType": None,
        "CallDisposition": None, "Call_Outcome__c": None,
    }  # fmt: skip


def _state(rng: random.Random, done: bool) -> Row:
    """Status and priority with the two flags that follow from them."""
    status = "Completed" if done else rng.choice(("Not Started", "Not Started", "In Progress", "Deferred"))
    priority = rng.choices(("Normal", "High", "Low"), (80, 15, 5))[0]
    return {"Status": status, "IsClosed": done, "Priority": priority, "IsHighPriority": priority == "High"}


def _event(rng: random.Random, world: World, cast: _Cast) -> Row:
    """One meeting, past mostly, some still to come."""
    parties = cast.parties(rng)
    owner, start = _who_when(rng, world, parties)
    made = max(_known_since(world, parties), start - rng.randint(1, 14) * DAY)
    if owner["IsActive"] and rng.random() < 0.06:
        made, start = start, world.now + rng.randint(1, 30) * DAY
    start -= start % 900
    who = world.by_id[parties["WhoId"] or parties["WhatId"]]
    subject, notes = texts.meeting_text(rng, str(who.get("FirstName") or who["Name"]))
    return {
        **parties, **_timed(start, rng.choice((15, 30, 30, 45, 60, 60, 90)), owner["TimeZoneSidKey"]),
        "Subject": subject[:255], "Description": notes, "OwnerId": owner["Id"], "ShowAs": "Busy",
        "Type": rng.choice(("Meeting", "Meeting", "Call", "Other", None)), "EventSubtype": "Event",
        "GroupEventType": "0", "IsChild": False, "IsGroupEvent": False, "IsPrivate": False, "IsRecurrence": False,
        "IsReminderSet": False, "IsArchived": start < world.now - ARCHIVED_AFTER, "Call_Outcome__c": None,
        "Location": rng.choice((None, "Their office", "Harbor & Pine, 4th floor", "On site", "Video call")),
        **stamps(made, made, owner["Id"]),
    }  # fmt: skip


def _timed(start: int, minutes: int, zone: str) -> Row:
    """The seven fields that say when a timed event is, agreeing with one another."""
    end = start + minutes * 60
    return {
        "IsAllDayEvent": False, "StartDateTime": start, "ActivityDateTime": start, "DurationInMinutes": minutes,
        "EndDateTime": end, "ActivityDate": local_day(start, zone), "EndDate": local_day(end, zone),
    }  # fmt: skip


def _all_day(day: int) -> Row:
    """An all-day event: midnight UTC, one day long, on no clock."""
    return {
        "IsAllDayEvent": True, "StartDateTime": day, "ActivityDateTime": day, "DurationInMinutes": 1_440,
        "EndDateTime": day, "ActivityDate": day_of(day), "EndDate": day_of(day),
    }  # fmt: skip


def _plant_hostile(rng: random.Random, world: World) -> None:
    """Each hostile text once on a task and once on an event, none of them archived."""
    for sobject in ("Task", "Event"):
        fresh = [row for row in world.of(sobject) if not row["IsArchived"]]
        chosen = rng.sample(fresh, len(hostile.SUBJECTS))
        for row, subject in zip(chosen, hostile.SUBJECTS, strict=True):
            row.update(Subject=subject, Description=rng.choice(hostile.NOTES))
        world.planted[f"hostile_{sobject.lower()}s"] = [row["Id"] for row in chosen]


def _plant_midnights(rng: random.Random, world: World, cast: _Cast) -> None:
    """Events on and across midnight, and tasks finished on the very second that a day begins."""
    zones = [row for row in brokers(world) if row["TimeZoneSidKey"] != "UTC"]
    crossing: list[str] = []
    for number, owner in enumerate(zones):
        local = datetime.fromtimestamp(world.now - (number + 3) * DAY, ZoneInfo(owner["TimeZoneSidKey"]))
        start = int(local.replace(hour=23, minute=30, second=0, microsecond=0, fold=0).timestamp())
        row = {
            **_event(rng, world, cast),
            **_timed(start, 60, owner["TimeZoneSidKey"]),
            **stamps(start - DAY, start - DAY, owner["Id"]),
        }
        crossing.append(world.add("Event", {**row, "OwnerId": owner["Id"], "IsArchived": False})["Id"])
    days: list[str] = []
    exact: list[str] = []
    today = world.now - world.now % DAY
    for number in range(4):
        day = today - (number * 9 + 1) * DAY
        owner = rng.choice(brokers(world))
        event = {**_event(rng, world, cast), **_all_day(day), **stamps(day - DAY, day - DAY, owner["Id"])}
        days.append(world.add("Event", {**event, "OwnerId": owner["Id"], "IsArchived": False})["Id"])
        task = {
            **_task(rng, world, cast),
            **_state(rng, True),
            **stamps(day, day, owner["Id"]),
            "CompletedDateTime": day,
        }
        task.update(OwnerId=owner["Id"], ActivityDate=local_day(day, owner["TimeZoneSidKey"]), IsArchived=False)
        exact.append(world.add("Task", task)["Id"])
    world.planted["events_across_midnight"] = crossing
    world.planted["all_day_events"] = days
    world.planted["tasks_completed_at_midnight_utc"] = exact


def _plant_deleted(rng: random.Random, world: World) -> None:
    """Activities thrown away in the last two weeks."""
    kept = {
        i
        for name, ids in world.planted.items()
        if name.startswith(("hostile", "events_", "all_day", "tasks_"))
        for i in ids
    }
    for sobject, number in (("Task", world.count(20, 3)), ("Event", world.count(8, 2))):
        fresh = [row for row in world.of(sobject) if not row["IsArchived"] and row["Id"] not in kept]
        chosen = rng.sample(fresh, number)
        for row in chosen:
            row["IsDeleted"] = True
            touch(row, world.now - int(rng.uniform(0.2, 12) * DAY), row["OwnerId"])
        world.planted[f"deleted_{sobject.lower()}s"] = [row["Id"] for row in chosen]


def _relate(rng: random.Random, world: World) -> None:
    """The relation rows of every activity, and more people in the room of a quarter of the events with a contact."""
    for row in world.of("Task"):
        _relations(world, "Task", row)
    people = world.live("Contact")
    for row in world.of("Event"):
        _relations(world, "Event", row)
        if row["WhoId"] and row["WhoId"].startswith("003") and not row["IsDeleted"] and rng.random() < 0.25:
            for guest in rng.sample(people, rng.randint(1, 3)):
                if guest["Id"] != row["WhoId"] and guest["CreatedDate"] <= row["CreatedDate"]:
                    answer = rng.choice(("New", "Accepted", "Accepted", "Declined"))
                    _relation(world, "Event", row, guest["Id"], IsParent=False, IsInvitee=True, Status=answer)


def _relations(world: World, sobject: str, row: Row) -> None:
    """What WhoId and WhatId say, said again as relation rows."""
    more = {"IsParent": True, "IsInvitee": False, "Status": "New"} if sobject == "Event" else {}
    row.update(WhoCount=int(row["WhoId"] is not None), WhatCount=int(row["WhatId"] is not None))
    for related in (row["WhoId"], row["WhatId"]):
        if related:
            _relation(world, sobject, row, related, **more)


def _relation(world: World, sobject: str, row: Row, related: str, **more: Any) -> None:
    account = world.by_id[related].get("AccountId") if more.get("IsInvitee") else row["AccountId"]
    world.add(f"{sobject}Relation", {
        f"{sobject}Id": row["Id"], "RelationId": related, "IsWhat": related == row["WhatId"], "AccountId": account,
        **more, **stamps(row["CreatedDate"], row["LastModifiedDate"], row["OwnerId"], moved=row["SystemModstamp"]),
    })["IsDeleted"] = row["IsDeleted"]  # fmt: skip


def _last_activity(world: World) -> None:
    """LastActivityDate of every parent: its latest finished task or past event."""
    today = day_of(world.now)
    for sobject in ("Task", "Event"):
        for row in world.live(sobject):
            day = row["ActivityDate"]
            if day is None or day > today or not row.get("IsClosed", True):
                continue
            for parent_id in {row["WhoId"], row["WhatId"], row["AccountId"]} - {None}:
                parent = world.by_id[parent_id]
                parent["LastActivityDate"] = max(parent.get("LastActivityDate") or day, day)


def _note_archived(world: World) -> None:
    for sobject in ("Task", "Event"):
        world.planted[f"archived_{sobject.lower()}s"] = [r["Id"] for r in world.of(sobject) if r["IsArchived"]]


def phones_of(row: Row) -> list[str]:
    """The phone texts of a contact or lead, in the order a caller tries them."""
    fields = PHONE_FIELDS["Lead" if "IsConverted" in row else "Contact"]
    return [row[name] for name in fields if row[name]]


def as_utc(seconds: int) -> datetime:
    """A moment as a value."""
    return datetime.fromtimestamp(seconds, UTC)
