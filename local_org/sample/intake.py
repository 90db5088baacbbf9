"""Assembles the intake files of a world: all rows, the repeats, the broken ones, and what each should come to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from local_org.sample import files, masters
from local_org.sample.base import Row, World
from local_org.sample.calls import Dialer, Labeled
from local_org.sample.desk import Desk, text
from local_org.sample.other_rows import Scribe


@dataclass(slots=True)
class Activities:
    """The lines of one activity file, and what taking them in should come to."""

    name: str
    rows: list[Labeled]
    repeats: list[Labeled] = field(default_factory=list)
    """Lines about a row that came before: the same again, a newer one, an older one."""
    broken: list[tuple[str, str]] = field(default_factory=list)
    """What is wrong, and the line itself; each is rejected."""

    def lines(self) -> list[str]:
        """All lines in file order, the broken ones in the midst, a header first where the format has one."""
        ordered = [row for _, row in (*self.rows, *self.repeats)]
        if self.name.endswith(".csv"):
            head, *lines = files.csv_lines(ordered)
        else:
            head, lines = None, [files.json_line(row) for row in ordered]
        step = max(1, len(lines) // (len(self.broken) + 1))
        for number, (_, line) in enumerate(self.broken, 1):
            lines.insert(number * step, line)
        return lines if head is None else [head, *lines]

    def expected(self) -> dict[str, Any]:
        """Counts of what taking in the whole file, in order, comes to."""
        repeats = Counter(label for label, _ in self.repeats)
        updated = repeats["newer"]
        return {
            "rows": len(self.rows) + len(self.repeats) + len(self.broken),
            "created": len(self.rows), "updated": updated, "unchanged": len(self.repeats) - updated,
            "rejected": len(self.broken), "cases": dict(sorted(Counter(label for label, _ in self.rows).items())),
        }  # fmt: skip


@dataclass(slots=True)
class Intake:
    """Everything that is written for the workspace."""

    activities: list[Activities]
    finds: dict[str, str | None]
    """By the external id of a call: the contact or lead that it belongs to, ``None`` where no one record does."""
    users: list[Row]
    accounts: list[Row]
    people: list[Row]

    def file(self, name: str) -> Activities:
        """The activity file of that name."""
        return next(each for each in self.activities if each.name == name)


def build_intake(world: World) -> Intake:
    """The intake of a world; the same world gives the same files."""
    desk = Desk(world)
    dialer, scribe = Dialer(world, desk), Scribe(world, desk)
    calls = dialer.make()
    tasks, emails, meetings = scribe.tasks(), scribe.emails(), scribe.meetings()
    notes, touchpoints = scribe.notes(), scribe.touchpoints()
    return Intake(
        activities=[
            Activities("calls.ndjson", calls, _repeats(world, calls), _broken_calls(calls)),
            Activities("tasks.csv", tasks, [], _broken_cells(tasks, ("too_few_cells", "bad_date"))),
            Activities("emails.parquet", emails, [], _broken_mail(emails)),
            Activities("meetings.csv", meetings, [], _broken_cells(meetings, ("missing_external_id", "bad_date"))),
            Activities("notes.csv", notes, [], _broken_cells(notes, ("wrong_kind",))),
            Activities("touchpoints.csv", touchpoints, [], _broken_cells(touchpoints, ("bad_date",))),
        ],
        finds=dialer.finds,
        users=masters.user_rows(world),
        accounts=masters.account_rows(world),
        people=masters.people_rows(world, desk),
    )


def write_files(directory: Path, intake: Intake) -> None:
    """Write every intake file into the directory, which is made where it is missing."""
    directory.mkdir(parents=True, exist_ok=True)
    for each in intake.activities:
        if each.name.endswith(".parquet"):
            broken = [json.loads(line) for _, line in each.broken]
            files.write_parquet(directory / each.name, [*(row for _, row in each.rows), *broken])
        else:
            files.write_lines(directory / each.name, each.lines())
    for name, rows in (("users", intake.users), ("accounts", intake.accounts), ("people", intake.people)):
        files.write_lines(directory / f"{name}.csv", files.csv_lines(rows, files.plain_columns(rows)))


def _repeats(world: World, calls: Sequence[Labeled]) -> list[Labeled]:
    """Calls that come again at the end of the file: unchanged, with the key in capitals, newer, older."""
    rng = world.stream("repeats")
    plain = [row for label, row in calls if label == "contact" and "notes" in row and row["kind"] == "call"]
    sizes = (world.count(6, 2), world.count(2, 1), world.count(6, 2), world.count(4, 2))
    chosen = rng.sample(plain, sum(sizes))
    made: list[Labeled] = []
    for label, size in zip(("same", "same_other_case", "newer", "older"), sizes, strict=True):
        for _ in range(size):
            row = chosen.pop()
            made.append((label, _again(label, row)))
    return made


def _again(label: str, row: Row) -> Row:
    if label == "same":
        return dict(row)
    if label == "same_other_case":
        return {**row, "external_id": str(row["external_id"]).upper()}
    stamp = datetime.fromisoformat(row["updated_at"])
    if label == "newer":
        return {
            **row,
            "updated_at": text(stamp + timedelta(minutes=17)),
            "notes": f"{row['notes']} (Edited after the call.)",
        }
    return {**row, "updated_at": text(stamp - timedelta(minutes=2)), "notes": "Draft, typed during the call."}


def _broken_calls(calls: Sequence[Labeled]) -> list[tuple[str, str]]:
    """Lines that no reader can take: each copied from a good call and broken in one way."""
    good = {**calls[0][1], "person": {"phone": "+14585559999"}}

    def line(number: int, **changes: Any) -> str:
        return files.json_line({**good, "external_id": f"dlr-broken-{number}", **changes})

    without_key = {key: value for key, value in good.items() if key != "external_id"}
    return [
        ("bad_date", line(1, occurred_at="31/02/2026 25:61")),
        ("missing_external_id", files.json_line(without_key)),
        ("negative_duration", line(3, duration_s=-40)),
        ("invalid_json", line(4)[:-25]),
        ("wrong_kind", line(5, kind="fax")),
        ("not_an_object", '["dialer","dlr-broken-6","call"]'),
    ]


def _broken_mail(rows: Sequence[Labeled]) -> list[tuple[str, str]]:
    """A message without a key of its own: Parquet has types, so that less can be wrong."""
    row = {key: value for key, value in rows[-1][1].items() if key != "external_id"}
    return [("missing_external_id", files.json_line(row))]


def _broken_cells(rows: Sequence[Labeled], kinds: Sequence[str]) -> list[tuple[str, str]]:
    """CSV records that no reader can take, with the columns of the file that they stand in."""
    head = files.csv_lines([row for _, row in rows])[0].split(",")
    model = {key: value for key, value in rows[-1][1].items() if key != "fields"}
    made = []
    for number, kind in enumerate(kinds, 1):
        row = {**model, "external_id": f"{model['external_id']}-broken-{number}"}
        if kind == "bad_date":
            row["occurred_at"] = "yesterday"
        elif kind == "missing_external_id":
            del row["external_id"]
        elif kind == "wrong_kind":
            row["kind"] = "telegram"
        record = files.csv_lines([row], head)[1]
        made.append((kind, ",".join(record.split(",")[:4]) if kind == "too_few_cells" else record))
    return made
