"""A GET that the proxy sends to a provider of its own accord: for a look at its health, for its list of models.

Knows: how a credential introduces itself without a client, and that of an answer only so much is read. Refuses to know: what is wanted of it.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

from trioproxy import __version__
from trioproxy.config.model import Credential
from trioproxy.protocols.table import protocol
from trioproxy.providers.auth import auth_headers, entry_headers
from trioproxy.providers.urls import join_base, models_url
from trioproxy.upstream.base import Headers, Heedless, Upstream, UpstreamRequest

__all__ = ["Heard", "Inquiry"]

CLOSING_TIME = 2.0


@attrs.frozen
class Heard:
    """An answer. ``cut`` says that there was more of it than was to be read."""

    status: int
    body: bytes
    cut: bool = False


@attrs.frozen(kw_only=True)
class Inquiry:
    """Asks. ``reach`` says by which upstream a credential is asked; ``wall`` is Unix time and ``token`` random hex, for those who sign."""

    reach: Callable[[Credential], Upstream]
    wall: Callable[[], float]
    token: Callable[[], str]

    async def ask(self, credential: Credential, *, most: int, path: str | None = None, query: str = "") -> Heard:
        """GET what is at ``path`` behind the credential's first base URL; without one, its list of models. ``most`` bounds the bytes read.

        Raises:
            UpstreamFault: there is no answer, or not all of it.
        """
        response = await self.reach(credential).open(self._request(credential, path, query), Heedless())
        try:
            body = bytearray()
            while len(body) <= most and (data := await response.receive_some()):
                body += data
            return Heard(response.status, bytes(body[:most]), len(body) > most)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSING_TIME):
                await response.aclose()

    def _request(self, credential: Credential, path: str | None, query: str) -> UpstreamRequest:
        wire = credential.wires[0]
        url = models_url(wire, join=credential.join, query=query)
        if path is not None:
            url = join_base(wire.base_url, path, query)
        key = credential.key.reveal() if credential.key is not None else None
        lines = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": f"trioproxy/{__version__}",
            **protocol(wire.protocol).headers,
            **{name.lower(): value for name, value in credential.provider.headers.items()},
            **{name.lower(): value for name, value in wire.headers.items()},
            **entry_headers(credential.headers, {}),
            **auth_headers(
                wire.auth or credential.provider.auth,
                key,
                custom_base=credential.custom_base,
                now=self.wall(),
                token=self.token(),
            ),
        }
        headers: Headers = tuple(
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in lines.items()
        )
        return UpstreamRequest(
            method="GET",
            url=url,
            headers=headers,
            body=b"",
            proxy_url=credential.proxy_url,
            max_connections=credential.max_connections,
            keep_alive_connections=credential.keep_alive_connections,
            credential_id=credential.id,
            protocol=wire.protocol,
        )
