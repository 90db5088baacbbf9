"""Child processes: what they say, why they failed, and that none of them outlives us."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from core.cli.children import Children, stoppable
from core.cli.launch import Launcher, require_port
from core.errors import SynclineError, UsageError

SAYS = "import time; print('{\"ready\": 1}', flush=True); time.sleep(60)"
FAILS = 'import sys; sys.stderr.write("Traceback\\nPort 1 is taken.\\n"); sys.exit(3)'
PARENT = """
import sys, time
from core.cli.children import Children
child = Children().start("sleeper", "tests.unit.cli.program", "import time; time.sleep(60)")
print(child.process.pid, flush=True)
time.sleep(60)
"""
PROGRAM = "tests.unit.cli.program"


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def gone_within(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_running(pid)


@pytest.fixture
def children(tmp_path: Path) -> Children:
    return Children(tmp_path / "logs")


def test_the_first_line_is_the_answer(children: Children) -> None:
    child = children.start("talker", PROGRAM, SAYS)
    try:
        assert child.answer(30) == {"ready": 1}
    finally:
        children.stop()
    assert child.process.returncode == -signal.SIGTERM


def test_a_child_that_fails_leaves_its_last_line_as_our_sentence(children: Children) -> None:
    child = children.start("talker", PROGRAM, FAILS)
    with pytest.raises(SynclineError, match=r"^Port 1 is taken\.$"):
        child.answer(30)
    assert children.dead() is child
    children.stop()


def test_a_silent_child_is_not_waited_for_forever(children: Children) -> None:
    child = children.start("sleeper", PROGRAM, "import time; time.sleep(60)")
    with pytest.raises(SynclineError, match="sleeper did not get ready in time"):
        child.answer(0.2)
    children.stop()


def test_what_children_write_is_kept_in_a_file_each(children: Children, tmp_path: Path) -> None:
    writes = "import sys; print('{}', flush=True); sys.stderr.write('a warning\\n')"
    child = children.start("practice org", PROGRAM, writes)
    child.answer(30)
    child.end_of_work(30)
    log = tmp_path / "logs" / "practice-org.log"
    until = time.monotonic() + 10
    while not (log.exists() and "a warning" in log.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    assert "a warning" in log.read_text()


def test_children_end_when_their_parent_is_killed(root: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=root, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone_within(child, 10)


def test_the_launcher_says_which_process_ended(children: Children) -> None:
    children.start("worker", PROGRAM, FAILS).process.wait(30)
    with pytest.raises(SynclineError, match=r"The worker ended by itself \(code 3\): Port 1 is taken\."):
        Launcher(1, "default", children).stay()


def interrupted_twice() -> None:
    with stoppable():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # a second one must not disturb the cleaning up


def test_a_signal_becomes_an_interrupt_once() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        interrupted_twice()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_busy_port_is_one_sentence() -> None:
    with closing(socket.socket()) as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {port} is in use"):
            require_port(port)
    assert require_port(0) > 0
