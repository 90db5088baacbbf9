"""Clients of the Streaming API hear of changes, and catch up on what they missed."""

from __future__ import annotations

import pytest

from tests.interop.conftest import Run

pytestmark = pytest.mark.nightly


def test_aiosfstream_listens_and_catches_up(run: Run, unique: str) -> None:
    found = run("aiosfstream", "listen", WORD=unique)
    kinds = [payload["ChangeEventHeader"]["changeType"] for payload in found["heard"]]
    assert kinds == ["CREATE", "UPDATE", "UPDATE"]
    assert {payload["ChangeEventHeader"]["recordIds"][0] for payload in found["heard"]} == {found["made"]}
    assert [payload.get("Phone") for payload in found["heard"]] == [None, "1", "2"]


def test_aiosfstream_refusals(run: Run) -> None:
    password, channel = run("aiosfstream", "refused")
    assert "authentication failure" in password
    assert "Cannot create channel /data/NothingChangeEvent" in channel
