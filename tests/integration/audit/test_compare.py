from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from core.audit import balance as books
from core.mapping.spec import FieldMapping
from core.syncing import compare as comparing
from core.syncing import mismatch
from tests.integration.audit.demo import Demo, disturb, synced


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with synced(tmp_path_factory.mktemp("compare") / "demo") as made:
        yield made


@pytest.fixture(scope="module")
def before(demo: Demo) -> dict[str, comparing.Comparison]:
    """What differs right after the first runs."""
    ctx = demo.ws.context()
    return {s.name: comparing.look(ctx, s) for s in demo.ws.specs()}


@pytest.fixture(scope="module")
def keys(demo: Demo, before: dict[str, comparing.Comparison]) -> dict[str, str]:
    return disturb(demo)


@pytest.fixture(scope="module")
def calls(demo: Demo, keys: dict[str, str]) -> pl.DataFrame:
    return demo.ws.compare("calls_out")


def found(frame: pl.DataFrame, key: str) -> list[tuple[str, str]]:
    return frame.filter(pl.col("key") == key).select("field", "cause").rows()


@pytest.mark.parametrize("job", ["accounts_in", "people_in", "calls_out", "tasks_out"])
def test_right_after_a_run_nothing_differs(before: dict[str, comparing.Comparison], job: str) -> None:
    looked = before[job]
    assert looked.differing.is_empty(), looked.differing
    assert looked.records > 0
    assert looked.equal == looked.compared >= looked.records


def test_a_comparison_takes_few_api_calls(before: dict[str, comparing.Comparison]) -> None:
    assert {name: looked.api_calls for name, looked in before.items()}["calls_out"] == 1
    assert max(looked.api_calls for looked in before.values()) <= 4


def test_what_goes_out_and_comes_in_through_different_mappings_is_told_as_such(
    before: dict[str, comparing.Comparison],
) -> None:
    causes = set(before["tasks_in"].differing["cause"])
    assert causes <= {mismatch.FORMAT, mismatch.MAPPING}


@pytest.mark.parametrize(
    ("cause", "field"),
    [
        (mismatch.ORG_CHANGED, "Description"),
        (mismatch.WORKSPACE_CHANGED, "Description"),
        (mismatch.CONFLICT, "Description"),
        (mismatch.FORMAT, "Description"),
        (mismatch.MISSING, ""),
        (mismatch.NOT_YET_SYNCED, ""),
    ],
)
def test_each_disturbed_call_is_listed_with_its_cause(
    calls: pl.DataFrame, keys: dict[str, str], cause: str, field: str
) -> None:
    assert found(calls, keys[cause]) == [(field, cause)]


def test_nothing_else_is_listed(calls: pl.DataFrame, keys: dict[str, str]) -> None:
    assert set(calls["key"]) == {v for k, v in keys.items() if "." not in k}
    assert dict(calls.schema) == dict(pl.DataFrame(schema=comparing.COLUMNS).schema)


def test_a_difference_tells_both_sides_and_what_they_agreed_on(calls: pl.DataFrame, keys: dict[str, str]) -> None:
    row = calls.row(by_predicate=pl.col("key") == keys[mismatch.CONFLICT], named=True)
    assert (row["workspace"], row["org"]) == ("Changed by Wim", "Changed by Olga")
    assert row["baseline"] not in (None, row["workspace"], row["org"])
    assert row["org_at"] is not None
    assert row["workspace_at"] > row["org_at"]


def test_inbound_it_is_the_workspace_field_that_is_named(demo: Demo, keys: dict[str, str]) -> None:
    people = demo.ws.compare("people_in").filter(pl.col("org_id").is_in([v for k, v in keys.items() if "." in k]))
    told = {r["org_id"]: (r["field"], r["cause"], r["org"]) for r in people.iter_rows(named=True)}
    assert told[keys["changed in the org.person"]] == ("title", mismatch.ORG_CHANGED, "Head of Mismatches")
    assert told[keys["not yet synced.person"]] == ("", mismatch.NOT_YET_SYNCED, None)


@pytest.mark.requirement("T20", "N1")
def test_the_next_run_carries_over_what_people_changed_and_explain_tells_it(demo: Demo, keys: dict[str, str]) -> None:
    demo.ws.run("calls_out")
    after = demo.ws.compare("calls_out")
    assert found(after, keys[mismatch.NOT_YET_SYNCED]) == []
    assert found(after, keys[mismatch.WORKSPACE_CHANGED]) == []
    assert found(after, keys[mismatch.CONFLICT]) == []
    (story,) = demo.ws.explain(keys[mismatch.CONFLICT])["records"]
    assert story["writers"]["Description"]["value"] == "Changed by Wim"
    (decided,) = [e for e in story["events"] if e["kind"] == "conflict.decided"]
    assert (decided["values"]["workspace"], decided["values"]["org"]) == ("Changed by Wim", "Changed by Olga")
    assert all(not f["differs"] for f in story["fields"] if f["field"] == "Description")


