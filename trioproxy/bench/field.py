"""Who takes part in a benchmark: processes, all up at once, on the loopback.

========================  =============================================================================================================
``origin``                the provider itself, asked without a proxy between: what the load can do
``floor``                 a relay of two trio streams that knows no HTTP (``floor.py``)
``nginx``                 where it is installed: a proxy in C, the limit
``proxy``                 this program in its passing lane, with a client key and its log on
``proxy, translating``    the same process, asked at another protocol's door
``floor, tls`` etc.       the same with TLS to the provider, where the machine has ``openssl``
``proxy, 20 connections`` this program where twice as many clients want to be served at once as may be
``proxy, 2 workers``      this program with two processes, pinned to no processor
a peer                    another proxy, where the caller names it and it is installed
========================  =============================================================================================================

Knows: how each is started and which of them share a process. Refuses to know: what is measured.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs

from trioproxy.bench.children import Child, ChildFailed, free_port, pinned, printed, run_child
from trioproxy.bench.load import Job, Seen
from trioproxy.bench.peers import PEERS, kind
from trioproxy.bench.requests import KEY
from trioproxy.bench.terminator import certificate
from trioproxy.wire.jsoncodec import dumps, loads_object

__all__ = ["Field", "Subject", "SubjectFailed", "open_field"]

WARM_UP = 60

_CONFIG = """
port: 0
api-keys: [{key}]
state-dir: {state}
openai-compatibility:
  - name: bench
    base-url: {base}/v1
    keep-alive-connections: 256
    max-connections: {connections}
    api-key-entries: [{{api-key: upstream-key}}]
