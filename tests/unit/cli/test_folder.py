"""The demo's data directory: taken, refused, emptied, and what is remembered of it."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from core.cli import folder
from core.cli.folder import LOCK, MARKER, Folder, default_folder
from core.errors import UsageError


def taken(path: Path, *, fresh: bool = False) -> Folder:
    made = Folder(path)
    made.take(fresh=fresh)
    return made


def test_an_empty_or_absent_directory_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name in ("empty", "absent/deeper"):
        taken(tmp_path / name)
        assert (tmp_path / name / MARKER).exists()


@pytest.mark.parametrize("fresh", [False, True])
def test_a_directory_that_no_demo_made_is_refused_and_left_alone(tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="no demo made"):
        taken(tmp_path, fresh=fresh)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["logs", "thesis.txt"]


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="not a directory"):
        taken(tmp_path / "file")


def test_a_second_demo_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first = taken(tmp_path)
    with pytest.raises(UsageError, match="already running"):
        taken(tmp_path, fresh=True)
    first.release()
    taken(tmp_path)


def test_a_start_that_was_stopped_at_once_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    taken(tmp_path)
    assert (tmp_path / MARKER).exists()


def test_fresh_deletes_everything_and_forgets(tmp_path: Path) -> None:
    first = taken(tmp_path)
    first.remember(is_loaded=True)
    (tmp_path / "org").mkdir()
    (tmp_path / "org" / "org.sqlite").touch()
    (tmp_path / "syncline.db").touch()
    first.release()
    again = taken(tmp_path, fresh=True)
    assert again.known() == {}
    assert {p.name for p in tmp_path.iterdir()} == {LOCK, MARKER, "logs"}


def test_fresh_does_not_follow_links(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    first = taken(tmp_path / "demo")
    (tmp_path / "demo" / "intake").symlink_to(elsewhere)
    first.release()
    taken(tmp_path / "demo", fresh=True)
    assert (elsewhere / "kept").exists()


def test_it_waits_for_what_an_earlier_demo_left_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(tmp_path).release()
    monkeypatch.setattr(folder, "QUIET_SECONDS", 0.3)
    with (tmp_path / "worker.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="still running"):
            taken(tmp_path)
    taken(tmp_path)


def test_a_setting_is_kept_for_the_demos_life(tmp_path: Path) -> None:
    demo = taken(tmp_path)
    assert demo.keep("scale", None, 1.0, hint="") == 1.0
    assert demo.keep("scale", None, 5.0, hint="") == 1.0
    assert demo.keep("scale", 1.0, 5.0, hint="") == 1.0
    with pytest.raises(UsageError, match=r"another scale: 1\.0"):
        demo.keep("scale", 2.0, 1.0, hint="")


def test_a_database_that_somebody_uses_is_refused(tmp_path: Path) -> None:
    demo = taken(tmp_path)
    with pytest.raises(UsageError, match="did not make"):
        demo.keep_database("postgresql://x:secret@y/z", made_elsewhere=True)
    demo.keep_database("postgresql://x:secret@y/z", made_elsewhere=False)
    demo.keep_database("postgresql://x:secret@y/z", made_elsewhere=True)
    with pytest.raises(UsageError, match="another database"):
        demo.keep_database("", made_elsewhere=False)
    assert "secret" not in (tmp_path / MARKER).read_text()


def test_the_usual_place_is_beside_or_the_data_directory_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "demo"
    taken(tmp_path / "demo")
    monkeypatch.setenv("SYNCLINE_HOME", str(tmp_path / "demo"))
    assert default_folder() == tmp_path / "demo"
