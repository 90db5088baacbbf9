"""Takes files in, as base64 in JSON or as a part of their own, and hands them out as bytes."""

from __future__ import annotations

import base64
import re
from typing import Any

from local_org.org.model import Field, OrgFault, SObject
from local_org.web.messages import Answer, Call, not_found
from local_org.web.site import Site

_ANY_TYPE = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w.+-]+=[\w.+-]+)*", re.ASCII)


def record(call: Call, sobject: SObject) -> dict[str, Any]:
    """The record that a request carries, with its binary parts, if it has any, in their fields.

    Raises:
        OrgFault: The body is no object, or a part belongs to no binary field.
    """
    if not call.multipart or call.inner:
        return call.mapping()
    parts = call.parts()
    made = call.mapping()
    for name, content in parts.items():
        field = sobject.field(name)
        if field is None or field.type != "base64":
            raise OrgFault("INVALID_FIELD", f"No binary field '{name}' on sobject of type {sobject.name}")
        made[field.name] = base64.b64encode(content).decode()
    return made


def content(site: Site, call: Call, sobject: SObject, record_id: str, field: Field) -> Answer:
    """The bytes of a binary field.

    Raises:
        OrgFault: NOT_FOUND when the user may not read the field, or it is empty.
    """
    if not site.session(call.user_id).access.sees(sobject, field):
        raise not_found()
    kind = "ContentType" if sobject.field("ContentType") else "NULL"
    sql = f'SELECT "{field.name}", {kind} FROM "{sobject.name}" WHERE Id = ?'
    data, media = site.org.connection().execute(sql, (record_id,)).fetchone()
    if data is None:
        raise not_found()
    call.rows = 1
    fits = media is not None and _MEDIA_TYPE.fullmatch(media)
    return Answer(200, base64.b64decode(data), media=media if fits else _ANY_TYPE)