"""
_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; client_max_body_size 100m; client_body_buffer_size 1m;
  keepalive_requests 1000000;
  upstream origin {{ server 127.0.0.1:{origin}; keepalive 256; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""
_IMPORTS = "import trio, h11, httpcore2; print('ready', flush=True); input()"
_READY = re.compile("^ready$")


class SubjectFailed(ChildFailed):
    """Somebody who takes part did not start, or gave answers that are none. ``subject`` is who."""

    def __init__(self, subject: str, error: ChildFailed) -> None:
        super().__init__(f"{subject}: {error}")
        self.subject = subject


@attrs.frozen(kw_only=True)
class Subject:
    """Somebody a load can be sent through, at which door (see ``requests.py``), and with which headers beside those that all are sent.
    ``warmth`` is how many times what warms others it is warmed with (see ``peers.py``)."""

    child: Child
    name: str = "proxy"
    door: str = "chat"
    headers: Mapping[str, str] = MappingProxyType({})
    warmth: int = 1


@attrs.define(eq=False, kw_only=True)
class Field:
    """Everybody who takes part. ``cpus`` are the processor of those who are measured, and that of the rest. ``recruits`` are those who
    will be started when a case first wants them; from then on they stay."""

    folder: Path
    subjects: dict[str, Subject]
    cpus: tuple[int | None, int | None]
    recruits: dict[str, Callable[[], Subject]] = attrs.field(factory=dict)
    peers: Sequence[str] = ()
    versions: Mapping[str, str] = MappingProxyType({})
    """Of others than this program, by their names."""

    def starters(self, origin: int) -> dict[str, Callable[[], Child]]:
        """What is started, to be measured."""
        start = partial(Child.start, cpu=self.cpus[0], environment=self.compiled)
        return {
            "imports": partial(start, "-c", _IMPORTS, ready=_READY),
            "proxy": partial(self.start_proxy, "start", f"http://127.0.0.1:{origin}", cpu=self.cpus[0]),
        }

    def load(self, subject: str, *, pinned: bool = True, **job: Any) -> tuple[Seen, float | None]:
        """Send a load through a subject; what was seen, and the processor time that it cost the subject.

        Raises:
            SubjectFailed: an answer was not the one expected.
        """
        child = self.subjects[subject].child
        if self.subjects[subject].warmth > 1:
            self._warm(subject, stream=job["stream"])
        before = child.cpu_seconds
        seen = self._send(subject, pinned=pinned, **job)
        after = child.cpu_seconds
        return seen, after - before if before is not None and after is not None else None

    def _send(self, subject: str, *, pinned: bool = True, **job: Any) -> Seen:
        wire, cpu = self._job(subject, **job), self.cpus[1] if pinned else None
        with self._blaming(subject):
            return Seen(**loads_object(run_child("-m", "trioproxy.bench.load", wire, cpu=cpu).encode()))

    def lasting_load(self, subject: str, **job: Any) -> Child:
        """A load that goes on beside us. It is ready when every connection has a stream.

        Raises:
            SubjectFailed: it came to no such moment.
        """
        wire, ready = self._job(subject, tell=True, **job), re.compile("every stream runs")
        with self._blaming(subject):
            return Child.start("-m", "trioproxy.bench.load", wire, ready=ready, cpu=self.cpus[1])

    def present(self, *names: str) -> list[str]:
        """Those of ``names`` that take part, started where they were not yet. ``peers`` stands for all of them.

        Raises:
            SubjectFailed: one did not start, or did not answer while it was warmed. It takes no part from then on.
        """
        wanted = [each for name in names for each in (self.peers if name == "peers" else [name])]
        return [each for each in wanted if self._present(each)]

    @contextmanager
    def fresh(self, name: str) -> Iterator[Child]:
        """Another process of this kind, as the subject ``fresh`` while it lasts: what served before has memory to spare."""
        subject = self.subjects["fresh"] = self.recruits[name]()
        try:
            self.load("fresh", model="bench-paced-2-1000", stream=True, connections=1, requests=5)
            yield subject.child
        finally:
            del self.subjects["fresh"]
            subject.child.stop()

    def _present(self, name: str) -> bool:
        if name not in self.subjects:
            recruit = self.recruits.get(name)
            if recruit is None:
                return False
            try:
                self.subjects[name] = recruit()
                self._warm(name, stream=False)
                self._warm(name, stream=True)
            except ChildFailed:
                del self.recruits[name]
                if failed := self.subjects.pop(name, None):
                    failed.child.stop()
                raise
        return True

    def _warm(self, name: str, *, stream: bool) -> None:
        times = self.subjects[name].warmth
        if stream:
            self._send(name, model="bench-paced-20-1000", stream=True, connections=min(times, 20), requests=times)
        else:
            self._send(name, model="bench-json", stream=False, connections=4, requests=WARM_UP * times)

    @contextmanager
    def _blaming(self, subject: str) -> Iterator[None]:
        try:
            yield
        except ChildFailed as error:
            raise SubjectFailed(self.subjects[subject].name, error) from error

    def start_proxy(
        self,
        name: str,
        base: str,
        *options: str,
        cpu: int | None,
        connections: int = 4096,
        more: str = "",
        **environment: str,
    ) -> Child:
        """A proxy of its own, before a provider at ``base`` to which it may have so many connections. ``more`` is put behind its
        configuration."""
        said = _CONFIG.format(key=KEY, base=base, state=self.folder / f"state-{name}", connections=connections)
        (self.folder / f"{name}.yaml").write_text(said + more, "utf-8")
        return Child.start(*self._serve(name), *options, cpu=cpu, environment={**self.compiled, **environment})

    def _serve(self, name: str) -> tuple[str, ...]:
        return ("-m", "trioproxy", "serve", "--config", str(self.folder / f"{name}.yaml"))

    @property
    def compiled(self) -> Mapping[str, str]:
        """An environment in which compiled modules have a folder of their own, so that a second start finds them whatever this installation
        allows."""
        return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(self.folder / "compiled")}

    def _job(self, subject: str, **job: Any) -> str:
        entry = self.subjects[subject]
        made = Job(**{"port": entry.child.port, "door": entry.door, "headers": dict(entry.headers), **job})
        return dumps(attrs.asdict(made)).decode()


def _nginx(folder: Path, origin: int, cpu: int | None, program: str) -> Child:
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, origin=origin, port=port), "utf-8")
    return Child.start("-c", str(file), "-p", str(folder), program=program, port=port, cpu=cpu)


@contextmanager
def open_field(peers: Mapping[str, str] = MappingProxyType({})) -> Iterator[Field]:
    """Start the origin, and everybody else when they are wanted; end them afterwards. ``peers`` maps names, each of a kind in
    :data:`~trioproxy.bench.peers.PEERS` with or without a label, to programs.

    Raises:
        ChildFailed: one of them did not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trioproxy-bench-")))
        cpus = pinned()
        origin = stack.enter_context(Child.start("-m", "trioproxy.bench.origin", cpu=cpus[1]))
        field = Field(
            folder=folder,
            subjects={"origin": Subject(child=origin, name="origin")},
            cpus=cpus,
            peers=tuple(peers),
            versions=_versions(peers),
        )
        for starter in field.starters(origin.port).values():
            starter().stop()  # the first start compiles; the later ones are those that people see
        field.recruits = _recruits(field, origin.port, peers, stack.enter_context)
        yield field


