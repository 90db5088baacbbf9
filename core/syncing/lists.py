"""Reads what an admin chooses from: list views, what a filter costs, segments; and makes the jobs of an import rule."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.connections.salesforce import soql
from core.errors import OrgError, TransientOrgError, UsageError
from core.mapping import load
from core.mapping.findings import Finding, fail, warn
from core.mapping.lint_inbound import where as check_where
from core.mapping.spec import JobSpec
from core.records import table_of
from core.store.database import Database
from core.syncing.context import Context
from core.syncing.scope import segments_of

TEMPLATES = {"Contact": "list_people_in", "Lead": "list_leads_in", "Account": "list_accounts_in"}
COSTLY_FROM = 100_000
"""Rows from which a filter that reads the whole table is worth a warning."""


def views(ctx: Context, sobject: str) -> list[dict[str, str]]:
    """The list views that the connected user may see: name (developer name), label; by label."""
    found = [{"name": str(v["developerName"]), "label": str(v["label"])} for v in ctx.gateway.list_views(sobject)]
    return sorted(found, key=lambda v: v["label"].lower())


def check_filter(ctx: Context, sobject: str, text: str) -> list[Finding]:
    """Everything there is to say of a SOQL filter as it is typed: fields, permissions, and what reading by it costs.

    The org is asked only where nothing is wrong with it so far: it parses the statement and tells its plan
    (``query?explain``), and reads nothing.
    """
    found = check_where(text, ctx.org(sobject))
    if not text.strip() or any(f.severity == "fail" for f in found):
        return found
    statement = soql.select(["Id"], sobject, f"({text})")
    try:
        told = ctx.gateway.call("GET", "query", params={"explain": statement}) or {}
    except TransientOrgError:
        raise
    except OrgError as error:
        text = f"The org refuses the filter: {error.message}"
        return [*found, fail("where_refused", "", text, "Correct the filter.")]
    return [*found, *_cost(sobject, list(told.get("plans") or []))]


def _cost(sobject: str, plans: list[dict[str, Any]]) -> list[Finding]:
    if not plans:
        return []
    best = min(plans, key=lambda p: float(p.get("relativeCost") or 0))
    rows, total = int(best.get("cardinality") or 0), int(best.get("sobjectCardinality") or 0)
    scans = str(best.get("leadingOperationType")) == "TableScan"
    text = f"About {rows:,} of {total:,} {sobject} records pass."
    if scans and total >= COSTLY_FROM:
        mend = "Filter by an indexed field as well: Id, Owner, a lookup, a date of creation, an External ID."
        return [warn("where_cost", "", f"{text} The org reads all of them to find these.", mend)]
    return [Finding("pass", "where_cost", "", text)]


@dataclass(frozen=True)
class Rule:
    """An import rule: which lists of an object go where."""

    sobject: str
    views: tuple[str, ...]
    segment: str = ""
    name: str = ""

    @property
    def job(self) -> str:
        """The name of its job."""
        return self.name or re.sub(r"[^a-z0-9]+", "-", f"list-{self.sobject}-{self.segment or self.views[0]}".lower())


def jobs_of(ctx: Context, rule: Rule) -> list[JobSpec]:
    """The jobs that a rule is made of: of accounts alone one; of people also one that brings their accounts.

    A lead has no account in the org: it joins the account here whose domain is that of its e-mail address.

    Raises:
        UsageError: lists of that object are not imported, or none was chosen.
    """
    if rule.sobject not in TEMPLATES:
        raise UsageError(f"Lists of {rule.sobject} are not imported.", hint=f"Choose {', '.join(TEMPLATES)}.")
    if not rule.views:
        raise UsageError("Choose at least one list view.")
    spec = _made(ctx, TEMPLATES[rule.sobject], rule.job)
    limits = {"list_views": rule.views, "segment": rule.segment or None}
    if rule.sobject != "Contact":
        return [_limited(spec, **limits)]
    accounts = _made(ctx, "list_accounts_in", f"{rule.job}-accounts")
    title = f"Accounts of {spec.title[:1].lower()}{spec.title[1:]}"
    accounts = _limited(accounts, list_views=rule.views, through="Contact.AccountId")
    people = _limited(spec, **limits).model_copy(update={"after": (*spec.after, accounts.name)})
    return [accounts.model_copy(update={"title": title}), people]


def _made(ctx: Context, template: str, name: str) -> JobSpec:
    return load.make_job(template, job_name=name, orgs=ctx.orgs(load.template(template).sobjects))


def _limited(spec: JobSpec, **limits: Any) -> JobSpec:
    return spec.model_copy(update={"pairs": tuple(p.model_copy(update=limits) for p in spec.pairs)})


def segments(db: Database, workspace_id: int, specs: Sequence[JobSpec] = ()) -> list[dict[str, Any]]:
    """The segments there are: name, kind, members, and ``problem``: why a rule could not look after it, or empty.

    A rule whose list the connected user may not see any more takes nobody out: the segment stays as it was.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for table in ("account", "person"):
        rows = db.read(
            f"SELECT fields FROM {table} WHERE workspace_id = :w AND deleted_at IS NULL AND archived_at IS NULL"  # noqa: S608
            " AND fields LIKE '%\"segments\"%'",
            w=workspace_id,
        )
        counts.update((name, table) for text in rows["fields"] for name in segments_of(text))
    problems = _problems(db, workspace_id, specs)
    return [
        {"name": n, "kind": k, "members": c, "problem": problems.get((n, k), "")}
        for (n, k), c in sorted(counts.items())
    ]


def _problems(db: Database, workspace_id: int, specs: Sequence[JobSpec]) -> dict[tuple[str, str], str]:
    """What went wrong in the latest run of each job that fills a segment."""
    latest = db.read(
        "SELECT r.job, r.error FROM run r WHERE r.workspace_id = :w AND r.status = 'failed' AND NOT EXISTS (SELECT 1"
        " FROM run n WHERE n.workspace_id = r.workspace_id AND n.job = r.job AND n.requested_at > r.requested_at)",
        w=workspace_id,
    )
    said = {job: str((json.loads(error) if error else {}).get("message") or "") for job, error in latest.iter_rows()}
    return {(p.segment, table_of(s.kind)): said[s.name] for s in specs for p in s.pairs if p.segment and s.name in said}
