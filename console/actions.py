"""The only callers of verbs that write; each tells what it came to, and none lets an error through."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from console.components import notices
from console.session import workspace
from console.slots import SIGN_INS, SignIn
from console.strings import count
from core import JobSpec, SynclineError

T = TypeVar("T")


def _tried(verb: Callable[[], T], told: str | Callable[[T], str], hint: str = "") -> T | None:
    """Do it and keep a sentence about it for the top of the page, if any; ``None`` where it did not work."""
    try:
        result = verb()
    except SynclineError as error:
        notices.failed(error)
        return None
    sentence = told if isinstance(told, str) else told(result)
    if sentence:
        notices.done(sentence, hint)
    return result


def import_lists(sobject: str, views: Sequence[str], segment: str, *, new: bool) -> list[JobSpec] | None:
    """Make an import rule of list views."""
    return _tried(
        lambda: workspace().import_lists(sobject, list(views), segment=segment, new=new),
        lambda made: f"{made[-1].title} is made and is off.",
        "Tick it above to switch it on.",
    )


def prepare_sign_in(login_url: str, client_id: str, client_secret: str, name: str) -> str:
    """Keep what was typed for the route that begins the sign-in; returns the nonce for its address."""
    return SIGN_INS.put(
        SignIn(
            login_url.strip(), client_id.strip(), client_secret.strip(), name.strip() or "Salesforce", workspace().actor
        )
    )


def allow_host(host: str) -> None:
    """List a host that may be signed in to."""
    _tried(lambda: workspace().allow_host(host.strip()), f"{host.strip()} may be signed in to now.")


def refresh_org() -> None:
    """Read users and fields of the org again."""
    _tried(
        workspace().refresh_org,
        lambda read: (
            f"Read again: {count(read.pop('users', 0), 'user')}, {count(sum(read.values()), 'field')} of "
            f"{count(len(read), 'object')}."
        ),
    )


def pause() -> None:
    """Stop all writes to the org."""
    _tried(workspace().pause, "All writes to the org are paused. Nothing is lost; they go out after Resume.")


def resume() -> None:
    """Let writes go on."""
    _tried(workspace().resume, "Writes to the org go on.")


def link_user(email: str, org_user_id: str | None) -> None:
    """Link a workspace user to an org user, or unlink."""
    _tried(lambda: workspace().link_user(email, org_user_id), f"{email} is {'linked' if org_user_id else 'unlinked'}.")


def configure(title: str, zone: str) -> None:
    """Set the workspace's title and zone."""
    _tried(lambda: workspace().configure(title=title or None, zone=zone or None), "The workspace is saved.")


def set_role(who: str, role: str | None) -> None:
    """Give a person a role, or take it away."""
    _tried(lambda: workspace().set_role(who, role), f"{who} is {role} now." if role else f"{who} has no role any more.")


def create_token(name: str, role: str) -> str | None:
    """Make a token of the HTTP API; its text is shown once."""
    return _tried(lambda: workspace().create_token(name, role), f"The token {name} is made.")


def revoke_token(name: str) -> None:
    """End a token."""
    _tried(lambda: workspace().revoke_token(name), f"The token {name} is ended; what uses it is refused from now on.")


def set_alert_rules(rules: dict[str, int]) -> None:
    """Set the thresholds of alerts."""
    _tried(lambda: workspace().set_alert_rules(**rules), "The thresholds are saved.")


def add_alert_channel(name: str, kind: str, target: str) -> None:
    """Have alerts sent somewhere."""
    _tried(lambda: workspace().add_alert_channel(name, kind, target), f"Alerts go to {name} from now on.", "Try it.")


def remove_alert_channel(name: str) -> None:
    """Send no alerts there any more."""
    _tried(lambda: workspace().remove_alert_channel(name), f"No alerts go to {name} any more.")


def try_alert_channel(name: str) -> None:
    """Send a trial notice."""
    _tried(lambda: workspace().try_alert_channel(name), f"A trial notice was taken by {name}.")


def mute_alerts(subject: str, hours: float) -> None:
    """Keep a subject of alerts silent for so long, or let it speak again."""
    told = f"Muted for {hours:g} hours." if hours else "It tells its changes again."
    _tried(lambda: workspace().mute_alerts(subject, hours), told)


def create_job(template: str, name: str | None = None) -> JobSpec | None:
    """Make a job from a template."""
    return _tried(
        lambda: workspace().create_job(template, name or None),
        lambda spec: f"{spec.title} is made and is off.",
        "Look at its mapping and the preview, then switch it on.",
    )


def save_job(spec: JobSpec, version: int) -> JobSpec | None:
    """Keep a job's spec, unless somebody saved another version than the one it was edited from."""
    return _tried(lambda: workspace().save_job(spec, version=version), f"{spec.title} is saved.")


def save_and_sync(spec: JobSpec, version: int) -> str | None:
    """Keep a job's spec and run it now; returns the run."""

    def both() -> str:
        workspace().save_job(spec, version=version)
        return workspace().request_run(spec.name)

    return _tried(both, f"{spec.title} is saved, and a run is asked for.")


