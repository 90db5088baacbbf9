"""Workspace: everything a person, a script or the console can ask of Syncline, as verbs of one object."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import polars as pl
from sqlmodel import select

from core.audit import backtest as backtesting
from core.audit import budget as budgeting
from core.audit import bundle as bundling
from core.audit import catalog, configlog, double, report, report_files
from core.audit import duplicates as duplicating
from core.audit import explain as explaining
from core.audit import export as exporting
from core.audit import health as reporting
from core.audit import lookup as finding
from core.audit.double import Balance, within
from core.audit.frames import Frames
from core.clock import Clock, SystemClock
from core.connections.intake import read_file
from core.errors import NotFound, NotValid, UsageError, WorkerRunning
from core.mapping import load, preset
from core.mapping.findings import Finding
from core.mapping.lint import lint
from core.mapping.spec import JobSpec, Policy
from core.mapping.vocabulary import TYPES, CustomField, Vocabulary, all_fields
from core.mapping.workspace_config import Configuration, from_yaml, to_yaml
from core.mapping.workspace_config import diff as differences
from core.planning import guards, plan
from core.planning.alerts import Rules, muted
from core.planning.choices import CHOICES, Asks
from core.private import private
from core.records import ENDED_RUNS, Direction, Kind, RunStatus, WorkspaceField, table_of
from core.running import alerting, schedule, steps
from core.running.engine import Engine
from core.running.worker import Worker, wait_for
from core.schema.describe import OrgObject
from core.settings import Settings, settings
from core.store import alerts, consent, drafts, erasing, exclusions, ledger, plans, roles, runs, setting, tokens, views
from core.store.database import Database
from core.store.migrate import migrate
from core.store.secrets import open_vault
from core.store.tables import Connection, Job
from core.store.tables import Workspace as WorkspaceRow
from core.syncing import compare as comparing
from core.syncing import configuration, connect, found, intake, lists, merged, merging, repair, strangers, trial, users
from core.syncing import decide as deciding
from core.syncing.apply_in import bring_back
from core.syncing.connect import Begun, Doors
from core.syncing.context import Context
from core.syncing.select import start_now

_THRESHOLDS = f"They are {', '.join(Rules.model_fields)}."


@dataclass(frozen=True)
class Preview:
    """What a run would do now; nothing of it is kept or written.

    ``rows`` has the columns of a plan (``core.planning.plan.ROWS``) and ``row``; ``counts`` the outcomes with
    ``input``.
    """

    job: str
    counts: dict[str, int]
    rows: pl.DataFrame
    guards: list[str]
    api_calls: int


@roles.guarded
class Workspace:
    """One workspace, and who acts in it; a verb that the actor's role does not open is refused."""

    def __init__(self, doors: Doors, workspace_id: int, name: str, actor: str, engine: Engine | None = None) -> None:
        self.doors = doors
        self.database: Database = doors.db
        self.workspace_id = workspace_id
        self.name = name
        self.actor = actor
        self.engine = engine or Engine(doors)
        self.frames = Frames(doors.db, workspace_id)

    def acting_as(self, actor: str) -> Workspace:
        """The same workspace in the hands of somebody else."""
        return Workspace(self.doors, self.workspace_id, self.name, actor, self.engine)

    @property
    def role(self) -> str:
        """What the actor may do: viewer, analyst, operator or admin."""
        return roles.role_of(self.database, self.workspace_id, self.actor)

    def list_members(self) -> dict[str, str]:
        """Who has which role; empty while everybody is an admin."""
        return roles.members(self.database, self.workspace_id)

    def set_role(self, actor: str, role: str | None) -> None:
        """Give a person a role, or take it away; with the first one given, whoever has none may only look.

        Raises:
            UsageError: there is no such role, or no admin would be left.
        """
        before = self.list_members().get(actor.strip().lower())
        roles.set_role(self.database, self.workspace_id, actor, role, self.actor)
        self._note("role.set", actor.strip().lower(), {"before": {"role": before}, "after": {"role": role}})

    # -- the workspace itself

    def row(self) -> WorkspaceRow:
        """The workspace's own row: title, zone, org, whether it is paused."""
        with self.database.session() as session:
            return session.get_one(WorkspaceRow, self.workspace_id)

    def configure(self, *, title: str | None = None, zone: str | None = None) -> None:
        """Set the title or the time zone.

        Raises:
            UsageError: there is no such zone.
        """
        if zone is not None and zone not in available_timezones():
            raise UsageError(f"There is no time zone called {zone}.", hint="Write it like America/Chicago.")
        with self.database.writing() as session:
            row = session.get_one(WorkspaceRow, self.workspace_id)
            before = {"title": row.title, "zone": row.zone}
            row.title, row.zone = title or row.title, zone or row.zone
            after = {"title": row.title, "zone": row.zone}
            session.add(row)
            session.commit()
        if before != after:
            self._note("workspace.configured", self.name, {"before": before, "after": after})

    def pause(self, *, reading: bool = False) -> None:
        """Stop all writes to the org at once, with ``reading`` what comes from it as well; stays over restarts."""
        self._set_paused(paused=True, reading=reading)

    def resume(self) -> None:
        """Let everything go on."""
        self._set_paused(paused=False, reading=False)

    def _set_paused(self, *, paused: bool, reading: bool) -> None:
        with self.database.writing() as session:
            row = session.get_one(WorkspaceRow, self.workspace_id)
            row.is_paused, row.is_reading_paused, row.paused_by = paused, reading, self.actor if paused else None
            session.add(row)
            session.commit()
        self._note("workspace.paused" if paused else "workspace.resumed", self.name, {"reading": reading})

    def _note(self, kind: str, subject: str, values: Any = None, detail: str = "") -> None:
        with self.database.batch(self.workspace_id) as batch:
            ledger.write(batch, kind, subject, actor=self.actor, at=self._now(), detail=detail, values=values)

    def _now(self) -> datetime:
        return self.doors.clock.now()

    # -- connections

    def allow_host(self, host: str) -> None:
        """List a host beside Salesforce's own as one that may be signed in to."""
        connect.allow_host(self.database, self.workspace_id, host)
        self._note("hosts.allowed", host)

    def begin_connect(
        self,
        *,
        login_url: str,
        client_id: str,
        client_secret: str = "",
        redirect_uri: str = "",
        name: str = "Salesforce",
    ) -> Begun:
        """Begin a sign-in: send the browser to ``url``, with ``browser`` as a cookie for the way back.

        Raises:
            HostRefused: the host is not allowed.
        """
        redirect = redirect_uri or f"{settings().public_url.rstrip('/')}/oauth/callback"
        return connect.begin(
            self.doors, self.workspace_id, actor=self.actor, login_url=login_url, client_id=client_id,
            client_secret=client_secret, redirect_uri=redirect, name=name,
        )  # fmt: skip

    def link_me(self, *, login_url: str, client_id: str, client_secret: str = "", redirect_uri: str = "") -> Begun:
        """Begin linking the actor's own login: what they do is written by it from then on, and nobody else's.

        Raises:
            NotFound: the workspace is not connected yet, or the actor is none of its users.
            HostRefused: the host is not allowed.
        """
        connect.master(self.database, self.workspace_id)
        email = self.actor.lower()
        if self.users().filter(pl.col("email") == email).is_empty():
            raise NotFound(f"{self.actor} is not a user of this workspace.", hint="Ask an admin to add you.")
        redirect = redirect_uri or f"{settings().public_url.rstrip('/')}/oauth/callback"
        return connect.begin(
            self.doors, self.workspace_id, actor=self.actor, login_url=login_url, client_id=client_id,
            client_secret=client_secret, redirect_uri=redirect, name=email, owner=email,
        )  # fmt: skip

    def finish_connect(self, browser: str, query: Mapping[str, str]) -> Connection:
        """End a sign-in with what the org sent the browser back with, then read the org's users.

        Raises:
            SignInError: consent was refused, or the state is unknown, used, too old or another browser's.
            UsageError: the sign-in leads to another org than the workspace's.
        """
        made = connect.finish(self.doors, self.workspace_id, actor=None, browser=browser, query=query)
        self._after_connecting()
        if made.owner:
            self.database.execute(
                "UPDATE workspace_user SET org_user_id = :o, linked_how = 'signed in' WHERE workspace_id = :w"
                " AND email = :e",
                o=made.user_id, w=self.workspace_id, e=made.owner,
            )  # fmt: skip
        return made

    def connect_headless(
        self,
        *,
        flow: str,
        login_url: str,
        client_id: str,
        client_secret: str = "",
        username: str = "",
        private_key: str = "",
        name: str = "Salesforce",
    ) -> Connection:
        """Connect by JWT bearer (``jwt``) or ``client_credentials``, without a browser."""
        made = connect.headless(
            self.doors, self.workspace_id, actor=self.actor, flow=flow, login_url=login_url, client_id=client_id,
            client_secret=client_secret, username=username, private_key=private_key, name=name,
        )  # fmt: skip
        self._after_connecting()
        return made

    def _after_connecting(self) -> None:
        self.engine.forget(self.workspace_id)
        users.refresh(self._ctx())
        self.engine.note(self.workspace_id)

    def connections(self) -> list[Connection]:
        """The connections of the workspace, the master first; secrets stay sealed."""
        with self.database.session() as session:
            found = session.exec(select(Connection).where(Connection.workspace_id == self.workspace_id)).all()
        return sorted(found, key=lambda c: (not c.is_master, c.username))

    def context(self) -> Context:
        """The org as this workspace sees it, for verbs that read it now."""
        return self._ctx()

    def _ctx(self) -> Context:
        return self.engine.context(self.workspace_id)

    def refresh_org(self, sobjects: Iterable[str] = ()) -> dict[str, int]:
        """'Pull now': read users and the describes of the jobs' objects (and those named) again.

        Returns:
            Object name -> number of fields, and ``users``.
        """
        ctx = self._ctx()
        names = dict.fromkeys([*(p.sobject for s in self.specs() for p in s.pairs), *sobjects])
        out = {name: len(ctx.refresh(name)["fields"]) for name in names}
        out["users"] = users.refresh(ctx)
        self.engine.note(self.workspace_id)
        return out

    def org_object(self, sobject: str) -> OrgObject:
        """The describe of an org object, as last read."""
        return self._ctx().org(sobject)

    # -- users of the team

    def users(self) -> pl.DataFrame:
        """Workspace users with the org users they are linked to."""
        return self.database.read(
            "SELECT u.email, u.name, u.zone, u.is_active, u.org_user_id, u.linked_how, o.name AS org_name,"
            " o.username AS"
            " org_username, o.is_active AS org_is_active FROM workspace_user u LEFT JOIN org_user o ON o.workspace_id ="
            " u.workspace_id AND o.org_id = u.org_user_id WHERE u.workspace_id = :w ORDER BY u.email",
            w=self.workspace_id,
        ).with_columns(pl.col("org_is_active").cast(pl.Boolean))

    def org_users(self) -> pl.DataFrame:
        """The org's users as last read: org_id, name, username, email, profile, is_active."""
        return self.database.read(
            "SELECT org_id, name, username, email, profile, is_active FROM org_user WHERE workspace_id = :w"
            " ORDER BY name",
            w=self.workspace_id,
        )

    def link_user(self, email: str, org_user_id: str | None) -> None:
        """Link a workspace user to an org user by hand, or unlink."""
        known = self.users().filter(pl.col("email") == email.lower())
        if known.is_empty():
            raise NotFound(f"There is no workspace user {email}.")
        self.database.execute(
            "UPDATE workspace_user SET org_user_id = :o, linked_how = 'by hand' WHERE workspace_id = :w AND email = :e",
            o=org_user_id, w=self.workspace_id, e=email.lower(),
        )  # fmt: skip
        both = {"before": {"org_user_id": known["org_user_id"][0]}, "after": {"org_user_id": org_user_id}}
        if both["before"] != both["after"]:
            self._note("user.linked", email, both)

    # -- jobs

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

    def presets(self) -> list[dict[str, Any]]:
        """The presets for commercial real estate orgs: name, title, note, objects."""
        return [
            {"name": p.name, "title": p.title, "note": p.note, "objects": {o.role: list(o.names) for o in p.objects}}
            for p in preset.presets()
        ]

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

    def job_head(self, name: str) -> dict[str, Any]:
        """Which version of a job is saved: ``version`` (0 where there is none), ``updated_at``, ``updated_by``."""
        return drafts.head(self.database, self.workspace_id, name)

    def keep_draft(self, spec: JobSpec, version: int) -> None:
        """Keep what the actor has changed in a job and not saved, with the version that it began from."""
        body = spec.model_dump(mode="json")
        drafts.keep(self.database, self.workspace_id, self.actor, spec.name, body, version, self._now())

    def draft(self, name: str) -> dict[str, Any] | None:
        """The actor's draft of a job: ``spec``, ``version``, ``at``; ``None`` where there is none."""
        return drafts.get(self.database, self.workspace_id, self.actor, name)

    def drop_draft(self, name: str) -> None:
        """Forget the actor's draft of a job."""
        drafts.drop(self.database, self.workspace_id, self.actor, name)

    # -- configuration as code

    def export_config(self) -> str:
        """The workspace's whole configuration as YAML: settings, people, words, exclusions, jobs; no org Id in it."""
        return to_yaml(configuration.gathered(self.database, self.workspace_id))

    def diff_config(self, text: str) -> list[str]:
        """Every difference between the configuration as it is and a YAML text, one sentence each; changes nothing.

        Raises:
            UsageError: the text is no configuration.
        """
        return differences(configuration.gathered(self.database, self.workspace_id), from_yaml(text))

    def validate_config(self, text: str) -> dict[str, list[Finding]]:
        """The findings of every job of a YAML text against this workspace's org, by job; saves nothing."""
        return {spec.name: self.validate(spec) for spec in from_yaml(text).jobs}

    def import_config(self, text: str, *, enable: bool = False) -> list[str]:
        """Take over what a YAML text says; jobs that it does not name stay, new ones are off.

        Args:
            text: the configuration.
            enable: switch on the jobs that are on in it, where they validate.

        Returns:
            What changed, and what could not be taken over, one sentence each.
        """
        wanted = from_yaml(text)
        changed = [line for line in self.diff_config(text) if not line.endswith(": removed.")]
        self.configure(title=wanted.title or None, zone=wanted.zone)
        self._keep_words(wanted.vocabulary)
        for kind, values in wanted.exclusions.items():
            self.exclude(kind, values)
        changed += self._take_users(wanted)
        for spec in wanted.jobs:
            self.save_job(spec)
        for name in wanted.enabled if enable else ():
            self.enable(name)
        return changed

    def _take_users(self, wanted: Configuration) -> list[str]:
        rows = [u.model_dump(exclude={"org_username"}, exclude_defaults=True) for u in wanted.users]
        self.take_in("users", rows, "configuration")
        known = configuration.org_users_by_username(self.database, self.workspace_id)
        missing = []
        for user in (u for u in wanted.users if u.org_username):
            org_id = known.get(str(user.org_username).lower())
            if org_id:
                self.link_user(user.email, org_id)
            else:
                missing.append(f"user {user.email}: the org has no user {user.org_username}; link another one.")
        return missing

    # -- the team's own words

    def vocabulary(self) -> Vocabulary:
        """The team's custom fields, stages, outcomes and activity types."""
        return Vocabulary.model_validate(setting.get(self.database, self.workspace_id, intake.VOCABULARY) or {})

    def add_field(
        self, kind: str, name: str, type: str = "text", *, label: str = "", choices: Sequence[str] = ()
    ) -> None:
        """Add a custom field to a kind of record, or change it; mappings name it ``fields.NAME``.

        Raises:
            UsageError: no such kind or type, or a name that is none.
        """
        try:
            made = CustomField.model_validate(
                {"kind": kind, "name": name, "type": type, "label": label, "choices": tuple(choices)}
            )
        except ValueError:
            raise UsageError(
                f"'{name}' of type {type} cannot be a field of {kind}.",
                hint=f"Names are lower case letters, digits and _; types are {', '.join(TYPES)}; a choice has choices.",
            ) from None
        self._keep_words(self.vocabulary().with_field(made))

    def remove_field(self, kind: str, name: str) -> None:
        """Take a custom field away; the values that records have stay."""
        self._keep_words(self.vocabulary().without_field(Kind(kind), name))

    def set_words(self, name: str, words: Sequence[str]) -> None:
        """Replace a word list: person_stages, account_stages, outcomes or activity_types.

        Raises:
            UsageError: there is no such list, or a word comes twice.
        """
        self._keep_words(self.vocabulary().with_words(name, tuple(words)))

    def fields(self, kind: str) -> tuple[WorkspaceField, ...]:
        """Every field of a kind that can be mapped, the team's own included."""
        return all_fields(Kind(kind), self.vocabulary())

    def _keep_words(self, words: Vocabulary) -> None:
        before = self.vocabulary()
        setting.put(self.database, self.workspace_id, intake.VOCABULARY, words.model_dump(mode="json"))
        both = {"before": before.model_dump(mode="json"), "after": words.model_dump(mode="json")}
        if before != words:
            self._note("vocabulary.changed", self.name, both)

    # -- what a job is limited to

    def exclude(self, kind: str, values: Sequence[str], *, exclude: bool = True) -> list[str]:
        """Put domains or people (by e-mail) on the exclusion list that no job crosses, or take them off.

        Opt-outs are written back all the same.

        Raises:
            UsageError: no such list, or a value is no domain or e-mail address.
        """
        before = self.exclusions()
        named = exclusions.change(self.database, self.workspace_id, kind, values, exclude=exclude)
        after = self.exclusions()
        if before != after:
            self._note("exclusion.added" if exclude else "exclusion.removed", kind, {"before": before, "after": after})
        return named

    def exclusions(self) -> dict[str, list[str]]:
        """The exclusion lists: domain and person."""
        found = exclusions.read(self.database, self.workspace_id)
        return {"domain": sorted(found.domains), "person": sorted(found.people)}

    def list_views(self, sobject: str) -> list[dict[str, str]]:
        """The org's list views of an object that the connected user may see: name, label.

        One that is not among them is not shared with that user: the org's admin can share it.
        """
        return lists.views(self._ctx(), sobject)

    def check_filter(self, sobject: str, where: str) -> list[Finding]:
        """Every finding of a SOQL filter as it is typed: form, fields, permissions, and what it costs to read by it."""
        return lists.check_filter(self._ctx(), sobject, where)

    def segments(self) -> list[dict[str, Any]]:
        """The workspace's segments: name, kind, members."""
        return lists.segments(self.database, self.workspace_id)

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

    def specs(self) -> list[JobSpec]:
        """All jobs' specs, in the order in which they run."""
        with self.database.session() as session:
            rows = session.exec(select(Job).where(Job.workspace_id == self.workspace_id)).all()
        return in_order([JobSpec.model_validate(r.spec) for r in rows])

    def job(self, name: str) -> JobSpec:
        """One job's spec.

        Raises:
            NotFound: there is no such job.
        """
        for spec in self.specs():
            if spec.name == name:
                return spec
        known = ", ".join(s.name for s in self.specs()) or "none yet"
        raise NotFound(f"There is no job called {name}.", hint=f"Jobs: {known}.")

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs with their state: spec's head, enabled, next run, last run, open rows, linked records."""
        return reporting.jobs(self.database, self.workspace_id, self.specs())

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
        if from_now:
            start_now(self._ctx(), spec)
        self._switch(spec, on=True)

    def backfill_counts(self, name: str) -> dict[str, int]:
        """What a backfill of everything that is there would come to, by outcome; writes nothing."""
        return self.preview(name, full=True).counts

    def backfill(self, name: str) -> str:
        """Sync once everything that is there, beside what is new from now on; returns the run."""
        return self._ask(self.job(name), reason="backfill", scope={"full": True})

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

    def validate(self, job: str | JobSpec) -> list[Finding]:
        """Every finding of a job, worst first; saves nothing."""
        spec = self.job(job) if isinstance(job, str) else job
        ctx = self._ctx()
        orgs = {p.sobject: o for p in spec.pairs if (o := _or_none(ctx, p.sobject)) is not None}
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

    def seen_values(self, spec: JobSpec) -> dict[str, list[str]]:
        """The values that occur, or may by the team's words, in fields that the job maps through a value map."""
        seen = {k: list(v) for k, v in self.value_counts(spec).items()}
        if spec.direction is Direction.OUTBOUND:
            for name, words in self.vocabulary().words(spec.kind).items():
                have = {v.strip().lower() for v in seen.get(name, ())}
                seen[name] = [*seen.get(name, ()), *(w for w in words if w.lower() not in have)]
        return seen

    def value_counts(self, spec: JobSpec) -> dict[str, dict[str, int]]:
        """Field -> value -> number of records, for the fields of an outbound job that go through a value map."""
        return reporting.value_counts(self.database, self.workspace_id, spec)

    def preview(self, job: str | JobSpec, *, full: bool = False) -> Preview:
        """What a run of the job would do now, or with ``full`` one over everything; reads the org, writes nothing.

        Raises:
            NotFound: no such job, or the workspace is not connected.
            OrgError: the org did not answer.
        """
        spec = self.job(job) if isinstance(job, str) else job
        ctx = self._ctx()
        with ctx.gateway.tally() as tally:
            planned, sources = steps.compute(ctx, spec, {"full": True} if full else None)
        rows = pl.concat([p.rows for p in planned]).with_row_index("row", 1)
        tripped = guards.check(rows, steps.linked(ctx, spec), spec.guards, steps.left(ctx, spec, None, sources))
        self.engine.note(self.workspace_id)
        counts = {"input": sum(sources.values()), **plan.counts(rows)}
        return Preview(spec.name, counts, rows, [t.message for t in tripped], tally.calls)

    # -- plans

    def request_plan(self, job: str) -> str:
        """Queue the making of a plan; returns the id of the run that makes it, and soon names it as ``plan_id``."""
        return self._ask(self.job(job), reason="plan", kind="plan")

    def plan(self, job: str, *, wait: float = 600) -> str:
        """Make and keep a plan; returns its id."""
        run_id = self.request_plan(job)
        self.wait(run_id, wait)
        found = runs.get(self.database, self.workspace_id, run_id)
        if found.plan_id is None or found.status == RunStatus.FAILED:
            raise UsageError(f"The plan was not made: {(found.error or {}).get('message', found.status)}")
        return found.plan_id

    def plans(
        self, limit: int = 50, *, job: str | None = None, status: str | None = None, skip: int = 0
    ) -> pl.DataFrame:
        """Kept plans, newest first; ``counts``, ``ground``, ``guards`` are JSON, ``total`` how many fit in all."""
        return plans.list_frame(self.database, self.workspace_id, limit, job, status, skip)

    def plan_info(self, plan_id: str) -> dict[str, Any]:
        """One plan's row.

        Raises:
            NotFound: there is no such plan.
        """
        return plans.head(self.database, self.workspace_id, plan_id)

    def plan_rows(
        self,
        plan_id: str,
        *,
        outcome: str | None = None,
        after: int = 0,
        limit: int = 50,
        sobject: str = "",
        search: str = "",
        skip: int = 0,
    ) -> pl.DataFrame:
        """Rows of a plan by number, from the one after ``after``; ``search`` looks in title, keys and reason."""
        return plans.rows_page(
            self.database, self.workspace_id, plan_id, outcome, after, limit, sobject=sobject, search=search, skip=skip
        )

    def plan_rows_found(
        self, plan_id: str, *, outcome: str | None = None, sobject: str = "", search: str = ""
    ) -> pl.DataFrame:
        """How many rows `plan_rows` would find in all, by object and cause: sobject, cause, reason, n."""
        return plans.rows_found(self.database, self.workspace_id, plan_id, outcome, sobject, search)

    def approve(self, plan_id: str) -> None:
        """Agree to a plan."""
        self._mark_plan(plan_id, "approved")

    def discard(self, plan_id: str) -> None:
        """Throw a plan away."""
        self._mark_plan(plan_id, "discarded")

    def _mark_plan(self, plan_id: str, status: str) -> None:
        plans.mark(self.database, self.workspace_id, plan_id, status, self.actor)
        self._note(f"plan.{status}", plan_id)

    def apply(self, plan_id: str) -> str:
        """Apply an approved plan; returns the run that does it."""
        kept = plans.head(self.database, self.workspace_id, plan_id)
        if not kept["approved_by"]:
            self.approve(plan_id)
        return self._ask(self.job(str(kept["job"])), reason="plan approved", plan_id=plan_id)

    # -- runs

    def request_run(self, job: str, *, reason: str = "by hand", full: bool = False) -> str:
        """Queue a run of a job; returns its id."""
        return self._ask(self.job(job), reason=reason, scope={"full": True} if full else None)

    def _ask(
        self, spec: JobSpec, *, reason: str, scope: Any = None, plan_id: str | None = None, kind: str = "run"
    ) -> str:
        with self.database.batch(self.workspace_id) as batch:
            return schedule.ask(
                batch, spec, actor=self.actor, reason=reason, at=self._now(), scope=scope, plan_id=plan_id, kind=kind
            )

    def try_job(self, job: str, user: str) -> str:
        """Run an outbound job for one person's latest activities only, before it is rolled out; returns the run.

        Raises:
            NotFound: the person is not linked to an org user, or has made nothing yet.
        """
        spec = self.job(job)
        records = trial.records_of(self._ctx(), spec, user)
        return self._ask(spec, reason=f"trial with {user.lower()}", scope={"records": records})

    def checklist(self, run_id: str) -> list[dict[str, Any]]:
        """What a run wrote and what the org has of it now, field by field: see `core.syncing.trial.checklist`."""
        run = runs.get(self.database, self.workspace_id, run_id)
        return trial.checklist(self._ctx(), self.job(run.job), run_id)

    def run(self, job: str, *, full: bool = False, wait: float = 3600) -> dict[str, Any]:
        """Run a job to its end and tell what it came to; uses the worker there is, else one of its own."""
        return self.wait(self.request_run(job, full=full), wait)

    def wait(self, run_id: str, seconds: float = 3600) -> dict[str, Any]:
        """Wait for a run; where no worker is running, be the worker meanwhile."""
        worker = Worker(self.engine, schedules=False)
        try:
            worker.start()
        except WorkerRunning:
            wait_for(self.database, run_id, seconds)
        else:
            try:
                wait_for(self.database, run_id, seconds)
            finally:
                worker.stop()
        return self.run_info(run_id)

    def run_info(self, run_id: str) -> dict[str, Any]:
        """A run as interfaces print it, with ``error``, ``actor``, ``reason``, ``planned`` beside."""
        run = runs.get(self.database, self.workspace_id, run_id)
        out = runs.as_json(run.model_dump())
        return {
            **out,
            "actor": run.actor,
            "reason": run.reason,
            "planned": run.n_planned,
            "plan_id": run.plan_id,
            "error": run.error,
        }

    def runs(
        self,
        limit: int = 100,
        job: str | None = None,
        *,
        statuses: Sequence[str] = (),
        search: str = "",
        jobs: Sequence[str] = (),
        skip: int = 0,
    ) -> list[dict[str, Any]]:
        """The latest runs, newest first; ``search`` looks in run, job, person and reason, and takes those of ``jobs``.

        ``total`` of each is how many fit in all.
        """
        frame = runs.list_frame(
            self.database, self.workspace_id, limit, job, statuses=statuses, search=search, jobs=jobs, skip=skip
        )
        shown = {"planned": "n_planned", "requested_at": "requested_at", "started": "started_at", "ended": "ended_at"}
        same = {c: c for c in ("actor", "reason", "kind", "error", "plan_id", "total")}
        return [
            {
                **runs.as_json(r),
                **{k: r[c] for k, c in (same | shown).items()},
                "error": json.loads(r["error"]) if r["error"] else None,
            }
            for r in frame.iter_rows(named=True)
        ]

    def run_results(self, run_id: str, *, outcome: str | None = None, after: int = 0, limit: int = 50) -> pl.DataFrame:
        """Record results of a run by row number, with request and answer."""
        return runs.results_page(self.database, self.workspace_id, run_id, outcome, after, limit)

    def audit_books(self, run_id: str) -> dict[str, int]:
        """A run's books counted again from the stored rows."""
        return runs.audit_books(self.database, self.workspace_id, run_id)

    def preview_undo(self, run_id: str) -> Preview:
        """What an undo of a run would do now: restored are fields that still hold what it wrote, the rest is listed.

        Raises:
            UsageError: the run wrote nothing, or has not ended.
        """
        spec = self._undoable(run_id)
        ctx = self.context()
        with ctx.gateway.tally() as tally:
            planned, sources = steps.compute(ctx, spec, {"undo": run_id})
        rows = pl.concat([p.rows for p in planned]).with_row_index("row", 1)
        counts = {"input": sum(sources.values()), **plan.counts(rows)}
        return Preview(spec.name, counts, rows, [], tally.calls)

    def undo(self, run_id: str) -> str:
        """Take back what a run wrote, as far as nobody has changed it since; returns the run that does it.

        That run can be undone as well.

        Raises:
            UsageError: the run has not ended.
        """
        spec = self._undoable(run_id)
        made = self._ask(spec, reason=f"undo of {run_id}", scope={"undo": run_id})
        self._note("run.undone", run_id, {"by": made})
        return made

    def _undoable(self, run_id: str) -> JobSpec:
        found = runs.get(self.database, self.workspace_id, run_id)
        if RunStatus(found.status) not in ENDED_RUNS:
            raise UsageError("That run has not ended yet.", hint="Cancel it, or wait.")
        return self.job(found.job)

    def recycle_bin(self, kind: str | None = None) -> pl.DataFrame:
        """Records that a sync has deleted here, the latest first; columns are those of ``core.audit.bin.BIN``."""
        return reporting.recycle_bin(self.database, self.workspace_id, kind)

    def restore(self, table: str, record_ids: Sequence[int]) -> int:
        """Take records out of the recycle bin; returns how many.

        Their org records are gone, so that an outbound job makes new ones.
        """
        wanted = self.recycle_bin(table).filter(pl.col("record_id").is_in(list(record_ids)))["record_id"]
        with self.database.batch(self.workspace_id, origin="by hand", actor=self.actor) as batch:
            bring_back(batch, table, wanted)
            ledger.write(
                batch, "records.restored", table, actor=self.actor, at=self._now(), values={"records": wanted.to_list()}
            )
        return wanted.len()

    def cancel(self, run_id: str) -> None:
        """Stop a run after the batch under way."""
        status = runs.get(self.database, self.workspace_id, run_id).status
        if status in (RunStatus.QUEUED, RunStatus.WAITING_APPROVAL):
            runs.set_status(self.database, self.workspace_id, run_id, RunStatus.CANCELED, ended_at=self._now())
        self.database.execute(
            "UPDATE run SET is_cancel_asked = true WHERE run_id = :r AND workspace_id = :w",
            r=run_id,
            w=self.workspace_id,
        )
        self._note("run.canceled", run_id)

    # -- errors: what is open, and pushing it again

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

    def count_open_rows(self, *, job: str | None = None, cause: str | None = None, search: str = "") -> int:
        """How many rows `open_rows` would find in all."""
        return reporting.count_open_rows(self.database, self.workspace_id, job=job, cause=cause, search=search)

    def open_record(self, job: str, subject: str) -> dict[str, Any]:
        """The workspace record behind an open row, field by field; empty where the row has none yet."""
        table = table_of(self.job(job).kind)
        return reporting.open_record(self.database, self.workspace_id, job, subject, table)

    def error_groups(self) -> list[dict[str, Any]]:
        """Open rows by job and cause: count, words, example, oldest, whether it is tried again by itself."""
        return reporting.error_groups(self.database, self.workspace_id)

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

    def inbox(self, *, job: str | None = None, kind: str | None = None) -> pl.DataFrame:
        """What waits for a person: conflicts, deletes, ambiguous matches, orphans, rows in doubt, plans on a brake.

        Columns are those of ``core.audit.inbox.INBOX``; ``item`` names a row to :meth:`decide`.
        """
        return reporting.inbox(self.database, self.workspace_id, self.specs(), job=job, kind=kind)

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

    def consent(self, person: int | None = None) -> pl.DataFrame:
        """The consent ledger, oldest first, or one person's part: who, channel, state, origin, actor, evidence."""
        return consent.history(self.database, self.workspace_id, person)

    def find_people(self, text: str, limit: int = 10) -> pl.DataFrame:
        """People whose name, e-mail or phone has the text in it: columns as those of `candidates`."""
        return reporting.find_people(self.database, self.workspace_id, text, limit)

    def candidates(self, job: str, subject: str) -> pl.DataFrame:
        """The people an ambiguous row could mean: record_id, name, title, company, email, phone, org_id, sobject."""
        return reporting.candidates(self.database, self.workspace_id, job, subject)

    def put_aside(self, job: str, subjects: Sequence[str], *, aside: bool = True) -> None:
        """Take open rows out of automatic retries, or put them back."""
        for subject in subjects:
            self.database.execute(
                "UPDATE open_row SET is_aside = :a WHERE workspace_id = :w AND job = :j AND subject = :s",
                {"a": aside, "w": self.workspace_id, "j": job, "s": subject},
            )
        self._note("rows.aside" if aside else "rows.back", job, {"subjects": list(subjects)})

    # -- intake and tokens

    def take_in(self, kind: str, rows: Iterable[Mapping[str, Any]], source: str = "api") -> list[Any]:
        """Take rows into the workspace; one answer per row, a broken row never stops the others."""
        return intake.take_in(
            self.database, self.workspace_id, kind, rows, actor=self.actor, source_name=source, now=self._now()
        )

    def take_in_file(self, kind: str, path: str | Path, source: str = "") -> list[Any]:
        """Take a CSV, NDJSON or Parquet file in."""
        rows = read_file(Path(path), kind)
        return intake.take_in(
            self.database,
            self.workspace_id,
            kind,
            rows,
            actor=self.actor,
            source_name=source or Path(path).stem,
            now=self._now(),
        )

    def create_token(self, name: str, role: str = "operator") -> str:
        """Make an API token; shown this once."""
        made = tokens.create_token(self.database, self.workspace_id, name, role, created_by=self.actor, now=self._now())
        self._note("token.created", name, {"role": role})
        return made.text

    def verify_token(self, text: str) -> tokens.TokenInfo | None:
        """Who a token is, or ``None``."""
        return tokens.verify_token(self.database, self.workspace_id, text, now=self._now())

    def list_tokens(self) -> list[tokens.TokenInfo]:
        """All tokens, without their secrets."""
        return tokens.list_tokens(self.database, self.workspace_id)

    def revoke_token(self, name: str) -> None:
        """End a token."""
        tokens.revoke_token(self.database, self.workspace_id, name, now=self._now())
        self._note("token.revoked", name)

    # -- alerts

    def alerts(self) -> dict[str, Any]:
        """What alerts are set to, and how things stand.

        Returns:
            ``rules`` (thresholds), ``channels`` (``name, kind, shown``), ``mutes`` (subject -> until), ``states``
            (subject -> ``level, since, title, why``, as of the worker's last look), ``recent``: the latest notices.
        """
        kept = alerts.read(self.database, self.workspace_id)
        channels = alerts.channels(self.database, self.workspace_id, self.doors.vault)
        recent = self.database.read(
            "SELECT at, kind, subject, detail FROM event WHERE workspace_id = :w AND kind LIKE 'alert.%'"
            " ORDER BY id DESC LIMIT 50",
            w=self.workspace_id,
        )
        return {
            "rules": Rules.model_validate(kept.get("rules", {})).model_dump(),
            "channels": [{"name": c.name, "kind": c.kind, "shown": c.shown} for c in channels],
            "mutes": muted(kept.get("mutes", {}), "", 0, self._now()),
            "states": alerts.read(self.database, self.workspace_id, alerts.STATE),
            "recent": recent.to_dicts(),
        }

    def set_alert_rules(self, **rules: int) -> None:
        """Set thresholds of alerts; those that are not named stay.

        Raises:
            UsageError: there is no such threshold, or the value does not fit.
        """
        before = alerts.read(self.database, self.workspace_id).get("rules", {})
        try:
            after = Rules.model_validate({**before, **rules}).model_dump()
        except ValueError as error:
            raise UsageError("That is no threshold of alerts.", hint=_THRESHOLDS) from error
        alerts.change(self.database, self.workspace_id, {"rules": after})
        if before != after:
            self._note("alerts.rules", self.name, {"before": before, "after": after})

    def add_alert_channel(self, name: str, kind: str, target: str) -> None:
        """Have alerts sent to a webhook or an e-mail address.

        Raises:
            UsageError: the kind is unknown, or the address does not fit it.
        """
        made = alerts.Channel(name.strip(), kind, target.strip())
        alerts.add_channel(self.database, self.workspace_id, self.doors.vault, made)
        self._note("alerts.channel_added", made.name, {"kind": kind, "to": made.shown})

    def remove_alert_channel(self, name: str) -> None:
        """Send no alerts there any more."""
        alerts.remove_channel(self.database, self.workspace_id, name)
        self._note("alerts.channel_removed", name)

    def try_alert_channel(self, name: str) -> None:
        """Send a trial notice.

        Raises:
            NotFound: there is no such channel.
            NotDelivered: it did not arrive.
        """
        channels = alerts.channels(self.database, self.workspace_id, self.doors.vault)
        found = next((c for c in channels if c.name == name), None)
        if found is None:
            raise NotFound(f"There is no alert channel called {name}.")
        alerting.trial(found, self.doors, self.name)

    def mute_alerts(self, subject: str = "all", hours: float = 24) -> None:
        """Keep a subject (``job:NAME``, ``connection``, ``api``, ``all``) silent for so long; 0 hours ends it."""
        kept = alerts.read(self.database, self.workspace_id).get("mutes", {})
        alerts.change(self.database, self.workspace_id, {"mutes": muted(kept, subject, hours, self._now())})
        self._note("alerts.muted" if hours > 0 else "alerts.unmuted", subject, {"hours": hours})

    # -- looking

    def explain(self, key: str) -> dict[str, Any]:
        """Everything known of one record: any id, e-mail, phone or external id."""
        return explaining.explain(self.database, self.workspace_id, key)

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

    def verify_merge(self, plan: merging.Simulation) -> list[str]:
        """What is not as simulated, once somebody has merged by hand; empty where all is."""
        return merging.verify(self._ctx(), plan)

    def repair_link(self, table: str, record_id: int, org_id: str | None) -> dict[str, Any]:
        """Link a record to another org record, or (``None``) unlink it; the change is recorded.

        Raises:
            UsageError: the Id is none, of another kind, or linked to another record.
            NotFound: there is no such record, here or in the org.
        """
        return repair.relink(self._ctx(), self.actor, table, record_id, org_id)

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

    def write_report(self, made: report.Report, path: str | Path, file_format: str = "html") -> list[Path]:
        """Write a month's audit: a page or a JSON document, or (csv) a folder of tables; what was written.

        Raises:
            UsageError: there is no such format.
        """
        files = report_files.write(made, Path(path), file_format)
        self._note("audit.exported", made.month, {"format": file_format})
        return files

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

    def audit_views(self, *, drop: bool = False) -> list[str]:
        """Make or renew the database's views of the audit tables, or drop them; their names."""
        if drop:
            views.drop(self.database)
            return []
        return views.make(self.database, {name: table.types for name, table in catalog.TABLES.items()})

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

    def backtest_summary(self, rows: pl.DataFrame | None = None) -> pl.DataFrame:
        """A backtest counted by policy: wins, what each side lost, and how often the later change was lost."""
        return backtesting.summary(self.backtest() if rows is None else rows)

    def held_about(self, key: str) -> dict[str, list[dict[str, Any]]]:
        """Everything that is held about a person, table by table: what they have a right to see.

        Raises:
            NotFound: the key names no person.
        """
        return erasing.held(self.database, self.workspace_id, self._person(key))

    def preview_erasure(self, key: str) -> dict[str, int]:
        """How many rows of each table hold something about a person; nothing is changed.

        Raises:
            NotFound: the key names no person.
        """
        return erasing.counts(self.database, self.workspace_id, self._person(key))

    def erase_person(self, key: str) -> dict[str, int]:
        """Blank a person's values everywhere here; ids, hashes and the opt-out stay, so that no sync brings them back.

        The org is not touched: its own record is for the org's admin.

        Returns:
            Table -> rows touched.

        Raises:
            NotFound: the key names no person.
        """
        return erasing.erase(self.database, self.workspace_id, self._person(key), self.actor, self._now())

    def _person(self, key: str) -> erasing.Person:
        found = [
            r.record_id for r in finding.find(self.database, self.workspace_id, key).records if r.table == "person"
        ]
        if not found:
            raise NotFound(f"{key} names no person here.", hint="Any id, e-mail or phone will do.")
        return erasing.find(self.database, self.workspace_id, found)

    def retention(self) -> dict[str, int]:
        """Days that values are kept, by kind: requests, before_values, plans, ledger_values."""
        return {**erasing.DEFAULTS, **(setting.get(self.database, self.workspace_id, "retention") or {})}

    def keep_for(self, **days: int) -> dict[str, int]:
        """Set how many days values of a kind are kept.

        Raises:
            UsageError: no such kind, or less than a day.
        """
        unknown = [k for k in days if k not in erasing.DEFAULTS]
        if unknown or any(d < 1 for d in days.values()):
            raise UsageError("Retention is set in days, by kind.", hint=f"Kinds: {', '.join(erasing.DEFAULTS)}.")
        before = self.retention()
        wanted = {**before, **days}
        setting.put(self.database, self.workspace_id, "retention", wanted)
        if before != wanted:
            self._note("config.retention", "retention", {"before": before, "after": wanted})
        return wanted

    def apply_retention(self) -> dict[str, int]:
        """Reduce what is older than it is to be kept to ids, counts and hashes; rows touched by kind."""
        now = self._now()
        done = {
            kind: erasing.reduce(self.database, self.workspace_id, kind, now - timedelta(days=days))
            for kind, days in self.retention().items()
        }
        self._note("retention.applied", self.name, done)
        return done

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

    def write_bundle(self, key: str, path: str | Path) -> Path:
        """Write a record's support bundle to a file (zip: the JSON, and the story as text)."""
        made = private(Path(path))
        made.write_bytes(bundling.zipped(self.bundle(key)))
        self._note("bundle.made", key)
        return made

    def compare(self, job: str) -> pl.DataFrame:
        """Fields in which linked records differ between workspace and org now, with the cause of each."""
        return comparing.compare(self._ctx(), self.job(job))

    def overview(self) -> dict[str, Any]:
        """Health at one look: jobs worst first, what needs a person, freshness, API allowance."""
        return reporting.overview(self.database, self.workspace_id, self.specs(), self._now())

    def config_log(self, *, topic: str = "", search: str = "", limit: int = 50, skip: int = 0) -> pl.DataFrame:
        """Who changed the configuration, newest first: id, at, actor, kind, subject, detail, body (JSON), total."""
        return configlog.log(self.database, self.workspace_id, topic=topic, search=search, limit=limit, skip=skip)

    def api_budget(self) -> dict[str, Any]:
        """What the API allowance went to by job and day, and the forecast of a day: see `core.audit.budget.budget`."""
        return budgeting.budget(self.database, self.workspace_id, self.specs(), self._now())

    def readiness(self) -> dict[str, bool | str]:
        """Whether database, worker and org answer."""
        return reporting.readiness(self.database, self.workspace_id, self._now())

    def summary(self) -> dict[str, dict[str, int]]:
        """How many records there are: org objects (asked of the org) and workspace kinds."""
        ctx = self._ctx()
        names = sorted({p.sobject for s in self.specs() for p in s.pairs})
        return {
            "org": {n: ctx.gateway.count(n) for n in names},
            "workspace": reporting.kinds(self.database, self.workspace_id),
        }


