"""Hears of changes in the org as they happen and has the jobs that want it look at once; polling stays as the net.

An event only says 'look now': records are read by a normal run, so an event that is lost, doubled or late does no harm.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from core.connections.salesforce.cometd import NEW, Stream, Subscribed, channel_of, refusal
from core.errors import SynclineError, TerminalOrgError, TransientOrgError
from core.records import Direction
from core.running.engine import Engine
from core.store import listening
from core.store.database import Database
from core.store.listening import LISTENING, POLLING, Heard

log = structlog.get_logger()
GATHER_S = 3.0
"""Seconds in which further events count as the same, so that a job is not asked more often."""
BROKEN_PAUSES: tuple[float, ...] = (1.0, 2.0, 5.0, 15.0, 60.0)
REFUSED_PAUSES: tuple[float, ...] = (60.0, 300.0, 900.0)
"""Seconds until an org is asked again that has no endpoint or does not let us in."""
ALIVE = timedelta(seconds=30)
STOP_S = 15.0


@dataclass(frozen=True)
class Wanted:
    """What a workspace wants to hear of, and from which org."""

    org: str
    address: str
    jobs: Mapping[str, frozenset[str]]
    """Org object -> jobs that read it."""


class Listeners:
    """One listener per connected workspace that wants it, kept by one worker."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: dict[int, Listener] = {}

    def tend(self, worker_id: str) -> None:
        """Begin and end listeners as jobs and connections are now; of several workers the first one listens."""
        db, now = self._engine.doors.db, self._engine.doors.clock.now()
        first = db.one("SELECT MIN(worker_id) FROM worker WHERE seen_at > :at", at=now - ALIVE)
        wanted = _wanted(db) if first == worker_id else {}
        for workspace_id, listener in list(self._running.items()):
            if wanted.get(workspace_id) != listener.wanted:
                del self._running[workspace_id]
                listener.stop("Nobody listens at the moment.")
        for workspace_id, want in wanted.items():
            if workspace_id not in self._running:
                self._running[workspace_id] = Listener(self._engine, workspace_id, want)
                self._running[workspace_id].start()

    def stop(self) -> None:
        """End all."""
        while self._running:
            self._running.popitem()[1].stop("Nobody listens: the worker was stopped.")


