"""A database is opened without alembic where it has the newest migration, and that one is known rightly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from alembic.script import ScriptDirectory

from core.store import migrate
from core.store.database import Database


def test_the_newest_migration_is_the_one_that_is_named(database: Database) -> None:
    scripts = ScriptDirectory.from_config(migrate.config(database))
    assert scripts.get_current_head() == migrate.HEAD
    assert database.one("SELECT version_num FROM alembic_version") == migrate.HEAD


def test_a_command_that_moves_no_bulk_loads_none_of_its_libraries(tmp_path: Path) -> None:
    """Each costs a good part of a second, on every command of the terminal."""
    code = (
        "import sys; from pathlib import Path; from core.settings import Settings; from core.workspace import"
        " open_workspace; home = Path(sys.argv[1]); [open_workspace(config=Settings(home=home, database_url=''))"
        ".jobs() for _ in range(2)] if len(sys.argv) > 2 else open_workspace(config=Settings(home=home,"
        " database_url='')); print(*(m for m in ('alembic', 'pandas', 'adbc_driver_sqlite.dbapi') if m in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, timeout=120)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), "again"], check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == []
