"""Starts one practice org: data directory, org, users, certificates, and the HTTPS server until it is told to stop."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import secrets
import shutil
import signal
import socket
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from local_org.datadir import DataDir
from local_org.org import declaring, permissions
from local_org.org.catalog import custom_field, extend, files, standard_schema
from local_org.org.clock import Clock
from local_org.org.engine import Org
from local_org.sample.filling import fill
from local_org.tls import ServerFiles, jwt_key_pair, server_files, signing_key
from local_org.web import lasting, people
from local_org.web.app import App
from local_org.web.bulk import ingest, query_jobs
from local_org.web.bulk.jobs import Job, Jobs
from local_org.web.bulk1 import running
from local_org.web.bulk1.jobs import BatchJobs
from local_org.web.calls import Allowance
from local_org.web.cursors import Cursors
from local_org.web.site import API_VERSION, ClientApp, Site
from local_org.web.streaming import capture
from local_org.web.tokens import Grant, Tokens

ADMIN = "admin@practice.example"
INTEGRATION = "integration@practice.example"
READER = "reader@practice.example"
FORMER = "former@practice.example"
SEED = 7


class PortTaken(RuntimeError):
    """The port is used by somebody else."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a start can be told."""

    port: int = 0
    data_dir: Path | None = None
    seed: str = "empty"
    scale: float = 1.0
    print_env: bool = False
    activity_key: bool = False
    session_minutes: int = 120
    allowance: int = 15_000
    with_salesforce_names: bool = False
    schemas: tuple[str, ...] = ()
    schema_files: tuple[Path, ...] = ()


def serve(options: Options) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        DataDirBusy: Another server runs on the data directory.
        PortTaken: The port cannot be had.
        ValueError: A schema that does not exist, or whose file makes no sense.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        # The server passes the signal on once it has stopped; leaving by an exception lets everything be closed.
        signal.signal(number, _leave)
    if options.data_dir is not None:
        _serve(DataDir(options.data_dir.expanduser().resolve()), options)
        return
    temporary = Path(tempfile.mkdtemp(prefix="practice-org-"))
    try:
        _serve(DataDir(temporary), options)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _leave(number: int, frame: object) -> None:
    raise SystemExit(0)


def _serve(data: DataDir, options: Options) -> None:
    with data.prepare():
        listener = _listen(options.port or data.kept_port())
        port = listener.getsockname()[1]
        data.keep_port(port)
        files = server_files(data.path, salesforce_names=options.with_salesforce_names)
        key_file, certificate = jwt_key_pair(data.path)
        base_url = f"https://127.0.0.1:{port}"
        site = _site(data, options, base_url, certificate.read_bytes())
        try:
            lasting.end(site)
            capture.install(site.org)
            site.jobs.start(lambda job: _run_job(site, job))
            site.batch_jobs.start(lambda job, batch: running.run(site, job, batch))
            data.announce(base_url, port)
            if options.print_env:
                print(json.dumps(_environment(site, data, files, key_file)), flush=True)
            else:
                print(f"practice org: {base_url} (CA {files.ca_file})", flush=True)
            _run(site, files, listener)
        finally:
            data.withdraw()
            site.jobs.stop()
            site.batch_jobs.stop()
            site.allowance.save()
            site.tokens.close()
            site.org.close()


def _run(site: Site, files: ServerFiles, listener: socket.socket) -> None:
    transports: dict[Any, asyncio.Transport] = {}

    class Protocol(H11Protocol):
        """Remembers its connection, so that a fault can cut it."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._peer = tuple(transport.get_extra_info("peername") or ())
            transports[self._peer] = transport

        def shutdown(self) -> None:
            # A polite TLS farewell would wait for clients that keep an idle connection open.
            if self._idle():
                self.transport.abort()
            else:
                super().shutdown()

        def _idle(self) -> bool:
            cycle: RequestResponseCycle | None = self.cycle
            return cycle is None or cycle.response_complete

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self._peer, None)
            super().connection_lost(exc)

    config = uvicorn.Config(
        App(site, transports),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        ssl_certfile=str(files.certificate),
        ssl_keyfile=str(files.key),
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=64 * 1024,
    )
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)

    class Server(uvicorn.Server):
        """Lets those who wait for events go before it waits for them."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            site.streams.close()
            super().handle_exit(sig, frame)

    Server(config).run(sockets=[listener])


def _site(data: DataDir, options: Options, base_url: str, certificate: bytes) -> Site:
    org = _org(data, options)
    kept = data.secrets()
    passwords = _passwords(org, kept)
    data.keep_secrets(kept)
    tokens = Tokens(data.service_file, org.id[:15], idle_seconds=options.session_minutes * 60)
    org.clock.set_offset(int(tokens.fact("clock_offset", "0")))
    return Site(
        org=org,
        tokens=tokens,
        client=ClientApp(kept["client_id"], kept["client_secret"], _run_as(org), certificate),
        base_url=base_url,
        control_secret=data.control_secret(),
        allowance=Allowance(options.allowance, tokens.fact, tokens.keep_fact),
        check_password=lambda username, given: hmac.compare_digest(
            passwords.get(username.lower(), secrets.token_hex()).encode(), given.encode()
        ),
        cursors=Cursors(),
        jobs=Jobs(data.service_file, data.jobs),
        batch_jobs=BatchJobs(data.service_file, data.jobs),
        signing_key=signing_key(data.path).read_bytes(),
    )


