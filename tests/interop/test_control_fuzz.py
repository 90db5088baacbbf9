"""Schemathesis tries the control endpoints out by their own description: never a 500, always the platform's error."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.interop.conftest import client_environment, relayed
from tests.interop.installing import python_of
from tests.practice import Practice

pytestmark = pytest.mark.nightly


def test_schemathesis_finds_no_server_error(root: Path, tmp_path: Path) -> None:
    command = python_of(root / "build", "schemathesis").with_name("schemathesis")
    # An org of its own: what is tried out moves its clock, changes its schema and ends its sessions.
    with Practice() as practice, relayed(practice) as relay:
        secret = (practice.data_dir / "control.secret").read_text().strip()
        done = subprocess.run(
            [
                *(str(command), "run", f"{practice.base_url}/_practice/openapi.json"),
                *("--header", f"X-Practice-Secret: {secret}", "--tls-verify", practice.env["ca_file"]),
                *("--checks", "not_a_server_error,status_code_conformance,response_schema_conformance"),
                *("--phases", "examples,coverage,fuzzing", "--max-examples", "60", "--seed", "7"),
                *("--request-timeout", "20", "--workers", "1", "--no-color"),
            ],
            cwd=tmp_path,
            env=client_environment(practice, relay),
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        assert practice.now()
        assert "Traceback" not in practice.log(), practice.log()[-4000:]
