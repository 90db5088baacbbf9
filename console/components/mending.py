"""The way from a row that did not go to the place that mends it, the same words on every page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import streamlit as st

from console import actions, strings
from console.components import frame
from console.strings import cause_words

_LABELS = {"Values": "Map the value", "Mapping": "Mend the mapping", "Rules": "Change the rule"}


def label(step: str) -> str:
    """What a button says that leads to a step of the job's editor."""
    return _LABELS.get(step, "Open the job")


def go(job: str, step: str, field: str | None) -> None:
    """Open the editor of a job where it mends a field."""
    frame.go("job", job=job, step=step, **({"field": field} if field else {}))


def ways(row: Mapping[str, Any], key: str) -> None:
    """Buttons for one open row of a record: mend or decide, and look again.

    Args:
        row: ``job``, ``subject``, ``cause``, ``field`` of the open row.
        key: what the buttons' keys begin with.
    """
    words = cause_words(row["cause"])
    kind: Literal["primary", "secondary"] = "primary"
    with st.container(horizontal=True, gap="xsmall"):
        if row["cause"] in strings.DECISIONS:
            if st.button("Decide", key=f"{key}-decide", type=kind, icon=":material/front_hand:"):
                frame.go("inbox", item=f"{row['job']}:{row['subject']}")
        elif words.step and st.button(label(words.step), key=f"{key}-mend", type=kind, icon=":material/build:"):
            go(row["job"], words.step, row["field"])
        if row["cause"] not in strings.DECISIONS:
            st.button(
                "Retry this row", key=f"{key}-retry", icon=":material/replay:",
                type="secondary" if words.step else kind, on_click=actions.retry_rows,
                args=([(row["job"], row["subject"])],),
            )  # fmt: skip
