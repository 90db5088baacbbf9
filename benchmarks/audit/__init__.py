"""Whether the frames, the report and the finder of duplicates keep up with a million rows."""

from __future__ import annotations

from benchmarks.audit import races

BENCHMARKS = {"frames": races.frames, "report": races.report, "duplicates": races.duplicates}
