"""The process that reads an SQLite file with the ADBC driver: a SELECT on stdin, Arrow batches on stdout."""

from __future__ import annotations

import sys
from pathlib import Path

# Not its dbapi module, which takes seconds to import: it brings pandas along.
import adbc_driver_manager as manager
import adbc_driver_sqlite
import pyarrow as pa

BATCH_ROWS = "65536"


def main() -> None:
    """Read what stdin asks of the file that the first argument names, and write nothing to it."""
    path = Path(sys.argv[1]).resolve()
    with (
        adbc_driver_sqlite.connect(f"{path.as_uri()}?mode=ro") as database,
        manager.AdbcConnection(database) as connection,
        manager.AdbcStatement(connection) as statement,
    ):
        statement.set_options(**{"adbc.sqlite.query.batch_rows": BATCH_ROWS})
        statement.set_sql_query(sys.stdin.read())
        handle, _ = statement.execute_query()
        rows = pa.RecordBatchReader._import_from_c(handle.address)
        with pa.ipc.new_stream(sys.stdout.buffer, rows.schema) as out:
            for batch in rows:
                out.write_batch(batch)


if __name__ == "__main__":
    main()
