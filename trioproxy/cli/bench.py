"""``trioproxy bench``: how fast this proxy is on this machine."""

from __future__ import annotations

import os
import platform

import click

from trioproxy import __version__
from trioproxy.cli.configuration import fail

__all__ = ["command"]

_NAMES = ("start", "paced", "json", "replay")


@click.command("bench", short_help="Measure the proxy on this machine.")
@click.option("--rounds", type=click.IntRange(1, 50), default=5, show_default=True, help="How often each case runs.")
@click.option("--case", "cases", type=click.Choice(_NAMES), multiple=True, help="Only this case; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(rounds: int, cases: tuple[str, ...], as_json: bool) -> None:
    """Measure this proxy next to the least that a proxy in Python could do, in one run, on the loopback.

    The floor is a relay that copies bytes and knows no HTTP; `imports` is a Python that only imports trio, h11 and httpcore2; `origin` is
    the provider asked directly. Cases: `start` (until it listens, and memory then), `paced` (20 streams of 100 events a second),
    `json` (whole answers over 1 and 32 connections) and `replay` (how far 100 replays at once are from their recorded times). What is
    compared is compared within one round; the ratio is the median of all. About 20 seconds a round. Processor times are for Linux only.

    \b
    Example:  trioproxy bench --rounds 3
              trioproxy bench --case start --json
    """
    from trioproxy.bench.cases import CASES, open_field
    from trioproxy.bench.children import ChildFailed, pinned
    from trioproxy.bench.figures import Sample, document, summarise, table
    from trioproxy.wire.jsoncodec import dumps

    chosen = cases or _NAMES
    try:
        with open_field() as field:
            samples: list[Sample] = []
            for number in range(rounds):
                if not as_json:
                    click.echo(f"round {number + 1} of {rounds}", err=True)
                for name in chosen:
                    samples += CASES[name](field, number)
    except ChildFailed as error:
        fail(str(error))
    rows = summarise(samples)
    machine = {
        "trioproxy": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "pinned": pinned() != (None, None),
    }
    if as_json:
        click.echo(dumps(document(rows, machine, rounds)).decode())
        return
    click.echo(", ".join(f"{name} {value}" for name, value in machine.items()))
    click.echo("\n".join(table(rows)))
