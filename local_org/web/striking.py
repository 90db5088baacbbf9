"""Decides which requests a write fault may strike, and how long a late commit waits."""

from __future__ import annotations

import json
import re
from typing import Any

from local_org.web.faults import Fault
from local_org.web.messages import Call
from local_org.web.site import Site

_ROW = re.compile(r"/services/data/v[\d.]+/sobjects/[^/]+(/[^/]+){0,2}\Z", re.IGNORECASE)
_COLLECTION = re.compile(r"/services/data/v[\d.]+/composite/(sobjects|tree|graph)(/|\Z)", re.IGNORECASE)
_RETRIEVE = re.compile(r"/composite/sobjects/[^/]+\Z", re.IGNORECASE)
_SEVERAL = re.compile(r"/services/data/v[\d.]+/composite(/batch)?\Z", re.IGNORECASE)
_UPLOAD = re.compile(r"/jobs/ingest/[^/]+/batches\Z", re.IGNORECASE)
_JOB = re.compile(r"/jobs/ingest/[^/]+\Z", re.IGNORECASE)
_JOB_CREATION = re.compile(r"/jobs/ingest\Z|/services/async/[\d.]+/job\Z", re.IGNORECASE)
_BATCH = re.compile(r"/services/async/[\d.]+/job/[^/]+/batch\Z", re.IGNORECASE)
_SELECT = re.compile(rb"\s*SELECT\s", re.IGNORECASE)
_SOAP = re.compile(r"/services/Soap/", re.IGNORECASE)
_SOAP_WRITE = re.compile(rb"<(?:[\w.-]+:)?(?:create|update|upsert|delete|undelete|merge|convertLead)[\s>]")


def is_write(call: Call) -> bool:
    """Whether the request may change rows, or make a Bulk job that will."""
    return _writes(call.method, call.path, call.raw) or is_job_creation(call)


def is_job_creation(call: Call) -> bool:
    """Whether the request makes a Bulk ingest job."""
    return call.method == "POST" and _JOB_CREATION.search(call.path) is not None


def strikes(site: Site, name: str, call: Call) -> Fault | None:
    """Whether a write fault strikes this request; making a Bulk job is spared unless `match` asks for it."""
    fault = site.faults.peek(name)
    if fault is None or (is_job_creation(call) and not fault.match):
        return None
    return site.faults.strikes(name, call.path)


def wait_times(fault: Fault) -> tuple[float, float]:
    """For a late commit: the longest wait for the hang-up, and the wait after it, in seconds."""
    longest, _, after = fault.value.partition("+")
    return float(longest or 20), float(after or 0)


def _writes(method: str, path: str, raw: bytes) -> bool:
    if method == "PUT":
        return _UPLOAD.search(path) is not None
    if method not in ("POST", "PATCH", "DELETE"):
        return False
    if _COLLECTION.match(path):
        return method != "POST" or _RETRIEVE.search(path) is None
    if _SEVERAL.match(path):
        return any(_subrequest_writes(sub) for sub in _subrequests(raw))
    if _JOB.search(path):
        return method == "PATCH"
    if _BATCH.search(path):
        return method == "POST" and _SELECT.match(raw) is None
    if _SOAP.match(path):
        return _SOAP_WRITE.search(raw) is not None
    return _ROW.match(path) is not None


def _subrequests(raw: bytes) -> list[dict[str, Any]]:
    try:
        body = json.loads(raw)
    except ValueError:
        return []
    subs = (body.get("compositeRequest") or body.get("batchRequests")) if isinstance(body, dict) else None
    return [sub for sub in subs or [] if isinstance(sub, dict)]


def _subrequest_writes(sub: dict[str, Any]) -> bool:
    method = str(sub.get("method", "GET")).upper()
    path = str(sub.get("url", "")).partition("?")[0]
    return method != "GET" and not (method == "POST" and _RETRIEVE.search(path))
