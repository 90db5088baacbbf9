"""Writes the monthly audit to files: one page, one JSON document, or a folder of tables."""

from __future__ import annotations

import json
from pathlib import Path

from core.audit.export import csv_text
from core.audit.report import Report
from core.audit.report_html import render
from core.errors import UsageError
from core.private import private

FORMATS = ("html", "csv", "json")


def write(made: Report, path: Path, file_format: str = "html") -> list[Path]:
    """Write a report, readable by its owner alone; what was written.

    Args:
        made: the report.
        path: the file; for CSV the folder.
        file_format: html, csv or json.

    Raises:
        UsageError: there is no such format.
    """
    if file_format not in FORMATS:
        raise UsageError(f"There is no format {file_format}.", hint=f"Formats: {', '.join(FORMATS)}.")
    if file_format == "csv":
        return [_put(path / f"{name}.csv", csv_text(frame)) for name, frame in made.tables().items()]
    text = render(made) if file_format == "html" else json.dumps(made.as_dict(), ensure_ascii=False, indent=1)
    return [_put(path, text)]


def _put(path: Path, text: str) -> Path:
    private(path).write_text(text, encoding="utf-8")
    return path
