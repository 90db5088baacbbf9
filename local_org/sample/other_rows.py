"""Writes what is not a call: e-mails, meetings, notes, tasks, touchpoints, each with its own few odd rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

from local_org.sample import hostile, texts
from local_org.sample.base import DAY, Row, World
from local_org.sample.calls import Labeled
from local_org.sample.companies import domain_of
from local_org.sample.desk import Desk, activity, later, moment, text
from local_org.sample.users import DOMAIN, brokers

TASKS, EMAILS, MEETINGS, NOTES, TOUCHPOINTS = 500, 500, 250, 150, 100
_CAMPAIGNS = ("Fall market report", "Industrial absorption Q3", "Holiday open house", "New listing blast")


class Scribe:
    """Makes the rows of the other files of one world, in a fixed order."""

    def __init__(self, world: World, desk: Desk) -> None:
        self.world = world
        self.desk = desk
        self.rng = world.stream("other rows")
        self.number = 0

    def _key(self, prefix: str) -> str:
        self.number += 1
        return f"{prefix}-{self.number:06d}"

    def _fill_up(self, rows: list[Labeled], wanted: int, make: Callable[[], Row]) -> list[Labeled]:
        """The planted rows, the plain ones after them up to the wanted number, all in order of time."""
        rows += [("plain", make()) for _ in range(max(0, self.world.count(wanted, 20) - len(rows)))]
        return sorted(rows, key=lambda pair: (datetime.fromisoformat(pair[1]["occurred_at"]), pair[1]["external_id"]))

    def emails(self) -> list[Labeled]:
        """Mail sent and received, with opted-out people, strangers, and mail between colleagues only."""
        rng, count = self.rng, self.world.count
        rows = [("opted_out", self._email(self._pick(self.desk.mail_opted_out, i))) for i in range(count(12, 2))]
        rows += [("orphan", self._email(address=f"stranger{i}@nowhere.example")) for i in range(count(10, 2))]
        rows += [("hostile_text", self._email(subject=subject)) for subject in hostile.SUBJECTS[:5]]
        rows += [
            ("colleagues_only", self._email(address=rng.choice(brokers(self.world))["Email"]))
            for _ in range(count(5, 2))
        ]
        return self._fill_up(rows, EMAILS, self._email)

    def meetings(self) -> list[Labeled]:
        """Meetings held and to come, some with several people, some with colleagues only, one across midnight."""
        rng, count = self.rng, self.world.count
        rows = [("colleagues_only", self._meeting(colleagues=True)) for _ in range(count(6, 2))]
        rows += [("upcoming", self._meeting(days_ahead=rng.randint(1, 14))) for _ in range(count(12, 2))]
        rows += [("many_participants", self._meeting(guests=rng.randint(3, 6))) for _ in range(count(10, 2))]
        rows += [("across_midnight", self._meeting(hour=23))]
        return self._fill_up(rows, MEETINGS, self._meeting)

    def notes(self) -> list[Labeled]:
        """Notes about people and accounts."""
        rows = [("hostile_text", self._note(notes=notes)) for notes in hostile.NOTES]
        rows += [("long_notes", self._note(notes=texts.long_note(self.rng, "the owner", 33_000)))]
        return self._fill_up(rows, NOTES, self._note)

    def tasks(self) -> list[Labeled]:
        """To-dos about accounts: done, open, overdue; a few for nobody's account, a few without title."""
        count = self.world.count
        rows = [("orphan", self._task(account={"domain": f"unknown-{i}.example"})) for i in range(count(6, 2))]
        rows += [
            ("workspace_only_account", self._task(account={"domain": f"prospect-{i % 12 + 1:02d}.example"}))
            for i in range(count(6, 2))
        ]
        rows += [("without_title", self._task(subject="")) for _ in range(count(3, 2))]
        rows += [("assignee_inactive", self._task(user=self.desk.inactive())) for _ in range(count(4, 2))]
        rows += [("follow_up", self._task(follow_up=True)) for _ in range(count(40, 4))]
        return self._fill_up(rows, TASKS, self._task)

    def touchpoints(self) -> list[Labeled]:
        """Reviews with accounts, and campaign touches."""
        count = self.world.count
        rows = [("campaign_touch", self._campaign_touch()) for _ in range(count(20, 3))]
        rows += [("without_text", self._touchpoint(empty=True)) for _ in range(count(2, 2))]
        return self._fill_up(rows, TOUCHPOINTS, self._touchpoint)

    def _pick(self, rows: list[Row], index: int) -> Row:
        return rows[index % len(rows)]

    def _email(self, row: Row | None = None, *, address: str | None = None, subject: str | None = None) -> Row:
        """One e-mail; its person is an address in whatever case the mailbox kept."""
        rng, user = self.rng, self.desk.caller(self.rng)
        row = row or rng.choice(self.desk.mail)
        when = moment(rng, self.world.now, user)
        title, body = texts.email_text(rng, str(row["FirstName"] or row["LastName"]))
        person = address or _recased(rng, str(row["Email"]))
        return activity(
            source="mailbox", external_id=self._key("eml"), kind="email", occurred_at=text(when),
            updated_at=text(later(when, 5)), direction="inbound" if rng.random() < 0.3 else "outbound",
            person={"email": person}, user=user["Email"], subject=subject or title, notes=body, status="sent",
            participants=[user["Email"], person],
            fields={"thread_id": f"thr-{rng.randrange(16**8):08x}", "attachments": rng.choice((0, 0, 0, 1, 2))},
        )  # fmt: skip

    def _meeting(
        self, *, colleagues: bool = False, days_ahead: int = 0, guests: int = 0, hour: int | None = None
    ) -> Row:
        """One meeting, on the quarter hour."""
        rng, user = self.rng, self.desk.caller(self.rng)
        made = moment(rng, self.world.now, user)
        start = made.replace(minute=rng.choice((0, 15, 30, 45)), second=0)
        if days_ahead:  # at the same hour of a day to come
            start = later(start, (days_ahead + int(self.world.now - start.timestamp()) // DAY) * DAY)
        start = start if hour is None else later(start, -DAY).replace(hour=hour, minute=30)
        row = rng.choice(self.desk.mail)
        subject, notes = texts.meeting_text(rng, str(row["FirstName"] or row["LastName"]))
        others = [str(guest["Email"]).lower() for guest in rng.sample(self.desk.mail, guests)]
        if colleagues:
            others = [str(mate["Email"]) for mate in rng.sample(brokers(self.world), 3)]
        seconds = rng.choice((1_800, 1_800, 2_700, 3_600, 5_400))
        ended = min(int(start.timestamp()) + seconds + 300, self.world.now - 60)
        edited = made if days_ahead else datetime.fromtimestamp(ended, start.tzinfo)
        return activity(
            source="calendar", external_id=self._key("mtg"), kind="meeting", occurred_at=text(start),
            updated_at=text(edited), duration_s=seconds, user=user["Email"],
            person=None if colleagues else {"email": _recased(rng, str(row["Email"]))},
            subject="Pipeline stand-up" if colleagues else subject, notes=None if colleagues else notes,
            status="scheduled" if days_ahead else "held",
            participants=[user["Email"], *([] if colleagues else [str(row["Email"]).lower()]), *others],
        )  # fmt: skip

    def _note(self, *, notes: str | None = None) -> Row:
        """One note, about a person mostly."""
        rng, user = self.rng, self.desk.caller(self.rng)
        when = moment(rng, self.world.now, user)
        row = rng.choice(self.desk.mail)
        about = {"person": {"email": str(row["Email"]).lower()}} if rng.random() < 0.8 else self._account(rng)
        return activity(
            source="app", external_id=self._key("nte"), kind="note", occurred_at=text(when), updated_at=text(when),
            user=user["Email"], subject=rng.choice((None, "Note", "Site visit", "Landlord feedback")),
            notes=notes or texts.call_note(rng, "connected", str(row["FirstName"] or row["LastName"])), **about,
        )  # fmt: skip

    def _account(self, rng: random.Random) -> Row:
        """An account by its domain, or by its org Id in 18 or 15 characters."""
        row = rng.choice(self.desk.accounts)
        roll = rng.random()
        if roll < 0.75:
            return {"account": {"domain": domain_of(row)}}
        return {"account": {"id": row["Id"] if roll < 0.9 else row["Id"][:15]}}

    def _task(
        self,
        *,
        account: Row | None = None,
        subject: str | None = None,
        user: Row | None = None,
        follow_up: bool = False,
    ) -> Row:
        """One task of an assignee about an account; a follow-up is for a person and open."""
        rng = self.rng
        user = user or self.desk.caller(rng)
        made = moment(rng, self.world.now, user)
        company = rng.choice(self.desk.accounts)
        title, notes = texts.task_text(rng, str(company["Name"])[:60])
        about = {"account": account} if account else self._account(rng)
        if follow_up:
            person = rng.choice(self.desk.contacts)
            title, about = f"Follow up with {person['Name']}", {"person": {"phone": self.desk.sure_phone(person)}}
        done = not follow_up and rng.random() < 0.6
        due = later(made, rng.randint(0, 21) * DAY).date().isoformat()
        return activity(
            source="planner", external_id=self._key("tsk"), kind="task", occurred_at=text(made),
            updated_at=text(later(made, min(rng.randint(0, 3 * DAY), int(self.world.now - made.timestamp()) - 60))),
            user=user["Email"], subject=title if subject is None else subject or None, notes=notes or None,
            type="follow_up" if follow_up else rng.choice(("call", "email", "meeting", "other")),
            status="completed" if done else rng.choice(("open", "open", "in_progress")), due_at=due, **about,
        )  # fmt: skip

    def _touchpoint(self, *, empty: bool = False) -> Row:
        """One touchpoint with an account: a review, a check-in."""
        rng, user = self.rng, self.desk.caller(self.rng)
        when = moment(rng, self.world.now, user)
        row = rng.choice(self.desk.mail)
        subject = rng.choice(("Quarterly review", "Check-in", "Renewal planning", "Portfolio walk-through"))
        return activity(
            source="success", external_id=self._key("tch"), kind="touchpoint", occurred_at=text(when),
            updated_at=text(later(when, 600)), user=user["Email"], subject=None if empty else subject,
            notes=None if empty else texts.meeting_text(rng, str(row["FirstName"] or row["LastName"]))[1],
            type=rng.choice(("review", "check_in")), participants=[user["Email"], str(row["Email"]).lower()],
            **self._account(rng),
        )  # fmt: skip

    def _campaign_touch(self) -> Row:
        """One send of a campaign to users of an account."""
        rng, user = self.rng, self.desk.caller(self.rng)
        when = moment(rng, self.world.now, user)
        mode, name, number = rng.choice(("Ongoing", "One time")), rng.choice(_CAMPAIGNS), rng.randint(1, 40)
        return activity(
            source="success", external_id=self._key("cmp"), kind="campaign_touch", occurred_at=text(when),
            updated_at=text(when), user=user["Email"],
            subject=f'{mode} campaign "{name}" was sent to {number} users. From: marketing@{DOMAIN}',
            fields={
                "campaign_name": name, "campaign_mode": mode, "sent_to": number, "sent_from": f"marketing@{DOMAIN}",
            },
            **self._account(rng),
        )  # fmt: skip


def _recased(rng: random.Random, email: str) -> str:
    """The address as a mail program shows it: lower case mostly."""
    return email.lower() if rng.random() < 0.7 else rng.choice((email.upper(), email.lower().title()))
