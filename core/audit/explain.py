"""Tells one record's whole story from any id, e-mail, phone or external id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from core.audit import lookup, reasons, sides, verdicts, whom, words
from core.audit.opened import candidates
from core.audit.shape import iso_row
from core.errors import SynclineError
from core.mapping.spec import JobSpec
from core.records import ACTIVITY_KINDS, Direction, Kind
from core.schema.describe import OrgObject
from core.store.database import Database
from core.store.records import load_records

MOST_ATTEMPTS = 50
MOST_EVENTS = 100
_ATTEMPTS = (
    "SELECT x.run_id, x.job, r.direction, r.actor, r.reason AS run_reason, x.at, x.sobject, x.org_id, x.record_id,"
    " x.action, x.outcome, x.cause, x.reason, x.field, x.status_code, x.request, x.answer, x.before, c.payload"
    " FROM record_result x JOIN run r ON r.workspace_id = x.workspace_id AND r.run_id = x.run_id LEFT JOIN change c"
    " ON c.workspace_id = x.workspace_id AND c.plan_id = r.plan_id AND c.row = x.row WHERE x.workspace_id = :w"
    " AND (x.record_id = :i OR x.org_id = :o) ORDER BY x.at DESC, x.run_id DESC, x.row LIMIT :n"
)
_OPEN = (
    "SELECT job, subject, outcome, cause, reason, field, status_code, tries, is_aside, retry_at, first_at, last_at,"
    " run_id, decision FROM open_row WHERE workspace_id = :w AND (record_id = :i OR org_id = :o)"
    " ORDER BY last_at DESC"
)
_ACTIVITIES = (
    "SELECT a.id AS record_id, a.kind, a.subject, a.occurred_at, a.user_email, l.org_id FROM activity a LEFT JOIN link"
    " l ON l.workspace_id = a.workspace_id AND l.table_name = 'activity' AND l.record_id = a.id AND l.state = 'active'"
    " WHERE a.workspace_id = :w AND (a.person_record_id = :p OR a.account_record_id = :a) AND a.deleted_at IS NULL"
    " ORDER BY a.occurred_at DESC, a.id DESC LIMIT 20"
)


def explain(db: Database, workspace_id: int, key: str) -> dict[str, Any]:
    """Everything known of the records that a key names, as JSON can carry it (instants are ISO text in UTC).

    Returns:
        ``key``; ``looked``: what the key was taken for; ``found``: how many records it means; ``more``: whether there
        are further ones; ``records``: the story of each (see `_story`); ``org_only``: for an org Id without a record
        here, what runs made of it: ``org_id, attempts, open, events``; ``user``: the workspace user of that e-mail with
        their org user, or ``None``.
    """
    found = lookup.find(db, workspace_id, key)
    ground = _Ground(db, workspace_id)
    told = found.records[: lookup.MOST]
    linked = {i for i in found.org_ids if any(f.by == "org Id" for f in found.records)}
    return {
        "key": key,
        "looked": found.looked,
        "found": len(found.records),
        "more": len(found.records) > len(told),
        "records": [_story(ground, f) for f in told],
        "org_only": [_org_only(ground, i) for i in found.org_ids if i not in linked],
        "user": _user(db, workspace_id, found.key),
    }


class _Ground:
    """What all stories of one answer stand on; read once."""

    def __init__(self, db: Database, workspace_id: int) -> None:
        self.db, self.workspace_id = db, workspace_id
        self.zone = str(db.one("SELECT zone FROM workspace WHERE id = :w", w=workspace_id) or "UTC")
        rows = db.read(
            "SELECT name, spec, is_enabled, enabled_by, next_run_at FROM job WHERE workspace_id = :w ORDER BY name",
            w=workspace_id,
        )
        self.heads = {r["name"]: iso_row(r) for r in rows.drop("spec").iter_rows(named=True)}
        self.specs = [JobSpec.model_validate_json(t) for t in rows["spec"]]
        self.titles = {s.name: s.title for s in self.specs}
        self._orgs: dict[str, OrgObject] | None = None

    def org(self, sobject: str) -> OrgObject | None:
        """An org object as last described."""
        if self._orgs is None:
            self._orgs = sides.describes(self.db, self.workspace_id)
        return self._orgs.get(sobject.lower())

    def rows(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        """Rows of a query of this workspace, as JSON can carry them."""
        frame = self.db.read(sql, {"w": self.workspace_id, **params})
        return [iso_row(r) for r in frame.iter_rows(named=True)]

    def row(self, sql: str, **params: Any) -> dict[str, Any] | None:
        """The first of them, or ``None``."""
        return next(iter(self.rows(sql, **params)), None)


def _story(ground: _Ground, found: lookup.Found) -> dict[str, Any]:
    """One record's story.

    Returns:
        ``table, kind, record_id, title, found_by``; ``workspace``: the record's own fields; ``link`` (active, with
        ``baseline``) and ``links`` (all, also ended ones); ``fields``: both sides by field (see `core.audit.sides`);
        ``person``, ``account``: what it belongs to;
        ``matched``: how the person was found (see `core.audit.whom`); ``attempts``: newest first, with request, answer
        and status;
        ``open``: rows that wait, are held, were rejected or are in doubt; ``events``: decisions with both values, and
        what people did; ``writers``: org or workspace field -> who wrote it last; ``jobs``: which take it, and why not;
        ``next_run_at``; ``why``: every reason why it is as it is (see `core.audit.reasons`); ``verdict``: the whole in
        one sentence; ``activities``: a person's or account's latest ones.
    """
    record = load_records(ground.db, ground.workspace_id, found.table, ids=[found.record_id])
    row = record.row(0, named=True)
    kind = sides.kind_of(found.table, row)
    links = _links(ground, found)
    active = next((link for link in links if link["state"] == "active"), None)
    attempts = _attempts(ground, i=found.record_id)
    opened = _open(ground, i=found.record_id)
    matched = _whom(ground, kind, row, active)
    person = _person(ground, matched["record_id"] if matched else None)
    account = _account(ground, whom.account_of(ground.db, ground.workspace_id, row, person))
    jobs = verdicts.of_record(ground.specs, ground.heads, kind, record, attempts, links)
    both = _fields(ground, kind, record, active, _beside(ground, row, person, account))
    story = {
        "table": found.table,
        "kind": kind.value,
        "record_id": found.record_id,
        "title": words.title(kind.value, row, person),
        "found_by": found.by,
        "workspace": _own(row),
        "link": active,
        "links": [{k: v for k, v in link.items() if k != "baseline"} for link in links],
        "fields": both,
        "person": person,
        "matched": matched,
        "account": account,
        "attempts": attempts,
        "open": opened,
        "events": _events(ground, found, row, links, attempts),
        "writers": _writers(attempts),
        "jobs": jobs,
        "next_run_at": min((j["next_run_at"] for j in jobs if j["fits"] and j["next_run_at"]), default=None),
        "activities": _activities(ground, found),
    }
    story["why"] = reasons.of(story, _facts(ground, row, active))
    return {**story, "verdict": _verdict(story, ground)}


def _facts(ground: _Ground, row: Mapping[str, Any], link: Mapping[str, Any] | None) -> reasons.Facts:
    email = str(row.get("user_email") or row.get("owner") or "").lower()
    user = ground.row(
        "SELECT u.email, u.org_user_id, o.is_active AS org_is_active, o.name AS org_name FROM workspace_user u"
        " LEFT JOIN org_user o ON o.workspace_id = u.workspace_id AND o.org_id = u.org_user_id"
        " WHERE u.workspace_id = :w AND u.email = :e",
        e=email,
    )
    return reasons.Facts(
        specs=ground.specs,
        org=ground.org(link["sobject"]) if link else None,
        user=user,
        is_paused=bool(ground.db.one("SELECT is_paused FROM workspace WHERE id = :w", w=ground.workspace_id)),
        plans=_waiting_plans(ground, int(row["id"])),
        zone=ground.zone,
    )


def _waiting_plans(ground: _Ground, record_id: int) -> dict[str, list[str]]:
    """Job -> guards of the plan that waits for approval and has the record in it."""
    rows = ground.rows(
        "SELECT r.job, p.guards FROM run r JOIN plan p ON p.workspace_id = r.workspace_id AND p.plan_id = r.plan_id"
        " JOIN change c ON c.workspace_id = p.workspace_id AND c.plan_id = p.plan_id AND c.record_id = :i"
        " AND c.action <> 'none' WHERE r.workspace_id = :w AND r.status = 'waiting_approval'",
        i=record_id,
    )
    return {r["job"]: list(json.loads(r["guards"] or "[]")) for r in rows}


def _own(row: Mapping[str, Any]) -> dict[str, Any]:
    parsed = ("fields", "field_times", "participants")
    out = iso_row({k: v for k, v in row.items() if k not in ("workspace_id", "seq", "hash", *parsed)})
    for name in parsed:
        if row.get(name):
            out[name] = json.loads(row[name])
    return out


def _links(ground: _Ground, found: lookup.Found) -> list[dict[str, Any]]:
    rows = ground.rows(
        "SELECT sobject, org_id, state, how, evidence, job, run_id, baseline, org_modified_at, org_stamp_at,"
        " created_at, updated_at FROM link WHERE workspace_id = :w AND table_name = :t AND record_id = :i ORDER BY"
        " CASE state WHEN 'active' THEN 0 ELSE 1 END, id DESC",
        t=found.table, i=found.record_id,
    )  # fmt: skip
    told = [words.link_story(r, ground.zone, ground.titles) for r in rows]
    return [{**r, "baseline": json.loads(r["baseline"] or "{}"), "story": t} for r, t in zip(rows, told, strict=True)]


def _whom(ground: _Ground, kind: Kind, row: Mapping[str, Any], link: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if kind not in ACTIVITY_KINDS:
        return None
    return whom.of_activity(ground.db, ground.workspace_id, row, link["baseline"] if link else {})


def _attempts(ground: _Ground, **who: Any) -> list[dict[str, Any]]:
    out = []
    for row in ground.rows(_ATTEMPTS, **{"i": None, "o": None, **who}, n=MOST_ATTEMPTS):
        parsed = {k: json.loads(row[k]) if row[k] else None for k in ("request", "answer", "before")}
        payload = row.pop("payload")
        if parsed["request"] is None and payload and row["action"] != "none":
            parsed["request"] = json.loads(payload)
        out.append({**row, **parsed})
    return out


def _open(ground: _Ground, **who: Any) -> list[dict[str, Any]]:
    rows = ground.rows(_OPEN, **{"i": None, "o": None, **who})
    for row in rows:
        people = candidates(ground.db, ground.workspace_id, row["job"], row["subject"])
        row["candidates"] = people.to_dicts()
        row["decision"] = json.loads(row["decision"]) if row["decision"] else None
    return rows


def _person(ground: _Ground, record_id: int | None) -> dict[str, Any] | None:
    if record_id is None:
        return None
    return ground.row(
        "SELECT p.id AS record_id, p.external_id, p.name, p.title, p.company, p.email, p.phone, p.account_record_id,"
        " p.opted_out_email, p.do_not_call, l.sobject, l.org_id"
        " FROM person p LEFT JOIN link l ON l.workspace_id = p.workspace_id AND l.table_name = 'person'"
        " AND l.record_id = p.id AND l.state = 'active' WHERE p.workspace_id = :w AND p.id = :i"
        # The Contact counts where somebody is linked as a Lead too.
        " ORDER BY CASE l.sobject WHEN 'Contact' THEN 0 ELSE 1 END, l.org_id",
        i=record_id,
    )


def _account(ground: _Ground, record_id: int | None) -> dict[str, Any] | None:
    if record_id is None:
        return None
    return ground.row(
        "SELECT a.id AS record_id, a.external_id, a.name, a.domain, l.sobject, l.org_id FROM account a LEFT JOIN link l"
        " ON l.workspace_id = a.workspace_id AND l.table_name = 'account' AND l.record_id = a.id AND l.state = 'active'"
        " WHERE a.workspace_id = :w AND a.id = :i",
        i=record_id,
    )


def _beside(
    ground: _Ground, row: Mapping[str, Any], person: Mapping[str, Any] | None, account: Mapping[str, Any] | None
) -> dict[str, str | None]:
    email = str(row.get("user_email") or row.get("owner") or "").lower()
    user = ground.row("SELECT zone FROM workspace_user WHERE workspace_id = :w AND email = :e", e=email)
    return {
        "person_name": person["name"] if person else None,
        "person_email": person["email"] if person else None,
        "account_name": account["name"] if account else None,
        "row_zone": (user or {}).get("zone") or None,
    }


def _fields(
    ground: _Ground, kind: Kind, record: pl.DataFrame, link: Mapping[str, Any] | None, beside: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    org = ground.org(link["sobject"]) if link else None
    if link is None or org is None:
        return []
    out: dict[str, dict[str, Any]] = {}
    for spec in ground.specs:
        if spec.kind is not kind or not any(p.sobject.lower() == org.name.lower() for p in spec.pairs):
            continue
        try:
            for field in sides.fields(spec, link, record, org, ground.zone, beside):
                out.setdefault(f"{spec.direction}:{field['field']}", field)
        except SynclineError:
            # A draft that does not compile any more has nothing to show.
            continue
    # A pair of jobs that carries a field both ways has it twice, once in each side's name: it is told once.
    pairs = {(f["workspace_field"], f["org_field"]) for f in out.values() if f["writes"] == "org"}
    told = [f for f in out.values() if f["writes"] == "org" or (f["workspace_field"], f["org_field"]) not in pairs]
    return sorted(told, key=lambda f: (not f["differs"], f["writes"], f["field"]))


def _events(
    ground: _Ground,
    found: lookup.Found,
    row: Mapping[str, Any],
    links: list[dict[str, Any]],
    attempts: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    subjects = list(dict.fromkeys([str(row["external_id"]), str(found.record_id), *(link["org_id"] for link in links)]))
    return _events_of(ground, [s for s in subjects if s], {a["run_id"]: a["job"] for a in attempts})


def _events_of(ground: _Ground, subjects: list[str], jobs: Mapping[str, str]) -> list[dict[str, Any]]:
    with ground.db.reading(ground.workspace_id) as batch:
        staged = batch.stage(pl.DataFrame({"subject": subjects}, schema={"subject": pl.String}))
        frame = batch.read(
            "SELECT e.at, e.actor, e.kind, e.subject, e.run_id, e.detail, v.body FROM event e LEFT JOIN event_value v"  # noqa: S608
            " ON v.workspace_id = e.workspace_id AND v.event_id = e.id WHERE e.workspace_id = :w"
            f" AND e.subject IN (SELECT subject FROM {staged}) ORDER BY e.id DESC LIMIT :n",
            w=ground.workspace_id,
            n=MOST_EVENTS,
        )
    rows = [iso_row(r) for r in frame.iter_rows(named=True)]
    for event in rows:
        body = event.pop("body")
        event["values"] = json.loads(body) if body else None
        event["policy"] = _policy(ground, jobs.get(event["run_id"] or ""), (event["values"] or {}).get("field"))
        event["story"] = words.event_story(event, event["policy"])
    return rows


def _policy(ground: _Ground, job: str | None, field: str | None) -> str | None:
    """The conflict policy that a job has for a field now."""
    spec = next((s for s in ground.specs if s.name == job), None)
    if spec is None:
        return None
    own = next((m.policy for p in spec.pairs if field and (m := p.mapping_of(field)) is not None and m.policy), None)
    return str((own or spec.policy).value)


def _writers(attempts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Field -> the last write of it: when, by which job and run, and the value; the newest attempt comes first."""
    out: dict[str, dict[str, Any]] = {}
    for attempt in attempts:
        if attempt["outcome"] not in ("created", "updated") or not isinstance(attempt["request"], dict):
            continue
        for field, value in attempt["request"].items():
            written = {k: attempt[k] for k in ("at", "job", "run_id", "actor")}
            side = "org" if attempt["direction"] == Direction.OUTBOUND.value else "workspace"
            out.setdefault(field, {**written, "side": side, "value": value})
    return out


