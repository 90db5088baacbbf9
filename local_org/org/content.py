"""Says what follows from the content of a file: its size, its kind, and which version of a document is the latest."""

from __future__ import annotations

import base64
import hashlib
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from local_org.org.store import quoted
from local_org.org.values import content_length

if TYPE_CHECKING:
    from local_org.org.row import Row
    from local_org.org.saving import Saver

_LONGEST_KIND = 20
_SHARED = ("Title", "Description", "FileType", "FileExtension", "ContentSize", "ContentModifiedDate")
"""What a document says of its latest version."""


def attachment(saver: Saver, row: Row) -> None:
    """An attachment knows how long it is."""
    if row.changes("Body") and row.get("Body") is not None:
        row.values["BodyLength"] = content_length(row.get("Body"))


def version(saver: Saver, row: Row) -> None:
    """A new version is described by its content and its name."""
    if not row.created:
        return
    path, data = PurePath(row.get("PathOnClient") or ""), row.get("VersionData") or ""
    kind = path.suffix.removeprefix(".")[:_LONGEST_KIND]
    if row.get("Title") is None:
        row.values["Title"] = path.stem or None
    row.values |= {"FileExtension": kind or None, "FileType": kind.upper() or "UNKNOWN"}
    row.values |= {"ContentModifiedDate": saver.stamp, "IsLatest": 1, "ContentSize": content_length(data)}
    row.values["Checksum"] = hashlib.md5(base64.b64decode(data), usedforsecurity=False).hexdigest()


def keep_versions(saver: Saver, rows: list[Row]) -> None:
    """A first version makes its document; a further one becomes the latest of the document that it names."""
    for row in rows:
        document = row.get("ContentDocumentId")
        if row.created:
            if document is None:
                owner = {"OwnerId": row.get("OwnerId"), "CreatedById": saver.access.user_id}
                document = saver.org.insert_raw("ContentDocument", owner)
            _make_latest(saver, row, document)
        if row.get("IsLatest"):
            told: dict[str, Any] = {name: row.get(name) for name in _SHARED}
            told |= {"LatestPublishedVersionId": row.id, "LastModifiedById": saver.access.user_id}
            told |= {"LastModifiedDate": saver.stamp, "SystemModstamp": saver.stamp}
            sets = ", ".join(f"{quoted(name)} = ?" for name in told)
            saver.conn.execute(f'UPDATE "ContentDocument" SET {sets} WHERE "Id" = ?', (*told.values(), document))


def _make_latest(saver: Saver, row: Row, document: str) -> None:
    saver.conn.execute(
        'UPDATE "ContentVersion" SET "IsLatest" = 0, "SystemModstamp" = max("SystemModstamp", ?) '
        'WHERE "ContentDocumentId" = ? AND "IsLatest" = 1 AND "Id" <> ?',
        (saver.stamp, document, row.id),
    )
    last = (
        'SELECT coalesce(max(CAST("VersionNumber" AS INTEGER)), 0) FROM "ContentVersion" WHERE "ContentDocumentId" = ?'
    )
    (number,) = saver.conn.execute(last, (document,)).fetchone()
    saver.conn.execute(
        'UPDATE "ContentVersion" SET "ContentDocumentId" = ?, "VersionNumber" = ? WHERE "Id" = ?',
        (document, str(number + 1), row.id),
    )
