"""A workspace's whole configuration as one YAML text and back, and the difference of two in words.

It names people by e-mail, org users by username, list views by developer name, and never an org Id, so that it can be
taken from one org to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from core.mapping import config
from core.mapping.spec import JobSpec
from core.mapping.vocabulary import Vocabulary

_NOT_ONE = "A configuration holds a workspace's settings and its jobs."


class TeamUser(BaseModel):
    """A person of the team, and the org user they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    email: str
    name: str = ""
    zone: str = ""
    is_active: bool = True
    org_username: str | None = None


class Configuration(BaseModel):
    """Everything that decides what a workspace syncs; no records, no secrets, no connection."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: int = 1
    title: str = ""
    zone: str = "UTC"
    users: tuple[TeamUser, ...] = ()
    vocabulary: Vocabulary = Vocabulary()
    exclusions: dict[str, tuple[str, ...]] = {}
    jobs: tuple[JobSpec, ...] = ()
    enabled: tuple[str, ...] = ()
    """Names of the jobs that are switched on; an import switches none on by itself."""

    @model_validator(mode="after")
    def _names(self) -> Configuration:
        names = [j.name for j in self.jobs]
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise ValueError(f"the job {doubled[0]} is there twice")
        unknown = sorted(set(self.enabled) - set(names))
        if unknown:
            raise ValueError(f"{unknown[0]} is switched on, and there is no such job")
        return self


def to_yaml(found: Configuration) -> str:
    """The configuration as people read it."""
    short = found.model_dump(mode="json", exclude_defaults=True, exclude={"jobs"})
    head = {"version": found.version, "title": found.title, "zone": found.zone}
    return config.dumped({**head, **short, "jobs": [config.plain(j) for j in found.jobs]})


def from_yaml(text: str) -> Configuration:
    """The configuration of a YAML text.

    Raises:
        UsageError: it is not one; the message names line and field.
    """
    return config.parsed(text, Configuration, _NOT_ONE)


def diff(before: Configuration, after: Configuration) -> list[str]:
    """Every difference of two configurations, one sentence each; empty where there is none."""
    out = [
        f"{name}: {_shown(getattr(before, name))} → {_shown(getattr(after, name))}."
        for name in ("title", "zone")
        if getattr(before, name) != getattr(after, name)
    ]
    out += _keyed("user", before.users, after.users, lambda u: u.email)
    out += _keyed(
        "custom field", before.vocabulary.fields, after.vocabulary.fields, lambda f: f"{f.kind.value} {f.name}"
    )
    for name in ("person_stages", "account_stages", "outcomes", "activity_types"):
        old, new = getattr(before.vocabulary, name), getattr(after.vocabulary, name)
        if old != new:
            out.append(f"{name}: {_shown(old)} → {_shown(new)}.")
    for kind in sorted({*before.exclusions, *after.exclusions}):
        old, new = set(before.exclusions.get(kind, ())), set(after.exclusions.get(kind, ()))
        out += [f"exclusion of {kind} {v}: removed." for v in sorted(old - new)]
        out += [f"exclusion of {kind} {v}: added." for v in sorted(new - old)]
    return [*out, *_jobs(before, after)]


def _jobs(before: Configuration, after: Configuration) -> Iterator[str]:
    old, new = ({j.name: j for j in c.jobs} for c in (before, after))
    yield from (f"job {n}: removed." for n in old if n not in new)
    yield from (f"job {n}: added." for n in new if n not in old)
    for name in (n for n in new if n in old):
        yield from (f"job {name}: {line}" for line in config.diff(old[name], new[name]))
    for name in sorted(set(before.enabled) ^ set(after.enabled)):
        if name in old and name in new:
            yield f"job {name}: switched {'on' if name in after.enabled else 'off'}."


def _keyed(what: str, before: Sequence[Any], after: Sequence[Any], key: Callable[[Any], str]) -> Iterator[str]:
    old, new = ({key(x): x.model_dump(mode="json") for x in side} for side in (before, after))
    yield from (f"{what} {k}: removed." for k in old if k not in new)
    yield from (f"{what} {k}: added." for k in new if k not in old)
    for k in (k for k in new if k in old):
        yield from (f"{what} {k}: {line}" for line in _changes(old[k], new[k]))


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in after:
        if before.get(name) != after[name]:
            yield f"{name}: {_shown(before.get(name))} → {_shown(after[name])}."


def _shown(value: Any) -> str:
    if value in (None, "", (), []):
        return "nothing"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
