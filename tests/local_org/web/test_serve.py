from __future__ import annotations

import json
import os
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from cryptography import x509

from local_org.tls import server_files
from tests.practice import ROOT, Practice


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """A practice org with a data directory of its own that the tests restart."""
    with Practice(data_dir=tmp_path_factory.mktemp("org")) as running:
        yield running


def command(*args: str) -> subprocess.CompletedProcess[str]:
    """The command line of the practice org."""
    return subprocess.run(
        [sys.executable, "-m", "local_org", *args], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_restart_keeps_port_rows_secrets_and_ca(kept: Practice) -> None:
    before, ca = kept.env, Path(kept.env["ca_file"]).read_bytes()
    record_id = kept.create("Account", Name="Kept over a restart")
    token = kept.token()
    kept.restart()
    same = ("base_url", "org_id", "client_id", "client_secret", "ca_file")
    assert {name: kept.env[name] for name in same} == {name: before[name] for name in same}
    assert [u["password"] for u in kept.env["users"]] == [u["password"] for u in before["users"]]
    assert Path(kept.env["ca_file"]).read_bytes() == ca
    assert kept.soql("SELECT Id FROM Account") == [{"Id": record_id}]
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{kept.data_url}/limits", headers=headers, verify=kept.env["ca_file"], timeout=10)
    assert answer.status_code == 200


def test_a_killed_server_loses_no_answered_write(kept: Practice) -> None:
    ids = kept.create_many("Contact", [{"LastName": f"n{n}"} for n in range(300)])
    kept.kill()
    kept.start()
    assert {r["Id"] for r in kept.soql("SELECT Id FROM Contact")} >= set(ids)


def test_a_job_goes_on_after_a_kill_and_saves_each_row_once(kept: Practice) -> None:
    body = {"object": "Lead", "operation": "insert"}
    job = kept.rest("POST", "jobs/ingest", json=body)
    rows = "".join(f"Name {n:05},Company\n" for n in range(20_000))
    kept.rest("PUT", f"jobs/ingest/{job['id']}/batches", data="LastName,Company\n" + rows)
    kept.rest("PATCH", f"jobs/ingest/{job['id']}", json={"state": "UploadComplete"})
    while kept.rest("GET", f"jobs/ingest/{job['id']}")["numberRecordsProcessed"] == 0:
        pass
    kept.kill()
    kept.start()
    while kept.rest("GET", f"jobs/ingest/{job['id']}")["state"] != "JobComplete":
        pass
    assert kept.rest("GET", f"jobs/ingest/{job['id']}")["numberRecordsProcessed"] == 20_000
    assert kept.count("SELECT COUNT() FROM Lead") == 20_000


def test_secrets_are_private(kept: Practice) -> None:
    for name in ("ca.key", "server.key", "jwt.key", "secrets.json", "control.secret", "service.sqlite", "server.json"):
        assert stat.S_IMODE((kept.data_dir / name).stat().st_mode) == 0o600, name


def test_authority_is_for_loopback_only(kept: Practice) -> None:
    authority = x509.load_pem_x509_certificate(Path(kept.env["ca_file"]).read_bytes())
    constraint = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraint.critical
    assert constraint.value.permitted_subtrees is not None
    named = {str(name.value) for name in constraint.value.permitted_subtrees}
    assert named == {"localhost", "127.0.0.1/32", "::1/128"}
    port = int(kept.base_url.rsplit(":", 1)[1])
    for host in ("localhost", "127.0.0.1"):
        url = f"https://{host}:{port}/services/data"
        assert requests.get(url, verify=kept.env["ca_file"], timeout=10).status_code == 200
    server = x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", port)).encode())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]


def test_salesforce_names_only_where_asked(tmp_path: Path) -> None:
    def made(*, names: bool) -> tuple[bytes, list[str], list[str]]:
        files = server_files(tmp_path, salesforce_names=names)
        authority = x509.load_pem_x509_certificate(files.ca_file.read_bytes())
        server = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        limits = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
        held = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        allowed = [one.value for one in limits if isinstance(one, x509.DNSName)]
        return files.ca_file.read_bytes(), allowed, held.get_values_for_type(x509.DNSName)

    plain, wide, again = made(names=False), made(names=True), made(names=True)
    assert plain[1:] == (["localhost"], ["localhost"])
    assert wide[1] == ["localhost", "salesforce.com"]
    assert wide[2] == ["localhost", "login.salesforce.com", "test.salesforce.com", "*.my.salesforce.com"]
    assert again[0] == wide[0]
    assert made(names=False)[1:] == plain[1:]


def test_certificate_holds_for_a_salesforce_name(tmp_path: Path) -> None:
    with Practice("--with-salesforce-names", data_dir=tmp_path) as practice:
        port = int(practice.base_url.rpartition(":")[2])
        context = ssl.create_default_context(cafile=practice.env["ca_file"])
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="login.salesforce.com") as wrapped,
        ):
            assert wrapped.version() is not None
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            context.wrap_socket(plain, server_hostname="login.example.com")


