"""The books: balance, reports, exports, backtests, compare, and the state of everything."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from core.audit import backtest as backtesting
from core.audit import budget as budgeting
from core.audit import catalog, double, report, report_files, volume
from core.audit import export as exporting
from core.audit import health as reporting
from core.audit.double import Balance, within
from core.errors import UsageError
from core.mapping.spec import Policy
from core.store import runs, views
from core.store.roles import ANALYST, VIEWER, may
from core.syncing import compare as comparing
from core.syncing import found
from core.workspace.base import Base


class Audit(Base):
    """The books: balance, reports, exports, backtests, compare, and the state of everything."""

    @may(ANALYST)
    def audit_books(self, run_id: str) -> dict[str, int]:
        """A run's books counted again from the stored rows."""
        return runs.audit_books(self.database, self.workspace_id, run_id)

    @may(VIEWER)
    def balance(self, first: date | None = None, last: date | None = None, *, live: bool = False) -> Balance:
        """The double entry of the days from ``first`` to ``last``, all where left out; ``live`` asks the org as well.

        ``balance().workspace`` and ``.org`` are frames by day, user and kind; ``.red`` are the cells that do not
        balance, ``.behind(side=..., state=..., day=..., user=..., kind=...)`` the rows behind a cell.

        Raises:
            OrgError: the org did not answer (``live``).
        """
        rows = within(self.frames.activities(), first, last)
        if not live:
            return double.of_workspace(rows)
        ctx = self._ctx()
        there = found.activities(ctx, first, last)
        gone = found.gone(ctx, rows, there)
        self.engine.note(self.workspace_id)
        return double.of_both(rows, there, gone, double.ground(self.database, self.workspace_id, ctx.integration_user))

    @may(VIEWER)
    def first_day(self) -> date | None:
        """The day of the earliest activity, in the workspace's zone; ``None`` without any."""
        return volume.first_day(self.database, self.workspace_id)

    @may(VIEWER)
    def volume(self, first: date, last: date) -> pl.DataFrame:
        """Activities of these days, both included, counted in the database by what `core.audit.volume.CUBE` names."""
        return volume.cube(self.database, self.workspace_id, first, last)

    @may(VIEWER)
    def logged(
        self,
        first: date,
        last: date,
        *,
        kind: str | None = None,
        user: str | None = None,
        outcome: str | None = None,
        sync_state: str | None = None,
        origin: str | None = None,
        limit: int | None = 50,
        skip: int = 0,
    ) -> pl.DataFrame:
        """Activities of these days, the latest first, a page at a time; columns are `core.audit.volume.ROWS`."""
        only = {"kind": kind, "user": user, "outcome": outcome, "sync_state": sync_state, "origin": origin}
        return volume.rows(self.database, self.workspace_id, first, last, only=only, limit=limit, skip=skip)

    @may(ANALYST)
    def audit_report(self, month: str, *, live: bool = True) -> report.Report:
        """The audit of a month (``YYYY-MM``): volume, balance, errors, runs, what is regularly missing.

        ``.as_dict()`` is its JSON; `write_report` puts it into files.

        Raises:
            UsageError: it is not a month.
            OrgError: the org did not answer (``live``).
        """
        first, last = report.days_of(month)
        tables = {name: getattr(self.frames, name)() for name in ("results", "open_rows", "runs")}
        balance = self.balance(first, last, live=live)
        return report.make(self.database, self.workspace_id, month, balance, tables, self._now())

    @may(ANALYST)
    def write_report(self, made: report.Report, path: str | Path, file_format: str = "html") -> list[Path]:
        """Write a month's audit: a page or a JSON document, or (csv) a folder of tables; what was written.

        Raises:
            UsageError: there is no such format.
        """
        files = report_files.write(made, Path(path), file_format)
        self._note("audit.exported", made.month, {"format": file_format})
        return files

    @may(ANALYST)
    def audit_export(
        self, folder: str | Path, tables: Iterable[str] = (), file_format: str = "csv"
    ) -> list[dict[str, Any]]:
        """Write audit tables to files; what was written, as ``table``, ``file``, ``rows``.

        Raises:
            UsageError: there is no such table or format.
        """
        done = exporting.export(self.frames, Path(folder), tables, file_format)
        self._note("audit.exported", file_format, {"tables": [d["table"] for d in done]})
        return done

    @may(ANALYST)
    def audit_views(self, *, drop: bool = False) -> list[str]:
        """Make or renew the database's views of the audit tables, or drop them; their names."""
        if drop:
            views.drop(self.database)
            return []
        return views.make(self.database, {name: table.types for name, table in catalog.TABLES.items()})

    @may(ANALYST)
    def backtest(self, *policies: str) -> pl.DataFrame:
        """Replay every recorded conflict under other policies (all where none is named): who would have won, what lost.

        Columns are those of `core.audit.backtest.ROWS`; `backtest_summary` counts them by policy.

        Raises:
            UsageError: there is no such policy.
        """
        known = [p.value for p in Policy]
        unknown = [p for p in policies if p not in known]
        if unknown:
            raise UsageError(f"There is no policy {unknown[0]}.", hint=f"Policies: {', '.join(known)}.")
        tried = [Policy(p) for p in policies] or list(Policy)
        return backtesting.replay(self.frames.events(), self.frames.runs(), tried)

    @may(ANALYST)
    def backtest_summary(self, rows: pl.DataFrame | None = None) -> pl.DataFrame:
        """A backtest counted by policy: wins, what each side lost, and how often the later change was lost."""
        return backtesting.summary(self.backtest() if rows is None else rows)

    @may(ANALYST)
    def compare(self, job: str) -> pl.DataFrame:
        """Fields in which linked records differ between workspace and org now, with the cause of each."""
        return comparing.compare(self._ctx(), self.job(job))

    @may(VIEWER)
    def overview(self) -> dict[str, Any]:
        """Health at one look: jobs worst first, what needs a person, freshness, API allowance."""
        return reporting.overview(self.database, self.workspace_id, self.specs(), self._now())

    @may(VIEWER)
    def api_budget(self) -> dict[str, Any]:
        """What the API allowance went to by job and day, and the forecast of a day: see `core.audit.budget.budget`."""
        return budgeting.budget(self.database, self.workspace_id, self.specs(), self._now())

    @may(VIEWER)
    def summary(self) -> dict[str, dict[str, int]]:
        """How many records there are: org objects (asked of the org) and workspace kinds."""
        ctx = self._ctx()
        names = sorted({p.sobject for s in self.specs() for p in s.pairs})
        return {
            "org": {n: ctx.gateway.count(n) for n in names},
            "workspace": reporting.kinds(self.database, self.workspace_id),
        }