def _org(data: DataDir, options: Options) -> Org:
    """The org of the data directory, made where there is none, with the schemas that were asked for."""
    # Before anything is opened: a file that makes no sense must not leave half an org behind.
    wanted = {name: files.named(name) for name in options.schemas}
    wanted |= {str(path.resolve()): files.read(path) for path in options.schema_files}
    org = _opened(data, options)
    try:
        for name, schema in wanted.items():
            declaring.declare_once(org, name, schema)
    except ValueError:
        org.close()
        raise
    return org


def _opened(data: DataDir, options: Options) -> Org:
    clock = Clock()
    if data.org_file.exists():
        return Org.open(data.org_file, clock=clock)
    fresh = data.org_file.with_name("org.filling.sqlite")
    for leftover in data.path.glob("org.filling.sqlite*"):
        leftover.unlink()
    org = Org.create(fresh, standard_schema(), clock=clock)
    if options.seed == "demo":
        now = datetime.now(UTC).replace(microsecond=0)
        fill(org, scale=options.scale, seed=SEED, now=now)
        facts = {"scale": options.scale, "seed": SEED, "now": now.isoformat()}
        org.save_meta("sample", json.dumps(facts))
        _add_missing_users(org)
    else:
        _add_missing_users(org)
        _add_user(org, READER, "Read Only", "Riley", "Reader")
        _add_user(org, FORMER, "Standard User", "Frances", "Former", active=False)
    if options.activity_key:
        add_activity_key(org)
    org.close()
    # A start that was killed while filling leaves no half-filled org behind: the file gets its name when it is whole.
    fresh.rename(data.org_file)
    return Org.open(data.org_file, clock=clock)


def add_activity_key(org: Org) -> None:
    """Give Activity the External ID by which calls can be upserted."""
    key = custom_field("Syncline_Key__c", "string", "Syncline Key", length=100, external_id=True, unique=True)
    org.replace_schema(extend(org.schema, fields={"Activity": [key]}), ["Task", "Event"])


def _add_missing_users(org: Org) -> None:
    known = people.everyone(org)
    if not any(p.profile == "System Administrator" and p.active for p in known):
        _add_user(org, ADMIN, "System Administrator", "Alex", "Admin")
    if not any(p.profile == "Integration" and p.active for p in known):
        _add_user(org, INTEGRATION, "Integration", "Ines", "Integration")


def _add_user(org: Org, username: str, profile: str, first: str, last: str, *, active: bool = True) -> None:
    permissions.add_user(org, username, profile=profile, first_name=first, last_name=last, active=active)


def _run_as(org: Org) -> str:
    """The integration user, as whom the client credentials flow acts."""
    known = [p for p in people.everyone(org) if p.active]
    return next(p.username for p in known if p.profile == "Integration")


def _passwords(org: Org, kept: dict[str, Any]) -> dict[str, str]:
    """A random password for every user, kept between starts, by username in lower case."""
    passwords: dict[str, str] = kept["passwords"]
    for person in people.everyone(org):
        passwords.setdefault(person.username.lower(), secrets.token_urlsafe(12))
    return passwords


def _environment(site: Site, data: DataDir, files: ServerFiles, key_file: Path) -> dict[str, Any]:
    passwords = data.secrets()["passwords"]
    users = []
    for person in people.everyone(site.org):
        grant = Grant(person.id, site.client.client_id, "api web")
        users.append(
            {
                "username": person.username,
                "password": passwords[person.username.lower()],
                "access_token": site.tokens.issue(grant, site.epoch()) if person.active else None,
                "profile": person.profile,
                "id": person.id,
                "active": person.active,
            }
        )
    return {
        "base_url": site.base_url,
        "login_url": site.base_url,
        "ca_file": str(files.ca_file),
        "org_id": site.org.id,
        "api_version": API_VERSION,
        "client_id": site.client.client_id,
        "client_secret": site.client.client_secret,
        "jwt_key_file": str(key_file),
        "data_dir": str(data.path),
        "sample": json.loads(site.org.meta("sample") or "null"),
        "users": users,
    }


def _run_job(site: Site, job: Job) -> None:
    if job.kind == "ingest":
        ingest.run(site, job)
    else:
        query_jobs.run(site, job)


def _listen(port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it every answer takes 40 ms more.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as taken:
        listener.close()
        raise PortTaken(f"port {port} on 127.0.0.1 cannot be had: {taken.strerror}") from taken
    listener.listen(256)
    return listener
