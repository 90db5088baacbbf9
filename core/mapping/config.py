"""Jobs as YAML text and back, and the difference of two jobs in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.nodes import MappingNode, Node, SequenceNode

from core.errors import UsageError
from core.mapping.spec import FieldMapping, JobSpec, PairSpec

M = TypeVar("M", bound=BaseModel)
_ORDER = (
    "name",
    "title",
    "direction",
    "kind",
    "template",
    "create",
    "update",
    "delete",
    "policy",
    "owner_rule",
    "inactive_owner",
    "zone",
    "schedule",
    "guards",
    "after",
    "scope_every_hours",
    "updated_within_days",
    "filters",
    "pairs",
)
_ALWAYS = ("name", "title", "direction", "kind", "create", "update", "delete", "schedule")


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, nothing folded, lists indented."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # Blocks lose trailing blanks and odd line ends, so they are used only where they keep the text exactly.
    plain_lines = "\n" in value and not re.search(r"[ \t]\n|[^\n\x20-\x7e\u00a0-\ud7ff]|^\s|\s$", value)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if plain_lines else None)


_Dumper.add_representer(str, _text)


def plain(spec: JobSpec) -> dict[str, Any]:
    """The job as plain values: in the order people read it, without what is as usual."""
    full = spec.model_dump(mode="json")
    short = spec.model_dump(mode="json", exclude_defaults=True)
    return {k: full[k] if k in _ALWAYS else short[k] for k in _ORDER if k in short or k in _ALWAYS}


def dumped(body: Mapping[str, Any]) -> str:
    """Plain values as the YAML that people read."""
    return yaml.dump(dict(body), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)


def to_yaml(spec: JobSpec) -> str:
    """The job as YAML."""
    return dumped(plain(spec))


def from_yaml(text: str) -> JobSpec:
    """The job of a YAML text.

    Raises:
        UsageError: it is not YAML or not a job; the message names line and field.
    """
    return parsed(text, JobSpec, "A job file holds one job: a list of names and values.")


def parsed(text: str, model: type[M], what: str) -> M:
    """A YAML text as a model.

    Args:
        text: the text.
        model: what it is to be.
        what: what to say where it is not even a list of names and values.

    Raises:
        UsageError: it is not YAML or not of the model; the message names line and field.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"This is not YAML: {_where(error)}.", hint="Check quotes and indentation.") from None
    if not isinstance(data, dict) or root is None:
        raise UsageError(what, hint="Start from an exported file.")
    doubled = next(_doubled_keys(root), None)
    if doubled is not None:
        raise UsageError(f"Line {doubled[0]}: {doubled[1]} is given twice.", hint="Keep one of them.")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        told = _told(error.errors())
        raise UsageError(" ".join(_problem(root, e) for e in told), hint="Nothing was changed.") from None


def _where(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be read"
    return f"line {mark.line + 1}: {problem}" if mark is not None else str(problem)


def _told(errors: Sequence[Any]) -> list[Any]:
    """The errors without those that only follow from an error further down."""
    paths = [e["loc"] for e in errors]
    return [e for e in errors if not any(p != e["loc"] and p[: len(e["loc"])] == e["loc"] for p in paths)]


def _problem(root: Node, error: Mapping[str, Any]) -> str:
    path = tuple(p for p in error["loc"] if p != "function-after[_one_origin(), FieldMapping]")
    shown = ".".join(str(p + 1) if isinstance(p, int) else p for p in path) or "job"
    message = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    if error["type"] == "extra_forbidden":
        message = "there is no such setting"
    elif error["type"] == "missing":
        message = "it is missing"
    return f"Line {_line(root, path)}: {shown}: {message}."


def _line(root: Node, path: tuple[str | int, ...]) -> int:
    """The line of the node at a path, or of the nearest one above it."""
    node = root
    line = root.start_mark.line
    for step in path:
        found = _child(node, step)
        if found is None:
            break
        line, node = found
    return int(line) + 1


def _child(node: Node, step: str | int) -> tuple[int, Node] | None:
    if isinstance(node, MappingNode):
        return next(((k.start_mark.line, v) for k, v in node.value if k.value == step), None)
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    return None


def _doubled_keys(node: Node) -> Iterator[tuple[int, str]]:
    """Keys given twice, which YAML itself would silently let pass."""
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, str(key.value)
            seen.add(key.value)
            yield from _doubled_keys(value)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            yield from _doubled_keys(item)


def diff(before: JobSpec, after: JobSpec) -> list[str]:
    """What changed from one job to another, one sentence each; empty where nothing did."""
    out = [
        *_settings(
            "", before.model_dump(mode="json", exclude={"pairs"}), after.model_dump(mode="json", exclude={"pairs"})
        )
    ]
    old, new = _by_object(before), _by_object(after)
    out += [f"{name}: pair removed." for name in old if name not in new]
    for name, pair in new.items():
        out += _pair(name, old[name], pair) if name in old else [f"{name}: pair added."]
    return out


def _by_object(spec: JobSpec) -> dict[str, PairSpec]:
    out: dict[str, PairSpec] = {}
    for pair in spec.pairs:
        name = pair.sobject if pair.sobject not in out else f"{pair.sobject} #{len(out) + 1}"
        out[name] = pair
    return out


def _settings(at: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in [*before, *(n for n in after if n not in before)]:
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict) and name != "value_map":
            yield from _settings(f"{at}{name}.", old, new)
        elif old != new:
            yield f"{at}{name}: {_shown(old)} → {_shown(new)}."


def _shown(value: Any) -> str:
    if value is None or value == "" or value == []:
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _pair(name: str, before: PairSpec, after: PairSpec) -> list[str]:
    out = list(
        _settings(
            f"{name} ",
            before.model_dump(mode="json", exclude={"mappings"}),
            after.model_dump(mode="json", exclude={"mappings"}),
        )
    )
    old, new = _by_target(before), _by_target(after)
    out += [f"{name}.{t}: field mapping removed ({origin(m)})." for t, m in old.items() if t not in new]
    out += [f"{name}.{t}: field mapping added ({origin(m)})." for t, m in new.items() if t not in old]
    for target in (t for t in new if t in old):
        out += _settings(f"{name}.{target} ", old[target].model_dump(mode="json"), new[target].model_dump(mode="json"))
    if not out and [*old] != [*new]:
        out.append(f"{name}: field mappings in another order.")
    return out


def _by_target(pair: PairSpec) -> dict[str, FieldMapping]:
    out: dict[str, FieldMapping] = {}
    for mapping in pair.mappings:
        key = mapping.target if mapping.target not in out else f"{mapping.target} #{len(out) + 1}"
        out[key] = mapping
    return out


def origin(mapping: FieldMapping) -> str:
    """Where a value comes from, in words."""
    if mapping.template is not None:
        return f'text "{mapping.template}"'
    if mapping.constant is not None:
        return f'always "{mapping.constant}"'
    return f"from {mapping.source}"
