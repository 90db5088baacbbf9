"""Changes a job's spec and returns the changed one: mappings, value maps, filters, settings; knows no widget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core import Finding, JobSpec, UsageError

ORIGINS = ("source", "template", "constant")
ORIGIN_WORDS = {"source": "A field", "template": "A text with fields", "constant": "A fixed value"}


CUSTOM = "fields."


def own_field(name: str, known: Iterable[str]) -> str:
    """A workspace field as typed: a name that is none of the known ones means the workspace's own custom field."""
    name = name.strip()
    return name if not name or name in set(known) or name.startswith(CUSTOM) else f"{CUSTOM}{name}"


def own_words(name: str, labels: Mapping[str, str]) -> str:
    """A workspace field as people read it: its label, or its name as a custom field."""
    return labels.get(name) or f"Custom field {name.removeprefix(CUSTOM)}"


def changed(spec: JobSpec, **settings: Any) -> JobSpec:
    """The job with other settings.

    Raises:
        UsageError: the result is not a job.
    """
    return _made({**spec.model_dump(mode="json"), **settings})


def with_pair(spec: JobSpec, sobject: str, **settings: Any) -> JobSpec:
    """The job with other settings of one object pair."""
    body = spec.model_dump(mode="json")
    for pair in body["pairs"]:
        if pair["sobject"] == sobject:
            pair.update(settings)
    return _made(body)


def with_mapping(spec: JobSpec, sobject: str, target: str, **settings: Any) -> JobSpec:
    """The job with a field mapping changed, or added where the target has none.

    One of ``source``, ``template`` and ``constant`` given here takes the place of the others.
    """
    body = spec.model_dump(mode="json")
    if any(settings.get(o) is not None for o in ORIGINS):
        settings = {**dict.fromkeys(ORIGINS), **settings}
    for pair in body["pairs"]:
        if pair["sobject"] == sobject:
            found = next((m for m in pair["mappings"] if m["target"].lower() == target.lower()), None)
            if found is None:
                pair["mappings"].append({"target": target, **settings})
            else:
                found.update(settings)
    return _made(body)


def without_mapping(spec: JobSpec, sobject: str, target: str) -> JobSpec:
    """The job without a field mapping."""
    body = spec.model_dump(mode="json")
    for pair in body["pairs"]:
        if pair["sobject"] == sobject:
            pair["mappings"] = [m for m in pair["mappings"] if m["target"].lower() != target.lower()]
    return _made(body)


def with_value(spec: JobSpec, sobject: str, target: str, value: str, becomes: str | None) -> JobSpec:
    """The job with one entry of a value map set, or taken out."""
    mapping = mapping_of(spec, sobject, target)
    entries = dict((mapping or {}).get("value_map") or {})
    same = next((k for k in entries if k.strip().lower() == value.strip().lower()), value)
    entries.pop(same, None)
    if becomes:
        entries[same] = becomes
    return with_mapping(spec, sobject, target, value_map=entries)


def mapping_of(spec: JobSpec, sobject: str, target: str) -> dict[str, Any] | None:
    """One field mapping as plain values, or ``None``."""
    found = spec.pair(sobject).mapping_of(target)
    return found.model_dump(mode="json") if found else None


def origin(mapping: Mapping[str, Any]) -> tuple[str, str]:
    """Which kind of origin a mapping has, and it."""
    kind = next(o for o in ORIGINS if mapping.get(o) is not None)
    return kind, str(mapping[kind])


def entry(entries: Mapping[str, str] | None, value: str) -> str | None:
    """What a value map makes of a value, without regard to case."""
    low = value.strip().lower()
    return next((v for k, v in (entries or {}).items() if k.strip().lower() == low), None)


def worst(findings: Iterable[Finding], sobject: str, names: Sequence[str]) -> Finding | None:
    """The worst finding about any of these fields of an object."""
    low = {n.lower() for n in names if n}
    hits = [f for f in findings if f.severity != "pass" and f.field.lower() in low and f.sobject in ("", sobject)]
    return min(hits, key=lambda f: ("fail", "warn").index(f.severity), default=None)


def stops(findings: Iterable[Finding]) -> list[Finding]:
    """What keeps the job from running."""
    return [f for f in findings if f.severity == "fail"]


def _made(body: Mapping[str, Any]) -> JobSpec:
    try:
        return JobSpec.model_validate(body)
    except ValueError as error:
        first = str(error).splitlines()[2:3] or [str(error)]
        raise UsageError(f"That does not fit: {first[0].strip()}") from error
