"""The two-way stories as data: what people do on either side, and the golden plan of every run in between.

A story is about one task, linked and in step unless it says otherwise. Its steps:

``("here", {...})``, ``("there", {...})``       an edit on our side, in the org
``("delete", "here")``, ``("delete", "there")`` the task is deleted on that side
``("wait", seconds)``                           time passes; without it, edits of one side after the other are a tie
``("leaves", user)``                            the user's org user becomes inactive
``("in", golden)``, ``("out", golden)``         a run; golden is (action, outcome, cause, payload)
``("see", here, there)``                        the values both sides must hold now

In a payload ``<now>`` stands for the time of the last edit in the org.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.scenarios.two_sides import ANA, BEN, USERS

Golden = tuple[str, str, str, dict[str, str | None] | None]
NOTHING: Golden = ("none", "unchanged", "", None)
CONFLICT: Golden = ("none", "held", "conflict", None)


def update(**payload: str | None) -> Golden:
    return ("update", "updated", "", payload)


@dataclass(frozen=True)
class Story:
    """``job`` overrides settings of both jobs, ``blank`` the blank rule of the notes, ``given`` the task's values."""

    name: str
    steps: tuple[tuple[Any, ...], ...]
    requirements: tuple[str, ...] = ("O2",)
    job: tuple[tuple[str, Any], ...] = ()
    blank: str = ""
    given: tuple[tuple[str, Any], ...] = ()


