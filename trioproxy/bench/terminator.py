"""TLS in front of the origin, as a process: ``python -m trioproxy.bench.terminator PORT CERTIFICATE`` decrypts what comes for a port.

The certificate is made for one run, by the machine's own ``openssl``.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import trio

from trioproxy.bench.floor import copy_both_ways
from trioproxy.bench.listening import serve_until_terminated

__all__ = ["certificate", "terminate"]


def certificate(folder: Path) -> Path | None:
    """A file in ``folder`` with a new key and a certificate of ``localhost``, None where the machine has no ``openssl``."""
    program = shutil.which("openssl")
    if program is None:
        return None
    file = folder / "localhost.pem"
    made = [program, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    done = subprocess.run([*made, *named, "-keyout", str(file), "-out", str(folder / "c.pem")], capture_output=True)
    if done.returncode:
        return None
    file.write_text(file.read_text() + (folder / "c.pem").read_text())
    return file


async def terminate(client: trio.SocketStream, port: int, context: ssl.SSLContext) -> None:
    """Copy both ways between an encrypted ``client`` and ``port``, in clear."""
    encrypted = trio.SSLStream(client, context, server_side=True, https_compatible=True)
    async with await trio.open_tcp_stream("127.0.0.1", port) as origin:
        await copy_both_ways(encrypted, origin)


if __name__ == "__main__":
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    own.load_cert_chain(sys.argv[2])
    behind = int(sys.argv[1])
    serve_until_terminated(lambda client: terminate(client, behind, own))
