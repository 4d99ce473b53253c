"""``trioproxy usage``: what the ledger adds up to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trioproxy.cli.configuration import config_option, fail, find_or_none, look
from trioproxy.cli.printing import aligned, print_json

if TYPE_CHECKING:
    from trioproxy.ledger.report import Report

__all__ = ["command"]

_GROUPS = ("model", "provider", "key", "day")


@click.command("usage", short_help="Say what was asked and what it cost.")
@click.option("--by", type=click.Choice(_GROUPS), default="model", show_default=True, help="What a row stands for.")
@click.option("--since", help="Only from then on: 24h, 7d, today, 2026-11-01, 2026-11-01T08:00.")
@click.option("--until", help="Only before then, as --since.")
@click.option("--model", help="Only this model, as clients or as the provider call it.")
@click.option("--provider", help="Only this provider (the name of its entry).")
@click.option("--key", help="Only this client key (its name, or its id).")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print an object: rows and their total.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values with a head.")
def command(
    by: str,
    since: str | None,
    until: str | None,
    model: str | None,
    provider: str | None,
    key: str | None,
    config: Path | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Say what was asked and what it cost, from the ledger that `serve` and `record` keep in the state folder.

    Costs are what the price list or `prices` of the configuration say of the tokens that providers reported; `-` where no price is known.

    \b
    Example:  trioproxy usage --by day --since 7d
    """
    import os

    from trioproxy.config.model import Settings
    from trioproxy.config.statefolder import state_folder
    from trioproxy.ledger.report import Filter, report
    from trioproxy.ledger.store import FILE_NAME, StoreUnusable

    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    path = find_or_none(config)
    folder = state_folder(look(path, silent=True).settings if path is not None else Settings(), os.environ)
    if folder is None:
        fail(f"{path}: state-dir is off, so nothing was kept")
    wanted = Filter(
        since=_moment("--since", since), until=_moment("--until", until), model=model, provider=provider, key=key
    )
    try:
        found = report(folder / FILE_NAME, by=by, rows=wanted)
    except StoreUnusable as error:
        fail(str(error))
    if as_json:
        print_json(found.document())
    elif as_csv:
        click.echo(_csv(by, found), nl=False)
    elif not found.rows:
        click.echo(f"nothing to tell: {_why_nothing(folder / FILE_NAME)}")
    else:
        click.echo(_table(by, found))


def _why_nothing(ledger: Path) -> str:
    if not ledger.exists():
        return f"there is no ledger at {ledger} yet; `trioproxy serve` begins it with the first request"
    return f"{ledger} has no such row"


def _moment(option: str, text: str | None) -> float | None:
    from datetime import datetime

    from trioproxy.ledger.report import since

    if text is None:
        return None
    try:
        return since(text, datetime.now().astimezone())
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is neither a date (2026-11-01) nor a length of time (24h, 7d)", param_hint=option
        ) from None


def _csv(by: str, found: Report) -> str:
    import csv
    import io

    from trioproxy.ledger.report import SUMS

    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([by, *SUMS])
    lines.writerows(
        [_spoken(row[by]), *("" if row[name] is None else row[name] for name in SUMS)] for row in found.rows
    )
    return text.getvalue()


def _spoken(name: str | None) -> str:
    """A name that a spreadsheet takes for text: clients choose the names of models, and ``=`` begins a formula."""
    name = name or ""
    return f"'{name}" if name[:1] in {"=", "+", "-", "@", "\t", "\r"} else name


_HEAD = ("requests", "failures", "input", "output", "cached", "cost $")


def _table(by: str, found: Report) -> str:
    lines: list[tuple[str, ...]] = [(by, *_HEAD)]
    lines += ((_shown(row[by]), *_figures(row)) for row in found.rows)
    lines.append(("total", *_figures(found.total)))
    return aligned(lines, right=range(1, len(lines[0])))


def _shown(name: str | None) -> str:
    """A name on one line of a terminal, whatever characters a client put into it."""
    return "".join(letter if letter.isprintable() else "?" for letter in name or "-")


def _figures(row: dict[str, Any]) -> tuple[str, ...]:
    from trioproxy.ledger.report import SUMS

    counts = (f"{row[name]:,}" for name in SUMS if name != "cost_usd")
    return (*counts, "-" if row["cost_usd"] is None else f"{row['cost_usd']:,.4f}")
