"""List views: which there are, what they select, and their results."""

from __future__ import annotations

import re
from typing import Any

from local_org import soql
from local_org.org.engine import Org
from local_org.org.model import Field, SObject
from local_org.soql.nodes import Call as Function
from local_org.soql.nodes import Comparison, Condition, Group, Literal, Not, Path, Query, Values
from local_org.web.messages import Answer, Call, not_found
from local_org.web.routes import Router
from local_org.web.site import Site

_TABLE = (
    "CREATE TABLE IF NOT EXISTS _listview (id TEXT PRIMARY KEY, sobject TEXT NOT NULL, "
    "developer_name TEXT NOT NULL, label TEXT NOT NULL, query TEXT NOT NULL)"
)
_SELECT = re.compile(r"\s*SELECT\s+(?P<fields>.+?)\s+FROM\s+(?P<rest>.*)\Z", re.I | re.S)
_ORDER = re.compile(r"\bORDER\s+BY\s+(?P<field>[\w.]+)(\s+(?P<way>ASC|DESC))?(\s+NULLS\s+(?P<nulls>FIRST|LAST))?", re.I)
_HIDDEN = ("Id", "CreatedDate", "LastModifiedDate", "SystemModstamp")


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/sobjects/{obj}/listviews", "GET")(listed)
    router.route("/sobjects/{obj}/listviews/{view}", "GET")(one)
    router.route("/sobjects/{obj}/listviews/{view}/describe", "GET")(describe)
    router.route("/sobjects/{obj}/listviews/{view}/results", "GET")(results)


def add_list_view(org: Org, sobject: str, developer_name: str, label: str, query: str) -> str:
    """Add a list view and return its Id.

    Args:
        org: The org.
        sobject: The object that it lists.
        developer_name: Its API name.
        label: Its name on screen.
        query: What it shows, as SOQL with the shown columns selected.
    """
    with org.write() as conn:
        conn.execute(_TABLE)
        row = {"Name": label, "DeveloperName": developer_name, "SobjectType": sobject, "IsSoqlCompatible": True}
        view_id = org.insert_raw("ListView", row)
        conn.execute("INSERT INTO _listview VALUES (?,?,?,?,?)", (view_id, sobject, developer_name, label, query))
    return view_id


def listed(site: Site, call: Call) -> Answer:
    """The list views of an object."""
    sobject = site.sobject(call.user_id, call.args["obj"])
    limit = call.number("limit", 25, least=1, most=2000)
    offset = call.number("offset", 0)
    views = [_entry(call, sobject, row) for row in _rows(site, sobject)]
    page = views[offset : offset + limit]
    done = offset + len(page) >= len(views)
    more = f"{_base(call, sobject)}?limit={limit}&offset={offset + limit}"
    body = {"done": done, "listviews": page, "nextRecordsUrl": None if done else more, "size": len(page)}
    return Answer(200, body | {"sobjectType": sobject.name})


def one(site: Site, call: Call) -> Answer:
    """One list view."""
    sobject, row = _view(site, call)
    return Answer(200, _entry(call, sobject, row))


def describe(site: Site, call: Call) -> Answer:
    """What a list view selects, shows and sorts by."""
    sobject, row = _view(site, call)
    return Answer(
        200,
        {
            "columns": _columns(site, sobject, row),
            "id": row[0],
            "orderBy": _order(row),
            "query": _full_query(row),
            "relatedEntityId": None,
            "scope": "mine" if re.search(r"USING\s+SCOPE\s+mine", row[4], re.I) else "everything",
            "scopeEntityId": None,
            "sobjectType": sobject.name,
            "whereCondition": _condition(soql.parse(row[4]).where),
        },
    )


def results(site: Site, call: Call) -> Answer:
    """The records of a list view."""
    sobject, row = _view(site, call)
    limit = call.number("limit", 25, least=1, most=2000)
    offset = call.number("offset", 0)
    result = soql.run(
        site.org.connection(), site.org.schema, site.session(call.user_id).access, _full_query(row),
        now=site.now(), api_version=call.version,
    )  # fmt: skip
    columns = _columns(site, sobject, row)
    paths = [column["fieldNameOrPath"] for column in columns]
    records = [{"columns": [{"fieldNameOrPath": p, "value": _value(record, p)} for p in paths]}
               for record in result.page(offset, limit)]  # fmt: skip
    call.rows += len(records)
    return Answer(
        200,
        {
            "columns": columns,
            "developerName": row[2],
            "done": offset + len(records) >= result.total,
            "id": row[0],
            "label": row[3],
            "records": records,
            "size": len(records),
        },
    )


