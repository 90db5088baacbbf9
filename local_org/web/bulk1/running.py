"""Runs one batch: saves its rows with their results in the same transaction, or writes a query's result to a file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import IO, Any

from local_org import soql
from local_org.org.model import OrgFault
from local_org.soql import Column, ResultSet
from local_org.soql.nodes import Comparison, Condition, Group, Literal, Path, Query
from local_org.web.bulk.csvs import BadBatch
from local_org.web.bulk1 import contents, wire
from local_org.web.bulk1.jobs import UNEXPECTED, Batch, Job
from local_org.web.site import Site
from local_org.web.xmls import tag

PIECE = 1000
"""Rows that are saved, or written out, at a time."""
NO_RECORDS = b"Records not found for this query"
"""What a CSV query batch answers in place of a header when nothing was found."""
OPERATIONS = {
    "insert": "create",
    "update": "update",
    "upsert": "upsert",
    "delete": "delete",
    "hardDelete": "hardDelete",
}
_TABLE = (
    "CREATE TABLE IF NOT EXISTS _bulk1_result"
    "(batch TEXT, piece INTEGER, rows INTEGER, failed INTEGER, results TEXT, PRIMARY KEY (batch, piece))"
)


def run(site: Site, job: Job, batch: Batch) -> None:
    """Run a batch to its end; a server that is killed goes on with the first piece that is not in."""
    jobs = site.batch_jobs
    delay = site.faults.strikes("job_delay")
    if delay is not None:
        jobs.line.pause(delay.number(5))
    if jobs.line.stopping or not jobs.claim(batch, site.epoch()):
        return
    batch = replace(batch, state="InProgress", modified=site.epoch())
    if not jobs.line.unstuck(site.faults, lambda: jobs.get(job.id).state == "Aborted"):
        return
    if site.faults.strikes("job_failed") is not None:
        jobs.save_batch(replace(batch, state="Failed", error=UNEXPECTED))
        return
    started = time.monotonic()
    try:
        batch = _query(site, job, batch) if job.is_query else _save(site, job, batch)
    except BadBatch as fault:
        batch = replace(batch, state="Failed", error=str(fault))
    if batch.state in ("Completed", "Failed"):
        took = int((time.monotonic() - started) * 1000)
        jobs.save_batch(replace(batch, modified=site.epoch(), took_ms=took))


def saved_results(site: Site, job: Job, batch: Batch) -> bytes:
    """The result of a batch that saved rows."""
    conn = site.org.connection()
    known = conn.execute("SELECT 1 FROM sqlite_master WHERE name='_bulk1_result'").fetchone()
    sql = "SELECT results FROM _bulk1_result WHERE batch=? ORDER BY piece"
    pieces = conn.execute(sql, (batch.id,)).fetchall() if known else []
    return wire.joined_results((one for (text,) in pieces for one in json.loads(text)), job.content_type)


def _save(site: Site, job: Job, batch: Batch) -> Batch:
    records = contents.records(site.org.schema, job, site.batch_jobs.request_file(batch).read_bytes())
    with site.org.write() as conn:
        conn.execute(_TABLE)
    sums = "SELECT count(*), coalesce(sum(rows), 0), coalesce(sum(failed), 0) FROM _bulk1_result WHERE batch=?"
    piece, done, bad = site.org.connection().execute(sums, (batch.id,)).fetchone()
    while done < len(records):
        if site.batch_jobs.line.stopping:
            return batch
        part = records[done : done + PIECE]
        bad += _save_piece(site, job, batch, part, piece)
        piece, done = piece + 1, done + len(part)
        batch = replace(batch, processed=done, failed=bad, modified=site.epoch())
        site.batch_jobs.save_batch(batch)
    return replace(batch, state="Completed", processed=done, failed=bad)


def _save_piece(site: Site, job: Job, batch: Batch, records: list[dict[str, Any]], piece: int) -> int:
    headers = {"sforce-auto-assign": job.rule_id} if job.rule_id else None
    ext_field = job.ext_field or None
    with site.org.write() as conn:
        results = site.save(
            job.user_id, OPERATIONS[job.operation], job.object, records, ext_field=ext_field, headers=headers
        )
        failed = sum(not result.success for result in results)
        texts = json.dumps(wire.row_results(results, job.operation, job.content_type))
        conn.execute("INSERT INTO _bulk1_result VALUES (?,?,?,?,?)", (batch.id, piece, len(records), failed, texts))
    return failed


def _query(site: Site, job: Job, batch: Batch) -> Batch:
    text = site.batch_jobs.request_file(batch).read_text(encoding="utf-8-sig", errors="replace").strip()
    try:
        if job.chunk_size and not batch.is_chunk and (parts := chunked(site, job, text)):
            made = site.batch_jobs.split(batch, [part.encode() for part in parts])
            return replace(batch, state="NotProcessed") if made else batch
        return replace(batch, state="Completed", processed=_write_result(site, job, batch, text))
    except OrgFault as fault:
        raise BadBatch(f"InvalidBatch : Failed to process query: {fault.code}: {fault.message}") from fault


def chunked(site: Site, job: Job, text: str) -> list[str]:
    """The query in parts by ranges of Ids; none when its ORDER BY or LIMIT forbids chunks, or there is nothing."""
    query = soql.parse(text)
    if query.order_by or query.limit is not None or query.group_by:
        return []
    sobject = site.org.schema.get(job.object)
    if sobject is None:
        return []
    sql = f'SELECT "Id" FROM (SELECT "Id", row_number() OVER (ORDER BY "Id") - 1 AS n FROM "{sobject.name}")'
    starts = [row[0] for row in site.org.connection().execute(f"{sql} WHERE n % ? = 0 ORDER BY n", (job.chunk_size,))]
    return [soql.render(_within(query, start, after)) for start, after in zip(starts, [*starts[1:], ""], strict=True)]


def _within(query: Query, start: str, after: str) -> Query:
    """The query over the Ids from `start` up to `after`, which the last range does not have."""
    prefix = (query.sources[0].alias,) if query.sources[0].alias else ()
    key = Path((*prefix, "Id"))
    bounds: list[Condition] = [Comparison(key, ">=", Literal("string", start))]
    if after:
        bounds.append(Comparison(key, "<", Literal("string", after)))
    before = query.where
    if isinstance(before, Group) and before.connective == "AND":
        return replace(query, where=Group("AND", (*before.items, *bounds)))
    return replace(query, where=Group("AND", (before, *bounds) if before else tuple(bounds)))


def _write_result(site: Site, job: Job, batch: Batch, text: str) -> int:
    """Write the result of a query to its file; the number of rows."""
    conn = site.org.new_connection()
    try:
        conn.execute("BEGIN")
        found = soql.run(
            conn, site.org.schema, site.session(job.user_id).access, text,
            all_rows=job.operation == "queryAll", now=site.now(), api_version=job.api_version, bulk=True,
        )  # fmt: skip
        if found.sobject != job.object:
            raise BadBatch(f"InvalidBatch : The query is on {found.sobject}, the job is on {job.object}")
        total = found.total
        writer = {"CSV": _write_csv, "JSON": _write_json, "XML": _write_xml}[job.content_type]
        with site.batch_jobs.result_file(batch).open("wb") as handle:
            writer(handle, found, total)
        return total
    finally:
        conn.close()


def _write_csv(handle: IO[bytes], found: ResultSet, total: int) -> None:
    if not total:
        handle.write(NO_RECORDS)
        return
    for chunk in found.iter_csv(PIECE):
        handle.write(chunk)


def _write_json(handle: IO[bytes], found: ResultSet, total: int) -> None:
    handle.write(b"[")
    for number, record in enumerate(_records(found, total)):
        _in_milliseconds(record, found.columns)
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        handle.write((("," if number else "") + text).encode())
    handle.write(b"]")


def _write_xml(handle: IO[bytes], found: ResultSet, total: int) -> None:
    head, foot = wire.document("queryResult", "\n").split(b"\n")
    handle.write(head)
    for record in _records(found, total):
        handle.write(_xml_record("records", record).encode())
    handle.write(foot)


def _records(found: ResultSet, total: int) -> Iterator[dict[str, Any]]:
    for start in range(0, total, PIECE):
        yield from found.page(start, PIECE)


def _in_milliseconds(record: dict[str, Any], columns: Iterable[Column]) -> None:
    """Datetimes in the JSON of Bulk API 1.0 are milliseconds since 1970, unlike anywhere else."""
    for column in columns:
        value = record.get(column.name)
        if isinstance(value, dict):
            _in_milliseconds(value, column.columns)
        elif column.type == "datetime" and isinstance(value, str):
            record[column.name] = int(wire.moment(value).timestamp()) * 1000


def _xml_record(name: str, record: dict[str, Any]) -> str:
    inner = tag("type", record["attributes"]["type"])
    for key, value in record.items():
        if key == "attributes":
            continue
        if isinstance(value, dict):
            inner += _xml_record(key, value)
        else:
            inner += f'<{key} xsi:nil="true"/>' if value is None else tag(key, wire.iso(value))
    return f'<{name} xsi:type="sObject">{inner}</{name}>'
