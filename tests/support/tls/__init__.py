"""TLS for tests: a certificate for the loopback that nobody but the tests trusts."""

from __future__ import annotations

import ssl
from pathlib import Path

__all__ = ["client_context", "server_context"]

_CERTIFICATE = Path(__file__).with_name("localhost.pem")


def server_context() -> ssl.SSLContext:
    """For a server that is ``localhost``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_CERTIFICATE)
    return context


def client_context() -> ssl.SSLContext:
    """For a client that trusts that server, and nobody else."""
    return ssl.create_default_context(cafile=str(_CERTIFICATE))
