"""The decision about an opt-out once more, one person at a time, as the decision table says it."""

from __future__ import annotations

Flag = str | None
"""``true`` is out, ``false`` in, ``None`` not known."""


def consent(ours: Flag, theirs: Flag, base: Flag, *, has_base: bool, released: bool, ruling: str | None) -> str | None:
    """The decision about the flag of one person; ``None`` where the general rules decide.

    Args:
        ours: what the workspace holds.
        theirs: what the org holds.
        base: what both last agreed on.
        has_base: whether they ever did.
        released: whether a person has opted them in again here.
        ruling: what a person has decided about these two values: ours, theirs or nothing.
    """
    if (ours == "true") == (theirs == "true"):
        return None
    out_side, other = ("ours", theirs) if ours == "true" else ("theirs", ours)
    was_out = has_base and base == "true"
    if out_side == "theirs" and was_out and released:
        return "ours"
    if was_out and other == "false":
        return out_side if ruling == out_side else "ask"
    return out_side
