"""``trioproxy demo``: the proxy on the recordings that come with it, and the lines to paste into a client."""

from __future__ import annotations

import sys
from typing import Any

import click

from trioproxy.cli.configuration import fail
from trioproxy.cli.serving import address_options, cannot_listen, configure_logs, log_options, serve_app

__all__ = ["command"]

QUESTION: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 1024,
    "stream": True,
    "messages": [{"role": "user", "content": "How does a nursery work in trio?"}],
}

GUIDE = """
Recorded answers in four protocols, at their recorded pace: whatever you ask, one of them comes. Any key is taken, nothing leaves this machine.

Ask with curl:
  curl -N {url}/v1/messages -H 'content-type: application/json' -d '{body}'

Claude Code:
  ANTHROPIC_BASE_URL={url} ANTHROPIC_AUTH_TOKEN=demo claude

Codex CLI (~/.codex/config.toml, then: TRIOPROXY_KEY=demo codex):
  model_provider = "trioproxy"
  [model_providers.trioproxy]
  name = "trioproxy"
  base_url = "{url}/v1"
  env_key = "TRIOPROXY_KEY"
  wire_api = "responses"

Gemini CLI (~/.gemini/settings.json must hold {{"security": {{"auth": {{"selectedType": "gemini-api-key"}}}}}}):
  GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=demo gemini -m gemini-2.5-flash

SDKs:
  OpenAI(base_url="{url}/v1", api_key="demo")
  Anthropic(base_url="{url}", api_key="demo")
  genai.Client(api_key="demo", http_options={{"base_url": "{url}"}})

Ctrl-C ends it.
"""


@click.command("demo", short_help="Serve built-in recordings: no key, no network.")
@click.option("--once", is_flag=True, help="Stream one answer to this terminal and end.")
@address_options
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="1 as recorded, N times faster, 0 at once.",
)
@log_options
def command(
    once: bool, host: str | None, port: int | None, speed: float, log_level: str | None, log_format: str | None
) -> None:
    """Serve the recordings that come with trioproxy and print what to paste into a client; no key, no network.

    \b
    Example:  trioproxy demo --once
    """
    from trioproxy.cli.replaying import replaying_app
    from trioproxy.config.model import Replay
    from trioproxy.upstream.bundled import bundled_fixtures
    from trioproxy.wire.jsoncodec import dumps

    try:
        folder = bundled_fixtures()
    except FileNotFoundError as missing:
        fail(str(missing))
    replay = Replay(folder=str(folder), speed=speed, match="any")
    if once:
        app = replaying_app(replay, host=host, port=port if port is not None else 0)
        configure_logs(app.cell.current.settings, log_level or "warning", log_format)
        return _once(app)
    app = replaying_app(replay, host=host, port=port)
    configure_logs(app.cell.current.settings, log_level, log_format)
    return serve_app(app, after=lambda url: click.echo(GUIDE.format(url=url, body=dumps(QUESTION).decode())))


def _once(app: Any) -> None:
    """Ask one question of a server in this very process, over a socket, and print the answer as it comes."""
    from functools import partial

    import trio

    from trioproxy.app import base_urls, run
    from trioproxy.server.listen import bind
    from trioproxy.wire.jsoncodec import dumps

    async def main() -> bool:
        settings = app.cell.current.settings
        listeners = await bind(settings.host, settings.port)
        async with trio.open_nursery() as nursery:
            serving = await nursery.start(partial(run, app, listeners=listeners))
            url = f"{base_urls(serving.addresses)[0]}/v1/messages"
            click.echo(f"POST {url}\n{dumps(QUESTION).decode()}\n")
            whole = await _print_answer(url)
            nursery.cancel_scope.cancel(reason="the demonstration is over")
        return whole

    try:
        whole = trio.run(main)
    except OSError as error:
        cannot_listen(error)
    if not whole:
        fail("the answer did not reach its end")


async def _print_answer(url: str) -> bool:
    """Whether the answer was whole."""
    from trioproxy.errors import UpstreamFault
    from trioproxy.neutral.events import Finished, TextDelta, UsageReported
    from trioproxy.neutral.usage import Usage
    from trioproxy.protocols.table import protocol
    from trioproxy.upstream.base import Heedless, UpstreamRequest
    from trioproxy.upstream.http import HttpUpstream
    from trioproxy.wire.jsoncodec import dumps
    from trioproxy.wire.sse import SSEDecoder

    usage = Usage()
    decoder, reader = SSEDecoder(), protocol("anthropic").stream_reader()
    headers = ((b"content-type", b"application/json"), (b"x-api-key", b"demo"))
    request = UpstreamRequest(method="POST", url=url, headers=headers, body=dumps(QUESTION))
    upstream, finished = HttpUpstream(), False
    try:
        response = await upstream.open(request, Heedless())
        while data := await response.receive_some():
            for event in (event for frame in decoder.feed(data) for event in reader.feed(frame)):
                match event:
                    case TextDelta(text=text):
                        sys.stdout.write(text)
                        sys.stdout.flush()
                    case UsageReported(usage=more):
                        usage = usage.updated(more)
                    case Finished():
                        finished = True
                    case _:
                        pass
    except UpstreamFault as fault:
        click.echo(f"\n{fault.failure.message}", err=True)
    finally:
        upstream.close()
    if finished:
        click.echo(f"\n\n({usage.input} tokens in, {usage.output} out; `trioproxy demo` keeps serving)")
    return finished
