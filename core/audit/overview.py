"""Sums a workspace up at one look: a verdict, the jobs worst first with the reason, and what needs a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.audit import counts
from core.audit.jobs import jobs
from core.audit.opened import error_groups
from core.mapping.spec import JobSpec
from core.records import OPEN_OUTCOMES, Direction, Outcome, RunStatus
from core.store.database import Database

STATES = ("stopped", "failing", "needs_a_person", "behind", "paused", "running", "not_yet_run", "in_step", "off")
"""States of a job, worst first. Stopped: nothing moves until someone acts. Failing: it moves, some rows are refused.
Needs a person: rows or a plan wait for a decision. Behind: it moves, late. Not yet run: it is on, and no run of it is
known.
Waiting rows come right by themselves and
leave a job in step."""
GRACE = timedelta(minutes=2)
"""A run that is due for longer than this is late."""
DAYS = 7


def overview(db: Database, workspace_id: int, specs: Sequence[JobSpec], now: datetime) -> dict[str, Any]:
    """Health at one look.

    Returns:
        ``verdict`` (``state`` and ``sentence``); ``jobs``: the entries of `core.audit.jobs.jobs`, worst first, with
        ``state``, ``why`` (one sentence), ``workspace``, ``org``, ``differ`` (counts as known here), ``reasons`` (why
        they differ: ``{"reason", "n"}``), ``data_at`` (the data is as of then), ``data_age_s``; ``needs_person``: cards
        ``{"kind", "count", "title", "sentence", "job", "cause"}``; ``metrics``: ``waiting, held, rejected, in_doubt,
        oldest_at, api_used, api_limit``; ``by_day``: rows by outcome for each of the last 7 days; ``connection`` (or
        ``None``); ``is_paused`` (writes to the org are stopped), ``is_reading_paused``. Keys that end in ``_at`` hold
        instants.
    """
    head = db.read(
        "SELECT zone, is_paused, is_reading_paused, paused_by FROM workspace WHERE id = :w", w=workspace_id
    ).row(0, named=True)
    connection = _connection(db, workspace_id)
    groups = error_groups(db, workspace_id)
    listed = jobs(db, workspace_id, specs)
    facts = _Facts(db, workspace_id, specs, head, connection, groups, now)
    judged = [facts.judged(j) for j in listed]
    judged.sort(key=lambda j: (STATES.index(j["state"]), -abs(j["differ"]), j["name"]))
    return {
        "verdict": _verdict(judged, connection),
        "jobs": judged,
        "needs_person": _cards(db, workspace_id, judged, groups, connection),
        "metrics": _metrics(groups, connection),
        "by_day": counts.by_day(db, workspace_id, head["zone"], now, DAYS),
        "connection": connection,
        "is_paused": bool(head["is_paused"]),
        "is_reading_paused": bool(head["is_reading_paused"]),
    }


class _Facts:
    """What is asked of the store once for all jobs."""

    def __init__(
        self,
        db: Database,
        workspace_id: int,
        specs: Sequence[JobSpec],
        head: Mapping[str, Any],
        connection: Mapping[str, Any] | None,
        groups: Sequence[Mapping[str, Any]],
        now: datetime,
    ) -> None:
        self.specs = {s.name: s for s in specs}
        self.is_paused, self.paused_by = bool(head["is_paused"]), head["paused_by"]
        self.is_reading_paused = bool(head["is_reading_paused"])
        self.connection, self.groups, self.now = connection, groups, now
        self.counts = counts.kinds(db, workspace_id)
        self.data_at = counts.data_at(db, workspace_id)
        out = [s for s in specs if s.direction is Direction.OUTBOUND]
        self.unseen = {s.name: counts.unseen(db, workspace_id, s) for s in out}
        self.unlinked = counts.open_unlinked(db, workspace_id)

    def judged(self, job: dict[str, Any]) -> dict[str, Any]:
        state, why = self.state(job)
        sides = self.sides(job)
        data_at = self.data_at.get(job["name"])
        age = (self.now - data_at).total_seconds() if data_at else None
        return {**job, "state": state, "why": why, **sides, "data_at": data_at, "data_age_s": age}

    def state(self, job: Mapping[str, Any]) -> tuple[str, str]:
        for found in (self._off, self._stopped, self._failing, self._asks, self._late, self._running, self._new):
            verdict = found(job)
            if verdict is not None:
                return verdict
        return "in_step", _in_step(job["open"])

    def _off(self, job: Mapping[str, Any]) -> tuple[str, str] | None:
        if not job["is_enabled"]:
            return "off", "It is switched off: nothing runs by itself."
        if self.is_paused and job["direction"] == Direction.OUTBOUND.value:
            who = f" by {self.paused_by}" if self.paused_by else ""
            return "paused", f"All writes to the org were paused{who}. Nothing is lost; they go out on resuming."
        if self.is_reading_paused and job["direction"] == Direction.INBOUND.value:
            who = f" by {self.paused_by}" if self.paused_by else ""
            return "paused", f"Reading from the org was paused{who}. Nothing is lost; it is read on resuming."
        return None

    def _stopped(self, job: Mapping[str, Any]) -> tuple[str, str] | None:
        if self.connection is None:
            return "stopped", "No org is connected."
        if self.connection["state"] == "auth_failed":
            return "stopped", self.connection["reason"] or "The org no longer accepts our sign-in."
        last = job["last_run"]
        if last and last["status"] == RunStatus.FAILED:
            return "stopped", str((last["error"] or {}).get("message") or "The last run failed.")
        return None

    def _failing(self, job: Mapping[str, Any]) -> tuple[str, str] | None:
        mine = [g for g in self.groups if g["job"] == job["name"]]
        refused = [g for g in mine if g["outcome"] == "rejected" and not g["is_temporary"]]
        n = sum(g["count"] - g["aside"] for g in refused)
        if not n:
            return None
        worst = max(refused, key=lambda g: g["count"])
        return "failing", f"{_rows(n)} refused; the rest moves. Most often: {str(worst['words']).rstrip('.')}."

    def _asks(self, job: Mapping[str, Any]) -> tuple[str, str] | None:
        last = job["last_run"]
        if last and last["status"] == RunStatus.WAITING_APPROVAL:
            return "needs_a_person", "A plan tripped a guard and waits for approval."
        held = [g for g in self.groups if g["job"] == job["name"] and g["outcome"] == "held"]
        n = sum(g["count"] - g["aside"] for g in held)
        if not n:
            return None
        worst = max(held, key=lambda g: g["count"])
        return "needs_a_person", f"{_rows(n)} held for a decision. Most often: {str(worst['words']).rstrip('.')}."

    def _late(self, job: Mapping[str, Any]) -> tuple[str, str] | None:
        last = job["last_run"]
        if last and last["status"] == RunStatus.PARTIAL:
            said = str((last["error"] or {}).get("message") or "It stopped half-way.")
            return "behind", f"The last run did part of its work: {said}"
        due = job["next_run_at"]
        if due is not None and due + GRACE < self.now and not _is_open(last):
            return "behind", f"It was due {int((self.now - due).total_seconds() // 60)} minutes ago and has not begun."
        return None

    def _running(self, job: Mapping[str, Any]) -> tuple[str, str] | None:
        last = job["last_run"]
        if not _is_open(last):
            return None
        assert last is not None  # noqa: S101
        done = sum(last["counts"][o.value] for o in Outcome)
        if last["status"] == RunStatus.QUEUED:
            return "running", "A run is queued."
        return "running", f"A run is under way: {done:,} of {max(last['counts']['input'], done):,} rows done."

    def _new(self, job: Mapping[str, Any]) -> tuple[str, str] | None:
        if job["last_run"] is not None:
            return None
        first = "The first run has not begun yet" if job["next_run_at"] else "No run has been asked for yet"
        return "not_yet_run", f"{first}: nothing is known of how both sides stand."

    def sides(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Counts on both sides as known here, and why they differ."""
        spec = self.specs[job["name"]]
        linked, opened = job["linked"], self.unlinked.get(spec.name, {})
        reasons = [{"reason": _OPEN_WORDS[o], "n": n} for o, n in opened.items() if n]
        if spec.direction is Direction.INBOUND:
            org = linked + sum(opened.values())
            return {"workspace": linked, "org": org, "differ": linked - org, "reasons": reasons}
        have = self.counts.get(spec.kind.value, 0)
        fresh = min(self.unseen.get(spec.name, 0), max(have - linked, 0))
        left = have - linked - sum(opened.values()) - fresh
        if fresh:
            reasons.append({"reason": "not yet looked at", "n": fresh})
        if left > 0:
            reasons.append({"reason": "left out by the job's rules", "n": left})
        return {"workspace": have, "org": linked, "differ": have - linked, "reasons": reasons}


