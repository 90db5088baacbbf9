"""What waits for a person: rows that did not pass, and the decisions about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from core.audit import health as reporting
from core.errors import NotFound, UsageError
from core.planning.choices import CHOICES, Asks
from core.records import Direction, table_of
from core.store import consent, ledger
from core.store.roles import OPERATOR, VIEWER, may
from core.syncing import decide as deciding
from core.workspace.runs import Runs


class Deciding(Runs):
    """What waits for a person: rows that did not pass, and the decisions about them."""

    @may(VIEWER)
    def open_rows(
        self,
        *,
        job: str | None = None,
        cause: str | None = None,
        search: str = "",
        subject: str | None = None,
        limit: int = 50,
        after: Sequence[str] = (),
        skip: int = 0,
    ) -> pl.DataFrame:
        """Rows that wait, are held, were rejected or are in doubt, by job and subject from the one after ``after``."""
        return reporting.open_rows(
            self.database, self.workspace_id, job=job, cause=cause, search=search, subject=subject, limit=limit,
            after=after, skip=skip,
        )  # fmt: skip

    @may(VIEWER)
    def count_open_rows(self, *, job: str | None = None, cause: str | None = None, search: str = "") -> int:
        """How many rows `open_rows` would find in all."""
        return reporting.count_open_rows(self.database, self.workspace_id, job=job, cause=cause, search=search)

    @may(VIEWER)
    def open_record(self, job: str, subject: str) -> dict[str, Any]:
        """The workspace record behind an open row, field by field; empty where the row has none yet."""
        table = table_of(self.job(job).kind)
        return reporting.open_record(self.database, self.workspace_id, job, subject, table)

    @may(VIEWER)
    def error_groups(self) -> list[dict[str, Any]]:
        """Open rows by job and cause: count, words, example, oldest, whether it is tried again by itself."""
        return reporting.error_groups(self.database, self.workspace_id)

    @may(OPERATOR)
    def retry(self, *, job: str | None = None, cause: str | None = None, subjects: Sequence[str] = ()) -> list[str]:
        """Look again at open rows: those named, of one cause, of one job, or all; exactly those are pushed.

        Inbound rows are asked for by their Ids, those that are deleted in the org too.

        Returns:
            The ids of the runs that do it, one per job.
        """
        rows = reporting.open_subjects(self.database, self.workspace_id, job=job, cause=cause, subjects=subjects)
        out = []
        for name, records in rows.items():
            spec = self.job(name)
            wanted = records if spec.direction is Direction.OUTBOUND else self._due_now(name, cause, subjects)
            out.append(self._ask(spec, reason="retry", scope={"records": wanted}))
        self._note("rows.retried", job or "all jobs", {"cause": cause, "subjects": list(subjects)[:1000], "runs": out})
        return out

    def _due_now(self, job: str, cause: str | None, subjects: Sequence[str]) -> list[str]:
        """Have open rows of an inbound job looked at by its next run, whichever that is; returns their org Ids."""
        frame = reporting.open_rows(self.database, self.workspace_id, job=job, cause=cause, limit=None)
        if subjects:
            frame = frame.filter(pl.col("subject").is_in(list(subjects)))
        org_ids: list[str] = frame["subject"].to_list()
        with self.database.batch(self.workspace_id) as batch:
            staged = batch.stage(pl.DataFrame({"subject": org_ids}, schema={"subject": pl.String}))
            batch.execute(
                "UPDATE open_row SET retry_at = :at WHERE workspace_id = :w AND job = :j"  # noqa: S608
                f" AND subject IN (SELECT subject FROM {staged})",
                at=self._now(), w=self.workspace_id, j=job,
            )  # fmt: skip
        return org_ids

    @may(VIEWER)
    def inbox(
        self,
        *,
        job: str | None = None,
        kind: str | None = None,
        search: str = "",
        subject: str | None = None,
        limit: int | None = None,
        skip: int = 0,
    ) -> pl.DataFrame:
        """What waits for a person: conflicts, deletes, ambiguous matches, orphans, rows in doubt, plans on a brake.

        Columns are those of ``core.audit.inbox.INBOX``; ``item`` names a row to :meth:`decide`. ``limit`` and ``skip``
        count rows; a row in conflict asks once for each field.
        """
        return reporting.inbox(
            self.database, self.workspace_id, self.specs(), job=job, kind=kind, search=search, subject=subject,
            limit=limit, skip=skip,
        )  # fmt: skip

    @may(VIEWER)
    def count_inbox(self, *, job: str | None = None, search: str = "") -> dict[str, int]:
        """How many rows and plans :meth:`inbox` would find, by kind."""
        return reporting.count_inbox(self.database, self.workspace_id, job=job, search=search)

    @may(OPERATOR)
    def decide(
        self,
        items: str | Sequence[str],
        choice: str,
        *,
        record_id: int | None = None,
        org_id: str | None = None,
        note: str = "",
    ) -> list[str]:
        """Decide one or many items of the inbox; each decision is in the ledger with who, when and why.

        Args:
            items: ``item`` of :meth:`inbox`; a conflict's without ``#field`` means all its fields.
            choice: one of the item's ``choices``.
            record_id: the record that is meant, with ``record``.
            org_id: the org record as which a row in doubt has arrived, with ``arrived``.
            note: why.

        Returns:
            The runs that carry it out, one per job; none where nothing is left to do.

        Raises:
            NotFound: an item is not open any more.
            UsageError: the choice does not answer an item; nothing was decided then.
        """
        named = [items] if isinstance(items, str) else list(items)
        plans_ = [i.removeprefix("plan:") for i in named if i.startswith("plan:")]
        specs = {s.name: s for s in self.specs()}
        rows = [i for i in named if not i.startswith("plan:")]
        found = deciding.items_of(self.database, self.workspace_id, specs, rows)
        made = deciding.Choice(choice, self.actor, self._now(), record_id, org_id, note)
        if plans_ and choice not in CHOICES[Asks.PLAN]:
            raise UsageError(f"A plan is decided by {' or '.join(CHOICES[Asks.PLAN])}, not {choice}.")
        again = deciding.decide(self.database, self.workspace_id, specs, found, made, self.context)
        out = [self.apply(p) for p in plans_ if choice == "approve"]
        for plan_id in plans_ if choice == "discard" else ():
            self.discard(plan_id)
        for job, subjects in again.items():
            inbound = specs[job].direction is Direction.INBOUND
            records: list[Any] = subjects if inbound else [int(s) for s in subjects]
            out.append(self._ask(specs[job], reason="decided", scope={"records": records}))
        return out

    @may(OPERATOR)
    def opt_in(self, person: int, channel: str, evidence: str) -> None:
        """Opt a person in again by hand; kept in the consent ledger, and told to the org by the next runs.

        Args:
            person: the person's record number.
            channel: ``email`` or ``phone``.
            evidence: why they may be; kept with who and when.

        Raises:
            UsageError: no such channel, or no evidence.
            NotFound: no such person.
        """
        columns = {"email": "opted_out_email", "phone": "do_not_call"}
        if channel not in columns:
            raise UsageError(f"There is no channel {channel}.", hint="It is email or phone.")
        if not evidence.strip():
            raise UsageError("Say why they may be opted in again.", hint="The evidence is kept.")
        known = self.database.one(
            "SELECT 1 FROM person WHERE workspace_id = :w AND id = :i", w=self.workspace_id, i=person
        )
        if not known:
            raise NotFound(f"There is no person {person}.")
        made = deciding.Choice("in", self.actor, self._now(), note=evidence)
        with self.database.batch(self.workspace_id) as batch:
            deciding.opt_in(batch, person, columns[channel], made)
            ledger.write(
                batch, "consent.opted_in", f"person/{person}", actor=self.actor, at=made.at, detail=channel,
                values={"evidence": evidence},
            )  # fmt: skip

    @may(VIEWER)
    def consent(self, person: int | None = None) -> pl.DataFrame:
        """The consent ledger, oldest first, or one person's part: who, channel, state, origin, actor, evidence."""
        return consent.history(self.database, self.workspace_id, person)

    @may(VIEWER)
    def find_people(self, text: str, limit: int = 10) -> pl.DataFrame:
        """People whose name, e-mail or phone has the text in it: columns as those of `candidates`."""
        return reporting.find_people(self.database, self.workspace_id, text, limit)

    @may(VIEWER)
    def candidates(self, job: str, subject: str) -> pl.DataFrame:
        """The people an ambiguous row could mean: record_id, name, title, company, email, phone, org_id, sobject."""
        return reporting.candidates(self.database, self.workspace_id, job, subject)

    @may(OPERATOR)
    def put_aside(self, job: str, subjects: Sequence[str], *, aside: bool = True) -> None:
        """Take open rows out of automatic retries, or put them back."""
        for subject in subjects:
            self.database.execute(
                "UPDATE open_row SET is_aside = :a WHERE workspace_id = :w AND job = :j AND subject = :s",
                {"a": aside, "w": self.workspace_id, "j": job, "s": subject},
            )
        self._note("rows.aside" if aside else "rows.back", job, {"subjects": list(subjects)})
