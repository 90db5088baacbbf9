"""Alerts: thresholds, channels, and what is muted."""

from __future__ import annotations

from typing import Any

from core.errors import NotFound, UsageError
from core.planning.alerts import Rules, muted
from core.running import alerting
from core.store import alerts
from core.store.roles import ADMIN, OPERATOR, VIEWER, may
from core.workspace.base import Base

_THRESHOLDS = f"They are {', '.join(Rules.model_fields)}."


class Alerts(Base):
    """Alerts: thresholds, channels, and what is muted."""

    @may(VIEWER)
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

    @may(ADMIN)
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

    @may(ADMIN)
    def add_alert_channel(self, name: str, kind: str, target: str) -> None:
        """Have alerts sent to a webhook or an e-mail address.

        Raises:
            UsageError: the kind is unknown, or the address does not fit it.
        """
        made = alerts.Channel(name.strip(), kind, target.strip())
        alerts.add_channel(self.database, self.workspace_id, self.doors.vault, made)
        self._note("alerts.channel_added", made.name, {"kind": kind, "to": made.shown})

    @may(ADMIN)
    def remove_alert_channel(self, name: str) -> None:
        """Send no alerts there any more."""
        alerts.remove_channel(self.database, self.workspace_id, name)
        self._note("alerts.channel_removed", name)

    @may(ADMIN)
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

    @may(OPERATOR)
    def mute_alerts(self, subject: str = "all", hours: float = 24) -> None:
        """Keep a subject (``job:NAME``, ``connection``, ``api``, ``all``) silent for so long; 0 hours ends it."""
        kept = alerts.read(self.database, self.workspace_id).get("mutes", {})
        alerts.change(self.database, self.workspace_id, {"mutes": muted(kept, subject, hours, self._now())})
        self._note("alerts.muted" if hours > 0 else "alerts.unmuted", subject, {"hours": hours})
