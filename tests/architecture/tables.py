"""Reads the Markdown tables of the documentation, so that tests can run them row by row."""

from __future__ import annotations

from pathlib import Path

Row = dict[str, str]


def cells(line: str) -> list[str]:
    """The cells of one line of a table, without backticks."""
    return [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]


def table(path: Path, heading: str) -> list[Row]:
    """The first table below a heading, as rows keyed by its column names."""
    lines = path.read_text(encoding="utf-8").splitlines()
    below = lines[lines.index(heading) + 1 :]
    start = next(n for n, line in enumerate(below) if line.startswith("|"))
    rows: list[list[str]] = []
    for line in below[start:]:
        if not line.startswith("|"):
            break
        rows.append(cells(line))
    head, _rule, *body = rows
    return [dict(zip(head, row, strict=True)) for row in body]


def one_of(cell: str) -> list[str]:
    """The values of a cell that names several (`org, tie`)."""
    return [word.strip() for word in cell.split(",")]
