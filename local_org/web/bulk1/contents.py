"""Reads what a batch holds, in CSV, JSON or XML, into records, and refuses the batch when it does not fit the job."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from xml.etree import ElementTree

from local_org.org.model import Field, Schema, SObject
from local_org.web.bulk.csvs import BadBatch, Header, typed
from local_org.web.bulk1.jobs import Job
from local_org.web.xmls import XmlFault, is_nil, local, parsed

MOST_ROWS = 10_000
Record = dict[str, Any]


def records(schema: Schema, job: Job, content: bytes) -> list[Record]:
    """The records of a batch, in order.

    Raises:
        BadBatch: The content cannot be read, is too long, or names a field that the object does not have.
    """
    readers = {"CSV": _from_csv, "JSON": _from_json, "XML": _from_xml}
    found = readers[job.content_type](schema, job, content)
    if not found:
        raise BadBatch("InvalidBatch : Records not processed: the batch holds no records")
    if len(found) > MOST_ROWS:
        raise BadBatch(f"InvalidBatch : The batch holds more than {MOST_ROWS} records")
    return found


def _from_csv(schema: Schema, job: Job, content: bytes) -> list[Record]:
    try:
        text = content.decode("utf-8-sig")
        lines = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except UnicodeDecodeError as fault:
        raise BadBatch("ClientInputError : The data is not valid UTF-8") from fault
    except csv.Error as fault:
        raise BadBatch(f"InvalidBatch : Failed to parse CSV: {fault}") from fault
    if not lines:
        raise BadBatch("InvalidBatch : Failed to parse CSV header")
    header = Header(schema, job, lines[0])
    return [header.record(cells) for cells in lines[1:]]


def _from_json(schema: Schema, job: Job, content: bytes) -> list[Record]:
    try:
        rows = json.loads(content.decode("utf-8-sig"))
    except ValueError as fault:
        raise BadBatch("InvalidBatch : Unable to parse JSON") from fault
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadBatch("InvalidBatch : Unable to parse JSON: an array of objects is expected")
    return [_checked(schema, job, {n: v for n, v in row.items() if n != "attributes"}) for row in rows]


def _from_xml(schema: Schema, job: Job, content: bytes) -> list[Record]:
    try:
        root = parsed(content)
    except XmlFault as fault:
        raise BadBatch(f"InvalidXMLBatch : {fault}") from fault
    if local(root.tag) != "sObjects":
        raise BadBatch("InvalidXMLBatch : the root element must be sObjects")
    sobject = _object(schema, job)
    return [_checked(schema, job, _from_element(sobject, row)) for row in root if local(row.tag) == "sObject"]


def _from_element(sobject: SObject, row: ElementTree.Element) -> Record:
    record: Record = {}
    for cell in row:
        name = local(cell.tag)
        if is_nil(cell):
            record[name] = None
        elif len(cell):
            record[name] = _parent(cell[0])
        elif cell.text:
            field = sobject.field(name)
            record[name] = typed(field, cell.text) if field else cell.text
    return record


def _parent(row: ElementTree.Element) -> Record:
    """A parent that is named by its External ID: ``<Account><sObject><Ext__c>A1</Ext__c></sObject></Account>``."""
    found = {local(cell.tag): cell.text or "" for cell in row}
    kind = found.pop("type", "")
    return ({"attributes": {"type": kind}} if kind else {}) | found


def _checked(schema: Schema, job: Job, record: Record) -> Record:
    """The record, when all its names are known and those that the operation needs are there."""
    sobject = _object(schema, job)
    for name in record:
        if sobject.field(name) is None and _lookup(sobject, name) is None:
            raise BadBatch(f"InvalidBatch : Field name not found : {name}")
    if job.operation in ("delete", "hardDelete") and [name.lower() for name in record] != ["id"]:
        raise BadBatch("InvalidBatch : The 'delete' batch must contain only 'Id'")
    return record


def _lookup(sobject: SObject, name: str) -> Field | None:
    return next((f for f in sobject.fields if (f.relationship_name or "").lower() == name.lower()), None)


def _object(schema: Schema, job: Job) -> SObject:
    found = schema.get(job.object)
    if found is None:
        raise BadBatch(f"InvalidBatch : Object not found : {job.object}")
    return found
