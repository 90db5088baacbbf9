from __future__ import annotations

import pytest

from local_org.org import permissions
from local_org.org.engine import Org
from local_org.org.model import OrgFault
from local_org.org.session import Session
from tests.local_org.org.desk import Desk


def reader(org: Org, **options: object) -> Session:
    return org.session(permissions.add_user(org, "reader@practice.example", profile="Read Only"))


def test_standard_profiles(org: Org, admin: Session) -> None:
    assert (admin.access.modify_all, admin.access.api_enabled, admin.access.profile) == (
        True,
        True,
        "System Administrator",
    )
    access = reader(org).access
    assert (access.modify_all, access.objects["Account"], access.time_zone) == (False, "r", "America/Los_Angeles")


def test_unknown_user(org: Org) -> None:
    with pytest.raises(OrgFault) as caught:
        org.session("005Hs0000000zzzAAA"[:15])
    assert (caught.value.code, caught.value.status) == ("INVALID_SESSION_ID", 401)


def test_reading_does_not_let_you_write(desk: Desk, org: Org) -> None:
    account = desk.make("Account", Name="A")
    other = Desk(reader(org))
    for op, record in (("create", {"Name": "B"}), ("update", {"Id": account}), ("delete", {"Id": account})):
        fault = other.refused(op, "Account", record)
        assert fault.code == "INSUFFICIENT_ACCESS_OR_READONLY"
        assert (fault.message, fault.status) == ("insufficient access rights on object id", 403)


def test_an_object_without_read_does_not_exist(desk: Desk, org: Org) -> None:
    permissions.add_profile(org, "Blind", objects={"*": "crud", "Account": ""})
    blind = org.session(permissions.add_user(org, "blind@practice.example", profile="Blind"))
    assert "Account" not in [entry["name"] for entry in blind.describe_global()["sobjects"]]
    account = desk.make("Account", Name="A")
    for call in (
        lambda: blind.describe("Account"),
        lambda: blind.retrieve("Account", account),
        lambda: blind.save("create", "Account", [{}]),
    ):
        with pytest.raises(OrgFault, match="The requested resource does not exist") as caught:
            call()
        assert caught.value.status == 404
    fault = Desk(blind).refused("create", "Contact", {"LastName": "Doe", "AccountId": account})
    assert fault.code == "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"


def test_a_hidden_field_does_not_exist(desk: Desk, org: Org) -> None:
    contact = desk.make("Contact", LastName="Doe", Phone="1")
    permissions.hide_field(org, "contact", "phone", profile="Standard User")
    seller = org.session(permissions.add_user(org, "seller@practice.example"))
    assert "Phone" not in [f["name"] for f in seller.describe("Contact")["fields"]]
    assert "Phone" not in seller.retrieve("Contact", contact)
    with pytest.raises(OrgFault, match="No such column 'Phone' on sobject of type Contact"):
        seller.retrieve("Contact", contact, ["Phone"])
    fault = Desk(seller).refused("update", "Contact", {"Id": contact, "Phone": "2"})
    assert fault.message == "No such column 'Phone' on sobject of type Contact"
    assert desk.get("Contact", contact, "Phone") == ["1"]


def test_a_read_only_field_is_shown_so(desk: Desk, org: Org) -> None:
    permissions.hide_field(org, "Contact", "Phone", profile="Standard User", letters="r")
    seller = org.session(permissions.add_user(org, "seller@practice.example"))
    [phone] = [f for f in seller.describe("Contact")["fields"] if f["name"] == "Phone"]
    assert (phone["createable"], phone["updateable"]) == (False, False)
    fault = Desk(seller).refused("create", "Contact", {"LastName": "Doe", "Phone": "2"})
    assert (fault.code, fault.fields) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["Phone"])


def test_permission_sets_add_to_the_profile(org: Org) -> None:
    permissions.hide_field(org, "Contact", "Phone", profile="Read Only")
    more = permissions.add_permission_set(
        org, "Editors", objects={"Contact": "ru"}, fields={"Contact.Phone": "re"}, view_all=True
    )
    user = permissions.add_user(org, "editor@practice.example", profile="Read Only", permission_sets=[more])
    access = org.access(user)
    assert (access.objects["Contact"], access.objects["Account"]) == ("ru", "r")
    assert (access.fields["Contact.Phone"], access.view_all) == ("re", True)


def test_a_grant_works_at_once(desk: Desk, org: Org) -> None:
    user = permissions.add_user(org, "user@practice.example", profile="Read Only")
    assert not org.access(user).may(org.schema.objects[0], "c")
    more = permissions.add_permission_set(org, "Makers", objects={"Account": "c"})
    desk.make("PermissionSetAssignment", AssigneeId=user, PermissionSetId=more)
    assert org.access(user).may(org.schema.objects[0], "c")


def test_field_level_security_leaves_required_fields_alone(org: Org) -> None:
    with pytest.raises(ValueError, match=r"does not apply to Contact\.LastName"):
        permissions.hide_field(org, "Contact", "LastName")
    with pytest.raises(ValueError, match=r"no such field: Contact\.Nope"):
        permissions.hide_field(org, "Contact", "Nope")


def test_hiding_a_field_is_a_change_of_describe(org: Org) -> None:
    before = org.changed_at("Contact")
    org.clock.advance(60)
    permissions.hide_field(org, "Contact", "Phone")
    assert (org.changed_at("Contact"), org.changed_at("Account")) == (before + 60, before)


def test_duplicate_username(desk: Desk) -> None:
    profile = desk.session.org.connection().execute("SELECT Id FROM Profile").fetchone()[0]
    row = {"LastName": "X", "Username": "ADMIN@practice.example", "Email": "a@b.co", "Alias": "x", "ProfileId": profile}
    assert desk.refused("create", "User", row).code == "DUPLICATE_USERNAME"


def test_audit_fields_are_set_on_create_by_permission_only(desk: Desk, org: Org) -> None:
    user = permissions.add_user(org, "loader@practice.example", profile="Standard User")
    past = {"CreatedDate": "2020-01-02T03:04:05Z", "CreatedById": desk.session.access.user_id}
    fault = Desk(org.session(user)).refused("create", "Account", {"Name": "A", **past})
    assert (fault.code, fault.fields) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["CreatedDate", "CreatedById"])
    permissions.assign(org, user, permissions.add_permission_set(org, "Backfill", set_audit=True))
    loader = Desk(org.session(user))
    described = {f["name"]: f for f in loader.session.describe("Account")["fields"]}
    flags = [
        (described[name]["createable"], described[name]["updateable"]) for name in ("CreatedDate", "SystemModstamp")
    ]
    assert flags == [(True, False), (False, False)]
    account = loader.make("Account", Name="A", **past)
    created, creator, stamp = loader.get("Account", account, "CreatedDate", "CreatedById", "SystemModstamp")
    assert (created, creator) == ("2020-01-02T03:04:05.000+0000", past["CreatedById"])
    assert stamp > created
    fault = loader.refused("update", "Account", {"Id": account, **past})
    assert fault.code == "INVALID_FIELD_FOR_INSERT_UPDATE"