_OPEN_WORDS = {
    "waiting": "waiting, come right by themselves",
    "held": "held for a decision",
    "rejected": "rejected",
    "in_doubt": "in doubt",
}


def _is_open(run: Mapping[str, Any] | None) -> bool:
    return run is not None and run["status"] in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED)


def _rows(n: int) -> str:
    return "1 row is" if n == 1 else f"{n:,} rows are"


def _in_step(opened: Mapping[str, int]) -> str:
    n = opened.get("waiting", 0)
    return f"In step; {_rows(n)} waiting for their person or account." if n else "In step."


def _connection(db: Database, workspace_id: int) -> dict[str, Any] | None:
    found = db.read(
        "SELECT name, org_id, username, instance_url, state, state_reason AS reason, state_at, api_used, api_limit,"
        " api_blocked_until_at FROM connection WHERE workspace_id = :w ORDER BY is_master DESC, id LIMIT 1",
        w=workspace_id,
    )
    return found.row(0, named=True) if found.height else None


def _verdict(judged: Sequence[Mapping[str, Any]], connection: Mapping[str, Any] | None) -> dict[str, str]:
    if connection is None:
        return {"state": "stopped", "sentence": "Nothing is connected yet."}
    on = [j for j in judged if j["state"] != "off"]
    if not on:
        return {"state": "off", "sentence": "No job is switched on."}
    bad = [j for j in on if j["state"] in ("stopped", "failing", "needs_a_person", "behind")]
    paused = sum(j["state"] == "paused" for j in on)
    if not bad and paused:
        word = "1 job is" if paused == 1 else f"{paused} jobs are"
        return {"state": "paused", "sentence": f"{word} paused; nothing is lost."}
    if not bad and any(j["state"] == "not_yet_run" for j in on):
        new = sum(j["state"] == "not_yet_run" for j in on)
        return {"state": "not_yet_run", "sentence": f"{new} of {len(on)} jobs have not run yet."}
    if not bad:
        return {"state": on[0]["state"], "sentence": f"All {len(on)} jobs are in step."}
    names = "; ".join(str(j["title"]) for j in bad)
    word = "1 job" if len(bad) == 1 else f"{len(bad)} jobs"
    return {"state": bad[0]["state"], "sentence": f"{word} out of step: {names}."}


