"""Several requests in one: `composite` with references between them, and `composite/batch` without."""

from __future__ import annotations

import json
import re
from typing import Any

from local_org.org.model import OrgFault
from local_org.web import dispatch
from local_org.web.messages import Answer, Call, objects_of
from local_org.web.routes import Router
from local_org.web.site import Site

MOST_SUBREQUESTS = 25
MOST_HEAVY = 5
MOST_DEPTH = 15
_HEAVY = re.compile(r"/(query|queryAll|composite/sobjects|search|parameterizedSearch)(/|\?|\Z)", re.IGNORECASE)
_REFERENCE = re.compile(r"@\{\s*([A-Za-z]\w*)((?:\.\w+|\[\w+\])*)\s*\}")
_STEP = re.compile(r"\.(\w+)|\[(\w+)\]")
_ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."


class _NoValue(Exception):
    """A reference leads nowhere."""


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/composite", "POST")(composite)
    router.route("/composite", "GET")(resources)
    router.route("/composite/batch", "POST")(batch)
    router.route("/composite/graph", "POST")(graph)


def resources(site: Site, call: Call) -> Answer:
    """The resources of the composite family."""
    base = f"/services/data/v{call.version}/composite"
    return Answer(200, {name: f"{base}/{name}" for name in ("tree", "batch", "sobjects", "graph")})


def composite(site: Site, call: Call) -> Answer:
    """Run up to 25 subrequests in order; later ones may refer to the answers of earlier ones."""
    body = call.mapping()
    subrequests = _subrequests(body)
    if len(subrequests) > MOST_SUBREQUESTS:
        text = f"Limit exceeded for the number of subrequests: {len(subrequests)} of at most {MOST_SUBREQUESTS}"
        raise OrgFault("LIMIT_EXCEEDED", text)
    if sum(1 for sub in subrequests if _HEAVY.search(str(sub["url"]))) > MOST_HEAVY:
        text = f"Cannot have more than {MOST_HEAVY} query or collection subrequests in one composite request"
        raise OrgFault("LIMIT_EXCEEDED", text)
    return Answer(200, {"compositeResponse": _run(site, call, subrequests, bool(body.get("allOrNone")))})


def graph(site: Site, call: Call) -> Answer:
    """Run graphs of subrequests, each all or none, whatever becomes of the others."""
    graphs = objects_of(call.mapping(), "graphs")
    nodes = [_subrequests(one) for one in graphs]
    if any(_depth(subrequests) > MOST_DEPTH for subrequests in nodes):
        raise OrgFault("LIMIT_EXCEEDED", f"A composite graph is at most {MOST_DEPTH} references deep")
    if len(graphs) > 75 or sum(map(len, nodes)) > 500:
        raise OrgFault("LIMIT_EXCEEDED", "A composite graph request holds at most 75 graphs and 500 nodes")
    shown = []
    for one, subrequests in zip(graphs, nodes, strict=True):
        answers = _run(site, call, subrequests, True)
        fine = all(sub["httpStatusCode"] < 400 for sub in answers)
        entry = {"graphId": one.get("graphId"), "graphResponse": {"compositeResponse": answers}, "isSuccessful": fine}
        shown.append(entry)
    return Answer(200, {"graphs": shown})


def _depth(subrequests: list[dict[str, Any]]) -> int:
    """The longest chain of subrequests that refer to each other."""
    depths: dict[str, int] = {}
    for sub in subrequests:
        named = _REFERENCE.findall(sub["url"] + json.dumps(sub.get("body")))
        depths[sub["referenceId"]] = 1 + max((depths.get(name, 0) for name, _ in named), default=0)
    return max(depths.values(), default=0)