def _find_nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _versions(peers: Mapping[str, str]) -> dict[str, str]:
    nginx = _find_nginx()
    found = {} if nginx is None else {"nginx": printed(nginx, "-v").rpartition("/")[2]}
    found |= {name: PEERS[kind(name)].version(program) for name, program in peers.items()}
    return {name: version or "of a version that it does not tell" for name, version in found.items()}


def _recruits(
    field: Field, origin: int, peers: Mapping[str, str], up: Callable[[Child], Child]
) -> dict[str, Callable[[], Subject]]:
    measured, rest = field.cpus
    folder, base = field.folder, f"http://127.0.0.1:{origin}"

    def translating() -> Subject:
        field.present("proxy")
        return attrs.evolve(field.subjects["proxy"], name="proxy, translating", door="messages")

    starts: dict[str, Callable[[], Child]] = {
        "floor": partial(Child.start, "-m", "trioproxy.bench.floor", str(origin), cpu=measured),
        "proxy": partial(field.start_proxy, "proxy", base, cpu=measured),
        "proxy, no ledger": partial(field.start_proxy, "unkept", base, cpu=measured, more="ledger: {enabled: false}\n"),
        "proxy, 20 connections": partial(field.start_proxy, "crowded", base, cpu=measured, connections=20),
        "proxy, 1 worker": partial(field.start_proxy, "single", base, cpu=None),
    }
    if hasattr(os, "fork"):
        starts["proxy, 2 workers"] = partial(field.start_proxy, "double", base, "--workers", "2", cpu=None)
    nginx = _find_nginx()
    if nginx is not None:
        starts["nginx"] = partial(_nginx, folder, origin, measured, nginx)
    file = certificate(folder)
    if file is not None:
        terminator = up(Child.start("-m", "trioproxy.bench.terminator", str(origin), str(file), cpu=rest)).port
        floor = ("-m", "trioproxy.bench.floor", str(terminator), str(file))
        encrypted = f"https://localhost:{terminator}"
        starts["floor, tls"] = partial(Child.start, *floor, cpu=measured)
        starts["proxy, tls"] = partial(field.start_proxy, "tls", encrypted, cpu=measured, SSL_CERT_FILE=str(file))
    wants: dict[str, dict[str, Any]] = {}
    for name, program in peers.items():
        peer = PEERS[kind(name)]
        starts[name] = partial(peer.start, folder, origin, measured, program)
        wants[name] = {"headers": peer.headers(origin), "warmth": peer.warmth}

    def recruit(name: str, start: Callable[[], Child]) -> Subject:
        try:
            return Subject(child=up(start()), name=name, **wants.get(name, {}))
        except ChildFailed as error:
            raise SubjectFailed(name, error) from error

    return {
        "proxy, translating": translating,
        **{name: partial(recruit, name, start) for name, start in starts.items()},
    }
