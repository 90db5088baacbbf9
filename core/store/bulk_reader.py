"""The process that reads SQLite files with the ADBC driver: questions on stdin, Arrow streams on stdout.

A question is one line of JSON, ``{"path", "sql"}``; each answer is one Arrow stream. The file is open only while it is
read. The process ends when its stdin does, or when nobody has asked for a while.
"""

from __future__ import annotations

import json
import select
import sys
from pathlib import Path

# Not its dbapi module, which takes seconds to import: it brings pandas along.
import adbc_driver_manager as manager
import adbc_driver_sqlite
import pyarrow as pa

BATCH_ROWS = "65536"
IDLE_S = 60.0
"""Nobody has asked for so long: the memory is given back."""


def main() -> None:
    """Answer until there is nobody left to ask; writes nothing to any file."""
    while select.select([sys.stdin], [], [], IDLE_S)[0]:
        line = sys.stdin.readline()
        if not line:
            return
        asked = json.loads(line)
        _answer(Path(asked["path"]), asked["sql"])


def _answer(path: Path, sql: str) -> None:
    with (
        adbc_driver_sqlite.connect(f"{path.resolve().as_uri()}?mode=ro") as database,
        manager.AdbcConnection(database) as connection,
        manager.AdbcStatement(connection) as statement,
    ):
        statement.set_options(**{"adbc.sqlite.query.batch_rows": BATCH_ROWS})
        statement.set_sql_query(sql)
        handle, _ = statement.execute_query()
        rows = pa.RecordBatchReader._import_from_c(handle.address)
        with pa.ipc.new_stream(sys.stdout.buffer, rows.schema) as out:
            for batch in rows:
                out.write_batch(batch)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
