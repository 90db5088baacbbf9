"""Says what a person may decide about an open row, and what each choice does."""

from __future__ import annotations

from enum import StrEnum

from core.records import Direction, Outcome


class Asks(StrEnum):
    """What an item of the inbox asks."""

    CONFLICT = "conflict"
    """Both sides changed a field: whose value stands?"""
    DELETE = "delete"
    """One side deleted what the other changed: does the record go or stay?"""
    MATCH = "match"
    """Several records could be meant: which one?"""
    ORG_MATCH = "org_match"
    """Several records of the org could be this new one: which?"""
    ORPHAN = "orphan"
    """Nobody here is meant: who is it?"""
    IN_DOUBT = "in_doubt"
    """The org's answer was lost: did it arrive?"""
    OPT_IN = "opt_in"
    """One side would opt a person in again: may it?"""
    GONE = "gone"
    """The org's record is gone or out of sight: make it anew, or delete ours?"""
    PLAN = "plan"
    """A plan tripped a guard: carry it out, or throw it away?"""


CHOICES: dict[Asks, dict[str, str]] = {
    Asks.CONFLICT: {"workspace": "The workspace's value goes to the org.", "org": "The org's value comes here."},
    Asks.DELETE: {
        "workspace": "What was done in the workspace counts.",
        "org": "What was done in the org counts.",
    },
    Asks.MATCH: {"record": "It is this record.", "new": "It is none of them: a new record is made."},
    Asks.ORG_MATCH: {"same": "It is this org record.", "new": "It is none of them: a new record is made."},
    Asks.ORPHAN: {"record": "It is this person."},
    Asks.IN_DOUBT: {"arrived": "It arrived, as this org record.", "again": "It did not arrive: it is sent again."},
    Asks.OPT_IN: {
        "out": "They stay opted out, on both sides.",
        "in": "They are opted in again; say why in the note.",
    },
    Asks.GONE: {"again": "The org gets it as a new record.", "delete": "It is deleted here as well."},
    Asks.PLAN: {"approve": "The plan is carried out.", "discard": "The plan is thrown away."},
}


BY_CAUSE = {
    "opt_in": Asks.OPT_IN,
    "ambiguous": Asks.MATCH,
    "ambiguous_org": Asks.ORG_MATCH,
    "orphan": Asks.ORPHAN,
    "gone_in_org": Asks.GONE,
}
"""What an open row asks by its cause; a lost answer and a conflict ask by more than that."""


def asks(outcome: str, cause: str, *, about_delete: bool) -> Asks | None:
    """What an open row asks of a person; ``None`` where there is nothing to decide, only something to mend."""
    if outcome == Outcome.IN_DOUBT:
        return Asks.IN_DOUBT
    if cause == "conflict":
        return Asks.DELETE if about_delete else Asks.CONFLICT
    return BY_CAUSE.get(cause)


def choices(found: Asks, direction: Direction) -> tuple[str, ...]:
    """The words that answer an item of a job of this direction."""
    words = tuple(CHOICES[found])
    # Outbound, an activity whose person is not clear is about one of them: there is nobody new to be made.
    return words[:1] if found is Asks.MATCH and direction is Direction.OUTBOUND else words
