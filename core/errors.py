"""Every error a person can meet, as one tree; the docstring is the default message.

SynclineError
├── UsageError            the person can mend it: bad input, wrong name, missing setting
│   ├── HostRefused       the host is not on the list of allowed hosts
│   ├── NotAllowed        the actor's role does not open the verb
│   ├── NotFound          no such job, run, record, plan
│   └── SignInError       a sign-in step failed: consent refused, code expired, wrong browser
├── PlanError             we refused to act
│   ├── PlanStale         what the plan stands on has moved
│   ├── GuardTripped      a guard wants a person to look first
│   ├── ConsentBreach     something would have opted a person in again
│   ├── NotValid          the job has findings that stop it
│   │   └── ContractBroken  the org changed, and no longer keeps what the job relies on
│   └── SavedMeanwhile    somebody else saved what was being edited
├── OrgError              the org answered with an error (statusCode verbatim)
│   ├── TransientOrgError again later: locks, time-outs, 5xx, an org in maintenance
│   │   ├── OrgUnreachable  no answer at all, and nothing was sent that could have been applied
│   │   ├── AllowanceUsed   the day's API allowance is used up
│   │   └── AnswerLost      a write left us and no answer came back: in doubt
│   └── TerminalOrgError  will fail again until someone mends it
│       └── GrantRejected   the refresh token or the assertion was refused: reconnect
└── StoreError            our memory is in doubt: stop
    ├── WorkerRunning     a second worker on a database that allows one
    └── BatchTaken        another worker has taken over what this one was doing
"""

from __future__ import annotations

import inspect
from typing import Any


class SynclineError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None, *, hint: str | None = None, **facts: Any) -> None:
        self.message = message or inspect.cleandoc(type(self).__doc__ or "Something went wrong.")
        self.hint = hint
        self.facts = facts
        super().__init__(self.message)

    def sentence(self) -> str:
        """What happened and what to do now, in one line."""
        return f"{self.message} {self.hint}" if self.hint else self.message


class UsageError(SynclineError):
    """That cannot be done as asked."""


class HostRefused(UsageError):
    """That host is not on the list of allowed hosts."""


class NotAllowed(UsageError):
    """Your role does not allow this."""


class NotFound(UsageError):
    """There is nothing of that name."""


class SignInError(UsageError):
    """The sign-in did not complete."""


class PlanError(SynclineError):
    """The plan was not applied."""


class PlanStale(PlanError):
    """The plan no longer fits: something it stands on has changed since it was made."""


class SavedMeanwhile(PlanError):
    """Somebody else saved it while you were editing it."""


class GuardTripped(PlanError):
    """A guard stopped the plan: a person should look at it first."""


class ConsentBreach(PlanError):
    """Something would have opted people in again who have opted out; nothing was written."""


class NotValid(PlanError):
    """The job does not validate."""


class ContractBroken(NotValid):
    """The org no longer keeps what the job relies on."""


class OrgError(SynclineError):
    """The org answered with an error."""

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, status_code: str = "", http: int = 0, **facts: Any
    ) -> None:
        super().__init__(message, hint=hint, **facts)
        self.status_code = status_code
        self.http = http


class TransientOrgError(OrgError):
    """The org could not do it right now."""


class OrgUnreachable(TransientOrgError):
    """The org does not answer."""


class AllowanceUsed(TransientOrgError):
    """The org's API allowance for the day is used up."""


class AnswerLost(TransientOrgError):
    """A write was sent and no answer came back; it may or may not have been applied."""


class TerminalOrgError(OrgError):
    """The org refuses this, and will refuse it again until it is mended."""


class GrantRejected(TerminalOrgError):
    """The org no longer accepts our sign-in."""


class StoreError(SynclineError):
    """The database did not answer as it must; nothing more is done until that is mended."""


class WorkerRunning(StoreError):
    """Another worker is already running on this database."""


class BatchTaken(StoreError):
    """Another worker has taken this batch over; it is finished there."""
