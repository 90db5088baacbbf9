"""Duplicates of the sample are found, a merge is foretold, done by the org, verified, and followed here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from core.errors import NotFound, PlanError, UsageError
from tests.integration.audit.demo import Demo, synced


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with synced(tmp_path_factory.mktemp("merging") / "demo") as made:
        yield made


@pytest.fixture(scope="module")
def planted(demo: Demo) -> dict[str, Any]:
    """What the sample says it has planted."""
    text = (demo.home / "intake" / "manifest.json").read_text(encoding="utf-8")
    return dict(json.loads(text)["org"]["planted"])


def wanted(planted: dict[str, Any]) -> set[frozenset[str]]:
    """The pairs that are one person: planted twice, nearly twice, or as lead and contact of one name."""
    pairs = [p["contacts"] for p in planted["duplicate_contacts"]] + planted["near_duplicate_contacts"]
    both = [(p["contact"], p["lead"]) for p in planted["contact_and_lead_share_phone"][::2]]
    return {frozenset(p) for p in [*pairs, *both]}


@pytest.mark.requirement("N6")
def test_the_planted_duplicates_are_found_and_nothing_else(demo: Demo, planted: dict[str, Any]) -> None:
    found = demo.ws.duplicates("person")
    pairs = {frozenset((r["org_id_a"], r["org_id_b"])) for r in found.pairs.iter_rows(named=True)}
    truth = wanted(planted)
    precision, recall = len(pairs & truth) / len(pairs), len(pairs & truth) / len(truth)
    print(f"sample: precision {precision:.3f}, recall {recall:.3f} over {len(truth)} planted pairs")
    assert precision >= 0.95
    assert recall >= 0.95
    assert found.looked_at == demo.ws.frames.people()["id"].n_unique()
    assert (
        found.members.group_by("group")
        .agg(pl.col("place").sort())
        .select((pl.col("place").list.first() == 1).all())
        .item()
    )
    assert all(e for e in found.pairs["evidence"])


@pytest.mark.requirement("N6")
def test_somebody_only_the_org_knows_is_found_across_the_sides(demo: Demo) -> None:
    contacts = demo.ws.frames.people().filter(pl.col("sobject") == "Contact", pl.col("email").is_not_null())
    person = contacts.row(3, named=True)
    alone = demo.org.create("Lead", FirstName=person["first_name"], LastName=person["last_name"], Company="X",
                            Email=person["email"])  # fmt: skip
    assert alone not in demo.ws.duplicates("person").members["org_id"].to_list()
    members = demo.ws.duplicates("person", live=True).members
    (group,) = members.filter(pl.col("org_id") == alone)["group"].to_list()
    told = members.filter(pl.col("group") == group).select("org_id", "side", "place").rows()
    assert set(told) == {(person["org_id"], "both", 1), (alone, "org", 2)}
    demo.org.delete("Lead", alone)


@pytest.mark.requirement("N6")
def test_a_merge_is_foretold_done_verified_and_followed(demo: Demo, planted: dict[str, Any]) -> None:
    loser, winner = planted["duplicate_contacts"][0]["contacts"]
    demo.org.update("Contact", loser, HasOptedOutOfEmail=True, Title="Only the loser's", MobilePhone="+13125550177")
    demo.org.update("Contact", winner, HasOptedOutOfEmail=False, Title=None, MobilePhone=None)
    tasks = len(demo.org.soql(f"SELECT Id FROM Task WHERE WhoId = '{loser}'"))
    plan = demo.ws.simulate_merge([loser, winner], winner)
    json.dumps(plan.as_dict(), default=str)
    assert (plan.sobject, plan.winner, plan.losers, plan.problems) == ("Contact", winner, [loser], [])
    survives = {v["field"]: (v["survives"], v["from_id"]) for v in plan.values}
    assert survives["Title"] == ("Only the loser's", loser)
    assert survives["HasOptedOutOfEmail"] == (True, loser)
    assert plan.consent == [{"field": "HasOptedOutOfEmail", "out": [loser], "survives": True, "lost_otherwise": True}]
    assert sum(m["n"] for m in plan.moves if m["sobject"] == "Task") == tasks
    assert not demo.org.soql(f"SELECT Id FROM Contact WHERE Id = '{loser}' AND IsDeleted = true", all_rows=True)
    done = demo.ws.merge_records(plan)
    assert (done["is_verified"], done["findings"]) == (True, [])
    (row,) = demo.org.soql(f"SELECT MasterRecordId, IsDeleted FROM Contact WHERE Id = '{loser}'", all_rows=True)
    assert (row["MasterRecordId"], row["IsDeleted"]) == (winner, True)
    (kept,) = demo.org.soql(f"SELECT Title, MobilePhone, HasOptedOutOfEmail FROM Contact WHERE Id = '{winner}'")
    assert (kept["Title"], kept["HasOptedOutOfEmail"]) == ("Only the loser's", True)
    assert demo.ws.verify_merge(plan) == []
    for run in done["runs"]:
        demo.ws.wait(run)
    line = demo.ws.frames.lineage().filter(pl.col("org_id") == loser).row(0, named=True)
    assert (line["became"], line["into_org_id"], line["evidence"]) == ("merged", winner, "MasterRecordId")
    assert [e["kind"] for e in demo.ws.frames.events().filter(pl.col("subject") == winner).iter_rows(named=True)] == [
        "records.merging", "records.merged",
    ]  # fmt: skip
    person = demo.ws.frames.people().filter(pl.col("org_id") == winner).row(0, named=True)
    assert (person["title"], person["opted_out_email"]) == ("Only the loser's", True)


@pytest.mark.requirement("N6")
def test_what_was_merged_by_hand_in_another_way_is_named(demo: Demo, planted: dict[str, Any]) -> None:
    loser, winner = planted["duplicate_contacts"][1]["contacts"]
    demo.org.update("Contact", loser, DoNotCall=True)
    plan = demo.ws.simulate_merge([loser, winner], winner)
    assert any("DoNotCall" in step for step in plan.steps)
    demo.ws.context().gateway.merge("Contact", winner, [loser], {})
    found = demo.ws.verify_merge(plan)
    assert f"DoNotCall of {winner} is False and not 'true'." in found
    assert f"The opt-out DoNotCall was lost: {winner} is not opted out." in found
    assert len(found) == len(plan.sent) + len(plan.consent)


@pytest.mark.requirement("X9", "N6")
def test_a_link_is_repaired_by_a_person_and_the_change_recorded(demo: Demo, planted: dict[str, Any]) -> None:
    right, wrong = planted["near_duplicate_contacts"][1]
    people = demo.ws.frames.people()
    record = int(people.filter(pl.col("org_id") == right)["id"][0])
    with pytest.raises(UsageError, match="is linked to record"):
        demo.ws.repair_link("person", record, wrong)
    with pytest.raises(NotFound):
        demo.ws.repair_link("person", record, "003000000000001AAA")
    other = int(people.filter(pl.col("org_id") == wrong)["id"][0])
    demo.ws.repair_link("person", other, None)
    told = demo.ws.repair_link("person", record, wrong[:15])
    assert (told["before"], told["after"]) == (right, wrong)
    links = demo.ws.frames.links().filter(pl.col("record_id") == record).select("org_id", "state", "how").rows()
    assert links == [(right, "superseded", "created_in"), (wrong, "active", "by_hand")]
    (story,) = [r for r in demo.ws.explain(wrong)["records"] if r["record_id"] == record]
    assert story["link"]["story"].startswith("Linked by hand")
    event = demo.ws.frames.events().filter(pl.col("kind") == "link.repaired").row(-1, named=True)
    assert (event["actor"], json.loads(event["body"])["after"]) == ("ann", wrong)


def test_a_merge_whose_ground_moved_is_refused(demo: Demo, planted: dict[str, Any]) -> None:
    pair = planted["near_duplicate_contacts"][0]
    plan = demo.ws.simulate_merge(pair)
    demo.org.update("Contact", pair[0], Title="Changed meanwhile", DoNotCall=True)
    with pytest.raises(PlanError, match="have changed"):
        demo.ws.merge_records(plan)


def test_a_lead_and_a_contact_are_for_conversion(demo: Demo, planted: dict[str, Any]) -> None:
    both = planted["contact_and_lead_share_phone"][0]
    plan = demo.ws.simulate_merge([both["contact"], both["lead"]])
    assert "convert" in plan.problems[0]
    with pytest.raises(PlanError, match="convert"):
        demo.ws.merge_records(plan)


@pytest.mark.parametrize(
    ("ids", "error"),
    [(["003000000000001AAA"], UsageError), (["nothing", "x"], UsageError),
     (["003000000000001AAA", "003000000000002AAA"], NotFound)],
)  # fmt: skip
def test_what_cannot_be_merged_is_refused(demo: Demo, ids: list[str], error: type[Exception]) -> None:
    with pytest.raises(error):
        demo.ws.simulate_merge(ids)
