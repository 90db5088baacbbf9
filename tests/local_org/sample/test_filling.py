"""A real org, filled: the planted rows are in its tables, and its own verbs see them as they should."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local_org import soql
from local_org.org.catalog import standard_schema
from local_org.org.clock import Clock
from local_org.org.engine import Org
from local_org.org.permissions import user_id_of
from local_org.sample import hostile
from local_org.sample.filling import fill
from local_org.sample.schema import with_sample
from local_org.sample.views import VIEWS

from .conftest import NOW, SCALE

ADMIN = "denise.albright@harbor-pine.example"
OURS = {"Property__c", "Listing__c", "Deal__c"}


def one(org: Org, sql: str, *values: Any) -> Any:
    """The first column of the only row."""
    return org.connection().execute(sql, values).fetchone()[0]


def query(org: Org, text: str, username: str, *, all_rows: bool = False) -> list[dict[str, Any]]:
    """The rows of a SOQL query as a user sees them."""
    user_id = user_id_of(org, username)
    assert user_id is not None
    found = soql.run(org.connection(), org.schema, org.access(user_id), text, all_rows=all_rows, now=NOW)
    return list(found.page(0, 2_000))


def test_the_tables_hold_what_the_manifest_counts(org: Org, said: dict[str, Any]) -> None:
    counts = said["org"]["counts"]
    assert set(counts) >= OURS | {"Account", "Contact", "Lead", "Task", "Event", "User"}
    for name, count in counts.items():
        assert one(org, f'SELECT count(*) FROM "{name}"') == count["all"]


def test_plain_queries_see_live_rows_only(org: Org, said: dict[str, Any]) -> None:
    for name in ("Contact", "Task", "Event", "Account"):
        count = said["org"]["counts"][name]
        assert len(query(org, f"SELECT Id FROM {name}", ADMIN)) == count["live"]
        assert len(query(org, f"SELECT Id FROM {name}", ADMIN, all_rows=True)) == count["all"]


def test_every_row_has_a_valid_reference(org: Org) -> None:
    for sobject in org.schema.objects:
        for f in sobject.fields:
            targets = [name for name in f.reference_to if org.schema.get(name)]
            if f.type != "reference" or not targets:
                continue
            known = " UNION ALL ".join(f'SELECT "Id" FROM "{name}"' for name in targets)
            lost = f'SELECT count(*) FROM "{sobject.name}" WHERE "{f.name}" IS NOT NULL AND "{f.name}" NOT IN ({known})'
            assert one(org, lost) == 0


def test_declared_objects_and_fields(org: Org) -> None:
    for name in OURS:
        declared = org.schema.get(name)
        assert declared is not None
        assert declared.custom
        assert declared.activities
    for name in ("Task", "Event"):
        sobject = org.schema.get(name)
        assert sobject is not None
        outcome, what = sobject.field("Call_Outcome__c"), sobject.field("WhatId")
        assert outcome is not None
        assert what is not None
        assert outcome.restricted
        assert [v.value for v in outcome.picklist][-1] == "Callback Requested"
        assert set(what.reference_to) >= OURS | {"Account", "Opportunity"}
    task = org.schema.get("Task")
    assert task is not None
    kind = task.field("Type")
    assert kind is not None
    assert kind.restricted
    assert [v.value for v in kind.picklist] == ["Call", "Email", "Meeting", "Other"]


def test_adding_the_schema_twice_changes_nothing(org: Org) -> None:
    assert with_sample(org.schema) == org.schema


def test_an_external_id_is_declared_on_accounts(org: Org) -> None:
    account = org.schema.get("Account")
    assert account is not None
    field = account.field("External_Ref__c")
    assert field is not None
    assert field.external_id
    assert field.unique
    repeated = 'SELECT count(*) - count(DISTINCT "External_Ref__c") FROM "Account"'
    assert one(org, repeated) == 0


def test_merge_chains_end_alive(org: Org, said: dict[str, Any]) -> None:
    for first, middle, last in said["org"]["planted"]["merged_contact_chains"]:
        rows = {
            row["Id"]: row
            for row in query(
                org, f"SELECT Id, IsDeleted, MasterRecordId FROM Contact WHERE Id IN ('{first}','{middle}','{last}')",
                ADMIN, all_rows=True,
            )
        }  # fmt: skip
        assert rows[first]["MasterRecordId"] == middle
        assert rows[middle]["MasterRecordId"] == last
        assert (rows[last]["IsDeleted"], rows[last]["MasterRecordId"]) == (False, None)


def test_converted_leads_are_read_only(org: Org, said: dict[str, Any]) -> None:
    user_id = user_id_of(org, ADMIN)
    assert user_id is not None
    card = said["org"]["planted"]["converted_leads"][0]
    result = org.session(user_id).save("update", "Lead", [{"Id": card["lead"], "Company": "Elsewhere"}])[0]
    assert not result.success
    assert result.errors[0].code == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_the_inactive_user_owns_records_and_gets_no_more(org: Org, said: dict[str, Any]) -> None:
    gone = said["org"]["planted"]["inactive_user"]["id"]
    assert one(org, 'SELECT count(*) FROM "Task" WHERE "OwnerId" = ?', gone) > 5
    user_id = user_id_of(org, ADMIN)
    assert user_id is not None
    result = org.session(user_id).save("create", "Task", [{"Subject": "Call", "OwnerId": gone}])[0]
    assert not result.success


def test_brokers_may_log_calls_on_what_was_planted(org: Org, said: dict[str, Any]) -> None:
    user_id = user_id_of(org, "tom.obrien@harbor-pine.example")
    assert user_id is not None
    who, what = (
        one(org, 'SELECT min("Id") FROM "Contact" WHERE NOT "IsDeleted"'),
        one(org, 'SELECT min("Id") FROM "Property__c"'),
    )
    row = {"Subject": "Call", "WhoId": who, "WhatId": what, "Type": "Call", "Call_Outcome__c": "Connected"}
    good, bad = org.session(user_id).save("create", "Task", [row, {**row, "Call_Outcome__c": "Gatekeeper"}])
    assert good.success
    assert bad.errors[0].code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    org.session(user_id).save("delete", "Task", [{"Id": good.id}])


def test_hostile_subjects_come_back_as_they_are(org: Org, said: dict[str, Any]) -> None:
    ids = said["org"]["planted"]["hostile_tasks"]
    rows = query(org, f"SELECT Subject FROM Task WHERE Id IN ({','.join(repr(i) for i in ids)})", ADMIN, all_rows=True)
    assert sorted(row["Subject"] for row in rows) == sorted(hostile.SUBJECTS)


def test_list_views_run_and_find_some(org: Org, said: dict[str, Any]) -> None:
    kept = dict(org.connection().execute("SELECT id, query FROM _listview").fetchall())
    assert len(kept) == one(org, 'SELECT count(*) FROM "ListView"') == len(VIEWS)
    for text in kept.values():
        assert query(org, text, ADMIN)


def test_the_org_remembers_what_it_was_filled_with(org: Org) -> None:
    assert json.loads(org.meta("sample") or "") == {"scale": SCALE, "seed": 7, "now": NOW.isoformat()}


def test_a_second_filling_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with Org.create(tmp_path / "org.sqlite", standard_schema(), clock=Clock.at(NOW)) as org:
        loaded = fill(org, scale=0.01, seed=1, now=NOW)
        with pytest.raises(Exception, match="UNIQUE"):
            fill(org, scale=0.02, seed=2, now=NOW + timedelta(hours=1))
        assert loaded["Contact"] == one(org, 'SELECT count(*) FROM "Contact"')


def test_two_orgs_hold_the_same_rows(tmp_path: Path) -> None:
    dumps = []
    for name in ("one", "two"):
        with Org.create(tmp_path / name, standard_schema(), clock=Clock.at(NOW)) as org:
            fill(org, scale=0.02, seed=9, now=NOW)
            dumps.append([line for line in org.connection().iterdump() if '"Task"' in line or '"Contact"' in line])
    assert len(dumps[0]) > 280
    assert dumps[0] == dumps[1]
