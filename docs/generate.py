"""Write the generated pages anew: ``python docs/generate.py``. Tests compare what lies there with what this would write."""

from __future__ import annotations

import json
from pathlib import Path

from trioproxy.cli.reference import reference as cli_page
from trioproxy.config.reference import json_schema
from trioproxy.config.reference import page as config_page
from trioproxy.providers.catalog import catalogue
from trioproxy.providers.reference import page as providers_page

ROOT = Path(__file__).parent.parent


def generated() -> dict[Path, str]:
    """Every generated file and its text."""
    known = catalogue()
    return {
        ROOT / "trioproxy" / "config" / "schema.json": json.dumps(json_schema(known), indent=1, ensure_ascii=False)
        + "\n",
        ROOT / "docs" / "cli.md": cli_page(),
        ROOT / "docs" / "config.md": config_page(known),
        ROOT / "docs" / "providers.md": providers_page(known),
    }


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