def _or_none(ctx: Context, sobject: str) -> OrgObject | None:
    try:
        return ctx.org(sobject)
    except NotFound:
        return None


def in_order(specs: Sequence[JobSpec]) -> list[JobSpec]:
    """Jobs so that each comes after those it names in ``after``."""
    left = sorted(specs, key=lambda s: s.name)
    out: list[JobSpec] = []
    while left:
        names = {s.name for s in left}
        ready = next((s for s in left if not names & set(s.after) - {s.name}), left[0])
        out.append(ready)
        left.remove(ready)
    return out


def open_workspace(
    name: str = "default",
    actor: str | None = None,
    *,
    config: Settings | None = None,
    clock: Clock | None = None,
) -> Workspace:
    """Open a workspace of the configured database, making both on the first use.

    Args:
        name: the workspace.
        actor: who acts; the operating-system user where unset.
        config: settings other than the environment's.
        clock: the clock; the machine's where unset.
    """
    config = config or settings()
    config.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(config.url())
    migrate(database)
    doors = Doors(
        database,
        open_vault(config.secret_key.get_secret_value(), config.home),
        clock or SystemClock(),
        config.home,
        config.ca_file,
    )
    actor = actor or getpass.getuser()
    with database.session() as looking:
        row = looking.exec(select(WorkspaceRow).where(WorkspaceRow.name == name)).first()
    if row is not None:
        return Workspace(doors, row.id, name, actor)
    with database.writing() as session:
        row = session.exec(select(WorkspaceRow).where(WorkspaceRow.name == name)).first()
        if row is None:
            highest = max((w.id for w in session.exec(select(WorkspaceRow)).all()), default=0)
            row = WorkspaceRow(id=highest + 1, name=name, title=name, created_at=doors.clock.now(), created_by=actor)
            session.add(row)
            session.commit()
        workspace_id = row.id
    return Workspace(doors, workspace_id, name, actor)
