"""Packs one record's story for support: ids, times, values, attempts; nobody else's data, and no secret."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.audit.shape import iso

PERSONAL = frozenset({
    "name", "first_name", "last_name", "email", "phone", "mobile_phone", "other_phone", "street", "notes", "subject",
    "person_email", "person_phone", "participants", "description", "person_ref", "company", "title",
})  # fmt: skip
"""Fields of others, of whom only a mark is left by which two mentions of one person are seen to be one."""
_ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_NUMBER = re.compile(r"(?<![A-Za-z0-9])\+?\d[\d\s().-]{7,}\d(?![A-Za-z0-9])")
_SECRET = re.compile(
    r"(?i)(bearer\s+|access_token|refresh_token|client_secret|password|sessionid|assertion|api[_-]?key)"
    r"([\"'=:>\s]+)[^\s\"'<,;&}]+"
)
_SESSION = re.compile(r"\b00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{20,}")


def pack(story: Mapping[str, Any], about: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The bundle of one answer of `core.audit.explain.explain`, as JSON can carry it.

    The values of the record itself stay: without them nobody can say why it did not sync. Of everybody else
    (candidates,
    the person of an activity where the activity is meant, other records' activities) only ids and marks are left.

    Args:
        story: the answer.
        about: what surrounds it: versions, object permissions, limits; see ``Workspace.bundle``.
        now: the moment.
    """
    own = [_record(r) for r in story["records"]]
    body = {
        "made_at": iso(now), "key": story["key"], "looked": story["looked"], "found": story["found"],
        "about": dict(about), "records": own,
        "org_only": [_cleaned(o, own_values=frozenset()) for o in story["org_only"]],
        "left_out": "Values of other people, and secrets. A mark like person:1a2b3c4d stands for one value.",
    }  # fmt: skip
    return _without_secrets(body)  # type: ignore[no-any-return]


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    keep = frozenset(_values_of(record["workspace"]))
    attempts = [
        {**_cleaned(a, own_values=keep), "expected": a.get("request"), "answer": a.get("answer")}
        for a in record["attempts"]
    ]
    return {
        "ids": {
            "workspace": record["record_id"], "external_id": record["workspace"].get("external_id"),
            "source": record["workspace"].get("source"), "kind": record["kind"],
            "org": [{k: v for k, v in link.items() if k != "story"} for link in record["links"]],
        },
        "times": {k: v for k, v in record["workspace"].items() if k.endswith("_at")},
        "workspace": record["workspace"],
        "fields": record["fields"],
        "verdict": _cleaned(record["verdict"], own_values=keep),
        "why": _cleaned(record["why"], own_values=keep),
        "attempts": attempts,
        "open": [_cleaned(row, own_values=keep) for row in record["open"]],
        "events": [_cleaned(e, own_values=keep) for e in record["events"]],
        "jobs": _cleaned(record["jobs"], own_values=keep),
        "person": _other(record["person"]),
        "account": _other(record["account"]),
        "matched": _cleaned(record["matched"], own_values=keep),
        "activities": [_other(a) for a in record["activities"]],
    }  # fmt: skip


def _values_of(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [v for each in value.values() for v in _values_of(each)]
    if isinstance(value, list):
        return [v for each in value for v in _values_of(each)]
    return [str(value)] if value not in (None, "") else []


def _other(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Somebody else: ids stay, values become marks."""
    if found is None:
        return None
    return {k: mark(v) if k in PERSONAL and v else v for k, v in found.items()}


def _cleaned(value: Any, *, own_values: frozenset[str]) -> Any:
    """The same without other people's values: fields that hold some, and addresses and numbers within texts."""
    if isinstance(value, Mapping):
        return {
            k: mark(v) if k in PERSONAL and k != "title" and v and isinstance(v, str) and v not in own_values
            else _cleaned(v, own_values=own_values)
            for k, v in value.items()
        }  # fmt: skip
    if isinstance(value, list):
        return [_cleaned(v, own_values=own_values) for v in value]
    if isinstance(value, str) and value not in own_values:
        text = _ADDRESS.sub(lambda hit: hit[0] if hit[0] in own_values else mark(hit[0]), value)
        return _NUMBER.sub(lambda hit: hit[0] if hit[0] in own_values or _is_time(hit[0]) else mark(hit[0]), text)
    return value


def _is_time(text: str) -> bool:
    return bool(re.match(r"^\d{4}-\d\d-\d\d", text))


def mark(value: Any) -> str:
    """What stands for a value of somebody else: the same for the same value, and nothing to read it from."""
    return f"person:{hashlib.sha256(f'syncline {value}'.lower().encode()).hexdigest()[:8]}"


def _without_secrets(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_secrets(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_secrets(v) for v in value]
    if isinstance(value, str):
        return _SESSION.sub("[secret]", _SECRET.sub(r"\1\2[secret]", value))
    return value


def zipped(body: Mapping[str, Any]) -> bytes:
    """The bundle as a file to send: the JSON, and a page of text that a person can read."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bundle.json", json.dumps(body, ensure_ascii=False, indent=1, default=str))
        file.writestr("story.txt", told(body))
    return out.getvalue()


def told(body: Mapping[str, Any]) -> str:
    """The bundle in sentences."""
    lines = [f"Support bundle for {body['key']}, made {body['made_at']}.", ""]
    for record in body["records"]:
        lines += [f"{record['ids']['kind']} {record['ids']['workspace']}: {record['verdict']}"]
        lines += [f"  - {w['why']}" + (f" To do: {w['do']}" if w["do"] else "") for w in record["why"]]
        lines += [
            f"  {a['at']} {a['job']}: {a['action']}, {a['outcome']} {a['status_code'] or a['cause']} {a['reason']}"
            for a in record["attempts"]
        ]
        lines.append("")
    lines += [f"{o['org_id']} has no record here." for o in body["org_only"]]
    return "\n".join(lines)
