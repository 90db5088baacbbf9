"""Jobs: made from templates and presets, edited, checked, switched on and off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import select

from core.audit import health as reporting
from core.errors import NotFound, NotValid, UsageError
from core.mapping import load, preset
from core.mapping.findings import Finding
from core.mapping.lint import lint
from core.mapping.spec import JobSpec
from core.mapping.vocabulary import Vocabulary, all_fields
from core.records import Direction, Kind, WorkspaceField
from core.running import schedule
from core.schema.describe import OrgObject
from core.store import drafts, ledger, setting
from core.store.roles import ADMIN, ANALYST, VIEWER, may
from core.store.tables import Job
from core.syncing import contracts, intake, lists, picklists
from core.syncing.context import Context
from core.syncing.select import start_now
from core.workspace.base import Base


class Jobs(Base):
    """Jobs: made from templates and presets, edited, checked, switched on and off."""

    @may(VIEWER)
    def templates(self) -> list[dict[str, Any]]:
        """The job templates: name, title, summary, direction, kind."""
        return [
            {
                "name": t.name,
                "title": t.title,
                "summary": t.summary,
                "direction": t.direction.value,
                "kind": t.kind.value,
            }
            for t in load.templates()
        ]

    @may(ADMIN)
    def create_job(self, template: str, name: str | None = None) -> JobSpec:
        """Make a job from a template; it is off until somebody switches it on.

        Raises:
            UsageError: there is a job of that name.
        """
        names = load.template(template).sobjects
        ctx = self._ctx()
        spec = load.make_job(template, job_name=name, orgs=ctx.orgs(names))
        if any(s.name == spec.name for s in self.specs()):
            raise UsageError(f"There is a job called {spec.name} already.", hint="Give the new one another name.")
        self.save_job(spec)
        return spec

    @may(ANALYST)
    def presets(self) -> list[dict[str, Any]]:
        """The presets for commercial real estate orgs: name, title, note, objects."""
        return [
            {"name": p.name, "title": p.title, "note": p.note, "objects": {o.role: list(o.names) for o in p.objects}}
            for p in preset.presets()
        ]

    @may(ANALYST)
    def check_preset(self, name: str, picks: Mapping[str, str] | None = None) -> list[Finding]:
        """What of a preset the org does not have, with a suggestion where it has something that sounds like it.

        Args:
            name: the preset.
            picks: role -> org object, where an admin has chosen another one.
        """
        chosen = preset.adapted(preset.preset(name), picks or {})
        described, known = self._described(chosen)
        return preset.check(chosen, described, known)

    def _described(self, chosen: preset.Preset) -> tuple[dict[str, OrgObject], list[tuple[str, str]]]:
        ctx = self._ctx()
        known = [(str(o["name"]), str(o["label"])) for o in ctx.gateway.describe_global()]
        there = {name for name, _ in known}
        wanted = [n for o in chosen.objects for n in o.names if n in there]
        return ctx.orgs(["Task", *wanted]), known

    @may(ADMIN)
    def create_preset_jobs(
        self, name: str, picks: Mapping[str, str] | None = None, *, calls: str | None = None
    ) -> list[JobSpec]:
        """Make the jobs that bring a preset's objects in as custom records; they are off until switched on.

        Args:
            name: the preset.
            picks: role -> org object, where an admin has chosen another one.
            calls: an outbound job of activities that is to attach them to these records through the related person.

        Raises:
            NotValid: the org has none of its objects.
        """
        chosen = preset.adapted(preset.preset(name), picks or {})
        described, known = self._described(chosen)
        failed = [f for f in preset.check(chosen, described, known) if f.severity == "fail"]
        if failed:
            raise NotValid(failed[0].message, hint=failed[0].mend)
        found = [f for f in preset.fitted(chosen, described) if f.attachable or f.sobject.endswith("__c")]
        made = [self.save_job(preset.job_of(chosen, f, described[f.sobject])) for f in found]
        if calls is not None:
            spec = self.job(calls)
            names = tuple(f.sobject for f in found if f.attachable)
            told = {"related_to": "record_then_account", "related_objects": names}
            pairs = tuple(p.model_copy(update=told) for p in spec.pairs)
            self.save_job(spec.model_copy(update={"pairs": pairs}))
        return made

    @may(ADMIN)
    def save_job(self, spec: JobSpec, *, version: int | None = None) -> JobSpec:
        """Keep a job's spec; one that does not validate may be saved, only switching on needs a valid one.

        Args:
            spec: the job.
            version: the version that it was edited from (`job_head`); any where unset.

        Raises:
            SavedMeanwhile: another version was saved since.
        """
        now = self._now()
        with self.database.writing() as session:
            row = session.exec(select(Job).where(Job.workspace_id == self.workspace_id, Job.name == spec.name)).first()
            before = row.spec if row else None
            if row is None:
                row = Job(
                    workspace_id=self.workspace_id,
                    name=spec.name,
                    created_at=now,
                    created_by=self.actor,
                    updated_at=now,
                )
                row.version = 0
            drafts.require(row.version, version, row.updated_by)
            row.spec = spec.model_dump(mode="json")
            row.version += 1
            row.updated_at, row.updated_by = now, self.actor
            session.add(row)
            session.commit()
        if before != spec.model_dump(mode="json"):
            self._note("job.saved", spec.name, {"before": before, "after": spec.model_dump(mode="json")})
        return spec

    @may(VIEWER)
    def job_head(self, name: str) -> dict[str, Any]:
        """Which version of a job is saved: ``version`` (0 where there is none), ``updated_at``, ``updated_by``."""
        return drafts.head(self.database, self.workspace_id, name)

    @may(ANALYST)
    def keep_draft(self, spec: JobSpec, version: int) -> None:
        """Keep what the actor has changed in a job and not saved, with the version that it began from."""
        body = spec.model_dump(mode="json")
        drafts.keep(self.database, self.workspace_id, self.actor, spec.name, body, version, self._now())

    @may(VIEWER)
    def draft(self, name: str) -> dict[str, Any] | None:
        """The actor's draft of a job: ``spec``, ``version``, ``at``; ``None`` where there is none."""
        return drafts.get(self.database, self.workspace_id, self.actor, name)

    @may(ANALYST)
    def drop_draft(self, name: str) -> None:
        """Forget the actor's draft of a job."""
        drafts.drop(self.database, self.workspace_id, self.actor, name)

    @may(ANALYST)
    def vocabulary(self) -> Vocabulary:
        """The team's custom fields, stages, outcomes and activity types."""
        return Vocabulary.model_validate(setting.get(self.database, self.workspace_id, intake.VOCABULARY) or {})

    @may(ANALYST)
    def fields(self, kind: str) -> tuple[WorkspaceField, ...]:
        """Every field of a kind that can be mapped, the team's own included."""
        return all_fields(Kind(kind), self.vocabulary())

    @may(ANALYST)
    def segments(self) -> list[dict[str, Any]]:
        """The workspace's segments: name, kind, members, and what keeps the rule that fills it from doing so."""
        return lists.segments(self.database, self.workspace_id, self.specs())

    @may(ADMIN)
    def import_lists(
        self, sobject: str, views: Sequence[str], *, segment: str = "", new: bool = False, name: str = ""
    ) -> list[JobSpec]:
        """Make, or edit, an import rule: list views of an object that become people or accounts, or a segment.

        People bring their accounts along. The rule's jobs are off until somebody switches them on; switching them
        off deactivates it.

        Args:
            sobject: Contact, Lead or Account.
            views: developer names of the list views; a record that is in any of them comes in.
            segment: the segment they join; none where they only come in.
            new: whether the segment is to be made; else it has to be there.
            name: the rule's name, to edit one.

        Raises:
            UsageError: no such object, no list, or the segment is (or is not) there.
        """
        rule = lists.Rule(sobject, tuple(views), segment.strip(), name)
        known = {s["name"] for s in self.segments()} | {p.segment for s in self.specs() for p in s.pairs if p.segment}
        if rule.segment and new == (rule.segment in known):
            there = "There is a segment" if new else "There is no segment"
            raise UsageError(
                f"{there} called {rule.segment}.", hint="Segments: " + (", ".join(sorted(known)) or "none")
            )
        return [self.save_job(spec) for spec in lists.jobs_of(self._ctx(), rule)]

    @may(ADMIN)
    def enable(self, name: str, *, from_now: bool = False) -> None:
        """Switch a job on; who does it approves its plans that trip no guard.

        Args:
            name: the job.
            from_now: leave what is there already alone, until somebody asks for a backfill.

        Raises:
            NotValid: the job does not validate.
        """
        spec = self.job(name)
        failed = [f for f in self.validate(spec) if f.severity == "fail"]
        if failed:
            raise NotValid(f"{spec.title} does not validate: {failed[0].sentence()}", hint="Mend its mapping first.")
        contracts.keep(self._ctx(), spec)
        if from_now:
            start_now(self._ctx(), spec)
        self._switch(spec, on=True)

    @may(ADMIN)
    def disable(self, name: str) -> None:
        """Switch a job off."""
        self._switch(self.job(name), on=False)

    def _switch(self, spec: JobSpec, *, on: bool) -> None:
        at = schedule.next_run(spec.schedule, self._now(), self.row().zone) if on else None
        with self.database.batch(self.workspace_id) as batch:
            batch.execute(
                "UPDATE job SET is_enabled = :on, enabled_by = :who, next_run_at = :at WHERE workspace_id = :w"
                " AND name = :n",
                {"on": on, "who": self.actor if on else None, "at": at, "w": self.workspace_id, "n": spec.name},
            )
            ledger.write(batch, "job.enabled" if on else "job.disabled", spec.name, actor=self.actor, at=self._now())

    @may(VIEWER)
    def contracts(self, job: str) -> list[dict[str, Any]]:
        """What a job relies on of the org's fields, as last read, and where the org no longer keeps it.

        Returns:
            Per object ``sobject, made_at, needs, breaches`` (``field, code, message``, and ``ask``: the text for the
            org's admin) and ``waiting``, the job's open rows. Empty until the job was found valid once.
        """
        return contracts.of_job(self._ctx(), self.job(job))

    @may(ANALYST)
    def validate(self, job: str | JobSpec) -> list[Finding]:
        """Every finding of a job, worst first; saves nothing."""
        spec = self.job(job) if isinstance(job, str) else job
        ctx = self._ctx()
        known = {p.sobject: (p, o) for p in spec.pairs if (o := _or_none(ctx, p.sobject)) is not None}
        orgs = {name: picklists.of_pair(ctx, p, o) for name, (p, o) in known.items()}
        linked = bool(
            self.database.one(
                "SELECT COUNT(*) FROM workspace_user WHERE workspace_id = :w AND org_user_id IS NOT NULL",
                w=self.workspace_id,
            )
        )
        others = [s for s in ctx.jobs() if s.name != spec.name]
        found = lint(spec, orgs, has_user_links=linked, other_jobs=others, seen=self.seen_values(spec))
        rank = {"fail": 0, "warn": 1, "pass": 2}
        return sorted(found, key=lambda f: rank.get(str(f.severity), 3))

    @may(ANALYST)
    def seen_values(self, spec: JobSpec) -> dict[str, list[str]]:
        """The values that occur, or may by the team's words, in fields that the job maps through a value map."""
        seen = {k: list(v) for k, v in self.value_counts(spec).items()}
        if spec.direction is Direction.OUTBOUND:
            for name, words in self.vocabulary().words(spec.kind).items():
                have = {v.strip().lower() for v in seen.get(name, ())}
                seen[name] = [*seen.get(name, ()), *(w for w in words if w.lower() not in have)]
        return seen

    @may(ANALYST)
    def value_counts(self, spec: JobSpec) -> dict[str, dict[str, int]]:
        """Field -> value -> number of records, for the fields of an outbound job that go through a value map."""
        return reporting.value_counts(self.database, self.workspace_id, spec)


def _or_none(ctx: Context, sobject: str) -> OrgObject | None:
    try:
        return ctx.org(sobject)
    except NotFound:
        return None
