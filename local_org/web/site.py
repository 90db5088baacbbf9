"""What all handlers share: the org, its users and sessions, the clock, faults, the allowance and the log of calls."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local_org.org.engine import OpenTransaction, Org
from local_org.org.model import OrgFault, SaveResult, SObject
from local_org.org.session import Session
from local_org.web import meddling
from local_org.web.bulk.jobs import Jobs
from local_org.web.bulk1.jobs import BatchJobs
from local_org.web.calls import Allowance, CallLog
from local_org.web.cursors import Cursors
from local_org.web.faults import Faults
from local_org.web.messages import Call, not_found
from local_org.web.streaming.clients import Clients
from local_org.web.tokens import Tokens

API_VERSION = "66.0"


@dataclass(slots=True)
class ClientApp:
    """The one registered connected app."""

    client_id: str
    client_secret: str
    run_as: str
    """Username that the client credentials flow acts as."""
    certificate: bytes
    """PEM certificate of the JWT bearer flow."""


class _RollBackError(Exception):
    """Leaves a transaction without keeping it."""


@dataclass(slots=True)
class Undo:
    """Whether a transaction around several saves is to be taken back."""

    failed: bool = False

    def fail(self) -> None:
        """Take it all back at the end."""
        self.failed = True


@dataclass(slots=True)
class Site:
    """One running practice org."""

    org: Org
    tokens: Tokens
    client: ClientApp
    base_url: str
    control_secret: str
    allowance: Allowance
    check_password: Callable[[str, str], bool]
    cursors: Cursors
    jobs: Jobs
    batch_jobs: BatchJobs
    signing_key: bytes
    """PEM private key that signs ``id_token``."""
    faults: Faults = field(default_factory=Faults)
    healer: meddling.Healer = field(default_factory=meddling.Healer)
    calls: CallLog = field(default_factory=CallLog)
    streams: Clients = field(default_factory=Clients)

    def now(self) -> datetime:
        """The server's time."""
        return self.org.clock.moment()

    def epoch(self) -> int:
        """The server's time in whole seconds."""
        return self.org.clock.now()

    def limit_info(self) -> str:
        """The value of `Sforce-Limit-Info`."""
        if self.faults.peek("allowance") is not None:
            return f"api-usage={self.allowance.per_day}/{self.allowance.per_day}"
        return self.allowance.header(self.now().date().isoformat())

    def is_trainer(self, headers: Mapping[str, str]) -> bool:
        """Whether a request carries the control secret."""
        given = headers.get("x-practice-secret", "")
        return bool(given) and hmac.compare_digest(given.encode(), self.control_secret.encode())

    def book(self, call: Call, calls: int = 1) -> None:
        """Count API calls.

        Raises:
            OrgFault: The allowance is used up.
        """
        if call.trainer:
            return
        fault = self.faults.strikes("allowance", call.path)
        if fault is not None and fault.value == "concurrent":
            text = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
            raise OrgFault("REQUEST_LIMIT_EXCEEDED", text, status=403)
        if fault is not None or not self.allowance.book(self.now().date().isoformat(), calls):
            raise OrgFault("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", status=403)
        call.booked += calls

    def late_transaction(self) -> OpenTransaction:
        """Begin a transaction that will commit late, stamped with its start."""
        return self.org.open_transaction()

    @contextmanager
    def atomic(self, wanted: bool) -> Iterator[Undo]:
        """One transaction around several saves; after `Undo.fail` nothing of it is kept.

        With `wanted` false the saves stand each for itself.
        """
        undo = Undo()
        if not wanted:
            yield undo
            return
        try:
            with self.org.write():
                yield undo
                if undo.failed:
                    raise _RollBackError
        except _RollBackError:
            return

    def session(self, user_id: str, version: str = API_VERSION) -> Session:
        """The org as that user sees it through one version of the API."""
        return self.org.session(user_id, api_version=version)

    def sobject(self, user_id: str, name: str) -> SObject:
        """The object of that name, if the user may read it.

        Raises:
            OrgFault: NOT_FOUND, whether it is missing or hidden.
        """
        found = self.org.schema.get(name)
        if found is None or not self.session(user_id).access.may(found, "r"):
            raise not_found()
        return found

    def save(
        self,
        user_id: str,
        op: str,
        sobject: str,
        records: list[dict[str, Any]],
        *,
        all_or_none: bool = False,
        ext_field: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> list[SaveResult]:
        """Save rows as the user; the faults of rows may lock some, refuse some, or mend what was refused.

        Args:
            user_id: Who saves.
            op: ``create``, ``update``, ``upsert``, ``delete``, or ``hardDelete`` past the recycle bin.
            sobject: The object.
            records: The rows.
            all_or_none: Whether one failing row rolls all of them back.
            ext_field: The field that an upsert matches on.
            headers: Request headers that steer the save.
        """
        hard = op == "hardDelete"
        op = "delete" if hard else op
        fault = self.faults.peek("rows_failed")
        refused = meddling.refused(op, fault.value if fault else "")
        struck = dict.fromkeys(self.faults.struck_rows("rows_failed", len(records)), refused)
        struck |= dict.fromkeys(self.faults.struck_rows("row_lock", len(records)), _locked())
        if struck and all_or_none:
            return [struck.get(row) or rolled_back() for row in range(len(records))]
        free = [record for row, record in enumerate(records) if row not in struck]
        session = self.session(user_id)
        saved = (
            session.save(op, sobject, free, all_or_none=all_or_none, ext_field=ext_field, headers=headers)
            if free
            else []
        )
        if hard:
            self.org.remove(session.sobject(sobject), [str(result.id) for result in saved if result.success])
        if not all_or_none:
            saved = self.healer.heal(self.faults, session, op, sobject, free, saved, ext_field)
        rest = iter(saved)
        return [struck[row] if row in struck else next(rest) for row in range(len(records))]


def records_by_object(records: Iterable[tuple[str, dict[str, Any]]]) -> list[tuple[str, list[int]]]:
    """Neighboring records of one object, as chunks of positions."""
    chunks: list[tuple[str, list[int]]] = []
    for position, (name, _) in enumerate(records):
        if chunks and chunks[-1][0].lower() == name.lower():
            chunks[-1][1].append(position)
        else:
            chunks.append((name, [position]))
    return chunks


def _locked() -> SaveResult:
    text = "unable to obtain exclusive access to this record"
    return SaveResult(None, False, errors=[OrgFault("UNABLE_TO_LOCK_ROW", text, fields=[])])


def rolled_back() -> SaveResult:
    """The result of a row that fell with another's failure."""
    text = "Record rolled back because not all records were valid and the request was using AllOrNone header"
    return SaveResult(None, False, errors=[OrgFault("ALL_OR_NONE_OPERATION_ROLLED_BACK", text, fields=[])])
