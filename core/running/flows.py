"""The durable flow of a run: steps recorded by the job engine, so that after a crash it goes on where it was."""

from __future__ import annotations

from typing import Any

from dbos import DBOS
from polars.exceptions import PanicException

from core.running import steps
from core.running.engine import Engine

IN_DOUBT_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
IN_DOUBT_LOOKS = 40
"""With the pauses above about 18 minutes: longer than the longest request the org allows."""

_engine: Engine | None = None


def use(engine: Engine) -> None:
    """Say which engine the flows of this process work with."""
    global _engine
    _engine = engine


def _the_engine() -> Engine:
    if _engine is None:
        raise RuntimeError("no engine: call flows.use first")
    return _engine


@DBOS.step(name="prepare")
def prepare(workspace_id: int, run_id: str) -> dict[str, Any]:
    """Plan and book."""
    return steps.prepare(_the_engine(), workspace_id, run_id)


@DBOS.step(name="batch")
def do_batch(workspace_id: int, run_id: str, number: int) -> dict[str, Any]:
    """One batch."""
    return steps.do_batch(_the_engine(), workspace_id, run_id, number)


@DBOS.step(name="close")
def close(workspace_id: int, run_id: str, stop: dict[str, Any] | None) -> str:
    """End the run."""
    return steps.close(_the_engine(), workspace_id, run_id, stop)


@DBOS.step(name="fail")
def fail(workspace_id: int, run_id: str, message: str) -> None:
    """End a run that could not be done."""
    steps.fail(_the_engine(), workspace_id, run_id, RuntimeError(message))


@DBOS.workflow(name="run")
def run(workspace_id: int, run_id: str) -> str:
    """Do a run from wherever it stands."""
    try:
        return walk(workspace_id, run_id)
    except (Exception, PanicException) as error:
        fail(workspace_id, run_id, f"{type(error).__name__}: {error}")
        return "failed"


def walk(workspace_id: int, run_id: str) -> str:
    """The steps in order; batches in doubt are looked at again after the others."""
    head = prepare(workspace_id, run_id)
    if head["state"] == "ended":
        return "ended"
    doubtful: list[int] = []
    for number in head["batches"]:
        verdict = do_batch(workspace_id, run_id, number)
        if verdict["state"] == "stop":
            return close(workspace_id, run_id, verdict)
        if verdict["state"] == "in_doubt":
            doubtful.append(number)
    for look in range(IN_DOUBT_LOOKS):
        if not doubtful:
            break
        DBOS.sleep(IN_DOUBT_PAUSES[min(look, len(IN_DOUBT_PAUSES) - 1)])
        still = []
        for number in doubtful:
            verdict = do_batch(workspace_id, run_id, number)
            if verdict["state"] == "stop":
                return close(workspace_id, run_id, verdict)
            if verdict["state"] != "done":
                still.append(number)
        doubtful = still
    return close(workspace_id, run_id, _left(doubtful))


def _left(doubtful: list[int]) -> dict[str, Any] | None:
    if not doubtful:
        return None
    return {
        "state": "stop",
        "cause": "in_doubt",
        "reason": "The org's answer was lost and it cannot be told yet whether it was applied. The next"
        " run looks again.",
    }
