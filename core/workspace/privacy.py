"""What is kept about a person and for how long."""

from __future__ import annotations

from typing import Any

from core.audit import lookup as finding
from core.errors import NotFound, UsageError
from core.store import erasing, retaining, setting
from core.store.roles import ADMIN, ANALYST, may
from core.workspace.base import Base


class Privacy(Base):
    """What is kept about a person and for how long."""

    @may(ANALYST)
    def held_about(self, key: str) -> dict[str, list[dict[str, Any]]]:
        """Everything that is held about a person, table by table: what they have a right to see.

        Raises:
            NotFound: the key names no person.
        """
        return erasing.held(self.database, self.workspace_id, self._person(key))

    @may(ANALYST)
    def preview_erasure(self, key: str) -> dict[str, int]:
        """How many rows of each table hold something about a person; nothing is changed.

        Raises:
            NotFound: the key names no person.
        """
        return erasing.counts(self.database, self.workspace_id, self._person(key))

    @may(ADMIN)
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

    @may(ANALYST)
    def retention(self) -> dict[str, int]:
        """Days that values are kept, by kind: requests, before_values, plans, ledger_values."""
        return retaining.days(self.database, self.workspace_id)

    @may(ADMIN)
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
        setting.put(self.database, self.workspace_id, retaining.KEY, wanted)
        if before != wanted:
            self._note("config.retention", "retention", {"before": before, "after": wanted})
        return wanted

    @may(ADMIN)
    def apply_retention(self) -> dict[str, int]:
        """Reduce what is older than it is to be kept to ids, counts and hashes; rows touched by kind."""
        return retaining.apply(self.database, self.workspace_id, self.actor, self._now())