STORIES = (
    Story("nothing happens", (("in", NOTHING), ("out", NOTHING))),
    Story(
        "an edit here goes out, and its echo changes nothing",
        (
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("out", update(Subject="Ours")),
            ("in", NOTHING),
            ("out", NOTHING),
            ("see", {"subject": "Ours"}, {"Subject": "Ours"}),
        ),
    ),
    Story(
        "an edit there comes in with the time it was made",
        (
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("out", NOTHING),
            ("in", update(subject="Theirs", updated_at="<now>")),
            ("out", NOTHING),
            ("see", {"subject": "Theirs"}, {"Subject": "Theirs"}),
        ),
    ),
    Story(
        "different fields, both travel",
        (
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("wait", 60),
            ("here", {"priority": "High"}),
            ("out", update(Priority="High")),
            ("in", update(subject="Theirs")),
            ("see", {"subject": "Theirs", "priority": "High"}, {"Subject": "Theirs", "Priority": "High"}),
        ),
    ),
    Story(
        "edited on both sides, ours is later",
        (
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("in", NOTHING),
            ("out", update(Subject="Ours")),
            ("in", NOTHING),
            ("see", {"subject": "Ours"}, {"Subject": "Ours"}),
        ),
        ("O2", "X10"),
    ),
    Story(
        "edited on both sides, theirs is later",
        (
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("out", NOTHING),
            ("in", update(subject="Theirs", updated_at="<now>")),
            ("see", {"subject": "Theirs"}, {"Subject": "Theirs"}),
        ),
        ("O2", "X10"),
    ),
    Story(
        "the org wins a tie within one second",
        (
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("wait", 1),
            ("there", {"Subject": "Theirs"}),
            ("out", NOTHING),
            ("in", update(subject="Theirs", updated_at="<now>")),
        ),
    ),
    Story(
        "two seconds are no tie",
        (
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("wait", 2),
            ("here", {"subject": "Ours"}),
            ("in", NOTHING),
            ("out", update(Subject="Ours")),
        ),
    ),
    Story(
        "both made the same edit",
        (
            ("wait", 60),
            ("here", {"subject": "Same"}),
            ("there", {"Subject": "Same"}),
            ("out", NOTHING),
            ("in", NOTHING),
            ("out", NOTHING),
        ),
    ),
    Story(
        "edited back to the old value before a run",
        (
            ("wait", 60),
            ("here", {"subject": "Slip"}),
            ("wait", 60),
            ("here", {"subject": "First"}),
            ("out", NOTHING),
            ("in", NOTHING),
        ),
    ),
    Story(
        "edited back to the old value after it went out",
        (
            ("wait", 60),
            ("here", {"subject": "Slip"}),
            ("out", update(Subject="Slip")),
            ("wait", 60),
            ("here", {"subject": "First"}),
            ("in", NOTHING),
            ("out", update(Subject="First")),
            ("see", {"subject": "First"}, {"Subject": "First"}),
        ),
    ),
    Story(
        "the org goes back to the value before ours",
        (
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("out", update(Subject="Ours")),
            ("wait", 60),
            ("there", {"Subject": "First"}),
            ("in", update(subject="First", updated_at="<now>")),
            ("out", NOTHING),
        ),
    ),
    Story(
        "policy: the org wins, however early",
        (
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("wait", 600),
            ("here", {"subject": "Ours"}),
            ("out", NOTHING),
            ("in", update(subject="Theirs", updated_at="<now>")),
        ),
        job=(("policy", "org_wins"),),
    ),
    Story(
        "policy: the workspace wins, however early",
        (
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("wait", 600),
            ("there", {"Subject": "Theirs"}),
            ("in", NOTHING),
            ("out", update(Subject="Ours")),
            ("in", NOTHING),
        ),
        job=(("policy", "workspace_wins"),),
    ),
    Story(
        "policy: a person decides, and the whole record waits",
        (
            ("wait", 60),
            ("here", {"subject": "Ours", "priority": "High"}),
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("out", CONFLICT),
            ("in", CONFLICT),
            ("see", {"subject": "Ours", "priority": "High"}, {"Subject": "Theirs", "Priority": "Normal"}),
        ),
        ("O2", "X10"),
        job=(("policy", "ask"),),
    ),
    Story(
        "only one side changed: nobody is asked",
        (("wait", 60), ("there", {"Subject": "Theirs"}), ("in", update(subject="Theirs", updated_at="<now>"))),
        job=(("policy", "ask"),),
    ),
    Story(
        "deleted here",
        (
            ("wait", 60),
            ("delete", "here"),
            ("out", ("delete", "deleted", "", None)),
            ("out", ("none", "filtered", "deleted", None)),
        ),
        ("O18",),
    ),
    Story(
        "deleted in the org",
        (
            ("wait", 60),
            ("delete", "there"),
            ("in", ("delete", "deleted", "", None)),
            ("in", ("none", "filtered", "deleted", None)),
        ),
        ("O18",),
    ),
    Story(
        "deleted here, the job keeps",
        (
            ("wait", 60),
            ("delete", "here"),
            ("out", ("none", "skipped", "delete_off", None)),
            ("in", ("none", "unchanged", "", None)),
        ),
        ("O18",),
        job=(("delete", False),),
    ),
    Story(
        "deleted in the org, the job keeps",
        (("wait", 60), ("delete", "there"), ("in", ("none", "skipped", "delete_off", None)), ("out", NOTHING)),
        ("O18",),
        job=(("delete", False),),
    ),
    Story(
        "deleted in the org, then edited here: nothing is lost without a word",
        (
            ("wait", 60),
            ("delete", "there"),
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("in", ("none", "held", "conflict", None)),
            ("out", ("none", "held", "gone_in_org", None)),
        ),
    ),
    Story(
        "deleted in the org, then edited here: the org counts",
        (
            ("wait", 60),
            ("delete", "there"),
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("in", ("delete", "deleted", "", None)),
        ),
        ("O18",),
        job=(("policy", "org_wins"),),
    ),
    Story(
        "deleted here, but the org changed it: a person decides",
        (
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("wait", 60),
            ("delete", "here"),
            ("out", CONFLICT),
            ("out", CONFLICT),
        ),
        ("O18",),
    ),
    Story(
        "deleted here, but the org changed it: the workspace counts",
        (
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("wait", 60),
            ("delete", "here"),
            ("out", ("delete", "deleted", "", None)),
        ),
        ("O18",),
        job=(("policy", "workspace_wins"),),
    ),
    Story(
        "deleted here, then edited in the org, and the job keeps: it does not come back to life",
        (
            ("wait", 60),
            ("delete", "here"),
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("in", ("none", "skipped", "deleted_here", None)),
            ("out", ("none", "skipped", "delete_off", None)),
        ),
        ("O18",),
        job=(("delete", False),),
    ),
    Story(
        "deleted on both sides: the link ends",
        (
            ("wait", 60),
            ("delete", "here"),
            ("delete", "there"),
            ("in", ("delete", "deleted", "", None)),
            ("out", ("none", "filtered", "deleted", None)),
        ),
        ("O18",),
    ),
    Story(
        "the owner changes here",
        (
            ("wait", 60),
            ("here", {"user": BEN}),
            ("out", update(OwnerId=USERS[BEN])),
            ("in", NOTHING),
            ("see", {"user": BEN}, {"OwnerId": USERS[BEN]}),
        ),
        ("O2",),
    ),
    Story(
        "the owner changes in the org",
        (
            ("wait", 60),
            ("there", {"OwnerId": USERS[BEN]}),
            ("in", update(user=BEN, updated_at="<now>")),
            ("out", NOTHING),
            ("see", {"user": BEN}, {"OwnerId": USERS[BEN]}),
        ),
        ("O2",),
    ),
    Story(
        "the owner left: an edit goes out, the record keeps its owner",
        (
            ("leaves", ANA),
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("out", update(Subject="Ours")),
            ("see", {"user": ANA}, {"OwnerId": USERS[ANA]}),
        ),
        (),
    ),
    Story(
        "the owner left: the job holds",
        (
            ("leaves", ANA),
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("out", ("none", "held", "inactive_owner", None)),
            ("see", {"subject": "Ours"}, {"Subject": "First"}),
        ),
        (),
        job=(("inactive_owner", "hold"),),
    ),
    Story(
        "the owner left: a delete does not wait for that",
        (("leaves", ANA), ("wait", 60), ("delete", "here"), ("out", ("delete", "deleted", "", None))),
        ("O18",),
        job=(("inactive_owner", "hold"),),
    ),
    Story(
        "notes emptied here: never_clear leaves the org alone",
        (("wait", 60), ("here", {"notes": None}), ("out", NOTHING), ("see", {"notes": None}, {"Description": "Old"})),
        blank="never_clear",
    ),
    Story(
        "notes emptied here: clear empties the org",
        (("wait", 60), ("here", {"notes": None}), ("out", update(Description=None)), ("in", NOTHING)),
        blank="clear",
    ),
    Story(
        "notes emptied here: fill_only leaves the org alone",
        (("wait", 60), ("here", {"notes": None}), ("out", NOTHING)),
        blank="fill_only",
    ),
    Story(
        "notes emptied here: create_only leaves the org alone",
        (("wait", 60), ("here", {"notes": None}), ("out", NOTHING)),
        blank="create_only",
    ),
    Story(
        "notes emptied in the org: never_clear keeps ours, and does not send it back",
        (
            ("wait", 60),
            ("there", {"Description": None}),
            ("in", NOTHING),
            ("out", NOTHING),
            ("see", {"notes": "Old"}, {"Description": None}),
        ),
        blank="never_clear",
    ),
    Story(
        "notes emptied in the org: clear empties ours",
        (
            ("wait", 60),
            ("there", {"Description": None}),
            ("in", update(notes=None, updated_at="<now>")),
            ("out", NOTHING),
            ("see", {"notes": None}, {"Description": None}),
        ),
        blank="clear",
    ),
    Story(
        "notes changed in the org: fill_only keeps ours, and does not send it back",
        (
            ("wait", 60),
            ("there", {"Description": "New"}),
            ("in", NOTHING),
            ("out", NOTHING),
            ("see", {"notes": "Old"}, {"Description": "New"}),
        ),
        blank="fill_only",
    ),
    Story(
        "notes first written in the org: fill_only fills ours",
        (
            ("wait", 60),
            ("there", {"Description": "New"}),
            ("in", update(notes="New", updated_at="<now>")),
            ("out", NOTHING),
        ),
        blank="fill_only",
        given=(("notes", None),),
    ),
    Story(
        "notes changed in the org: create_only keeps ours, and does not send it back",
        (
            ("wait", 60),
            ("there", {"Description": "New"}),
            ("in", NOTHING),
            ("out", NOTHING),
            ("see", {"notes": "Old"}, {"Description": "New"}),
        ),
        blank="create_only",
    ),
    Story(
        "a text with quotes, line ends and other scripts travels unharmed",
        (
            ("wait", 60),
            ("here", {"notes": 'She said "\\yes\\",\r\nthen: \u2713 \u65e5\u672c {"a":1}'}),
            ("out", update(Description='She said "\\yes\\",\r\nthen: \u2713 \u65e5\u672c {"a":1}')),
            ("there", {"Description": 'She said "\\yes\\",\nthen: \u2713 \u65e5\u672c {"a":1}'}),
            ("in", NOTHING),
            ("out", NOTHING),
        ),
    ),
    Story(
        "a due date set here is the same day there",
        (
            ("wait", 60),
            ("here", {"due_at": "2026-12-01"}),
            ("out", update(ActivityDate="2026-12-01")),
            ("in", NOTHING),
            ("see", {"due_at": "2026-12-01"}, {"ActivityDate": "2026-12-01"}),
        ),
    ),
    Story(
        "a due date moved in the org is the same day here",
        (
            ("wait", 60),
            ("there", {"ActivityDate": "2027-01-01"}),
            ("in", update(due_at="2027-01-01", updated_at="<now>")),
            ("out", NOTHING),
        ),
        given=(("due_at", "2026-12-31"),),
    ),
    Story(
        "a due date emptied here is emptied there",
        (("wait", 60), ("here", {"due_at": None}), ("out", update(ActivityDate=None)), ("in", NOTHING)),
        given=(("due_at", "2026-12-31"),),
    ),
    Story(
        "a due date emptied in the org is emptied here",
        (
            ("wait", 60),
            ("there", {"ActivityDate": None}),
            ("in", update(due_at=None, updated_at="<now>")),
            ("out", NOTHING),
        ),
        given=(("due_at", "2026-12-31"),),
    ),
    Story(
        "several edits here between two runs: the last one travels, once",
        (
            ("wait", 60),
            ("here", {"subject": "One"}),
            ("wait", 60),
            ("here", {"subject": "Two"}),
            ("out", update(Subject="Two")),
            ("in", NOTHING),
            ("out", NOTHING),
        ),
        ("O2", "X10"),
    ),
    Story(
        "several edits in the org between two runs: the last one comes in, once",
        (
            ("wait", 60),
            ("there", {"Subject": "One"}),
            ("wait", 60),
            ("there", {"Subject": "Two"}),
            ("in", update(subject="Two", updated_at="<now>")),
            ("in", NOTHING),
            ("out", NOTHING),
        ),
    ),
    Story(
        "to and fro: every later edit wins, and each travels once",
        (
            ("wait", 60),
            ("here", {"subject": "Ours 1"}),
            ("out", update(Subject="Ours 1")),
            ("in", NOTHING),
            ("wait", 60),
            ("there", {"Subject": "Theirs 1"}),
            ("in", update(subject="Theirs 1", updated_at="<now>")),
            ("out", NOTHING),
            ("wait", 60),
            ("here", {"subject": "Ours 2"}),
            ("in", NOTHING),
            ("out", update(Subject="Ours 2")),
            ("in", NOTHING),
            ("see", {"subject": "Ours 2"}, {"Subject": "Ours 2"}),
        ),
    ),
    Story(
        "an echo hides no real edit: a person edits another field right after our write",
        (
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("out", update(Subject="Ours")),
            ("there", {"Priority": "High"}),
            ("in", update(priority="High", updated_at="<now>")),
            ("out", NOTHING),
            ("see", {"subject": "Ours", "priority": "High"}, {"Subject": "Ours", "Priority": "High"}),
        ),
    ),
    Story(
        "an echo hides no real edit: a person writes over what we have just written",
        (
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("out", update(Subject="Ours")),
            ("wait", 2),
            ("there", {"Subject": "Theirs"}),
            ("in", update(subject="Theirs", updated_at="<now>")),
            ("out", NOTHING),
        ),
    ),
    Story(
        "policy ask: edits of different fields are no conflict",
        (
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("there", {"Priority": "High"}),
            ("out", update(Subject="Ours")),
            ("in", update(priority="High")),
            ("see", {"subject": "Ours", "priority": "High"}, {"Subject": "Ours", "Priority": "High"}),
        ),
        ("O2", "X10"),
        job=(("policy", "ask"),),
    ),
    Story(
        "policy ask: the same edit on both sides is no conflict",
        (
            ("wait", 60),
            ("here", {"subject": "Same"}),
            ("wait", 60),
            ("there", {"Subject": "Same"}),
            ("out", NOTHING),
            ("in", NOTHING),
        ),
        job=(("policy", "ask"),),
    ),
    Story(
        "policy ask: a conflict that one side takes back is none any more",
        (
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("there", {"Subject": "Theirs"}),
            ("out", CONFLICT),
            ("wait", 60),
            ("here", {"subject": "First"}),
            ("in", update(subject="Theirs", updated_at="<now>")),
            ("out", NOTHING),
        ),
        ("O2", "X10"),
        job=(("policy", "ask"),),
    ),
    Story(
        "half a second apart is a tie: the org wins, though ours was later",
        (
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("wait", 0.5),
            ("here", {"subject": "Ours"}),
            ("out", NOTHING),
            ("in", update(subject="Theirs")),
        ),
    ),
    Story(
        "blanks at the end are no edit",
        (("wait", 60), ("there", {"Subject": "First  "}), ("in", NOTHING), ("out", NOTHING)),
    ),
    Story(
        "an empty text is no value: it is not told apart from none",
        (("wait", 60), ("here", {"notes": ""}), ("out", NOTHING), ("in", NOTHING)),
        given=(("notes", None),),
    ),
    Story(
        "a task without a title is refused with its reason, and the org keeps the title it has",
        (
            ("wait", 60),
            ("here", {"subject": None}),
            ("out", ("none", "rejected", "required_empty", None)),
            ("see", {"subject": None}, {"Subject": "First"}),
            ("wait", 60),
            ("here", {"subject": "Again"}),
            ("out", update(Subject="Again")),
        ),
        ("O15",),
    ),
    Story(
        "a title emptied in the org leaves ours alone, and the row is refused with its reason",
        (
            ("wait", 60),
            ("there", {"Subject": None}),
            ("in", ("none", "rejected", "required_empty", None)),
            ("see", {"subject": "First"}, {"Subject": None}),
        ),
        ("O15",),
    ),
    Story(
        "a job that does not update: nothing goes out, and it says so",
        (
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("out", ("none", "skipped", "update_off", None)),
            ("see", {"subject": "Ours"}, {"Subject": "First"}),
        ),
        ("O11",),
        job=(("update", False),),
    ),
    Story(
        "a job that does not update: nothing comes in, and it says so",
        (
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("in", ("none", "skipped", "update_off", None)),
            ("see", {"subject": "First"}, {"Subject": "Theirs"}),
        ),
        ("O4",),
        job=(("update", False),),
    ),
    Story(
        "an owner whom nobody knows in the org: the record keeps the owner it has",
        (
            ("wait", 60),
            ("here", {"user": "zed@ours.example", "subject": "Ours"}),
            ("out", update(Subject="Ours")),
            ("see", {"subject": "Ours"}, {"Subject": "Ours", "OwnerId": USERS[ANA]}),
        ),
        ("T12",),
    ),
    Story(
        "owner and title changed on either side: both travel",
        (
            ("wait", 60),
            ("there", {"OwnerId": USERS[BEN]}),
            ("here", {"subject": "Ours"}),
            ("in", update(user=BEN)),
            ("out", update(Subject="Ours")),
            ("see", {"user": BEN, "subject": "Ours"}, {"OwnerId": USERS[BEN], "Subject": "Ours"}),
        ),
    ),
    Story(
        "deleted here: the inbound job that runs first does not bring it back",
        (
            ("wait", 60),
            ("delete", "here"),
            ("in", NOTHING),
            ("out", ("delete", "deleted", "", None)),
        ),
        ("O18",),
    ),
    Story(
        "the org deleted it, we changed it, and the workspace counts: still a person decides",
        (
            ("wait", 60),
            ("here", {"subject": "Ours"}),
            ("wait", 60),
            ("delete", "there"),
            ("in", CONFLICT),
            ("see", {"subject": "Ours"}, {"IsDeleted": "true"}),
        ),
        ("O18",),
        job=(("policy", "workspace_wins"),),
    ),
    Story(
        "we deleted it, the org changed it, and the org counts: a person decides",
        (
            ("wait", 60),
            ("there", {"Subject": "Theirs"}),
            ("wait", 60),
            ("delete", "here"),
            ("out", CONFLICT),
        ),
        ("O18",),
        job=(("policy", "org_wins"),),
    ),
    Story(
        "a completed task is edited on the other side: both travel",
        (
            ("wait", 60),
            ("here", {"status": "Completed"}),
            ("there", {"Description": "Done by phone"}),
            ("out", update(Status="Completed")),
            ("in", update(notes="Done by phone")),
            ("see", {"status": "Completed", "notes": "Done by phone"}, {"Status": "Completed"}),
        ),
        (),
    ),
)