class Listener:
    """The listener of one workspace."""

    def __init__(self, engine: Engine, workspace_id: int, wanted: Wanted) -> None:
        self.wanted = wanted
        self._engine = engine
        self._db = engine.doors.db
        self._workspace_id = workspace_id
        self._objects = {channel_of(sobject): sobject for sobject in wanted.jobs}
        self._stop = threading.Event()
        self._stream: Stream | None = None
        self._failures = 0
        kept = listening.read(self._db, workspace_id)
        self._heard: Heard = {**kept, "org": wanted.org, "places": kept["places"] if kept["org"] == wanted.org else {}}
        self._thread = threading.Thread(target=self._run, name=f"syncline-listening-{workspace_id}", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self, why: str) -> None:
        """Hang up, and say so; a thread whose org does not answer ends with its time-out and writes nothing more."""
        self._stop.set()
        stream = self._stream
        if stream is not None:
            stream.close()
        self._thread.join(timeout=STOP_S)
        if self._heard["state"] == LISTENING:
            self._say(POLLING, why)

    def _run(self) -> None:
        while not self._stop.is_set():
            pauses = BROKEN_PAUSES
            try:
                self._listen()
            except TransientOrgError as error:
                self._ended(error.message)
            except SynclineError as error:
                pauses = REFUSED_PAUSES
                self._ended(error.message)
            except Exception as error:
                log.exception("listening for changes failed", workspace_id=self._workspace_id)
                self._ended(f"Listening failed: {type(error).__name__}.")
            pause = pauses[min(self._failures, len(pauses) - 1)]
            self._failures += 1
            self._stop.wait(pause)

    def _listen(self) -> None:
        """Open a connection and heed what it tells, until it breaks or is to end."""
        stream = self._stream = self._engine.context(self._workspace_id).gateway.stream()
        try:
            places = self._heard["places"]
            told = stream.open({channel: places.get(channel, NEW) for channel in self._objects})
            self._begin(told)
            while not self._stop.is_set():
                heard = stream.wait()
                self._failures = 0
                if heard and not self._stop.is_set():
                    self._heed(heard)
                    self._stop.wait(GATHER_S)
        finally:
            stream.close()

    def _begin(self, told: Subscribed) -> None:
        """Say that we listen; what may have happened before is looked for once."""
        refused = {self._objects[channel]: words for channel, words in told.refused.items()}
        if len(refused) == len(self._objects):
            raise TerminalOrgError(refusal(next(iter(refused.values()))))
        places = {c: p for c, p in self._heard["places"].items() if c not in told.lost}
        fresh = [c for c in self._objects if c not in places and c not in told.refused]
        self._heard = {**self._heard, "places": places}
        self._say(LISTENING, "", refused)
        if fresh:
            self._wake(fresh)

    def _heed(self, heard: Mapping[str, int]) -> None:
        self._heard = {**self._heard, "places": {**self._heard["places"], **heard}}
        self._wake([channel for channel in heard if channel in self._objects])

    def _wake(self, channels: list[str]) -> None:
        """Have the jobs of these channels run at the next look, and remember how far was heard, at once or not."""
        names = frozenset[str]().union(*(self.wanted.jobs[self._objects[c]] for c in channels))
        with self._db.batch(self._workspace_id) as batch:
            for name in sorted(names):
                batch.execute(
                    "UPDATE job SET is_woken = true WHERE workspace_id = :w AND name = :n AND is_enabled",
                    w=self._workspace_id, n=name,
                )  # fmt: skip
            listening.keep(batch, self._heard)

    def _ended(self, why: str) -> None:
        if not self._stop.is_set():
            # A store that is away for a moment must not end the thread.
            with suppress(Exception):
                self._say(POLLING, why)

    def _say(self, state: str, reason: str, refused: Mapping[str, str] | None = None) -> None:
        """Keep the state, where it is another one."""
        now, told = self._heard, dict(refused or {})
        if (now["state"], now["reason"], now["refused"]) == (state, reason, told):
            return
        log.info("change events", workspace_id=self._workspace_id, state=state, why=reason)
        at = self._engine.doors.clock.now().isoformat()
        since = now.get("since", at) if now["state"] == state else at
        heard: Heard = {**now, "state": state, "reason": reason, "since": since, "refused": told}
        with self._db.batch(self._workspace_id) as batch:
            listening.keep(batch, heard)
        self._heard = heard


def _wanted(db: Database) -> dict[int, Wanted]:
    """Workspace -> what it wants to hear of, where it is connected and the org accepts the sign-in."""
    rows = db.read(
        "SELECT j.workspace_id, j.name, j.spec, c.org_id, c.instance_url FROM job j JOIN connection c"
        " ON c.workspace_id = j.workspace_id AND c.is_master AND c.state <> 'auth_failed' WHERE j.is_enabled"
        " ORDER BY j.workspace_id, j.name"
    )
    found: dict[int, dict[str, set[str]]] = {}
    orgs: dict[int, tuple[str, str]] = {}
    for workspace_id, name, text, org, address in rows.iter_rows():
        spec = json.loads(text)
        if spec["direction"] != Direction.INBOUND or not (spec.get("schedule") or {}).get("as_it_happens"):
            continue
        orgs[int(workspace_id)] = (org, address)
        for pair in spec["pairs"]:
            found.setdefault(int(workspace_id), {}).setdefault(pair["sobject"], set()).add(name)
    return {w: Wanted(*orgs[w], {s: frozenset(names) for s, names in jobs.items()}) for w, jobs in found.items()}
