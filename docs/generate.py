"""Write the generated pages and tables anew: ``python docs/generate.py``. Tests compare what lies there with what this would write."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from trioproxy.cli.reference import reference as cli_page
from trioproxy.config.reference import json_schema
from trioproxy.config.reference import page as config_page
from trioproxy.neutral.parts import Signature, SignatureForm
from trioproxy.protocols.openai_chat.finish import FAILING
from trioproxy.protocols.openai_chat.quirks import QUIRKS
from trioproxy.protocols.openai_chat.reasoning import details_of
from trioproxy.providers.catalog import catalogue
from trioproxy.providers.reference import page as providers_page

ROOT = Path(__file__).parent.parent
CHAT_PAGE = ROOT / "docs" / "protocols" / "openai_chat.md"


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
    }


def _chat_tables() -> dict[str, str]:
    """The tables of Chat Completions that its code has too, by the mark that they stand behind."""
    vendors = (form for form in SignatureForm if form is not SignatureForm.OPENROUTER_DETAILS)
    return {
        "quirks": _table("quirk", "what it says of a target", ((f"`{name}`", said) for name, said in QUIRKS.items())),
        "failing": _table(
            "`finish_reason`", "failure", ((f"`{word}`", kind.name) for word, kind in sorted(FAILING.items()))
        ),
        "details": _table("signature", "detail", ((form.value, f"`{_detail(form)}`") for form in vendors)),
    }


def _detail(form: SignatureForm) -> str:
    (detail,) = details_of("", Signature(value="…", form=form), index=0)
    return json.dumps({name: value for name, value in detail.items() if name != "index"}, ensure_ascii=False)


def _table(first: str, second: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in ((first, second), *rows))
    head, *body = (f"| {line} |" for line in lines)
    return "\n".join((head, "|---|---|", *body))


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