def run_jobs(names: Sequence[str]) -> list[str]:
    """Ask for a run of each job now."""
    return (
        _tried(
            lambda: [workspace().request_run(name) for name in names],
            lambda runs: f"{count(len(runs), 'run')} asked for. You can watch on Runs, or close this page.",
        )
        or []
    )


def sync_now(names: Sequence[str]) -> None:
    """Ask for a run of each job now, from a button."""
    run_jobs(names)


def switch(names: Sequence[str], *, on: bool) -> None:
    """Switch jobs on or off; the first that cannot be says why."""

    def each() -> int:
        for name in names:
            (workspace().enable if on else workspace().disable)(name)
        return len(names)

    _tried(each, lambda n: f"{count(n, 'job')} switched {'on' if on else 'off'}.")


def make_plan(job: str) -> str | None:
    """Ask for a plan, which a worker makes; returns the run that does. The page that follows it says the rest."""
    return _tried(lambda: workspace().request_plan(job), "")


def apply_plan(plan_id: str) -> str | None:
    """Approve a plan and apply it; returns the run."""
    return _tried(lambda: workspace().apply(plan_id), "The plan is approved and is being applied.")


def discard_plan(plan_id: str) -> None:
    """Throw a plan away."""
    _tried(lambda: workspace().discard(plan_id), "The plan is discarded. Nothing was written.")


def cancel_run(run_id: str) -> None:
    """Stop a run after the batch under way."""
    _tried(lambda: workspace().cancel(run_id), "The run stops after the batch under way. What is not sent stays open.")


def undo_run(run_id: str) -> str | None:
    """Take back what a run wrote; returns the run that does it."""
    return _tried(lambda: workspace().undo(run_id), "The undo is asked for. You can watch it here, or close this page.")


def make_bundle(key: str) -> bytes:
    """The support bundle of a record as a zip; that it was made is recorded.

    Raises:
        SynclineError: the reader may not have it.
    """
    with tempfile.TemporaryDirectory() as folder:
        return workspace().write_bundle(key, Path(folder) / "bundle.zip").read_bytes()


def report_file(made: Any, file_format: str) -> bytes:
    """A month's audit as a file: a page, JSON, or a zip of tables; that it was taken away is recorded.

    Raises:
        SynclineError: the reader may not have it.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = workspace().write_report(made, Path(folder) / f"report.{file_format}", file_format)
        if file_format != "csv":
            return files[0].read_bytes()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
            for file in files:
                out.write(file, file.name)
        return packed.getvalue()


def restore(rows: Sequence[tuple[str, int]]) -> None:
    """Take records, given as (table, number), out of the recycle bin."""

    def each() -> int:
        tables = sorted({table for table, _ in rows})
        return sum(workspace().restore(table, [i for t, i in rows if t == table]) for table in tables)

    _tried(each, lambda n: f"{count(n, 'record')} restored.", "An outbound job makes new org records for them.")


def retry(*, job: str | None = None, cause: str | None = None, subjects: Sequence[str] = (), rows: int = 0) -> None:
    """Look again at open rows: those named, of one cause, of one job, or all."""
    _tried(
        lambda: workspace().retry(job=job, cause=cause, subjects=list(subjects)),
        lambda runs: (
            f"{count(rows, 'row') if rows else 'The rows'} will be looked at again in {count(len(runs), 'run')}."
            if runs
            else "There was nothing left to retry."
        ),
    )


def retry_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Look again at exactly these rows of any jobs, given as (job, subject)."""
    by_job: dict[str, list[str]] = {}
    for job, subject in rows:
        by_job.setdefault(job, []).append(subject)

    def each() -> int:
        return sum(len(workspace().retry(job=job, subjects=subjects)) for job, subjects in by_job.items())

    _tried(each, lambda n: f"{count(len(rows), 'row')} will be looked at again in {count(n, 'run')}.")


def put_aside(rows: Sequence[tuple[str, str]], *, aside: bool = True) -> None:
    """Take rows out of automatic retries, or put them back."""

    def each() -> None:
        for job in {job for job, _ in rows}:
            workspace().put_aside(job, [s for j, s in rows if j == job], aside=aside)

    told = "put aside: they are not tried again by themselves" if aside else "back: they are tried again"
    _tried(each, f"{count(len(rows), 'row')} {told}.")


def decide(
    items: Sequence[str],
    choice: str,
    *,
    record_id: int | None = None,
    org_id: str | None = None,
    note: str = "",
    told: str = "",
) -> list[str] | None:
    """Answer questions of the inbox alike, and have the next runs carry it out."""
    return _tried(
        lambda: workspace().decide(list(items), choice, record_id=record_id, org_id=org_id, note=note.strip()),
        lambda runs: told or f"Decided: {count(len(items), 'question')}. {_carried_out(len(runs))}",
    )


def answer(items: Sequence[str], choice: str, **more: Any) -> None:
    """Answer questions of the inbox alike, from a button; ``more`` as `decide` takes it."""
    decide(items, choice, **more)


def _carried_out(runs: int) -> str:
    return f"{count(runs, 'run')} asked for to carry it out." if runs else "The next run carries it out."