def _cards(
    db: Database,
    workspace_id: int,
    judged: Sequence[Mapping[str, Any]],
    groups: Sequence[Mapping[str, Any]],
    connection: Mapping[str, Any] | None,
) -> list[dict[str, Any]]:
    cards = []
    if connection is not None and connection["state"] == "auth_failed":
        said = connection["reason"] or "The org no longer accepts our sign-in."
        cards.append(_card("connection", 1, "Sign in to the org again", said))
    for job in judged:
        last = job["last_run"]
        if last and last["status"] == RunStatus.WAITING_APPROVAL:
            cards.append(_card("plan", 1, "A plan waits for approval", f"{job['title']} tripped a guard.", job["name"]))
    titles = {j["name"]: j["title"] for j in judged}
    for g in groups:
        n = g["count"] - g["aside"]
        if n and (g["outcome"] == "held" or (g["outcome"] == "rejected" and not g["is_temporary"])):
            said = f"{titles.get(g['job'], g['job'])}: {g['do']}"
            cards.append(_card(g["outcome"], n, str(g["words"]), said, g["job"], g["cause"]))
    return cards


def _card(
    kind: str, count: int, title: str, sentence: str, job: str | None = None, cause: str | None = None
) -> dict[str, Any]:
    return {"kind": kind, "count": count, "title": title, "sentence": sentence, "job": job, "cause": cause}


def _metrics(groups: Sequence[Mapping[str, Any]], connection: Mapping[str, Any] | None) -> dict[str, Any]:
    totals = {o.value: sum(g["count"] for g in groups if g["outcome"] == o.value) for o in OPEN_OUTCOMES}
    oldest = min((g["oldest_at"] for g in groups), default=None)
    api = connection or {}
    return {**totals, "oldest_at": oldest, "api_used": api.get("api_used"), "api_limit": api.get("api_limit")}
