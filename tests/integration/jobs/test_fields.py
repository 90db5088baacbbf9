"""What the mapping editor shows of each org field, and record types by developer name with picklists of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import NotFound
from core.mapping.spec import FieldMapping
from core.records import Direction
from tests.integration.kit import Desk, add_job, connect
from tests.practice import Practice

KINDS = """
record_types:
  Account:
    - {name: Landlord, default: true, values: {Industry: ["Banking*", "Energy"]}}
    - {name: Tenant, values: {Industry: ["Retail"]}}
    - {name: Board, profiles: [System Administrator]}
"""


@pytest.fixture(scope="module")
def typed_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """An org whose accounts have record types."""
    file = tmp_path_factory.mktemp("schema") / "kinds.yaml"
    file.write_text(KINDS, encoding="utf-8")
    with Practice("--schema-file", str(file)) as org:
        org.schema_change("restrict_field", object="Account", field="Industry")
        yield org


@pytest.fixture
def typed_desk(typed_org: Practice, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(typed_org, tmp_path)
    connect(made.ws, typed_org)
    yield made
    made.close()


@pytest.mark.requirement("X5", "X23")
def test_fields_and_record_types_are_shown_checked_and_written(typed_desk: Desk) -> None:
    desk, org = typed_desk, typed_desk.org
    assert [(r.name, r.is_default) for r in desk.ws.record_types("Account")] == [("Landlord", True), ("Tenant", False)]
    by_name = {f["name"]: f for f in org.rest("GET", "sobjects/Account/describe")["fields"]}
    shown = {f.name: f for f in desk.ws.org_fields("Account")}
    for name in ("Name", "Phone", "Industry", "CreatedById", "Description"):
        told, there = shown[name], by_name[name]
        assert (told.label, told.type, told.length) == (there["label"], there["type"], there["length"])
        assert told.writable == (there["createable"] or there["updateable"])
        required = there["createable"] and not there["nillable"] and not there["defaultedOnCreate"]
        assert (told.required, told.formula, told.hidden) == (required, there["calculated"], False)
    assert shown["Name"].required
    assert "can never be written" in shown["CreatedById"].why_not
    every = [v["value"] for v in by_name["Industry"]["picklistValues"] if v["active"]]
    assert list(shown["Industry"].values) == every
    tenant = {f.name: f for f in desk.ws.org_fields("Account", record_type="tenant")}
    assert tenant["Industry"].values == ("Retail",)
    with pytest.raises(NotFound, match="no record type Board"):
        desk.ws.org_fields("Account", record_type="Board")

    # A job writes the record type by its developer name; a value that this record type lacks is found beforehand.
    add_job(desk.ws, "accounts_out")
    spec = desk.ws.job("accounts_out")
    pair = spec.pairs[0]
    kind = FieldMapping(constant="Tenant", target="RecordTypeId", create_only=True)
    industry = FieldMapping(source="industry", target="Industry", value_map={"shops": "Banking"})
    rows = (*(m for m in pair.mappings if m.target != "Industry"), kind, industry)
    wrong = spec.model_copy(update={"pairs": (pair.model_copy(update={"mappings": rows}),)})
    (bad,) = [f for f in desk.ws.validate(wrong) if f.severity == "fail"]
    assert (bad.field, "Banking" in bad.message) == ("Industry", True)
    missing = kind.model_copy(update={"constant": "Board"})
    unknown = wrong.pairs[0].model_copy(update={"mappings": (*rows[:-2], missing)})
    (bad,) = [f for f in desk.ws.validate(spec.model_copy(update={"pairs": (unknown,)})) if f.severity == "fail"]
    assert (bad.code, bad.field) == ("record_type_unknown", "RecordTypeId")
    right = industry.model_copy(update={"value_map": {"shops": "Retail"}})
    good = wrong.pairs[0].model_copy(update={"mappings": (*rows[:-1], right)})
    desk.ws.save_job(spec.model_copy(update={"pairs": (good,)}))
    assert "constant: Tenant" in desk.ws.export_config()
    at = desk.clock.now().isoformat()
    row = {"source": "crm", "external_id": "t1", "name": "Shops Inc", "industry": "shops", "updated_at": at}
    desk.ws.take_in("accounts", [row])
    assert desk.run("accounts_out")["counts"]["created"] == 1
    found = org.soql("SELECT RecordType.DeveloperName, Industry FROM Account WHERE Name = 'Shops Inc'")
    assert found == [{"RecordType": {"DeveloperName": "Tenant"}, "Industry": "Retail"}]
    assert desk.run("accounts_out", full=True)["counts"]["updated"] == 0


@pytest.mark.requirement("X5")
def test_a_field_that_is_hidden_from_us_is_shown_as_hidden(desk: Desk) -> None:
    add_job(desk.ws, "accounts_out")
    desk.org.schema_change("hide_field", object="Account", field="Industry")
    try:
        desk.ws.refresh_org(["Account"])
        told = {f.name: f for f in desk.ws.org_fields("Account")}["Industry"]
        assert (told.hidden, told.writable) == (True, False)
        assert "field-level security" in told.why_not
        assert not any(f.hidden for f in desk.ws.org_fields("Contact", direction=Direction.INBOUND))
    finally:
        desk.org.schema_change("show_field", object="Account", field="Industry")
