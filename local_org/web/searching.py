"""Search by a term over names, e-mail addresses and phones: SOSL and parameterized search."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from local_org import soql
from local_org.org.model import OrgFault, SObject
from local_org.web.messages import Answer, Call, objects_of, texts_of
from local_org.web.routes import Router
from local_org.web.site import Site

MOST_RECORDS = 2000
_FIND = re.compile(
    r"\s*FIND\s*\{(?P<term>.*?)(?<!\\)\}\s*(IN\s+(?P<scope>\w+)\s+FIELDS)?\s*(?P<rest>.*)\Z", re.I | re.S
)
_RETURNING = re.compile(r"RETURNING\s+(?P<list>.*)\Z", re.I | re.S)
_OBJECT = re.compile(r"\s*(?P<name>\w+)\s*(\((?P<inner>.*)\))?\s*\Z", re.S)
_CLAUSE = re.compile(r"\s(WHERE|ORDER\s+BY|LIMIT|OFFSET|USING)\s", re.I)
_SCOPES: dict[str, tuple[str, ...]] = {
    "ALL": ("name", "email", "phone", "string"),
    "NAME": ("name",),
    "EMAIL": ("email",),
    "PHONE": ("phone",),
}
_DEFAULT_OBJECTS = ("Account", "Contact", "Lead", "Opportunity")


@dataclass(slots=True)
class _Target:
    """Where to look, what to return, and the rest of a query on it."""

    name: str
    fields: list[str]
    tail: str = ""
    limit: int = MOST_RECORDS


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/search", "GET")(search)
    router.route("/parameterizedSearch", "GET")(parameterized)
    router.route("/parameterizedSearch", "POST")(parameterized_post)


def search(site: Site, call: Call) -> Answer:
    """Run a SOSL text."""
    match = _FIND.match(call.query.get("q", ""))
    if match is None:
        text = "No search term found. The search term must be enclosed in braces."
        raise OrgFault("MALFORMED_SEARCH", text)
    returning = _RETURNING.match(match["rest"].strip())
    targets = [_target(part) for part in _split(returning["list"])] if returning else _defaults()
    records = _records(site, call, match["term"], (match["scope"] or "ALL").upper(), targets)
    return Answer(200, {"searchRecords": records} if float(call.version) >= 37 else records)


def parameterized(site: Site, call: Call) -> Answer:
    """Search with the term and the objects as parameters."""
    query = {name.lower(): value for name, value in call.query.items()}
    names = [name.strip() for name in query.get("sobject", "").split(",") if name.strip()]
    targets = []
    for name in names:
        fields = query.get(f"{name.lower()}.fields", query.get("fields", "Id")).split(",")
        targets.append(_Target(name, [f.strip() for f in fields], "", _limit(query.get(f"{name.lower()}.limit"))))
    return _parameterized(site, call, query.get("q", ""), query.get("in", "ALL"), targets, query.get("overalllimit"))


def parameterized_post(site: Site, call: Call) -> Answer:
    """Search with the term and the objects in the body."""
    body = call.mapping()
    shared, default = texts_of(body, "fields") or ["Id"], body.get("defaultLimit")
    targets = [
        _Target(str(one.get("name")), texts_of(one, "fields") or shared, "", _limit(one.get("limit") or default))
        for one in (objects_of(body, "sobjects") if body.get("sobjects") else [])
    ]
    return _parameterized(
        site, call, str(body.get("q", "")), str(body.get("in", "ALL")), targets, body.get("overallLimit")
    )


def _parameterized(site: Site, call: Call, term: str, scope: str, targets: list[_Target], overall: Any) -> Answer:
    if len(term.strip()) < 2:
        raise OrgFault("MALFORMED_SEARCH", "search term must be longer than one character")
    records = _records(site, call, term, scope.upper(), targets or _defaults())
    return Answer(200, {"searchRecords": records[: _limit(overall)]})


def _records(site: Site, call: Call, term: str, scope: str, targets: list[_Target]) -> list[dict[str, Any]]:
    session = site.session(call.user_id)
    conn = site.org.connection()
    found: list[dict[str, Any]] = []
    for target in targets:
        sobject = site.sobject(call.user_id, target.name)
        where = _where(sobject, re.sub(r"\\(.)", r"\1", term), scope)
        if not where:
            continue
        tail = re.sub(r"\bWHERE\b(.*?)(?=\bORDER\b|\bLIMIT\b|\Z)", r"AND (\1) ", target.tail, flags=re.I | re.S)
        limit = "" if re.search(r"\bLIMIT\b", tail, re.I) else f" LIMIT {target.limit}"
        text = f"SELECT {','.join(target.fields)} FROM {sobject.name} WHERE ({where}) {tail}{limit}"
        result = soql.run(conn, site.org.schema, session.access, text, now=site.now(), api_version=call.version)
        found += result.page(0, MOST_RECORDS)
    call.rows += len(found)
    return found[:MOST_RECORDS]


def _where(sobject: SObject, term: str, scope: str) -> str:
    """The condition in SOQL: every word of the term in one of the fields that the scope names."""
    kinds = _SCOPES.get(scope, _SCOPES["ALL"])
    fields = [
        f.name for f in sobject.fields
        if f.stored and f.filterable and (f.type in kinds or ("name" in kinds and f.name_field))
    ]  # fmt: skip
    if not fields:
        return ""
    words = [word for word in term.replace('"', " ").split() if word.upper() not in ("AND", "OR", "NOT")]
    return " AND ".join("(" + " OR ".join(f"{name} LIKE {_pattern(word)}" for name in fields) + ")" for word in words)


def _pattern(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "\\'").replace("%", "\\%").replace("_", "\\_")
    return "'%" + escaped.replace("*", "%").replace("?", "_") + "%'"


def _target(text: str) -> _Target:
    match = _OBJECT.match(text)
    if match is None:
        raise OrgFault("MALFORMED_SEARCH", f"unexpected token: '{text.strip()}'")
    inner = match["inner"] or "Id"
    clause = _CLAUSE.search(inner)
    fields = inner[: clause.start()] if clause else inner
    return _Target(match["name"], [f.strip() for f in fields.split(",")], inner[clause.start() :] if clause else "")


def _split(text: str) -> list[str]:
    """The objects of RETURNING: commas inside parentheses do not separate."""
    return [part for part in re.split(r",(?![^()]*\))", text) if part.strip()]


def _defaults() -> list[_Target]:
    return [_Target(name, ["Id"]) for name in _DEFAULT_OBJECTS]


def _limit(value: Any) -> int:
    return min(int(value), MOST_RECORDS) if str(value or "").isdigit() else MOST_RECORDS
