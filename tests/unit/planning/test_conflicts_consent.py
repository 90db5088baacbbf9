"""An opt-out stands on both sides until a person takes it back."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from core.planning.conflicts import decide

EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)


def decided(ours: str | None, theirs: str | None, base: str | None, policy: str, *, theirs_later: bool) -> str:
    frame = pl.DataFrame(
        {
            "ours": [ours],
            "theirs": [theirs],
            "base": [base],
            "has_base": [base is not None],
            "ours_at": [EARLY if theirs_later else LATE],
            "theirs_at": [LATE if theirs_later else EARLY],
            "policy": [policy],
            "is_consent": [True],
        },
        schema_overrides={"ours": pl.String, "theirs": pl.String, "base": pl.String},
    )
    return str(decide(frame)["decision"].item())


@pytest.mark.requirement("S5")
@pytest.mark.parametrize("policy", ["last_update_wins", "org_wins", "workspace_wins", "ask"])
@pytest.mark.parametrize("theirs_later", [True, False])
@pytest.mark.parametrize("base", [None, "true", "false"])
def test_an_opt_out_on_either_side_stands(policy: str, theirs_later: bool, base: str | None) -> None:
    for absent in ("false", None):
        # Taken back on one side is another thing than never said.
        held = base == "true" and absent == "false"
        assert decided("true", absent, base, policy, theirs_later=theirs_later) == ("ask" if held else "ours")
        assert decided(absent, "true", base, policy, theirs_later=theirs_later) == ("ask" if held else "theirs")


def test_equal_consent_is_no_decision() -> None:
    assert decided("true", "true", "false", "last_update_wins", theirs_later=True) == "same"
