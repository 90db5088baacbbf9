"""Pages as a test sees them: everything that is rendered as Markdown, apart from what is shown as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element

from console.session import Key
from tests.demo_fixture import open_demo

IMAGE = "![x](http://127.0.0.1:9/x.png)"
TAG = "<img src=x onerror=alert(1)>"
FORMULA = '=HYPERLINK("http://127.0.0.1:9/","x")'
LATE = ":material/home: :red[y] www.evil.example a@evil.example $z$"
HOSTILE = f"{IMAGE} {TAG} {LATE}"
MARKS = re.compile(r"(?<!\\)(!\[x\]\(|<img|\$z|:material/home:|:red\[y\]|www\.evil|a@evil)")
"""What Markdown would make something of in the hostile text, unless it is escaped."""
CODE = re.compile(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)")
PAGES = (
    "overview",
    "inbox",
    "errors",
    "runs",
    "record",
    "jobs",
    "job",
    "connections",
    "audit",
    "plan",
    "budget",
    "settings",
    "segments",
)
# These show their texts as they are.
PLAIN = {
    "text",
    "code",
    "arrow_data_frame",
    "text_input",
    "text_area",
    "number_input",
    "selectbox",
    "json",
    "markdown_plain",
}


class Page:
    """One page that was run."""

    def __init__(self, script: Path | Callable[..., None], query: dict[str, str]) -> None:
        """A page by its file, or a dialog by a function that opens it each time it runs."""
        if isinstance(script, Path):
            self.at = AppTest.from_file(str(script), default_timeout=90)
        else:
            self.at = AppTest.from_function(script, default_timeout=90, kwargs=query)
            query = {}
        for key, value in query.items():
            self.at.query_params[key] = value
        self.run()

    def run(self) -> Page:
        """Run it again."""
        self.at.run()
        failures = [f"{e.message}\n" + "\n".join(e.stack_trace[-8:]) for e in self.at.exception]
        assert not failures, failures[0]
        if Key.NOTICE in self.at.session_state:
            del self.at.session_state[Key.NOTICE]  # as the frame of the console does once a page is drawn
        return self

    def press(self, label: str) -> Page:
        """Press the first button whose label begins so."""
        next(b for b in self.at.button if b.label.startswith(label)).click()
        return self.run()

    @property
    def text(self) -> str:
        """All Markdown of the page, without escapes."""
        return "\n".join(self.markdown()).replace("\\", "").replace("\u2060", "")

    def labels(self) -> list[str]:
        """The labels of all buttons."""
        return [b.label for b in self.at.button]

    def sections(self) -> list[str]:
        """The titles of the page's sections."""
        return [s.value for s in self.at.subheader]

    def select(self, label: str) -> Any:
        """The select box of that label."""
        return next(s for s in self.at.selectbox if s.label == label)

    def frame(self, n: int = 0) -> pd.DataFrame:
        """A table of the page."""
        found: pd.DataFrame = self.at.dataframe[n].value
        return found

    def markdown(self) -> list[str]:
        """Every text that the browser would read as Markdown: bodies, labels, options, cells of small tables."""
        return [text for element in walk(self.at._tree) for text in rendered(element)]

    def live(self) -> list[str]:
        """The texts of which Markdown would make something that no page meant; what stands in backticks is text."""
        return [text for text in self.markdown() if MARKS.search(CODE.sub("", text))]


def walk(node: Any) -> Iterator[Any]:
    """All elements and blocks below a node."""
    yield node
    if isinstance(node, Block):
        for child in node.children.values():
            yield from walk(child)


def rendered(element: Any) -> Iterator[str]:
    """The texts of an element that are read as Markdown."""
    if isinstance(element, Block):
        if getattr(element, "proto", None) is not None:
            yield from texts(element.proto)
        return
    if not isinstance(element, Element) or element.type in PLAIN:
        if getattr(element, "type", "") not in ("text", "code", "arrow_data_frame"):
            yield str(getattr(element, "label", ""))
        return
    if element.type == "table":
        yield from (str(cell) for row in element.value.to_numpy() for cell in row)
        return
    yield from texts(element.proto)


def texts(proto: Any) -> Iterator[str]:
    """All strings of a message and those below it."""
    for field, value in proto.ListFields():
        if field.name in ("id", "key", "url", "spec", "user_key", "form_id", "file_name", "element_hash", "data"):
            continue
        many = value if not isinstance(value, str | bytes) and hasattr(value, "__iter__") else [value]
        for one in many:
            if isinstance(one, str):
                yield one
            elif hasattr(one, "ListFields"):
                yield from texts(one)


def plant(home: Path) -> None:
    """Put hostile texts wherever a record, a file or the org can bring one."""
    ws = open_demo(home)
    w = ws.workspace_id
    at = "2026-11-20T10:00:00Z"
    task = {"source": "app", "external_id": "hostile-1", "kind": "task", "subject": HOSTILE, "notes": TAG,
            "status": "Open", "updated_at": at, "occurred_at": at, "user": "a@evil.example"}  # fmt: skip
    call = {**task, "external_id": "hostile-2", "kind": "call", "outcome": HOSTILE, "subject": FORMULA}
    answers = [a if isinstance(a, dict) else a.as_dict() for a in ws.take_in("activities", [task, call], "app")]
    assert [a["result"] for a in answers] == ["created", "created"], answers
    db = ws.database
    for table in ("open_row", "record_result", "change"):
        db.execute(
            f"UPDATE {table} SET title = :t, reason = :t WHERE workspace_id = :w AND outcome <> 'created'",
            t=HOSTILE,
            w=w,
        )
    db.execute("UPDATE open_row SET title = :t WHERE workspace_id = :w AND cause = 'orphan'", t=FORMULA, w=w)
    db.execute("UPDATE record_result SET title = :t WHERE workspace_id = :w AND outcome = 'created'", t=HOSTILE, w=w)
    db.execute("UPDATE person SET name = :t, title = :t, company = :t WHERE workspace_id = :w", t=HOSTILE, w=w)
    db.execute("UPDATE workspace_user SET name = :t WHERE workspace_id = :w", t=HOSTILE, w=w)
    db.execute("UPDATE connection SET state_reason = :t, state = 'over_limit' WHERE workspace_id = :w", t=HOSTILE, w=w)
    db.execute("UPDATE run SET reason = :t, actor = :t, error = :e WHERE workspace_id = :w AND job = 'tasks_out'",
               t=HOSTILE, e='{"message": "' + IMAGE + '"}', w=w)  # fmt: skip
    db.close()
