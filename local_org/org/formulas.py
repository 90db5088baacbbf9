"""Compiles formula fields and roll-up summaries to SQL that works them out when they are read.

What is read is never stored: when a parent, a child or the day changes, the value changes, and no stamp of the record
moves, as in Salesforce. Missing numbers count as zero, missing texts as empty.
"""

from __future__ import annotations

from datetime import UTC, datetime

from local_org.org.formula_functions import Term
from local_org.org.formula_parser import COMPARE, KINDS, Moment, Nested, Parser, Place, text_literal
from local_org.org.model import Field, Rollup, Schema, SObject
from local_org.org.store import quoted

DEPTH = 10
"""Formulas that may refer to one another."""
_ROLLUPS = ("count", "sum", "min", "max")
_ROLLUP_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">="})


def worked_out(schema: Schema, sobject: SObject, f: Field, alias: str, moment: Moment, depth: int = 0) -> str:
    """The SQL of a formula or roll-up of the row that ``alias`` names.

    Raises:
        ValueError: The formula cannot be read, names what does not exist, or refers to itself.
    """
    if depth > DEPTH:
        raise ValueError(f"{sobject.name}.{f.name}: formulas refer to one another in a circle, or too deep")
    if f.rollup is not None:
        return _rolled_up(schema, sobject, f, f.rollup, alias)
    place = Place(schema, sobject, f, alias, moment)
    return _as_field(f, Parser(place, _nested(schema, moment, depth + 1)).whole())


def holds(schema: Schema, sobject: SObject, text: str, moment: Moment) -> str:
    """The SQL of a rule's formula, over the record after the save as ``t`` and before it as ``o``.

    ``o`` holds NULL in every column where the record is new. Beside the functions of formula fields, a rule knows
    ISNEW(), ISCHANGED(field) and PRIORVALUE(field).

    Raises:
        ValueError: The formula cannot be read, names what does not exist, or is no condition.
    """
    rule = Field(name="rule", type="boolean", label="rule", formula=text)
    place = Place(schema, sobject, rule, "t", moment, prior="o")
    return _as_field(rule, Parser(place, _nested(schema, moment, 1)).whole())


def _nested(schema: Schema, moment: Moment, depth: int) -> Nested:
    return lambda sobject, f, alias: worked_out(schema, sobject, f, alias, moment, depth)


def check(schema: Schema) -> None:
    """See that every formula and roll-up of a schema can be worked out.

    Raises:
        ValueError: One cannot; the message names the field.
    """
    for sobject in schema.objects:
        for f in sobject.fields:
            if f.worked_out:
                worked_out(schema, sobject, f, "t", Moment(0))


def _rolled_up(schema: Schema, sobject: SObject, f: Field, rollup: Rollup, alias: str) -> str:
    child = schema.get(rollup.child)
    link = child.field(rollup.reference) if child else None
    if child is None or link is None or sobject.name not in link.reference_to:
        raise ValueError(f"{sobject.name}.{f.name}: {rollup.child}.{rollup.reference} does not name {sobject.name}")
    if rollup.function not in _ROLLUPS:
        raise ValueError(f"{f.name}: a roll-up takes one of {', '.join(_ROLLUPS)}, not {rollup.function!r}")
    summed = "*" if rollup.function == "count" else _child_column(child, rollup.field, f)
    kept = "".join(f" AND {_condition(child, f, *condition)}" for condition in rollup.when)
    live = ' AND c."IsDeleted" = 0' if child.field("IsDeleted") else ""
    made = (
        f"(SELECT {rollup.function.upper()}({summed}) FROM {quoted(child.name)} c "
        f'WHERE c.{quoted(link.name)} = {alias}."Id"{live}{kept})'
    )
    return f"COALESCE({made}, 0)" if rollup.function == "sum" else made


def _child_column(child: SObject, name: str | None, f: Field) -> str:
    found = child.field(name or "")
    if found is None or not found.stored:
        raise ValueError(f"{f.name}: {child.name} has no stored field {name} to sum up")
    return f"c.{quoted(found.name)}"


def _condition(child: SObject, f: Field, name: str, operator: str, value: object) -> str:
    if operator not in _ROLLUP_OPERATORS:
        raise ValueError(f"{f.name}: a roll-up compares with {', '.join(sorted(_ROLLUP_OPERATORS))}, not {operator!r}")
    literal = (
        int(value) if isinstance(value, bool) else value if isinstance(value, int | float) else text_literal(str(value))
    )
    return f"{_child_column(child, name, f)} {COMPARE[operator]} {literal}"


def _as_field(f: Field, term: Term) -> str:
    """The value in the form in which a field of this type is stored."""
    kind = KINDS.get(f.type, "text")
    if kind != term.kind:
        raise ValueError(f"{f.name}: the formula gives a {term.kind}, the field is a {f.type}")
    if kind == "number":
        return f"CAST(ROUND({term.sql}, {f.scale}) AS {'INTEGER' if f.type in ('int', 'long') else 'REAL'})"
    if kind == "text":
        return f"NULLIF({term.sql}, '') COLLATE NOCASE"
    return term.sql


def moment_of(now: datetime, time_zone: str) -> Moment:
    """The moment of a query."""
    return Moment(int(now.astimezone(UTC).timestamp()), time_zone)