@pytest.mark.requirement("T19")
def test_the_books_of_a_real_workspace_balance_and_a_lost_link_shows(demo: Demo) -> None:
    frame = demo.ws.frames.balance()
    made = demo.ws.frames.activities().filter(pl.col("origin") == "workspace").height
    assert frame["made"].sum() == made
    books.require_balanced(frame)
    synced_id = demo.ws.frames.activities().filter(pl.col("sync_state") == "synced", pl.col("kind") == "call")["id"][0]
    demo.ws.database.execute("DELETE FROM link WHERE record_id = :r AND table_name = 'activity'", r=synced_id)
    assert demo.ws.frames.balance()["difference"].sum() == 1


def of_cause(demo: Demo, job: str, cause: str) -> pl.DataFrame:
    return demo.ws.compare(job).filter(pl.col("cause") == cause)


def test_a_field_that_the_org_hides_is_told_as_such_in_both_directions(demo: Demo, keys: dict[str, str]) -> None:
    with demo.org.fault("hidden_field", value="Task.Description"):
        calls = of_cause(demo, "calls_out", mismatch.HIDDEN)
        assert set(calls["field"]) == {"Description"}
        assert calls["org"].null_count() == calls.height
        row = calls.row(by_predicate=pl.col("key") == keys[mismatch.WORKSPACE_CHANGED], named=True)
        assert (row["workspace"], row["baseline"]) == ("Changed by Wim", "Changed by Wim")
    demo.ws.refresh_org(["Task"])
    assert of_cause(demo, "calls_out", mismatch.HIDDEN).is_empty()
    with demo.org.fault("hidden_field", value="Contact.Title"):
        people = of_cause(demo, "people_in", mismatch.HIDDEN)
        assert (set(people["field"]), set(people["sobject"])) == ({"title"}, {"Contact"})
        assert (people["workspace"].null_count(), people["org"].null_count()) == (0, people.height)
    demo.ws.refresh_org(["Contact"])
    assert of_cause(demo, "people_in", mismatch.HIDDEN).is_empty()


def carry(demo: Demo, job: str, mapping: FieldMapping) -> None:
    """Add a field to a job's first pair."""
    spec = demo.ws.job(job)
    first, *others = spec.pairs
    more = first.model_copy(update={"mappings": (*first.mappings, mapping)})
    demo.ws.save_job(spec.model_copy(update={"pairs": (more, *others)}))
    demo.ws.enable(job)


def test_a_formula_is_told_as_such_in_both_directions(demo: Demo, keys: dict[str, str]) -> None:
    region = {"object": "Task", "field": "Region__c"}
    demo.org.schema_change("add_field", **region, type="string", length=40)
    demo.ws.refresh_org(["Task"])
    carry(demo, "calls_out", FieldMapping(constant="Midwest", target="Region__c"))
    demo.org.schema_change("remove_field", **region)
    demo.org.schema_change("add_field", **region, type="string", formula='"West"')
    demo.ws.refresh_org(["Task"])
    calls = of_cause(demo, "calls_out", mismatch.FORMULA)
    assert set(calls.select("field", "workspace", "org").rows()) == {("Region__c", "Midwest", "West")}
    assert calls["key"].n_unique() == calls.height > 0
    demo.org.schema_change("add_field", object="Contact", field="House__c", type="string", formula="Account.Name")
    demo.ws.refresh_org(["Contact"])
    carry(demo, "people_in", FieldMapping(source="House__c", target="fields.house"))
    demo.ws.run("people_in", full=True)
    assert of_cause(demo, "people_in", mismatch.FORMULA).is_empty()
    account, name = demo.org.soql("SELECT AccountId, Account.Name FROM Contact WHERE AccountId != null")[0].values()
    demo.org.update("Account", account, Name="Renamed & Sons")
    people = of_cause(demo, "people_in", mismatch.FORMULA)
    assert set(people.select("field", "workspace", "org").rows()) == {
        ("fields.house", name["Name"], "Renamed & Sons")
    }, "the account was renamed, and no stamp of its people moved"