def _condition(node: Condition | None) -> dict[str, Any] | None:
    """The condition as list views spell it: nested under and, or, not."""
    match node:
        case None:
            return None
        case Group(connective, items):
            return {"conditions": [_condition(item) for item in items], "conjunction": connective.lower()}
        case Not(item):
            return {"condition": _condition(item), "operator": "not"}
        case Comparison(left, operator, right):
            words = {"=": "equals", "!=": "notEqual", "<": "lessThan", "<=": "lessOrEqual", ">": "greaterThan"}
            words |= {">=": "greaterOrEqual", "LIKE": "like", "IN": "in", "NOT IN": "notIn"}
            word = words.get(operator, operator.lower())
            return {"field": _text(left), "operator": word, "values": _values(right)}


def _text(expression: Path | Function) -> str:
    if isinstance(expression, Path):
        return expression.text
    return f"{expression.name}({', '.join(_text(arg) for arg in expression.args if not isinstance(arg, Literal))})"


def _values(right: Literal | Values | Query) -> list[str]:
    if isinstance(right, Query):
        return []
    items = (right,) if isinstance(right, Literal) else right.items
    return [f"'{item.text}'" if item.kind == "string" else item.text for item in items]


def _rows(site: Site, sobject: SObject) -> list[Any]:
    conn = site.org.connection()
    if not conn.execute("SELECT 1 FROM sqlite_master WHERE name='_listview'").fetchone():
        return []
    return conn.execute("SELECT * FROM _listview WHERE sobject=? ORDER BY label", (sobject.name,)).fetchall()


def _view(site: Site, call: Call) -> tuple[SObject, Any]:
    sobject = site.sobject(call.user_id, call.args["obj"])
    for row in _rows(site, sobject):
        if row[0][:15] == call.args["view"][:15]:
            return sobject, row
    raise not_found()


def _base(call: Call, sobject: SObject) -> str:
    return f"/services/data/v{call.version}/sobjects/{sobject.name}/listviews"


def _entry(call: Call, sobject: SObject, row: Any) -> dict[str, Any]:
    url = f"{_base(call, sobject)}/{row[0]}"
    return {
        "describeUrl": f"{url}/describe",
        "developerName": row[2],
        "id": row[0],
        "label": row[3],
        "resultsUrl": f"{url}/results",
        "soqlCompatible": True,
        "url": url,
    }


def _shown(row: Any) -> list[str]:
    match = _SELECT.match(row[4])
    return [name.strip() for name in match["fields"].split(",")] if match else []


def _full_query(row: Any) -> str:
    """The view's query with the columns that every view carries without showing them."""
    match = _SELECT.match(row[4])
    if match is None:
        return str(row[4])
    names = _shown(row)
    names += [name for name in _HIDDEN if name.lower() not in {n.lower() for n in names}]
    return f"SELECT {', '.join(names)} FROM {match['rest']}"


def _columns(site: Site, sobject: SObject, row: Any) -> list[dict[str, Any]]:
    shown = _shown(row)
    hidden = [name for name in _HIDDEN if name.lower() not in {n.lower() for n in shown}]
    order = {entry["fieldNameOrPath"].lower(): entry for entry in _order(row)}
    columns = []
    for path in [*shown, *hidden]:
        field = _field(site, sobject, path)
        sorting = order.get(path.lower())
        label = field.label if field else path
        columns.append(
            {
                "ascendingLabel": "A-Z",
                "descendingLabel": "Z-A",
                "fieldNameOrPath": path,
                "hidden": path in hidden,
                "label": label,
                "searchable": False,
                "selectListItem": path,
                "sortDirection": sorting["sortDirection"] if sorting else None,
                "sortIndex": 0 if sorting else None,
                "sortable": bool(field and field.sortable),
                "type": field.type if field else "string",
            }
        )
    return columns


def _field(site: Site, sobject: SObject, path: str) -> Field | None:
    *parents, name = path.split(".")
    here = sobject
    for relation in parents:
        lookup = next((f for f in here.fields if (f.relationship_name or "").lower() == relation.lower()), None)
        parent = site.org.schema.get(lookup.reference_to[0]) if lookup and lookup.reference_to else None
        if parent is None:
            return None
        here = parent
    return here.field(name)


def _order(row: Any) -> list[dict[str, Any]]:
    match = _ORDER.search(row[4])
    if match is None:
        return []
    way = "descending" if (match["way"] or "").upper() == "DESC" else "ascending"
    nulls = (match["nulls"] or "first").lower()
    return [{"fieldNameOrPath": match["field"], "nullsPosition": nulls, "sortDirection": way}]


def _value(record: dict[str, Any], path: str) -> Any:
    value: Any = record
    for part in path.split("."):
        value = next((v for k, v in value.items() if k.lower() == part.lower()), None) if value else None
    return str(value).lower() if isinstance(value, bool) else value if value is None else str(value)
