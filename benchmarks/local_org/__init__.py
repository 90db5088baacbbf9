"""Whether the practice org is fast enough never to be what another benchmark measures."""

from __future__ import annotations

from benchmarks.local_org import bulk_query, inserting, starting

BENCHMARKS = {"starting": starting.run, "inserting": inserting.run, "bulk_query": bulk_query.run}
