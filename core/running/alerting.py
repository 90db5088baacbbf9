"""Looks at every workspace once a minute: tells who asked for it what has become worse, or better; retention daily."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import structlog

from core.audit.overview import overview
from core.connections import notify
from core.errors import SynclineError
from core.mapping.spec import JobSpec
from core.planning.alerts import Level, Notice, Rules, judge, turn
from core.settings import settings
from core.store import alerts, ledger, retaining
from core.store.alerts import Channel
from core.syncing.connect import Doors

log = structlog.get_logger()
LOOK_EVERY = 60.0
"""Seconds between looks."""


class Watch:
    """The look of one worker; on PostgreSQL several may look, and each change is told by the first that sees it."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="syncline-alerts", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stop looking; a delivery under way may end."""
        self._stop.set()
        self._thread.join(timeout=notify.TIMEOUT_S + 5)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            try:
                for (workspace_id,) in self._doors.db.read("SELECT id FROM workspace ORDER BY id").iter_rows():
                    look(self._doors, int(workspace_id))
                    retaining.apply_once_a_day(self._doors.db, int(workspace_id), self._doors.clock.now())
            except Exception:
                # The next look may succeed, and runs must go on whatever becomes of the alerts.
                log.exception("the look for alerts failed")


def look(doors: Doors, workspace_id: int) -> list[Notice]:
    """One look at a workspace: judge, remember, tell; returns what was told."""
    db, now = doors.db, doors.clock.now()
    specs = _specs(doors, workspace_id)
    kept = alerts.read(db, workspace_id)
    rules = Rules.model_validate(kept.get("rules", {}))
    levels = judge(overview(db, workspace_id, specs, now), rules)
    with db.batch(workspace_id) as batch:
        # Read under the workspace's lock: of several workers the first one tells, the others find nothing new.
        before = alerts.read(db, workspace_id, alerts.STATE)
        notices, after = turn(before, levels, kept.get("mutes", {}), now)
        if after != before:
            alerts.remember(batch, after)
        for notice in notices:
            kind = "alert.recovered" if notice.is_recovery else "alert.raised"
            ledger.write(
                batch, kind, notice.subject, actor="worker", at=now, detail=f"{notice.headline}. {notice.why}",
                values={"was": notice.was.value, "level": notice.level.value},
            )  # fmt: skip
    if notices:
        _tell(doors, workspace_id, notices)
    return notices


def _specs(doors: Doors, workspace_id: int) -> Sequence[JobSpec]:
    rows = doors.db.read("SELECT spec FROM job WHERE workspace_id = :w ORDER BY name", w=workspace_id)
    return [JobSpec.model_validate_json(text) for (text,) in rows.iter_rows()]


def _tell(doors: Doors, workspace_id: int, notices: Sequence[Notice]) -> None:
    """Deliver to every channel; what could not be delivered is written down with the reason."""
    name = str(doors.db.one("SELECT name FROM workspace WHERE id = :w", w=workspace_id))
    for channel in alerts.channels(doors.db, workspace_id, doors.vault):
        for notice in notices:
            try:
                deliver(channel, notice, name)
            except SynclineError as error:
                log.warning("an alert was not delivered", channel=channel.name, why=error.message)
                with doors.db.batch(workspace_id) as batch:
                    ledger.write(
                        batch, "alert.undelivered", notice.subject, actor="worker", at=doors.clock.now(),
                        detail=f"{channel.name}: {error.message}",
                    )  # fmt: skip


def deliver(channel: Channel, notice: Notice, workspace: str) -> None:
    """Send one notice over one channel.

    Raises:
        NotDelivered: it did not arrive.
    """
    link = f"{settings().public_url.rstrip('/')}/{_page(notice.subject)}"
    text = f"{notice.headline}\n{notice.why}\n{link}"
    if channel.kind == "email":
        config = settings()
        notify.email(
            config.smtp_url.get_secret_value(), config.smtp_from, channel.target, f"Syncline: {notice.headline}", text
        )
        return
    body: dict[str, Any] = {
        "text": text,
        "workspace": workspace,
        "subject": notice.subject,
        "title": notice.title,
        "level": notice.level.value,
        "was": notice.was.value,
        "why": notice.why,
        "at": notice.at.isoformat(),
        "url": link,
    }
    notify.webhook(channel.target, body)


def trial(channel: Channel, doors: Doors, workspace: str) -> None:
    """Send a notice that says it is a trial.

    Raises:
        NotDelivered: it did not arrive.
    """
    why = "This is a trial: alerts of this workspace arrive here."
    deliver(channel, Notice("trial", "Trial", Level.OK, Level.OK, why, doors.clock.now()), workspace)


def _page(subject: str) -> str:
    kind, _, name = subject.partition(":")
    return f"errors?push={name}" if kind == "job" else {"connection": "connections", "api": "budget"}.get(kind, "")