def test_second_server_on_the_same_directory_is_refused(kept: Practice) -> None:
    refused = command("serve", "--data-dir", str(kept.data_dir))
    assert refused.returncode == 1
    assert "already running" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.requirement("N12")
def test_fault_command_finds_the_running_server(kept: Practice) -> None:
    where = ("--data-dir", str(kept.data_dir))
    on = command("fault", "on", "slow", "--rate", "0.5", "--count", "2", "--value", "1", *where)
    assert on.returncode == 0
    assert "ON   slow" in on.stdout
    listed = {f["name"]: f for f in json.loads(command("fault", "list", "--json", *where).stdout)}
    assert (listed["slow"]["rate"], listed["slow"]["count"], listed["slow"]["value"]) == (0.5, 2, "1")
    command("fault", "off", "slow", *where)
    assert not any(fault["on"] for fault in kept.faults())
    wrong = command("fault", "on", "nonsense", *where)
    assert (wrong.returncode, wrong.stderr.startswith("no fault is named 'nonsense'")) == (2, True)


def test_fault_command_without_a_server(tmp_path: Path) -> None:
    gone = command("fault", "list", "--data-dir", str(tmp_path))
    assert gone.returncode == 2
    assert "no practice org is running" in gone.stderr


def test_stop_is_clean_and_a_temporary_org_leaves_nothing() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "local_org", "serve", "--print-env"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    env = json.loads(process.stdout.readline())
    assert os.path.isdir(env["data_dir"])
    process.terminate()
    assert process.wait(timeout=20) == 0
    process.stdout.close()
    assert not os.path.exists(env["data_dir"])


def test_demo_org_has_users_rows_and_list_views() -> None:
    with Practice(seed="demo", scale=0.05) as demo:
        profiles = {u["profile"] for u in demo.env["users"]}
        assert {"System Administrator", "Integration", "Standard User"} <= profiles
        assert demo.env["sample"]["scale"] == 0.05
        assert demo.count("SELECT COUNT() FROM Contact") > 20
        views = demo.rest("GET", "sobjects/Contact/listviews")["listviews"]
        assert "Prospecting List" in [view["label"] for view in views]
        for view in views:
            described = demo.rest("GET", f"sobjects/Contact/listviews/{view['id']}/describe")
            assert described["query"].startswith("SELECT ")
            assert described["whereCondition"]["conjunction"] == "and"
            results = demo.rest("GET", f"sobjects/Contact/listviews/{view['id']}/results?limit=3")
            assert results["size"] == len(results["records"]) <= 3
            shown = [c["fieldNameOrPath"] for c in results["columns"]]
            assert {"Id", "SystemModstamp"} <= set(shown)
            assert all([c["fieldNameOrPath"] for c in r["columns"]] == shown for r in results["records"])


def test_schemas_are_added_by_name_and_by_file(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("objects: {Pier__c: {label: Pier, fields: [{name: Depth__c, type: int}]}}")
    options = ("--schema", "ascendix", "--schema", "mclabs2", "--schema-file", str(own))
    with Practice(*options, data_dir=tmp_path / "org") as practice:
        names = {o["name"]: o["keyPrefix"] for o in practice.rest("GET", "sobjects")["sobjects"]}
        assert {"ascendix__Property__c", "McLabs2__Property__c", "Pier__c"} <= names.keys()
        described = practice.rest("GET", "sobjects/ascendix__Availability__c/describe")["fields"]
        lookup = next(f for f in described if f["name"] == "ascendix__Property__c")
        assert (lookup["referenceTo"], lookup["relationshipName"]) == (
            ["ascendix__Property__c"],
            "ascendix__Property__r",
        )
        practice.stop()
        practice.start()
        again = {o["name"]: o["keyPrefix"] for o in practice.rest("GET", "sobjects")["sobjects"]}
        assert again == names


@pytest.mark.parametrize(
    ("option", "why"),
    [(("--schema", "nope"), "no schema is named 'nope'"), (("--schema-file", "nope"), "cannot be read")],
)
def test_a_schema_that_is_not_there_stops_the_start(option: tuple[str, str], why: str) -> None:
    refused = command("serve", *option)
    assert refused.returncode == 1
    assert why in refused.stderr
    assert "Traceback" not in refused.stderr
