"""Finds duplicates with splink on duckdb, as its tutorials do it; runs in an environment that has both.

python splink_dedupe.py DATABASE PAIRS.parquet
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import adbc_driver_manager as manager
import adbc_driver_sqlite
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

PEOPLE = (
    "SELECT id AS unique_id, LOWER(first_name) AS first_name, LOWER(last_name) AS surname, LOWER(email) AS email,"
    " COALESCE(phone, mobile_phone) AS phone, LOWER(company) AS company, LOWER(city) AS city FROM person"
    " WHERE workspace_id = 1 AND deleted_at IS NULL"
)
BLOCKS = (
    block_on("email"), block_on("phone"), block_on("surname", "company"), block_on("first_name", "surname"),
    block_on("first_name", "company"), block_on("substr(surname, 1, 3)", "company"),
)  # fmt: skip
LEAST = 0.5
"""All that it thinks more likely than not; where to cut is chosen afterwards, in its favor."""


def people(path: str) -> pa.Table:
    """The people of the workspace, by ADBC."""
    with (
        adbc_driver_sqlite.connect(f"{Path(path).resolve().as_uri()}?mode=ro") as database,
        manager.AdbcConnection(database) as connection,
        manager.AdbcStatement(connection) as statement,
    ):
        statement.set_options(**{"adbc.sqlite.query.batch_rows": "65536"})
        statement.set_sql_query(PEOPLE)
        handle, _ = statement.execute_query()
        return pa.RecordBatchReader._import_from_c(handle.address).read_all()


def main() -> None:
    """Read, train, predict, cluster; one JSON line."""
    warnings.simplefilter("ignore")
    begun, cpu = time.monotonic(), time.process_time()
    conn = duckdb.connect()
    conn.execute("SET memory_limit = '6GB'")
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.NameComparison("first_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
            cl.ExactMatch("phone").configure(term_frequency_adjustments=True),
            cl.ExactMatch("company").configure(term_frequency_adjustments=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        ],
        blocking_rules_to_generate_predictions=list(BLOCKS),
    )
    api = DuckDBAPI(connection=conn)
    rows = people(sys.argv[1])
    linker = Linker(api.register(rows), settings)
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on("email"), block_on("first_name", "surname", "phone")], recall=0.5
    )
    training.estimate_u_using_random_sampling(max_pairs=1e6)
    training.estimate_parameters_using_expectation_maximisation(block_on("first_name", "surname"))
    training.estimate_parameters_using_expectation_maximisation(block_on("phone"))
    trained, trained_cpu = time.monotonic(), time.process_time()
    found = linker.inference.predict(threshold_match_probability=LEAST)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(found, LEAST)
    clustered = clusters.as_duckdbpyrelation().count("*").fetchall()[0][0]
    took = {"wall_s": round(time.monotonic() - begun, 2), "cpu_s": round(time.process_time() - cpu, 2),
            "predict_wall_s": round(time.monotonic() - trained, 2),
            "predict_cpu_s": round(time.process_time() - trained_cpu, 2)}  # fmt: skip
    pairs = found.as_duckdbpyrelation().project(
        "least(unique_id_l, unique_id_r) AS a, greatest(unique_id_l, unique_id_r) AS b, match_probability AS score"
    )
    pq.write_table(pairs.to_arrow_table(), sys.argv[2])
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) // 1024
    print(json.dumps({"people": rows.num_rows, "clustered": clustered, **took, "peak_mb": peak}))


if __name__ == "__main__":
    main()
