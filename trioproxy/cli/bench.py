"""``trioproxy bench``: how fast this proxy is on this machine."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import version
from pathlib import Path

import click

from trioproxy import __version__
from trioproxy.cli.configuration import fail
from trioproxy.cli.printing import print_json

__all__ = ["command"]

_NAMES = (
    "start",
    "paced",
    "low",
    "burst",
    "json",
    "first",
    "agent",
    "idle",
    "streams",
    "large",
    "departures",
    "workers",
    "ledger",
    "replay",
)
_PEERS = {"litellm": "litellm", "portkey": "gateway"}
"""By name: what its program is called."""
_CURVES = ("streams", "rate", "bytes", "messages", "tools", "credentials", "routes")


@click.command("bench", short_help="Measure the proxy on this machine.")
@click.option(
    "--rounds",
    type=click.IntRange(1, 50),
    default=3,
    show_default=True,
    help="How often each case runs; 7 or more for figures to publish.",
)
@click.option("--case", "cases", type=click.Choice(_NAMES), multiple=True, help="Only this case; may be repeated.")
@click.option(
    "--peer",
    "peers",
    multiple=True,
    metavar="NAME[-LABEL][=PROGRAM]",
    help=f"Measure another proxy too, where it is installed: {', '.join(_PEERS)}. May be repeated; a label tells two of one name apart.",
)
@click.option("--chart", type=click.Path(dir_okay=False, path_type=Path), help="Draw the medians into this SVG file.")
@click.option(
    "--curve",
    type=click.Choice(_CURVES),
    help="Instead of the cases: how the proxy's cost grows with one thing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    rounds: int, cases: tuple[str, ...], peers: tuple[str, ...], chart: Path | None, curve: str | None, as_json: bool
) -> None:
    """Measure this proxy next to the least that a proxy in Python could do, and to nginx where it is installed, in one run on the loopback.

    The floor is a relay that copies bytes and knows no HTTP; `origin` is the provider asked directly. Cases: `start` (until it listens,
    and memory at rest), `paced` and `low` (20 streams of 100 events a second, 4 of 50), `burst` (one stream without a pause), `json` (whole
    answers over 1 and 32 connections), `first` (the first event of a stream), `agent` (a request of 300 KB), `idle` (beside 128 idle
    connections), `streams` (100 and 1,000 open ones), `large` (a stream of 200 MB), `departures` (10,000 clients that leave),
    `workers`, `ledger` (what keeping accounts costs), and `replay` (how far 100 replays at once are from their recorded times).
    What is compared is compared within one round; the ratio is the median of all. A round in which the median latency of nginx (of the floor
    where there is no nginx) was more than a fifth away from its median is set aside for that case. About three minutes a round. Processor
    times and memory are for Linux only.

    A peer is measured where its answers are right; where they are not, it is left out and its failure told. PROGRAM is `litellm` of
    LiteLLM's proxy, or `gateway` of `@portkey-ai/gateway` (the same as its `build/start-server.js`), which needs Node.

    With `--curve` the proxy alone is asked for more and more of one thing, and a table of its costs is printed.

    \b
    Example:  trioproxy bench --rounds 3 --case paced --case json
              trioproxy bench --peer litellm=/opt/litellm/bin/litellm --chart bench.svg
              trioproxy bench --peer portkey=/opt/portkey/node_modules/.bin/gateway --rounds 7
    """
    from trioproxy.bench.cases import CASES
    from trioproxy.bench.children import ChildFailed, pinned
    from trioproxy.bench.course import run_course
    from trioproxy.bench.field import open_field
    from trioproxy.bench.figures import document, summarise, table

    if curve is not None:
        return _curve(curve, chart, as_json)
    chosen = cases or _NAMES
    try:
        with open_field(_chosen_peers(peers)) as field:
            samples, left_out = run_course(
                field,
                {name: CASES[name] for name in chosen},
                rounds,
                lambda line: None if as_json else click.echo(line, err=True),
            )
            versions = field.versions
    except ChildFailed as error:
        fail(str(error))
    rows = summarise(samples)
    machine = {
        "trioproxy": __version__,
        "python": platform.python_version(),
        "trio": version("trio"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": os.cpu_count(),
        "pinned": pinned() != (None, None),
        **versions,
    }
    if chart is not None:
        from trioproxy.bench.chart import bars

        chart.write_text(bars(rows), "utf-8")
    if as_json:
        print_json(document(rows, machine, rounds, left_out))
        return None
    click.echo(", ".join(f"{name} {value}" for name, value in machine.items()))
    click.echo("\n".join(table(rows, left_out)))
    return None


def _curve(name: str, chart: Path | None, as_json: bool) -> None:
    from trioproxy.bench.chart import lines
    from trioproxy.bench.children import ChildFailed
    from trioproxy.bench.curves import CURVES
    from trioproxy.bench.field import open_field
    from trioproxy.bench.figures import figure

    curve = CURVES[name]
    try:
        with open_field() as field:
            points = list(curve.points(field))
    except ChildFailed as error:
        fail(str(error))
    measured = list(points[0].values)
    if chart is not None:
        curves = {each: [(point.at, point.values[each]) for point in points] for each in measured}
        chart.write_text(lines(name, curves, across=curve.across, up=""), "utf-8")
    if as_json:
        told = [{"at": point.at, **point.values} for point in points]
        print_json({"across": curve.across, "points": told})
        return
    click.echo(f"| {curve.across} | {' | '.join(measured)} |")
    click.echo("|---|" + "---|" * len(measured))
    for point in points:
        click.echo(f"| {point.at:,} | {' | '.join(figure(point.values[each]) for each in measured)} |")


def _chosen_peers(given: tuple[str, ...]) -> dict[str, str]:
    """Programs of peers, by their names."""
    found: dict[str, str] = {}
    for text in given:
        name, _, program = text.partition("=")
        kind, hyphen, label = name.partition("-")
        if kind not in _PEERS or bool(hyphen) != bool(label):
            fail(
                f"there is no peer {name!r}; known are {', '.join(_PEERS)}, with a label behind a hyphen where one is wanted"
            )
        if name in found:
            fail(f"two peers can't both be called {name!r}: --peer {kind}-LABEL=PROGRAM tells one from the other")
        path = shutil.which(program or _PEERS[kind])
        if path is None:
            fail(f"{program or _PEERS[kind]} is not installed here: --peer {name}=PROGRAM says where it is")
        found[name] = path
    return found
