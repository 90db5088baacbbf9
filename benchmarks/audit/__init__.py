"""Whether the frames and finders of the audit keep up with a million rows."""

from __future__ import annotations

from benchmarks.audit import duplicates

BENCHMARKS = {"duplicates": duplicates.run}
