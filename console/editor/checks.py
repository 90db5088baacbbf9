"""Everything that stands between a draft and its first run, worst first."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from console import strings
from console.components import frame, notices
from console.components.text import safe
from console.editor import draft
from console.strings import count
from core import Finding, JobSpec, SynclineError

_PASSES = 3


def box(spec: JobSpec, findings: Sequence[Finding] | SynclineError) -> None:
    """The box that stands beside every step."""
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("**Before it can run**", width="stretch")
            if st.button("Validate", icon=":material/fact_check:", type="tertiary"):
                draft.findings(spec, again=True)
                st.rerun()
        if isinstance(findings, SynclineError):
            notices.problem(findings)
            return
        fails = [f for f in findings if f.severity == "fail"]
        warns = [f for f in findings if f.severity == "warn"]
        passes = [f for f in findings if f.severity == "pass"]
        told = ((len(fails), "fail"), (len(warns), "to look at"), (len(passes), "pass"))
        frame.small(", ".join(f"{n} {word}" for n, word in told if n))
        for found in [*fails, *warns]:
            _line(found)
        for found in passes[:_PASSES]:
            _line(found)
        if len(passes) > _PASSES:
            with st.expander(count(len(passes) - _PASSES, "more check passes", "more checks pass"), type="compact"):
                for found in passes[_PASSES:]:
                    _line(found)


def _line(found: Finding) -> None:
    where = (
        f"**{safe(found.sobject)}{'.' if found.field and found.sobject else ''}{safe(found.field)}** · "
        if found.severity != "pass" and (found.field or found.sobject)
        else ""
    )
    mend = f" :gray[{safe(found.mend)}]" if found.mend and found.severity != "pass" else ""
    about = f" :gray[{safe(found.sobject)}]" if found.severity == "pass" and found.sobject else ""
    st.markdown(f":small[{strings.SEVERITIES[found.severity].badge()} {where}{safe(found.message)}{mend}{about}]")
