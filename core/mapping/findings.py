"""What a check of a mapping has to say: one finding with its severity, the field it is about, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["fail", "warn", "pass"]
STAGES = ("object", "permission", "field", "required", "lookup")
"""The order in which findings are told: what comes first hides what comes later."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a check."""

    severity: Severity
    code: str
    field: str
    """Org field or workspace field, empty where the whole object or job is meant."""
    message: str
    mend: str = ""
    stage: str = "field"
    sobject: str = ""

    def sentence(self) -> str:
        """What is wrong and how to mend it."""
        return f"{self.message} {self.mend}".strip()


def fail(code: str, field: str, message: str, mend: str, stage: str = "field") -> Finding:
    """A finding that keeps the job from running."""
    return Finding("fail", code, field, message, mend, stage)


def warn(code: str, field: str, message: str, mend: str, stage: str = "field") -> Finding:
    """A finding that a person should know of before switching the job on."""
    return Finding("warn", code, field, message, mend, stage)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By stage, and within one as they were found."""
    return sorted(findings, key=lambda f: STAGES.index(f.stage))


def valid(findings: Iterable[Finding]) -> bool:
    """Whether nothing stops the job."""
    return all(f.severity != "fail" for f in findings)
