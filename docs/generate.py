"""Write the generated pages and tables anew: ``python docs/generate.py``. Tests compare what lies there with what this would write."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from trioproxy.cli.reference import reference as cli_page
from trioproxy.config.reference import json_schema
from trioproxy.config.reference import page as config_page
from trioproxy.credentials.health import BACKOFF_CAP, BACKOFF_FIRST, RESTS, Span
from trioproxy.errors import kind_for_status
from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.protocols.openai_chat.finish import FAILING
from trioproxy.protocols.openai_chat.quirks import QUIRKS
from trioproxy.protocols.openai_chat.reasoning import details_of
from trioproxy.providers.catalog import catalogue
from trioproxy.providers.reference import page as providers_page

ROOT = Path(__file__).parent.parent
CHAT_PAGE = ROOT / "docs" / "protocols" / "openai_chat.md"
RESILIENCE_PAGE = ROOT / "docs" / "resilience.md"


def generated() -> dict[Path, str]:
    """Every file that holds something generated, and its text."""
    known = catalogue()
    return {
        ROOT / "trioproxy" / "config" / "schema.json": json.dumps(json_schema(known), indent=1, ensure_ascii=False)
        + "\n",
        ROOT / "docs" / "cli.md": cli_page(),
        ROOT / "docs" / "config.md": config_page(known),
        ROOT / "docs" / "providers.md": providers_page(known),
        CHAT_PAGE: _filled(CHAT_PAGE.read_text("utf-8"), _chat_tables()),
        RESILIENCE_PAGE: _filled(RESILIENCE_PAGE.read_text("utf-8"), {"rests": _rests()}),
    }


def _chat_tables() -> dict[str, str]:
    """The tables of Chat Completions that its code has too, by the mark that they stand behind."""
    vendors = (form for form in SignatureForm if form is not SignatureForm.OPENROUTER_DETAILS)
    return {
        "quirks": _table(
            "quirk", "what it says of a target", rows=((f"`{name}`", said) for name, said in QUIRKS.items())
        ),
        "failing": _table(
            "`finish_reason`", "failure", rows=((f"`{word}`", kind.name) for word, kind in sorted(FAILING.items()))
        ),
        "details": _table("signature", "detail", rows=((form.value, f"`{_detail(form)}`") for form in vendors)),
    }


def _detail(form: SignatureForm) -> str:
    (detail,) = details_of("", Signature(value="…", form=form), index=0)
    return json.dumps({name: value for name, value in detail.items() if name != "index"}, ensure_ascii=False)


def _rests() -> str:
    """What each kind of failure costs, as ``credentials/health.py`` has it."""
    spans = {
        Span.FIXED: lambda rule: f"{rule.seconds / 60:g} min",
        Span.BACKOFF: lambda rule: (
            f"the hint; else {BACKOFF_FIRST:g} s, doubled each time up to {BACKOFF_CAP / 60:g} min"
        ),
        Span.TRANSIENT: lambda rule: "the hint; else `transient-error-cooldown-seconds` (60)",
    }
    statuses = {kind: [each for each in range(400, 600) if kind_for_status(each) is kind] for kind in RESTS}
    rows = [
        (
            kind.value.replace("_", " "),
            ", ".join(map(str, statuses[kind])) if len(statuses[kind]) < 5 else f"{statuses[kind][0]}, other 5xx",
            "the account" if rule.account else "the model",
            spans[rule.span](rule),
            "firm" if rule.firm else "soft",
        )
        for kind, rule in RESTS.items()
    ]
    return _table("failure", "status", "what rests", "how long", "", rows=rows)


def _table(*head: str, rows: Iterable[tuple[str, ...]]) -> str:
    lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in (head, *rows))
    first, *body = (f"| {line} |" for line in lines)
    return "\n".join((first, "|" + "---|" * len(head), *body))


def _filled(page: str, tables: dict[str, str]) -> str:
    """``page`` with each table between its mark (``<!-- generated: NAME -->``) and the next ``<!-- end -->``."""
    for name, table in tables.items():
        before, mark, behind = page.partition(f"<!-- generated: {name} -->\n")
        _, end, behind = behind.partition("<!-- end -->")
        page = f"{before}{mark}\n{table}\n\n{end}{behind}"
    return page


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
