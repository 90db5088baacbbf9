from __future__ import annotations

import json

import pytest

from local_org.web.faults import Fault, Faults
from local_org.web.messages import Call
from local_org.web.striking import is_write, wait_times

V = "/services/data/v66.0"


def call(method: str, path: str, body: object = None) -> Call:
    """A request."""
    return Call(method, V + path, {}, {}, raw=json.dumps(body).encode())


def several(method: str, url: str) -> dict[str, object]:
    """A composite with one subrequest."""
    return {"compositeRequest": [{"method": method, "url": V + url, "referenceId": "a"}]}


@pytest.mark.parametrize(
    "request_",
    [
        call("POST", "/sobjects/Account"),
        call("PATCH", "/sobjects/Account/001"),
        call("DELETE", "/sobjects/Task/Key__c/a%2Fb"),
        call("POST", "/composite/sobjects"),
        call("DELETE", "/composite/sobjects"),
        call("PATCH", "/composite/sobjects/Task/Key__c"),
        call("POST", "/composite/tree/Account"),
        call("POST", "/composite", several("PATCH", "/sobjects/Account/001")),
        call("POST", "/composite/batch", {"batchRequests": [{"method": "DELETE", "url": "v66.0/sobjects/A/1"}]}),
        call("PUT", "/jobs/ingest/750/batches"),
        call("PATCH", "/jobs/ingest/750"),
        call("POST", "/jobs/ingest"),
    ],
)
def test_writes(request_: Call) -> None:
    assert is_write(request_)


@pytest.mark.parametrize(
    "request_",
    [
        call("GET", "/sobjects/Account/001"),
        call("POST", "/composite/sobjects/Account", {"ids": []}),
        call("POST", "/composite", several("GET", "/query?q=x")),
        call("POST", "/composite", several("POST", "/composite/sobjects/Account")),
        call("POST", "/jobs/query"),
        call("PATCH", "/jobs/query/750"),
        call("POST", "/parameterizedSearch"),
        call("POST", "/composite", "not an object"),
    ],
)
def test_reads(request_: Call) -> None:
    assert not is_write(request_)


@pytest.mark.parametrize(("value", "times"), [("", (20, 0)), ("3", (3, 0)), ("30+1.5", (30, 1.5))])
def test_wait_times(value: str, times: tuple[float, float]) -> None:
    assert wait_times(Fault("late_commit", value=value)) == times


def test_count_is_used_up_and_match_spares_others() -> None:
    faults = Faults()
    faults.switch_on("slow", count=2, match="/Query")
    assert faults.strikes("slow", "/limits") is None
    assert [faults.strikes("slow", "/query") is not None for _ in range(3)] == [True, True, False]
    assert faults.peek("slow") is None


def test_rate_is_kept_over_many_chances() -> None:
    faults = Faults(seed=3)
    faults.switch_on("row_lock", rate=0.2)
    assert 1800 < len(faults.struck_rows("row_lock", 10_000)) < 2200
    with pytest.raises(ValueError, match="rate lies between"):
        faults.switch_on("row_lock", rate=1.5)
