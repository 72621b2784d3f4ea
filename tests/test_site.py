"""The pages of the site: every public name has an entry, every page a place, and every link a page behind it."""

import re
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import regard

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
pages = import_module("site_pages")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    pages.write(folder)
    return folder


def places(entry: Any) -> list[str]:
    """The pages of a part of the navigation, whose leaves they are."""
    if isinstance(entry, str):
        return [entry]
    return [name for part in (entry.values() if isinstance(entry, dict) else entry) for name in places(part)]


def test_every_public_name_has_one_entry() -> None:
    documented = [name for _, names in pages.REFERENCE.values() for name in names]
    assert sorted([*documented, "__version__"]) == sorted(regard.__all__)


def test_the_navigation_has_every_page(written: Path) -> None:
    navigation = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    there = {path.relative_to(written).as_posix() for path in written.rglob("*.md")}
    code = {name for name in there if name.startswith(("regard/", "recipes/"))}
    assert sorted(places(navigation)) == sorted(there - code)


def test_every_link_leads_to_a_page_or_a_picture(written: Path) -> None:
    links = 0
    for page in written.rglob("*.md"):
        if page.suffixes == [".md"] or page.name.endswith(".zh.md"):  # not those of code
            for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
                if "://" not in link:
                    links += 1
                    assert (page.parent / link).resolve().is_file(), f"{page.relative_to(written)}: {link}"
    assert links > 100


def test_a_file_of_code_is_shown_as_it_is(written: Path) -> None:
    shown = (written / "regard" / "attention" / "dot.py.md").read_text(encoding="utf-8")
    assert (ROOT / "regard" / "attention" / "dot.py").read_text(encoding="utf-8") in shown


def test_bars_in_tables_are_bare(written: Path) -> None:
    text = (written / "docs" / "using.md").read_text(encoding="utf-8")
    assert "`output ||| 0-0 1-2`" in text
    assert "\\|" not in text