def batch(site: Site, call: Call) -> Answer:
    """Run up to 25 requests that know nothing of each other; each counts as one API call."""
    body = call.mapping()
    requests = objects_of(body, "batchRequests")
    if len(requests) > MOST_SUBREQUESTS:
        raise OrgFault("LIMIT_EXCEEDED", f"At most {MOST_SUBREQUESTS} requests are allowed in a batch")
    if len(requests) > 1:
        site.book(call, len(requests) - 1)
    results: list[dict[str, Any]] = []
    halt, failed = bool(body.get("haltOnError")), False
    for sub in requests:
        if failed and halt:
            halted = [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing was halted, haltOnError"}]
            results.append({"statusCode": 412, "result": halted})
            continue
        answer = dispatch.answer_inner(
            site, call, str(sub.get("method", "GET")), str(sub.get("url", "")), sub.get("richInput"), {}
        )
        failed = failed or answer.status >= 400
        results.append({"statusCode": answer.status, "result": answer.body})
    return Answer(200, {"hasErrors": failed, "results": results})


def _run(site: Site, call: Call, subrequests: list[dict[str, Any]], all_or_none: bool) -> list[dict[str, Any]]:
    answers: dict[str, dict[str, Any]] = {}
    with site.atomic(all_or_none) as transaction:
        for sub in subrequests:
            answer = _subanswer(site, call, sub, answers)
            answers[sub["referenceId"]] = answer
            if all_or_none and answer["httpStatusCode"] >= 400:
                transaction.fail()
                break
    shown = list(answers.values())
    if not transaction.failed:
        return shown
    *innocent, culprit = shown
    rest = subrequests[len(shown) :]
    return [*(_halted(a["referenceId"]) for a in innocent), culprit, *(_halted(s["referenceId"]) for s in rest)]


def _subanswer(site: Site, call: Call, sub: dict[str, Any], answers: dict[str, dict[str, Any]]) -> dict[str, Any]:
    reference = sub["referenceId"]
    try:
        url = _resolved(sub["url"], answers)
        body = _resolved(sub.get("body"), answers)
    except _NoValue as fault:
        return _halted(reference, str(fault))
    headers = {str(name): str(value) for name, value in (sub.get("httpHeaders") or {}).items()}
    answer = dispatch.answer_inner(site, call, str(sub["method"]), str(url), body, headers)
    kept = {name: value for name, value in answer.headers.items() if name in ("Location", "ETag", "Last-Modified")}
    return {"body": answer.body, "httpHeaders": kept, "httpStatusCode": answer.status, "referenceId": reference}


def _subrequests(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The subrequests, each with method, url and a reference of its own."""
    found = objects_of(body, "compositeRequest")
    seen: set[str] = set()
    for sub in found:
        for name in ("method", "url", "referenceId"):
            if not isinstance(sub.get(name), str) or not sub[name]:
                raise OrgFault("INVALID_INPUT", f"Each subrequest needs a value for '{name}'.")
        if not isinstance(sub.get("httpHeaders") or {}, dict):
            raise OrgFault("INVALID_INPUT", "The 'httpHeaders' of a subrequest must be an object.")
        if sub["referenceId"] in seen:
            raise OrgFault("INVALID_INPUT", f"Duplicate reference id: {sub['referenceId']}")
        seen.add(sub["referenceId"])
    return found


def _resolved(value: Any, answers: dict[str, dict[str, Any]]) -> Any:
    """The value with every ``@{reference.path}`` replaced."""
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return _looked_up(whole, answers)
        return _REFERENCE.sub(lambda match: str(_looked_up(match, answers)), value)
    if isinstance(value, dict):
        return {name: _resolved(part, answers) for name, part in value.items()}
    if isinstance(value, list):
        return [_resolved(part, answers) for part in value]
    return value


def _looked_up(match: re.Match[str], answers: dict[str, dict[str, Any]]) -> Any:
    name, path = match.groups()
    answer = answers.get(name)
    if answer is None or answer["httpStatusCode"] >= 400:
        raise _NoValue(f"Invalid reference specified. No value for {name}{path} found")
    value = answer["body"]
    for field, index in _STEP.findall(path):
        value = _step(value, field or index)
        if value is None:
            raise _NoValue(f"Invalid reference specified. No value for {name}{path} found in {name}")
    return value


def _step(value: Any, key: str) -> Any:
    if isinstance(value, list):
        return value[int(key)] if key.isdigit() and int(key) < len(value) else None
    if isinstance(value, dict):
        return next((part for name, part in value.items() if name.lower() == key.lower()), None)
    return None


def _halted(reference: str, text: str = _ROLLED_BACK) -> dict[str, Any]:
    body = [{"errorCode": "PROCESSING_HALTED", "message": text}]
    return {"body": body, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": reference}
