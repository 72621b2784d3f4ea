"""The worked examples on paper, one per mechanism, stand in the docstrings."""

import doctest
from importlib import import_module
from pkgutil import iter_modules

import pytest

import regard.attention
from regard.attention import POOLINGS, SCORES, SELECTIONS, WINDOWS

MODULES = [f"regard.attention.{module.name}" for module in iter_modules(regard.attention.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


@pytest.mark.parametrize("table", [SCORES, SELECTIONS, WINDOWS, POOLINGS], ids=lambda table: table.kind)
def test_every_entry_has_an_example_its_source_and_its_formula(table) -> None:
    for name, entry in table.items():
        assert ">>>" in entry.__doc__, name
        assert "=" in entry.__doc__, name
        assert "Source: " in entry.__doc__ or name == "uniform", name
