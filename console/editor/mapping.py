"""The mapping step: every field with what fills it and what is wrong with it, and a card that edits one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from console import editing, strings
from console.components import frame, tables
from console.components.text import code, plain, safe
from console.editor import draft
from console.session import Key, workspace
from core import TRANSFORMS, Finding, JobSpec, chooseable, workspace_fields

_COLUMNS = ("Check", "Workspace", "Salesforce", "Type", "In the org", "If too long", "Default", "Finding")
_TEXTY = ("string", "textarea", "combobox", "url", "phone", "email", "encryptedstring")
_ENGINE_ROLES = {
    "key": "The match key; read, never sent.",
    "account": "Filled by Syncline: the account.",
    "person": "Filled by Syncline: the person.",
    "related": "Filled by Syncline: the related record.",
    "owner": "Filled by Syncline: the owner, by the owner rule.",
}


@dataclass(frozen=True)
class Side:
    """What the mapping of one pair can use: the org's fields with why some cannot be chosen, and ours."""

    spec: JobSpec
    sobject: str
    org: dict[str, Any]
    reasons: dict[str, str]
    own: dict[str, str]

    @property
    def outbound(self) -> bool:
        """Whether the org is the target."""
        return self.spec.direction == "outbound"

    def org_name(self, mapping: dict[str, Any]) -> str:
        """The org field of a mapping."""
        return str(mapping["target"] if self.outbound else mapping.get("source") or "")

    def own_words(self, mapping: dict[str, Any]) -> str:
        """The workspace's part of a mapping, as people read it."""
        if not self.outbound:
            return editing.own_words(str(mapping["target"]), self.own)
        kind, text = editing.origin(mapping)
        if kind == "source":
            return editing.own_words(text, self.own)
        return text if kind == "template" else f"“{text}”"


def side(spec: JobSpec, sobject: str) -> Side:
    """Everything the step needs to know about a pair."""
    told = chooseable(workspace().org_object(sobject), spec.direction)
    return Side(
        spec,
        sobject,
        {f.name: f for f, _ in told},
        {f.name: why for f, why in told if why},
        {f.name: f.label for f in workspace_fields(spec.kind)},
    )


def table(spec: JobSpec, sobject: str, findings: Sequence[Finding]) -> str | None:
    """Every field of the pair, what is wrong first; returns the target that was picked in it."""
    rows = _rows(side(spec, sobject), findings)
    with st.container(horizontal=True, vertical_alignment="center"):
        search = st.text_input(
            "Field on either side", key="map_search", icon=":material/search:", label_visibility="collapsed",
            placeholder="Field on either side", width=230,
        )  # fmt: skip
        only = st.pills("Show", ("Findings", "Required", "Not mapped"), key="map_only", label_visibility="collapsed")
        st.space("stretch")
        st.markdown(_counts(rows), width="content")
    shown = [r for r in rows if _passes(r, only, search or "")]
    event = st.dataframe(
        tables.frame(shown, _COLUMNS), hide_index=True, placeholder="", key=f"map_{sobject}_{only}_{search}",
        on_select="rerun", selection_mode="single-row", height="content" if len(shown) < 16 else 560,
        column_config={
            "Check": tables.chips("Check", strings.MAPPING_CHECKS.values()),
            "In the org": tables.text("In the org", width=130),
            "Finding": tables.text("Finding, or what it does", width=360),
        },
    )  # fmt: skip
    picked = event["selection"]["rows"]
    return str(shown[picked[0]]["target"]) if picked and picked[0] < len(shown) else None


