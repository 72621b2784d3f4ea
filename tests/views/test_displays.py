"""An alignment shows itself in a notebook, and knows nothing of its views."""

import re
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from view_samples import HOSTILE, aligned, tom, with_ends

from regard.views.notebook import html, png

SHELL = """
import sys, types
class Formatter(dict):
    def for_type_by_name(self, module, name, function):
        self[module, name] = function
formatters = {"text/html": Formatter(), "image/png": Formatter()}
shell = types.SimpleNamespace(display_formatter=types.SimpleNamespace(formatters=formatters))
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: %s)
import regard
assert "torch" not in sys.modules and "matplotlib" not in sys.modules
print({kind: sorted(table) for kind, table in formatters.items()})
"""


def test_importing_regard_in_a_notebook_says_how_alignments_are_shown():
    done = subprocess.run([sys.executable, "-c", SHELL % "shell"], capture_output=True, text=True, check=True)
    named = "[('regard.alignment.alignment', 'Alignment')]"
    assert done.stdout == f"{{'text/html': {named}, 'image/png': {named}}}\n"
    done = subprocess.run([sys.executable, "-c", SHELL % "None"], capture_output=True, text=True, check=True)
    assert done.stdout == "{'text/html': [], 'image/png': []}\n"


def test_ipython_shows_an_alignment():
    formatters = pytest.importorskip("IPython.core.formatters")
    formatter = formatters.HTMLFormatter()
    formatter.for_type_by_name("regard.alignment.alignment", "Alignment", html)
    assert "<table>" in formatter(tom())


def test_the_table_has_every_weight_and_the_ends():
    drawn = html(with_ends())
    root = ElementTree.fromstring(f"<div>{drawn.replace('<br>', '<br/>')}</div>")
    rows = [[cell.text or "" for cell in row] for row in root.iter("tr") if row.find("th") is not None]
    assert rows == [
        ["", "Tom", "chases", "Jerry", "end"],
        ["汤", "75", "12", "", "12"],
        ["逐", "", "38", "", "62"],
        ["瑞", "", "", "100", ""],
        ["end", "", "12", "", "88"],
    ]
    assert "On the end of the sentence: 逐 62 %" in drawn
    assert "end" not in html(tom())


def test_hostile_text_is_text():
    drawn = html(aligned([*HOSTILE, "<script>"], ["<b>", "&"]))
    assert not re.search(r"<(?!/?(div|table|tr|th|td|br|small)\b)", drawn)
    assert "Nothing to draw" in html(aligned(["a"], [], np.zeros((0, 1), np.float32)))


def test_the_picture_is_a_png():
    assert png(with_ends()).startswith(b"\x89PNG")
