"""Says what a user may do: the union of profile and permission sets; and sets profiles, users and grants up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from local_org.org import sharing
from local_org.org.ids import to18
from local_org.org.model import Access, OrgFault, Schema

if TYPE_CHECKING:
    from local_org.org.engine import Org

ALL = "*"
"""Stands for every object in a grant; a grant that names an object goes before it."""

STANDARD_PROFILES: dict[str, dict[str, Any]] = {
    "System Administrator": {"objects": {ALL: "crudVM"}, "modify_all": True, "view_all": True},
    "Standard User": {"objects": {ALL: "crud", "User": "r", "Profile": "r", "PermissionSet": "r"}},
    "Read Only": {"objects": {ALL: "r"}},
    "Integration": {"objects": {ALL: "crudV", "User": "r"}, "view_all": True},
}


_SUNDAY_LOCALES = ("en_US", "en_CA")
"""Locales whose weeks begin on Sunday, among those that users here may have."""


def load_access(conn: sqlite3.Connection, schema: Schema, user_id: str) -> Access:
    """The access of a user, from the tables.

    Raises:
        OrgFault: When there is no such user.
    """
    # Orgs that were made before the permission existed go without it.
    profile_object = schema.get("Profile")
    known = profile_object is not None and profile_object.field("PermissionsCreateAuditFields") is not None
    audit = '{}."PermissionsCreateAuditFields"' if known else "0"
    row = conn.execute(
        'SELECT u."Username", u."TimeZoneSidKey", u."ProfileId", p."Name", p."PermissionsApiEnabled", '
        'p."PermissionsModifyAllData", p."PermissionsViewAllData", '
        f'{audit.format("p")}, u."LocaleSidKey" FROM "User" u '
        'JOIN "Profile" p ON p."Id" = u."ProfileId" WHERE u."Id" = ?',
        (user_id,),
    ).fetchone()
    if row is None:
        raise OrgFault("INVALID_SESSION_ID", "Session expired or invalid", status=401)
    username, zone, profile_id, profile, *flags, locale = row
    sets = conn.execute(
        'SELECT s."Id", s."PermissionsApiEnabled", s."PermissionsModifyAllData", s."PermissionsViewAllData", '
        f"{audit.format('s')} "
        'FROM "PermissionSetAssignment" a JOIN "PermissionSet" s ON s."Id" = a."PermissionSetId" '
        'WHERE a."AssigneeId" = ?',
        (user_id,),
    ).fetchall()
    parents = [profile_id, *(each[0] for each in sets)]
    api, modify, view, set_audit = (any(bits) for bits in zip(flags, *(each[1:] for each in sets), strict=True))
    return Access(
        user_id=user_id,
        username=username,
        profile=profile,
        time_zone=zone or "GMT",
        api_enabled=api,
        modify_all=modify,
        view_all=view or modify,
        objects=_objects(conn, schema, parents),
        fields=_fields(conn, parents),
        owners=sharing.owners_of(conn, user_id),
        groups=sharing.groups_of(conn, user_id),
        set_audit=set_audit,
        first_weekday=6 if (locale or "en_US") in _SUNDAY_LOCALES else 0,
    )


def _objects(conn: sqlite3.Connection, schema: Schema, parents: list[str]) -> dict[str, str]:
    granted: dict[str, set[str]] = {}
    for parent in parents:
        rows = dict(conn.execute('SELECT object, letters FROM "_object_access" WHERE parent = ?', (parent,)))
        for sobject in schema.objects:
            letters = rows.get(sobject.name, rows.get(ALL, ""))
            granted.setdefault(sobject.name, set()).update(letters)
    return {name: "".join(c for c in "crudVM" if c in letters) for name, letters in granted.items()}


def _fields(conn: sqlite3.Connection, parents: list[str]) -> dict[str, str]:
    granted: dict[str, str] = {}
    for parent in parents:
        for sobject, name, letters in conn.execute(
            'SELECT object, field, letters FROM "_field_access" WHERE parent = ?', (parent,)
        ):
            key = f"{sobject}.{name}"
            granted[key] = max(granted.get(key, ""), letters, key=len)
    return granted


def add_profile(
    org: Org,
    name: str,
    *,
    objects: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    api_enabled: bool = True,
    view_all: bool = False,
    modify_all: bool = False,
    set_audit: bool = False,
) -> str:
    """Add a profile and return its Id.

    Args:
        org: The org.
        name: Name of the profile.
        objects: Object name, or ``*``, to letters out of ``crudVM``.
        fields: ``Object.Field`` to ``""`` (hidden), ``"r"`` or ``"re"``.
        api_enabled: Whether its users may use the API.
        view_all: View All Data.
        modify_all: Modify All Data.
        set_audit: Set Audit Fields upon Record Creation.
    """
    row = {"Name": name, "UserType": "Standard", **_flags(api_enabled, view_all, modify_all, set_audit)}
    return _add_parent(org, "Profile", row, objects, fields)


def add_permission_set(
    org: Org,
    name: str,
    *,
    objects: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    api_enabled: bool = False,
    view_all: bool = False,
    modify_all: bool = False,
    set_audit: bool = False,
) -> str:
    """Add a permission set and return its Id; grants are as in `add_profile`."""
    row = {"Name": name.replace(" ", "_"), "Label": name, "IsCustom": True}
    return _add_parent(
        org, "PermissionSet", row | _flags(api_enabled, view_all, modify_all, set_audit), objects, fields
    )


def _flags(api_enabled: bool, view_all: bool, modify_all: bool, set_audit: bool) -> dict[str, Any]:
    return {
        "PermissionsApiEnabled": api_enabled,
        "PermissionsViewAllData": view_all,
        "PermissionsModifyAllData": modify_all,
        "PermissionsCreateAuditFields": set_audit,
    }


def _add_parent(
    org: Org, kind: str, row: dict[str, Any], objects: Mapping[str, str] | None, fields: Mapping[str, str] | None
) -> str:
    with org.write():
        parent = org.insert_raw(kind, row)
        for name, letters in (objects or {}).items():
            set_object_access(org, parent, name, letters)
        for path, letters in (fields or {}).items():
            sobject, _, name = path.partition(".")
            set_field_access(org, parent, sobject, name, letters)
    return parent


def set_object_access(org: Org, parent_id: str, sobject: str, letters: str) -> None:
    """Grant letters out of ``crudVM`` on an object (or ``*``) through a profile or permission set."""
    with org.write() as conn:
        conn.execute('INSERT OR REPLACE INTO "_object_access" VALUES (?, ?, ?)', (parent_id, sobject, letters))
    org.forget_access(sobject)


def set_field_access(org: Org, parent_id: str, sobject: str, field: str, letters: str) -> None:
    """Say what a profile or permission set grants on a field: ``""`` hides it, ``"r"`` or ``"re"``.

    Raises:
        ValueError: When the field does not exist or field-level security cannot touch it.
    """
    found = org.schema.get(sobject)
    f = found.field(field) if found else None
    if found is None or f is None:
        raise ValueError(f"no such field: {sobject}.{field}")
    if not f.permissionable:
        raise ValueError(f"field-level security does not apply to {sobject}.{field}")
    with org.write() as conn:
        conn.execute(
            'INSERT OR REPLACE INTO "_field_access" VALUES (?, ?, ?, ?)', (parent_id, found.name, f.name, letters)
        )
    org.forget_access(found.name)


def hide_field(org: Org, sobject: str, field: str, *, profile: str | None = None, letters: str = "") -> None:
    """Hide a field (or, with ``letters="r"``, make it read-only).

    Without ``profile`` it is hidden from every profile and permission set.
    """
    parents = org.connection().execute('SELECT "Id", "Name" FROM "Profile"').fetchall()
    if profile is None:
        parents += org.connection().execute('SELECT "Id", "Name" FROM "PermissionSet"').fetchall()
    for parent_id, name in parents:
        if profile in (None, name):
            set_field_access(org, parent_id, sobject, field, letters)


def add_user(
    org: Org,
    username: str,
    *,
    profile: str = "Standard User",
    first_name: str | None = None,
    last_name: str = "User",
    email: str | None = None,
    time_zone: str = "America/Los_Angeles",
    active: bool = True,
    permission_sets: Iterable[str] = (),
    more: Mapping[str, Any] | None = None,
) -> str:
    """Add a user and return the Id.

    Args:
        org: The org.
        username: Login name, unique.
        profile: Name of the profile.
        first_name: First name.
        last_name: Last name.
        email: E-mail address, by default the username.
        time_zone: IANA name.
        active: Whether the user may log in and own new records.
        permission_sets: Ids of permission sets to assign.
        more: Further fields of the User row.
    """
    row = {
        "Username": username,
        "FirstName": first_name,
        "LastName": last_name,
        "Name": " ".join(part for part in (first_name, last_name) if part),
        "Email": email or username,
        "Alias": (first_name or "")[:1] + last_name[:4],
        "CommunityNickname": username.partition("@")[0][:40],
        "IsActive": active,
        "TimeZoneSidKey": time_zone,
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
        "ProfileId": _profile_id(org, profile),
        "UserType": "Standard",
        **(more or {}),
    }
    with org.write():
        user_id = org.insert_raw("User", row)
        for permission_set in permission_sets:
            assign(org, user_id, permission_set)
    return user_id


def _profile_id(org: Org, name: str) -> str:
    row = org.connection().execute('SELECT "Id" FROM "Profile" WHERE "Name" = ?', (name,)).fetchone()
    if row is None:
        raise ValueError(f"no such profile: {name}")
    return str(row[0])


def assign(org: Org, user_id: str, permission_set_id: str) -> str:
    """Assign a permission set to a user and return the assignment's Id."""
    made = org.insert_raw(
        "PermissionSetAssignment", {"AssigneeId": to18(user_id), "PermissionSetId": to18(permission_set_id)}
    )
    org.forget_access()
    return made


def user_id_of(org: Org, username: str) -> str | None:
    """The Id of the user with this login name."""
    row = org.connection().execute('SELECT "Id" FROM "User" WHERE "Username" = ?', (username,)).fetchone()
    return str(row[0]) if row else None
