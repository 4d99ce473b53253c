"""Other proxies that can be measured beside this one.

==============  ======================================================================================================================
``litellm``     LiteLLM's proxy: one worker, every model sent to the origin, no callbacks and no database
``portkey``     Portkey's gateway (``@portkey-ai/gateway``) on Node, without its page of logs; each request says where its provider is
==============  ======================================================================================================================

Knows: how each is started from its program, what it wants to be told in a request, and how its version is asked.
Refuses to know: what is measured.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import attrs

from trioproxy.bench.children import Child, free_port, printed
from trioproxy.bench.requests import KEY
from trioproxy.wire.jsoncodec import loads_object

__all__ = ["PEERS", "Peer", "kind"]

_LITELLM = """
model_list:
  - {{model_name: "*", litellm_params: {{model: "openai/*", api_base: "http://127.0.0.1:{origin}/v1", api_key: upstream-key}}}}
general_settings: {{master_key: {key}}}
litellm_settings: {{callbacks: [], drop_params: true}}
"""
_PORTKEY = """\
import net from "node:net";

const fetched = globalThis.fetch;
globalThis.fetch = async (...asked) => {
  const answer = await fetched(...asked);
  const streamed = answer.headers.get("content-type")?.startsWith("text/event-stream");
  return streamed ? new Response(answer.body, answer) : answer;
};

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, host, ...rest) {
  return listen.call(this, port, host ?? "127.0.0.1", ...rest);
};
"""
"""What Node reads before the gateway. 1.15.2 puts headers into the provider's own answer, which ``fetch`` forbids ("TypeError: immutable"): it
answers every stream by 500 (Node 20.20, 28 November 2026). And it would listen on all interfaces, and relay for everybody."""


def _no_headers(origin: int) -> Mapping[str, str]:
    return {}


@attrs.frozen(kw_only=True)
class Peer:
    """``start(folder, origin, cpu, program)`` starts it before the origin on that port, with its files in ``folder``. ``headers(origin)`` is
    what a request to it says beside what it says to everybody; ``version(program)`` is empty where it can't be told."""

    program: str
    """What its program is called where it is installed."""
    start: Callable[[Path, int, int | None, str], Child]
    version: Callable[[str], str]
    headers: Callable[[int], Mapping[str, str]] = _no_headers
    warmth: int = 1
    """How many times the requests that everybody is warmed with, until it is as fast as it gets. Where it is more than one, it is warmed again
    before every load."""


def kind(name: str) -> str:
    """The name in :data:`PEERS` of somebody called ``KIND`` or ``KIND-LABEL``."""
    return name.partition("-")[0]


def _litellm(folder: Path, origin: int, cpu: int | None, program: str) -> Child:
    port = free_port()
    file = folder / "litellm.yaml"
    file.write_text(_LITELLM.format(origin=origin, key=KEY), "utf-8")
    arguments = ("--config", str(file), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1")
    local = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    return Child.start(*arguments, program=program, port=port, cpu=cpu, environment=local)


def _litellm_version(program: str) -> str:
    # `litellm --version` takes seconds, and looks for prices in the network. The Python beside it knows as well.
    python = Path(program).resolve().with_name(Path(sys.executable).name)
    return printed(str(python), "-c", "import importlib.metadata; print(importlib.metadata.version('litellm'))")


def _portkey(folder: Path, origin: int, cpu: int | None, program: str) -> Child:
    port = free_port()
    file = folder / "portkey.mjs"
    file.write_text(_PORTKEY, "utf-8")
    settings = {
        "NODE_OPTIONS": f"--import {file.as_uri()}",
        "NODE_ENV": "production",
        "TRUSTED_CUSTOM_HOSTS": "127.0.0.1",
    }
    return Child.start(f"--port={port}", "--headless", program=program, port=port, cpu=cpu, environment=settings)


def _portkey_headers(origin: int) -> Mapping[str, str]:
    return {"x-portkey-provider": "openai", "x-portkey-custom-host": f"http://127.0.0.1:{origin}/v1"}


def _portkey_version(program: str) -> str:
    try:
        # The program is a link to `build/start-server.js` of its package.
        found = loads_object((Path(program).resolve().parents[1] / "package.json").read_bytes())
        return str(found["version"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


PEERS: Mapping[str, Peer] = MappingProxyType(
    {
        "litellm": Peer(program="litellm", start=_litellm, version=_litellm_version),
        # Node compiles what it runs often, and forgets it again when something else is asked or idle connections are closed: 550 to 650 whole
        # answers a second at first and 1,350 some 10,000 answers later, several times over.
        "portkey": Peer(
            program="gateway", start=_portkey, version=_portkey_version, headers=_portkey_headers, warmth=150
        ),
    }
)
"""By kind."""
