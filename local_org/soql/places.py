"""Compiles DISTANCE: how far an address or a location lies from a point or from another one."""

from __future__ import annotations

import math

from local_org.org.values import part_key
from local_org.soql import faults
from local_org.soql.nodes import Call, Literal, Path
from local_org.soql.scope import Scope, Sql, Value, refuse

FUNCTION = "soql_distance"
"""The SQL function that :func:`between` is installed as."""
_RADIUS = {"MI": 3_958.761, "KM": 6_371.009}
"""Of the earth, taken for a sphere."""


def distance(scope: Scope, call: Call) -> Value:
    """``DISTANCE(field, GEOLOCATION(37.775, -122.418) or field, 'mi' or 'km')`` as a number.

    Raises:
        OrgFault: MALFORMED_QUERY for other arguments, INVALID_FIELD for a field that is no place.
    """
    unit = call.args[2] if len(call.args) == 3 else None
    if not isinstance(unit, Literal) or unit.kind != "string" or unit.text.upper() not in _RADIUS:
        raise refuse(scope.context, call.pos, "DISTANCE takes a field, a location and the unit 'mi' or 'km'")
    first, second = call.args[:2]
    if not isinstance(first, Path):
        raise refuse(scope.context, call.pos, "The first argument of DISTANCE must be a location or address field")
    value = scope.resolve(first)
    here = _field_point(scope, value, first)
    there = _point(scope, second) if isinstance(second, Call) else _other_field(scope, second, call)
    text = f"{FUNCTION}({here.text}, {there.text}, ?)"
    params = (*here.params, *there.params, _RADIUS[unit.text.upper()])
    return Value(Sql(text, params), "double", value.path[-1:], joined=True)


def between(
    latitude: float | None,
    longitude: float | None,
    to_latitude: float | None,
    to_longitude: float | None,
    radius: float,
) -> float | None:
    """The way over the sphere from one point to another, in the unit of its radius; ``None`` without a point."""
    if latitude is None or longitude is None or to_latitude is None or to_longitude is None:
        return None
    north, other_north = math.radians(latitude), math.radians(to_latitude)
    half_north, half_east = (other_north - north) / 2, math.radians(to_longitude - longitude) / 2
    share = math.sin(half_north) ** 2 + math.cos(north) * math.cos(other_north) * math.sin(half_east) ** 2
    return 2 * radius * math.asin(min(1.0, math.sqrt(share)))


def _other_field(scope: Scope, second: Path | Literal, call: Call) -> Sql:
    if isinstance(second, Literal):
        raise refuse(scope.context, call.pos, "DISTANCE takes a field, a location and the unit 'mi' or 'km'")
    return _field_point(scope, scope.resolve(second), second)


def _field_point(scope: Scope, value: Value, path: Path) -> Sql:
    f, sobject = value.field, value.sobject
    names = {part_key(name, f): name for name in f.compound_of} if f is not None else {}
    if f is None or sobject is None or f.type not in ("address", "location") or "latitude" not in names:
        message = f"field '{value.path[-1]}' is not a location or address field"
        raise faults.invalid_field(scope.context.text, path.pos, message)
    place = scope.places[tuple(p.lower() for p in value.path[:-1])]
    parts = [scope.context.visible(sobject, names.get(key, "")) for key in ("latitude", "longitude")]
    return Sql(", ".join(scope.field_value(place, sobject, p).sql.text if p else "NULL" for p in parts))


def _point(scope: Scope, call: Call) -> Sql:
    numbers = [float(a.text) for a in call.args if isinstance(a, Literal) and a.kind == "number"]
    if call.name != "GEOLOCATION" or len(numbers) != 2 or len(call.args) != 2:
        raise refuse(scope.context, call.pos, "GEOLOCATION takes a latitude and a longitude")
    if abs(numbers[0]) > 90 or abs(numbers[1]) > 180:
        message = "Latitude must lie between -90 and 90, longitude between -180 and 180"
        raise refuse(scope.context, call.pos, message)
    return Sql("?, ?", tuple(numbers))
