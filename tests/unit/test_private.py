"""Files of the data directory belong to one person."""

from __future__ import annotations

import stat
from pathlib import Path

from core.private import private
from core.running.locks import take_place
from core.store.database import Database


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = private(tmp_path / "deep" / "a.lock")
    assert (mode(path), mode(path.parent), path.read_text()) == (0o600, 0o700, "")


def test_a_file_that_all_could_read_is_closed_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    path.write_text("kept")
    path.chmod(0o644)
    assert (private(path).read_text(), mode(path)) == ("kept", 0o600)


def test_the_workers_lock_and_the_database_are_private(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'syncline.db'}")
    place = take_place(db, tmp_path)
    place.release()
    db.close()
    assert {p.name: mode(p) for p in tmp_path.glob("*.*")} == {"syncline.db": 0o600, "worker.lock": 0o600}
