from __future__ import annotations

import pytest

from tests.local_org.web.conftest import Client
from tests.practice import Practice

MASTER = "012000000000000AAA"


def test_layouts_show_what_describe_shows(client: Client) -> None:
    described = {field["name"]: field for field in client("GET", "sobjects/Task/describe").json()["fields"]}
    found = client("GET", "sobjects/task/describe/layouts").json()
    (layout,), (mapping,) = found["layouts"], found["recordTypeMappings"]
    assert (mapping["layoutId"], mapping["recordTypeId"], mapping["master"]) == (layout["id"], MASTER, True)
    assert "Status" in {one["picklistName"] for one in mapping["picklistsForRecordType"]}
    rows = layout["editLayoutSections"][0]["layoutRows"]
    items = {item["layoutComponents"][0]["value"]: item for row in rows for item in row["layoutItems"]}
    assert items["Subject"]["layoutComponents"][0]["details"] == described["Subject"]
    assert "AccountId" not in items
    assert "Id" not in items
    assert client("GET", mapping["urls"]["layout"]).json() == layout


def test_layout_marks_what_a_create_needs(client: Client) -> None:
    layout = client("GET", f"sobjects/Contact/describe/layouts/{MASTER}").json()
    rows = layout["editLayoutSections"][0]["layoutRows"]
    needed = {i["layoutComponents"][0]["value"] for row in rows for i in row["layoutItems"] if i["required"]}
    assert needed == {"LastName"}


def test_compact_and_approval_layouts(client: Client) -> None:
    found = client("GET", "sobjects/Account/describe/compactLayouts").json()
    (compact,) = found["compactLayouts"]
    names = [item["layoutComponents"][0]["value"] for item in compact["fieldItems"]]
    assert names[:2] == ["Name", "Phone"]
    assert found["recordTypeCompactLayoutMappings"][0]["recordTypeId"] == MASTER
    assert client("GET", found["urls"]["primary"]).json() == compact
    assert client("GET", "sobjects/Account/describe/approvalLayouts").json() == {"approvalLayouts": []}


@pytest.mark.parametrize(
    "path",
    [
        "sobjects/Nonsense/describe/layouts",
        "sobjects/Account/describe/layouts/012000000000001AAA",
        "sobjects/RecordType/describe/compactLayouts",
        "ui-api/object-info/Nonsense",
        "ui-api/object-info/Task/picklist-values/012000000000001AAA",
        f"ui-api/object-info/Task/picklist-values/{MASTER}/Subjekt",
        f"ui-api/object-info/Task/picklist-values/{MASTER}/Description",
    ],
)
def test_what_there_is_not(client: Client, path: str) -> None:
    answer = client("GET", path)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_picklist_values_follow_the_schema(client: Client, practice: Practice) -> None:
    path = f"ui-api/object-info/Task/picklist-values/{MASTER}"
    before = client("GET", path).json()
    status = before["picklistFieldValues"]["Status"]
    assert status["defaultValue"]["value"] == "Not Started"
    described = {f["name"]: f for f in client("GET", "sobjects/Task/describe").json()["fields"]}
    assert [v["value"] for v in status["values"]] == [v["value"] for v in described["Status"]["picklistValues"]]
    assert client("GET", f"{path}/status").json() == status
    assert client("GET", status["url"]).json() == status
    practice.schema_change("add_value", object="Task", field="Type", value="Site tour")
    after = client("GET", path).json()
    assert after["eTag"] != before["eTag"]
    assert "Site tour" in [v["value"] for v in after["picklistFieldValues"]["Type"]["values"]]