def _rows(found: Side, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    mappings = [m.model_dump(mode="json") for m in found.spec.pair(found.sobject).mappings]
    rows = [_mapped(found, m, findings) for m in mappings]
    if found.outbound:
        have = {m["target"].lower() for m in mappings}
        rows += [_free(found, f, findings) for name, f in found.org.items() if name.lower() not in have]
    else:
        have = {m["target"] for m in mappings}
        rows += [
            _row("unmapped", label, "", None, "", "Nothing fills it", target=name)
            for name, label in found.own.items()
            if name not in have
        ]
    order = list(strings.MAPPING_CHECKS)
    return sorted(rows, key=lambda r: (order.index(r["check"]), r["rank"]))


def _row(
    check: str,
    own: str,
    name: str,
    field: Any,
    told: str,
    finding: str,
    *,
    target: str,
    rank: int = 1,
    too_long: str = "",
    default: str = "",
) -> dict[str, Any]:
    return {
        "Check": [strings.MAPPING_CHECKS[check].word],
        "Workspace": plain(own, 80),
        "Salesforce": name,
        "Type": _type(field),
        "In the org": told,
        "Finding": plain(finding, 200),
        "check": check,
        "target": target,
        "rank": rank,
        "required": "Required" in told,
        "If too long": too_long,
        "Default": default,
    }


def _mapped(found: Side, mapping: dict[str, Any], findings: Sequence[Finding]) -> dict[str, Any]:
    name = found.org_name(mapping)
    field = found.org.get(name)
    wrong = editing.worst(findings, found.sobject, [mapping["target"], name])
    check = wrong.severity if wrong else "ready"
    role = _ENGINE_ROLES.get(mapping["role"], "")
    told = wrong.message if wrong else role or _does(mapping)
    texty = found.outbound and field is not None and field.type in _TEXTY and not role
    return _row(
        check, found.own_words(mapping), name, field, _told(found, field), told, target=mapping["target"],
        too_long={"hold": "Hold", "cut": "Cut", "spill": "Into a note"}[mapping["overflow"]] if texty else "",
        default=mapping["default"] or "",
    )  # fmt: skip


def _does(mapping: dict[str, Any]) -> str:
    """What a sound mapping does, in a few words."""
    parts = []
    if mapping["engine"]:
        parts.append("Filled by Syncline")
    if mapping["value_map"] is not None:
        parts.append(f"through {len(mapping['value_map'])} values")
    if mapping["transform"]:
        parts.append(TRANSFORMS[mapping["transform"]].title.lower() if mapping["transform"] in TRANSFORMS else "")
    if mapping["create_only"]:
        parts.append("on create only")
    if mapping["blank"] != "never_clear":
        parts.append(f"empty: {strings.BLANKS[mapping['blank']].lower()}")
    if mapping["policy"]:
        parts.append(strings.POLICIES[mapping["policy"]].lower())
    return ", ".join(p for p in parts if p)


def _free(found: Side, field: Any, findings: Sequence[Finding]) -> dict[str, Any]:
    """An org field that nothing fills."""
    wrong = editing.worst(findings, found.sobject, [field.name])
    why = found.reasons.get(field.name)
    if wrong:
        return _row(
            wrong.severity, "", field.name, field, _told(found, field), wrong.message, target=field.name, rank=0
        )
    if why:
        return _row("off", "", field.name, field, _told(found, field), why, target=field.name)
    return _row("unmapped", "", field.name, field, _told(found, field), "Nothing fills it", target=field.name)


def _type(field: Any) -> str:
    if field is None:
        return ""
    words = strings.FIELD_TYPES.get(field.type, field.type)
    if field.picklist:
        return f"{words}, {len(field.active_values)}"
    return f"{words}, {field.length:,}" if field.length and field.type in _TEXTY else words


def _told(found: Side, field: Any) -> str:
    if field is None:
        return ""
    parts = []
    if field.required_on_create and found.outbound:
        parts.append("Required")
    if field.external_id:
        parts.append("External id")
    if found.outbound and not field.writable:
        parts.append("Read only")
    if field.name in ("OwnerId", "WhoId", "WhatId", "AccountId"):
        parts.append("Set by Syncline")
    if field.calculated:
        parts.append("Formula")
    return ", ".join(parts)


def _counts(rows: list[dict[str, Any]]) -> str:
    n = {c: sum(r["check"] == c for r in rows) for c in strings.MAPPING_CHECKS}
    words = (("fail", "to mend"), ("warn", "to look at"), ("ready", "ready"))
    return " ".join(strings.MAPPING_CHECKS[c].badge(f"{n[c]} {word}") for c, word in words if n[c] or c == "ready")


def _passes(row: dict[str, Any], only: str | None, search: str) -> bool:
    if search and search.lower() not in f"{row['Workspace']} {row['Salesforce']} {row['target']}".lower():
        return False
    if only == "Findings":
        return row["check"] in ("fail", "warn")
    if only == "Required":
        return bool(row["required"])
    if only == "Not mapped":
        return row["check"] in ("unmapped", "off")
    return search != "" or row["check"] not in ("unmapped", "off")


def card(spec: JobSpec, sobject: str, findings: Sequence[Finding], picked: str | None) -> None:
    """The one field that is being edited."""
    found = side(spec, sobject)
    rows = _rows(found, findings)
    names = [r["target"] for r in rows if r["check"] != "off"]
    key = f"{Key.FIELD}_{found.spec.name}_{found.sobject}"
    wanted = picked or st.query_params.get("field")
    last = st.session_state.get(f"{key}_asked")
    if wanted and wanted != last and wanted in names:
        st.session_state[key] = wanted
    st.session_state[f"{key}_asked"] = wanted
    if st.session_state.get(key) not in names and (found.outbound or not st.session_state.get(key)):
        st.session_state[key] = names[0]
    with st.container(border=True, gap="small"):
        labels = {n: _label(found, n) for n in names}
        typed = st.selectbox(
            "Field", names, key=key, format_func=lambda n: labels.get(n) or _label(found, n),
            accept_new_options=not found.outbound,
            help=None if found.outbound else "Type a name that is not in the list for a custom field of the workspace.",
        )  # fmt: skip
        target = str(typed) if found.outbound else editing.own_field(str(typed), found.own)
        mapping = editing.mapping_of(found.spec, found.sobject, target)
        wrong = editing.worst(findings, found.sobject, [target, found.org_name(mapping) if mapping else target])
        if wrong:
            badge = strings.SEVERITIES[wrong.severity].badge()
            st.markdown(f"{badge} **{safe(wrong.message)}** {safe(wrong.mend)}")
        if mapping is not None and (mapping["role"] in _ENGINE_ROLES or mapping["engine"]):
            frame.small(_ENGINE_ROLES.get(mapping["role"], "Filled by Syncline by rule."))
            return
        _edit(found, target, mapping)
        if wrong and wrong.severity == "fail" and found.outbound:
            _for_the_admin(found, target, wrong)


def _label(found: Side, target: str) -> str:
    field = found.org.get(target) if found.outbound else None
    if not found.outbound and target not in found.own:
        return editing.own_words(target, found.own)
    label = field.label if field is not None else found.own.get(target, target)
    return target if label == target else f"{target} ({label})"


def _edit(found: Side, target: str, mapping: dict[str, Any] | None) -> None:
    prefix = f"{draft.token(found.spec)}_{found.sobject}_{target}"
    kind, text = editing.origin(mapping) if mapping else ("source", "")
    if mapping is None:
        st.markdown("Nothing fills this field yet.")
    origins = editing.ORIGINS if found.outbound else ("source", "constant")
    left, right = st.columns([2, 3])
    kind_now = left.selectbox(
        "Fill it with", origins, index=origins.index(kind), format_func=editing.ORIGIN_WORDS.__getitem__,
        key=f"kind_{prefix}",
    )  # fmt: skip
    with right:
        value = _origin_value(found, prefix, kind_now, text if kind_now == kind else "")
    new = {} if not value else {**dict.fromkeys(editing.ORIGINS), kind_now: value}
    if mapping is None:
        if new:
            draft.change(lambda: editing.with_mapping(found.spec, found.sobject, target, **new))
        return
    new |= _settings(found, prefix, target, mapping)
    if any(mapping.get(k) != v for k, v in new.items()):
        draft.change(lambda: editing.with_mapping(found.spec, found.sobject, target, **new))
    if mapping["value_map"] is not None and st.button("Open its values", icon=":material/table:", key=f"map_{prefix}"):
        frame.go("job", job=found.spec.name, step="Values", field=target)
    if st.button("Take this field out of the mapping", type="tertiary", icon=":material/delete:", key=f"out_{prefix}"):
        draft.change(lambda: editing.without_mapping(found.spec, found.sobject, target), anew=True)


def _origin_value(found: Side, prefix: str, kind: str, text: str) -> str:
    if kind == "source":
        options = list(found.own) if found.outbound else list(found.org)
        if text and text not in options:
            options.append(text)
        labels = found.own if found.outbound else {n: f.label for n, f in found.org.items()}
        picked = st.selectbox(
            "Workspace field" if found.outbound else "Salesforce field", options,
            index=options.index(text) if text else None, placeholder="Choose a field", key=f"source_{prefix}",
            format_func=lambda n: _choice_words(found, labels, n), accept_new_options=found.outbound,
            help="Type a name that is not in the list for a custom field." if found.outbound else None,
        )  # fmt: skip
        return editing.own_field(str(picked or ""), found.own) if found.outbound else str(picked or "")
    help_ = "Fields in double braces, as in Call: {{Contact Name}}." if kind == "template" else None
    label = "Text" if kind == "template" else "Value"
    return st.text_input(label, value=text, key=f"{kind}_{prefix}", help=help_)


def _choice_words(found: Side, labels: dict[str, str], name: str) -> str:
    if name not in labels:
        return editing.own_words(name, labels) if found.outbound else f"{name} (not in the org)"
    return f"{labels[name]} ({name})" if labels[name] != name else name


def _settings(found: Side, prefix: str, target: str, mapping: dict[str, Any]) -> dict[str, Any]:
    """What else can be set for the field, as far as it makes sense for its type."""
    field = found.org.get(target) if found.outbound else None
    first, second, third = st.columns(3)
    new: dict[str, Any] = {}
    with first:
        new["default"] = _default(field, prefix, mapping)
        words = {"": "As it is", **{n: t.title for n, t in TRANSFORMS.items()}}
        if (mapping["transform"] or "") in words:
            new["transform"] = _choice("Transform", words, mapping["transform"] or "", f"transform_{prefix}") or None
    with second:
        new["blank"] = _choice("If the source is empty", strings.BLANKS, mapping["blank"], f"blank_{prefix}")
        if field is not None and field.type in _TEXTY:
            new["overflow"] = _choice(
                "If the text is too long", strings.OVERFLOWS, mapping["overflow"], f"over_{prefix}"
            )
    with third:
        policies = {"": "As the job says", **strings.POLICIES}
        picked = _choice("If both sides changed", policies, mapping["policy"] or "", f"policy_{prefix}")
        new["policy"] = picked or None
        if found.outbound:
            new["create_only"] = st.checkbox("On create only", mapping["create_only"], key=f"once_{prefix}")
        new["required"] = st.checkbox("Hold rows where it is empty", mapping["required"], key=f"req_{prefix}")
    return new


def _default(field: Any, prefix: str, mapping: dict[str, Any]) -> str | None:
    """A value for rows whose source is empty; one of the picklist where the field has one."""
    now = mapping["default"]
    if field is not None and field.active_values:
        options = list(field.active_values)
        if now and now not in options:
            options.append(now)
        picked = st.selectbox(
            "Default", options, index=options.index(now) if now else None, placeholder="No default",
            key=f"default_{prefix}", accept_new_options=not field.restricted,
        )  # fmt: skip
        return picked or None
    return st.text_input("Default", value=now or "", key=f"default_{prefix}", placeholder="No default") or None


def _choice(label: str, words: dict[str, str], now: str, key: str) -> str:
    return str(st.selectbox(label, list(words), index=list(words).index(now), format_func=words.__getitem__, key=key))


def _for_the_admin(found: Side, target: str, wrong: Finding) -> None:
    with st.expander("Ask the org's admin instead", type="compact"):
        st.code(
            f"{found.sobject}.{target}: {wrong.message}\nCan you give it a default value, make it optional, or give "
            "our integration user access to it?",
            language=None, wrap_lines=True,
        )  # fmt: skip
        frame.small("After the change: Pull now on Connections.")
    st.markdown(f":small[:gray[Field]] {code(target)}")