def _activities(ground: _Ground, found: lookup.Found) -> list[dict[str, Any]]:
    if found.table == "activity":
        return []
    who = {"p": None, "a": None, found.table[0]: found.record_id}
    return ground.rows(_ACTIVITIES, **who)


def _org_only(ground: _Ground, org_id: str) -> dict[str, Any]:
    attempts = _attempts(ground, o=org_id)
    return {
        "org_id": org_id,
        "attempts": attempts,
        "open": _open(ground, o=org_id),
        "events": _events_of(ground, [org_id], {a["run_id"]: a["job"] for a in attempts}),
    }


def _user(db: Database, workspace_id: int, key: str) -> dict[str, Any] | None:
    rows = db.read(
        "SELECT u.email, u.name, u.zone, u.is_active, u.org_user_id, u.linked_how, o.name AS org_name, o.username AS"
        " org_username FROM workspace_user u LEFT JOIN org_user o ON o.workspace_id = u.workspace_id AND o.org_id ="
        " u.org_user_id WHERE u.workspace_id = :w AND (u.email = :e OR u.org_user_id = :k)",
        w=workspace_id, e=key.lower(), k=key,
    )  # fmt: skip
    return iso_row(rows.row(0, named=True)) if rows.height else None


def _verdict(story: Mapping[str, Any], ground: _Ground) -> str:
    if story["workspace"].get("deleted_at"):
        return f"It was deleted in the workspace on {words.moment(story['workspace']['deleted_at'], ground.zone)}."
    parts = [_linked_words(story)]
    if story["open"]:
        row = story["open"][0]
        said = row["outcome"].replace("_", " ").capitalize()
        parts.append(f"{said} in {ground.titles.get(row['job'], row['job'])}: {row['reason'] or row['cause']}")
    elif story["link"] is None:
        parts += [v["why"] for v in story["jobs"] if v["fits"]][:1]
    differing = [f["field"] for f in story["fields"] if f["differs"]]
    if differing:
        parts.append(f"Changed here since both sides last agreed: {', '.join(differing)}.")
    if story["next_run_at"]:
        parts.append(f"Next run: {words.moment(story['next_run_at'], ground.zone)}.")
    return " ".join(parts)


def _linked_words(story: Mapping[str, Any]) -> str:
    link = story["link"]
    if link is None:
        ended = next(iter(story["links"]), None)
        return f"Its {ended['sobject']} {ended['org_id']} is {ended['state']}." if ended else "It is not in the org."
    return f"It is {link['sobject']} {link['org_id']} in the org."
