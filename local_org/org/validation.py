"""Holds what an org's administrators add: validation rules, automation before the save, duplicate rules."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast

from local_org.org import formulas
from local_org.org.formula_parser import Moment
from local_org.org.model import OrgFault
from local_org.org.store import quoted

if TYPE_CHECKING:
    from local_org.org.engine import Org
    from local_org.org.row import Row
    from local_org.org.saving import Saver

Operator = Literal["blank", "filled", "eq", "ne", "lt", "gt", "in", "not_in", "longer", "contains", "changed"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field's value after the save; texts compare without case."""

    field: str
    op: Operator
    value: Any = None

    def holds(self, row: Row) -> bool:
        """Whether it holds for the row."""
        if self.op == "changed":
            return row.old is not None and row.changes(self.field)
        return _compare(self.op, _fold(row.get(self.field)), _fold(self.value))


def _fold(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_fold(each) for each in value]
    return value.lower() if isinstance(value, str) else value


def _compare(op: str, held: Any, value: Any) -> bool:
    if op in ("blank", "filled"):
        return (held is None) == (op == "blank")
    if op in ("ne", "not_in"):
        return bool(held != value if op == "ne" else held not in value)
    if held is None:
        return False
    if op == "longer":
        return len(str(held)) > int(value)
    if op == "in":
        return held in value
    if op == "contains":
        return str(value) in str(held)
    return bool(held < value if op == "lt" else held > value if op == "gt" else held == value)


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """Refuses a row when all conditions hold, and the formula if there is one, with the administrator's own words."""

    object: str
    name: str
    when: tuple[Condition, ...] = ()
    message: str = "This value is not allowed."
    field: str | None = None
    """Where the message is shown; ``None`` at the top of the page."""
    active: bool = True
    formula: str = ""
    """A condition as in `formulas.holds`: the row is refused where it is true."""


@dataclass(frozen=True, slots=True)
class Automation:
    """Sets fields before validation when all conditions hold, as a before-save flow would."""

    object: str
    name: str
    when: tuple[Condition, ...]
    set: Mapping[str, Any]
    active: bool = True


@dataclass(frozen=True, slots=True)
class DuplicateRule:
    """Refuses a row that equals another record in all of the fields (none of them empty).

    With ``allow_save`` it only warns: a request with ``Sforce-Duplicate-Rule-Header: allowSave=true`` passes.
    """

    object: str
    name: str
    fields: tuple[str, ...]
    message: str = "Use one of these records?"
    allow_save: bool = True
    active: bool = True


AnyRule = ValidationRule | Automation | DuplicateRule


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules of an org."""

    validations: tuple[ValidationRule, ...] = ()
    automations: tuple[Automation, ...] = ()
    duplicates: tuple[DuplicateRule, ...] = ()
    lookup: dict[str, Rulebook] = field(default_factory=dict, compare=False, repr=False)

    def of(self, sobject: str) -> Rulebook:
        """The active rules of one object."""
        held = self.lookup.get(sobject)
        if held is None:
            held = self.lookup[sobject] = Rulebook(
                tuple(r for r in self.validations if r.active and r.object == sobject),
                tuple(r for r in self.automations if r.active and r.object == sobject),
                tuple(r for r in self.duplicates if r.active and r.object == sobject),
            )
        return held


def rulebook(org: Org) -> Rulebook:
    """The org's rules."""
    held = org.plans.get("rules")
    if held is None:
        held = org.plans["rules"] = _from_json(org.meta("rules"))
    return cast(Rulebook, held)


def _from_json(text: str | None) -> Rulebook:
    raw = json.loads(text) if text else {}

    def made(kind: type[Any], name: str) -> tuple[Any, ...]:
        return tuple(rule_from(kind, item) for item in raw.get(name, []))

    return Rulebook(
        made(ValidationRule, "validations"), made(Automation, "automations"), made(DuplicateRule, "duplicates")
    )


