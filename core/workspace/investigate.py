"""The story of one record: explained, its doubles found, merges foretold, links mended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from core.audit import bundle as bundling
from core.audit import duplicates as duplicating
from core.audit import explain as explaining
from core.private import private
from core.records import Direction
from core.store.roles import ANALYST, OPERATOR, VIEWER, may
from core.syncing import merged, merging, repair, strangers
from core.workspace.runs import Runs


class Investigate(Runs):
    """The story of one record: explained, its doubles found, merges foretold, links mended."""

    @may(VIEWER)
    def explain(self, key: str) -> dict[str, Any]:
        """Everything known of one record: any id, e-mail, phone or external id."""
        return explaining.explain(self.database, self.workspace_id, key)

    @may(ANALYST)
    def duplicates(self, kind: str = "person", *, least: float = 0.89, live: bool = False) -> duplicating.Duplicates:
        """Groups of people or accounts that are probably one, with evidence and a score, on both sides and across.

        Args:
            kind: person or account.
            least: lowest score: 0.89 proposes, 0.998 leaves what only wants a look.
            live: read the org's records too that no job has brought in.

        Returns:
            ``.members`` (one row per member; place 1 is the one to keep), ``.pairs`` with evidence, ``.looked_at``.

        Raises:
            UsageError: no such kind, or the score is no share.
        """
        elsewhere = strangers.read(self._ctx(), kind) if live else None
        return duplicating.find(self.database, self.workspace_id, kind, least=least, elsewhere=elsewhere)

    @may(ANALYST)
    def lineage(self, *, live: bool = False) -> pl.DataFrame:
        """Merged, converted, deleted and restored records; ``live`` asks the org for those never linked here as well.

        Columns are those of ``frames.lineage()``; a record that both tell about is told once, by the ledger.
        """
        known = self.frames.lineage()
        if not live:
            return known
        theirs = merged.read(self._ctx()).join(known.select("org_id"), on="org_id", how="anti")
        return pl.concat([known, theirs], how="diagonal").sort(
            "at", "org_id", descending=[True, False], nulls_last=True
        )

    @may(ANALYST)
    def simulate_merge(self, org_ids: Sequence[str], winner: str | None = None) -> merging.Simulation:
        """What a merge of org records of one object would do; reads the org, writes nothing.

        ``.values`` and ``.consent`` say what survives (an opt-out always does), ``.moves`` what hangs on the losers,
        ``.links`` and ``.next_sync`` what follows here, ``.problems`` why it cannot be done from here, ``.steps`` what
        the org's admin does by hand.

        Raises:
            UsageError: fewer than two, an Id that is none, or objects that do not merge.
            NotFound: one of them is not in the org.
        """
        return merging.simulate(self._ctx(), org_ids, winner)

    @may(OPERATOR)
    def merge_records(self, plan: merging.Simulation) -> dict[str, Any]:
        """Have the org merge as simulated, look whether it did, and have the jobs follow it.

        Returns:
            ``is_verified``, ``findings`` (sentences), ``moved``, ``runs`` (asked for, to follow the merge).

        Raises:
            PlanError: it cannot be done from here, or the records have changed since.
            OrgError: the org refused it.
        """
        done = merging.run(self._ctx(), plan, self.actor)
        follow = [
            s for s in self._ctx().jobs()
            if s.direction is Direction.INBOUND and any(p.sobject == plan.sobject for p in s.pairs)
        ]  # fmt: skip
        return {**done, "runs": [self._ask(s, reason="merge") for s in follow]}

    @may(ANALYST)
    def verify_merge(self, plan: merging.Simulation) -> list[str]:
        """What is not as simulated, once somebody has merged by hand; empty where all is."""
        return merging.verify(self._ctx(), plan)

    @may(OPERATOR)
    def repair_link(self, table: str, record_id: int, org_id: str | None) -> dict[str, Any]:
        """Link a record to another org record, or (``None``) unlink it; the change is recorded.

        Raises:
            UsageError: the Id is none, of another kind, or linked to another record.
            NotFound: there is no such record, here or in the org.
        """
        return repair.relink(self._ctx(), self.actor, table, record_id, org_id)

    @may(ANALYST)
    def bundle(self, key: str) -> dict[str, Any]:
        """The support bundle of one record: its story, who may do what in the org, versions; no secret, nobody else.

        `write_bundle` makes a file of it.
        """
        objects = self.database.read(
            "SELECT sobject, body FROM org_describe WHERE workspace_id = :w", w=self.workspace_id
        )
        may = ("createable", "updateable", "deletable", "queryable")
        access = {name: {k: json.loads(body).get(k) for k in may} for name, body in objects.iter_rows()}
        connections = [
            {"flow": c.flow, "state": c.state, "state_reason": c.state_reason, "api_version": c.api_version,
             "api_used": c.api_used, "api_limit": c.api_limit, "clock_offset_s": c.clock_offset_s}
            for c in self.connections()
        ]  # fmt: skip
        about = {"workspace": self.name, "zone": self.row().zone, "org_id": self.row().org_id,
                 "permissions": access, "connections": connections}  # fmt: skip
        return bundling.pack(self.explain(key), about, self._now())

    @may(ANALYST)
    def write_bundle(self, key: str, path: str | Path) -> Path:
        """Write a record's support bundle to a file (zip: the JSON, and the story as text)."""
        made = private(Path(path))
        made.write_bytes(bundling.zipped(self.bundle(key)))
        self._note("bundle.made", key)
        return made