def test_object_info_keeps_to_what_the_user_sees(client: Client, practice: Practice) -> None:
    info = client("GET", "ui-api/object-info/Contact").json()
    assert (info["apiName"], info["defaultRecordTypeId"], info["keyPrefix"]) == ("Contact", MASTER, "003")
    account = info["fields"]["AccountId"]
    assert account["referenceToInfos"] == [{"apiName": "Account", "nameFields": ["Name"]}]
    assert (account["dataType"], info["fields"]["CreatedDate"]["dataType"]) == ("Reference", "DateTime")
    assert (info["fields"]["LastName"]["required"], info["fields"]["Email"]["required"]) == (True, False)
    with practice.fault("hidden_field", value="Contact.Email"):
        assert "Email" not in client("GET", "ui-api/object-info/Contact").json()["fields"]


@pytest.fixture(scope="module")
def kinds(server: Practice) -> dict[str, str]:
    """Two record types of an object of their own, by name."""
    stage = {"name": "Stage__c", "type": "picklist", "values": ["Bid", "Won", "Lost"], "restricted": True}
    server.schema_change("add_object", object="Tender__c", label="Tender", fields=[stage])
    for name, default, stages in (("Public", True, ["Bid*", "Won"]), ("Private", False, ["Lost"])):
        server.schema_change(
            "add_record_type", object="Tender__c", name=name, default=default, values={"Stage__c": stages}
        )
    found = Client(server, server.token())("GET", "sobjects/Tender__c/describe").json()["recordTypeInfos"]
    return {kind["developerName"]: kind["recordTypeId"] for kind in found}


def test_each_record_type_has_its_picklist_values(client: Client, kinds: dict[str, str]) -> None:
    info = client("GET", "ui-api/object-info/Tender__c").json()
    assert (info["defaultRecordTypeId"], set(info["recordTypeInfos"])) == (kinds["Public"], set(kinds.values()))
    path = "ui-api/object-info/Tender__c/picklist-values"
    public = client("GET", f"{path}/{kinds['Public']}/Stage__c").json()
    assert ([v["value"] for v in public["values"]], public["defaultValue"]["value"]) == (["Bid", "Won"], "Bid")
    private = client("GET", f"{path}/{kinds['Private'][:15]}").json()["picklistFieldValues"]["Stage__c"]
    assert ([v["value"] for v in private["values"]], private["defaultValue"]) == (["Lost"], None)
    assert client("GET", private["url"]).json() == private
    master = client("GET", f"{path}/{MASTER}/Stage__c").json()
    assert [v["value"] for v in master["values"]] == ["Bid", "Won", "Lost"]


def test_layouts_map_record_types(client: Client, kinds: dict[str, str]) -> None:
    found = client("GET", "sobjects/Tender__c/describe/layouts").json()
    assert found["recordTypeSelectorRequired"] == [True]
    values = {
        mapping["developerName"]: {
            one["picklistName"]: [(v["value"], v["defaultValue"]) for v in one["picklistValues"]]
            for one in mapping["picklistsForRecordType"]
        }["Stage__c"]
        for mapping in found["recordTypeMappings"]
    }
    assert values["Public"] == [("Bid", True), ("Won", False)]
    assert values["Private"] == [("Lost", False)]
    assert client("GET", f"sobjects/Tender__c/describe/layouts/{kinds['Private']}").json() == found["layouts"][0]
    compact = client("GET", "sobjects/Tender__c/describe/compactLayouts").json()
    assert {m["recordTypeId"] for m in compact["recordTypeCompactLayoutMappings"]} == set(kinds.values())


def test_rows_are_held_to_their_record_type(client: Client, kinds: dict[str, str]) -> None:
    wrong = client("POST", "sobjects/Tender__c", json={"Name": "A", "Stage__c": "Lost"})
    assert (wrong.status_code, wrong.json()) == (
        400,
        [
            {
                "message": "Stage: bad value for restricted picklist field: Lost",
                "errorCode": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                "fields": ["Stage__c"],
            }
        ],
    )
    right = client("POST", "sobjects/Tender__c", json={"Name": "A", "RecordTypeId": kinds["Private"]}).json()
    row = client.soql(f"SELECT RecordType.DeveloperName FROM Tender__c WHERE Id = '{right['id']}'").json()["records"][0]
    assert row["RecordType"]["DeveloperName"] == "Private"
