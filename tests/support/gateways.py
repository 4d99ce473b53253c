"""A stand-in for Portkey's gateway: a program that takes its options, and relays for requests that say where their provider is."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["write_gateway"]

_PROGRAM = """#!{python}
import re, socket, sys, threading

(port,) = [int(option.partition("=")[2]) for option in sys.argv if option.startswith("--port=")]


def pump(source, target):
    while data := source.recv(65536):
        target.sendall(data)


def answer(client):
    provider = None
    while asked := client.recv(65536):
        head, _, body = asked.partition(b"\\r\\n\\r\\n")
        named = re.search(rb"\\r\\nx-portkey-custom-host: http://127\\.0\\.0\\.1:(\\d+)/v1\\r\\n", head + b"\\r\\n")
        if named is None or b"\\r\\nx-portkey-provider: openai\\r\\n" not in head or {refuses!r} in body:
            client.sendall(b"HTTP/1.1 500 No\\r\\ncontent-length: 8\\r\\n\\r\\nnot here")
            continue
        if provider is None:
            provider = socket.create_connection(("127.0.0.1", int(named[1])))
            provider.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=pump, args=(provider, client), daemon=True).start()
        provider.sendall(asked)


listening = socket.create_server(("127.0.0.1", port))
while True:
    client, _ = listening.accept()
    threading.Thread(target=answer, args=(client,), daemon=True).start()
"""


def write_gateway(folder: Path, *, refuses: str = "nothing of this kind") -> Path:
    """The program, as it lies in its package. It answers 500 to requests without its headers, and to those whose body has ``refuses`` in it."""
    package = folder / "gateway"
    (package / "build").mkdir(parents=True)
    (package / "package.json").write_text('{"version": "1.2.3"}', "utf-8")
    program = package / "build" / "start-server.js"
    program.write_text(_PROGRAM.format(python=sys.executable, refuses=refuses.encode()), "utf-8")
    program.chmod(0o755)
    return program