def rule_from(kind: type[AnyRule], item: Mapping[str, Any]) -> AnyRule:
    """A rule from its plain form.

    Raises:
        TypeError: A word is missing, or one that the rule does not know.
    """
    return kind(**_revived(item))


def _revived(item: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(item)
    if "when" in made:
        made["when"] = tuple(Condition(**condition) for condition in made["when"])
    if "fields" in made:
        made["fields"] = tuple(made["fields"])
    return made


def add_rule(org: Org, rule: AnyRule) -> None:
    """Add a rule, or replace the one of the same object and name.

    Raises:
        ValueError: It is a validation rule without condition, or with a formula that makes no sense.
    """
    if isinstance(rule, ValidationRule):
        sobject = org.schema.get(rule.object)
        if sobject is None or not (rule.when or rule.formula):
            raise ValueError(
                f"{rule.object}.{rule.name}: a validation rule wants an object, and conditions or a formula"
            )
        if rule.formula:
            formulas.holds(org.schema, sobject, rule.formula, Moment(0))
    _keep(org, [*(r for r in _all(org) if (r.object, r.name) != (rule.object, rule.name)), rule])


def remove_rule(org: Org, sobject: str, name: str) -> None:
    """Remove a rule; one that is not there is no error."""
    _keep(org, [r for r in _all(org) if (r.object, r.name) != (sobject, name)])


def _all(org: Org) -> list[AnyRule]:
    book = rulebook(org)
    return [*book.validations, *book.automations, *book.duplicates]


def _keep(org: Org, all_rules: Iterable[AnyRule]) -> None:
    names = {ValidationRule: "validations", Automation: "automations", DuplicateRule: "duplicates"}
    made: dict[str, list[dict[str, Any]]] = {}
    for rule in all_rules:
        made.setdefault(names[type(rule)], []).append(asdict(rule))
    with org.write():
        org.save_meta("rules", json.dumps(made))
        # Inside the transaction: a save that waits for it must not find the old rules.
        org.forget_access()


def automate(book: Rulebook, row: Row) -> None:
    """Let the automations set their fields."""
    for rule in book.automations:
        if all(condition.holds(row) for condition in rule.when):
            row.values.update(rule.set)


def validate(saver: Saver, book: Rulebook, row: Row) -> None:
    """Add an error for each validation rule that the row breaks."""
    for rule in book.validations:
        if all(condition.holds(row) for condition in rule.when) and _formula_holds(saver, row, rule):
            row.fail("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, [rule.field] if rule.field else [])


def _formula_holds(saver: Saver, row: Row, rule: ValidationRule) -> bool:
    """Whether a rule's formula is true of the record after the save; without a formula it is."""
    if not rule.formula:
        return True
    key = f"rule {rule.object}.{rule.name}"
    if key not in saver.memory:
        moment = Moment(saver.org.clock.now(), saver.access.time_zone)
        try:
            condition = formulas.holds(saver.schema, saver.sobject, rule.formula, moment)
        except ValueError:
            # A field that the rule names is gone since the rule was made.
            condition = "0"
        listed = ", ".join(f"? AS {quoted(name)}" for name in saver.plan.columns)
        saver.memory[key] = f"WITH t AS (SELECT {listed}), o AS (SELECT {listed}) SELECT {condition} FROM t, o"
    after = [row.id if name == "Id" else row.get(name) for name in saver.plan.columns]
    before = [(row.old or {}).get(name) for name in saver.plan.columns]
    return bool(saver.conn.execute(saver.memory[key], (*after, *before)).fetchone()[0])


class DuplicatesFault(OrgFault):
    """DUPLICATES_DETECTED, with what the single-row answer says about the records found."""

    def __init__(self, rule: DuplicateRule, matches: list[str]) -> None:
        """Carry the rule and the Ids of the matching records."""
        super().__init__("DUPLICATES_DETECTED", rule.message, fields=[])
        self.rule = rule
        self.matches = matches
