"""The switches that make the practice org misbehave on purpose, each by rate, count, value and matching path."""

from __future__ import annotations

import random
import threading
from dataclasses import asdict, dataclass
from typing import Any

EFFECTS: dict[str, str] = {
    "answer_cut": "a write is committed, then the connection closes without an answer "
    "(value: 'mid' cuts inside the body, 'before' cuts before anything is done)",
    "late_commit": "a write stays in an open transaction and commits only after the client has hung up "
    "(value: longest wait in seconds, default 20; '20+5' commits 5 seconds after the hang-up)",
    "read_cut": "an answer to a read is cut inside its body: a page, a CSV, a describe",
    "org_stopped": "503 with an HTML maintenance page "
    "(value: 'json' for a JSON error with Retry-After, '429' for too many requests with Retry-After, '420' or '502' "
    "for an HTML page with that status)",
    "allowance": "403 REQUEST_LIMIT_EXCEEDED (value: 'concurrent' for too many long requests at a time)",
    "consent_refused": "the authorize page answers access_denied",
    "code_expired": "the code exchange answers invalid_grant, expired authorization code",
    "expired_session": "401 INVALID_SESSION_ID (value: 'html' for a page for people)",
    "revoked_grant": "the refresh token grant answers invalid_grant",
    "row_lock": "UNABLE_TO_LOCK_ROW on a share of rows (rate)",
    "slow": "an answer is delayed (value: seconds, default 5)",
    "rotation": "every refresh hands out a new refresh token and revokes the old one",
    "latency": "every request takes longer (value: milliseconds, default 150)",
    "server_error": "500 UNKNOWN_EXCEPTION",
    "hidden_field": "field-level security hides a field (value: Object.Field or Object.Field@Profile)",
    "event_gap": "a change event tells that something changed and not what: GAP_UPDATE and the like "
    "(value: 'overflow' for GAP_OVERFLOW)",
    "event_lost": "a subscription that asks for events after a replay Id is refused: it is not kept any more",
    "bulk1_off": "Bulk API 1.0 is not enabled in the org: 400 FeatureNotEnabled, Async API not enabled",
    "job_failed": "a Bulk job ends as Failed before any row is saved",
    "job_delay": "a Bulk job waits before it runs (value: seconds, default 5)",
    "job_stuck": "a Bulk job stays InProgress while the fault is on",
    "rows_failed": "a trigger of the org refuses a share of rows (rate; at 1, a job completes with every row failed; "
    "value: another statusCode, as STORAGE_LIMIT_EXCEEDED, or ENTITY_IS_LOCKED:the record is locked)",
    "healed_row": "an automation of the org sets the fields of a refused row right, and it is saved "
    "(value: 'next' for when it is sent again)",
    "query_timeout": "400 QUERY_TIMEOUT in place of a query's result",
    "drip": "an answer arrives in small pieces (value: seconds it takes, default 5)",
    "broken_gzip": "an answer's gzip ends too early",
    "short_page": "a page of CSV ends in the middle of a row, and its length says that it is whole",
    "repeated_page": "a further page of a result is the page before once more",
    "locator_expired": "the locator of a further page is invalid",
    "between_pages": "after a query's first page the first record of the next is deleted "
    "(value: 'merge' into the first of all, 'convert' a lead, 'change')",
    "schema_drift": "after the next describe a field is another "
    "(value: Object.Field:remove, :require, :restrict, :shorten=LENGTH, :drop=VALUE)",
    "clock_skew": "the org's clock is ahead (value: seconds, default 300; negative is behind)",
    "equal_stamps": "all rows saved meanwhile get the same SystemModstamp",
}


@dataclass(slots=True)
class Fault:
    """One switched-on fault; `count` is how many more times it strikes, ``None`` for without end."""

    name: str
    rate: float = 1.0
    count: int | None = None
    value: str = ""
    match: str = ""
    struck: int = 0

    def number(self, default: float) -> float:
        """The value as a number."""
        try:
            return float(self.value)
        except ValueError:
            return default


class Faults:
    """The fault switches of a running server; decisions come from one seeded generator, so a run can be repeated."""

    def __init__(self, seed: int = 7) -> None:
        self._lock = threading.Lock()
        self._on: dict[str, Fault] = {}
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def switch_on(
        self,
        name: str,
        *,
        rate: float = 1.0,
        count: int | None = None,
        value: str = "",
        match: str = "",
        seed: int | None = None,
    ) -> Fault:
        """Switch a fault on, replacing its earlier setting.

        Raises:
            ValueError: There is no fault of that name, or a number is out of range.
        """
        if name not in EFFECTS:
            raise ValueError(f"no fault is named {name!r}; known: {', '.join(EFFECTS)}")
        if not 0 <= rate <= 1 or (count is not None and count < 0):
            raise ValueError("rate lies between 0 and 1, count is not negative")
        with self._lock:
            if seed is not None:
                self._random.seed(seed)
            self._on[name] = Fault(name, rate, count, value, match)
            return self._on[name]

    def switch_off(self, name: str) -> None:
        """Switch one fault off, or all with ``all``."""
        with self._lock:
            if name == "all":
                self._on.clear()
            elif name not in EFFECTS:
                raise ValueError(f"no fault is named {name!r}; known: {', '.join(EFFECTS)}")
            else:
                self._on.pop(name, None)

    def listed(self) -> list[dict[str, Any]]:
        """Every fault with its effect and, where on, its setting."""
        with self._lock:
            on = {name: asdict(fault) for name, fault in self._on.items()}
        return [
            {"effect": effect, "on": name in on, **(on.get(name) or {"name": name})} for name, effect in EFFECTS.items()
        ]

    def any_on(self) -> bool:
        """Whether any fault is on at all."""
        return bool(self._on)

    def peek(self, name: str) -> Fault | None:
        """The fault if it is on and not used up, without a strike."""
        with self._lock:
            fault = self._on.get(name)
            return fault if fault is not None and fault.count != 0 else None

    def strikes(self, name: str, path: str = "") -> Fault | None:
        """Whether the fault strikes now; a strike uses up one of its count."""
        with self._lock:
            fault = self._on.get(name)
            if fault is None or fault.count == 0 or (fault.match and fault.match.lower() not in path.lower()):
                return None
            if fault.rate < 1 and self._random.random() >= fault.rate:
                return None
            fault.struck += 1
            if fault.count is not None:
                fault.count -= 1
            return fault

    def struck_rows(self, name: str, rows: int) -> set[int]:
        """Which of so many rows the fault hits; each row is one chance, and one strike uses up one of the count."""
        if self.peek(name) is None:
            return set()
        return {row for row in range(rows) if self.strikes(name) is not None}
