"""The page of providers is what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from trioproxy.providers.catalog import catalogue
from trioproxy.providers.reference import page

DOCS = Path(__file__).parents[2] / "docs"


def test_page_is_up_to_date() -> None:
    assert (DOCS / "providers.md").read_text(encoding="utf-8") == page(catalogue()), "run: python docs/generate.py"


def test_page_names_every_provider_and_block() -> None:
    text = page(catalogue())

    for provider in catalogue().providers.values():
        assert f"(`{provider.name}`)" in text
        assert all(f"`{block}`" in text for block in provider.blocks)
