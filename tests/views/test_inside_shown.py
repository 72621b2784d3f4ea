"""The words inside the sentences of a source: every view shows their weights, beside those of the sentences."""

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from browser import dump, embedded, needs_chromium, told

from regard.alignment import Alignment, align, regrouped, words
from regard.alignment.alignment import Layer, Word
from regard.views.figure import draw
from regard.views.labels import WITHIN
from regard.views.notebook import html
from regard.views.page import page
from regard.views.panel_inside import measure_inside
from regard.views.plotting import RAMP, Figure
from regard.views.terminal import heatmap

TEXT = "Nobody knew about the violin. He came last."
SENTENCES = [(0, 29), (30, 43)]
PIECES = [
    ((0, 6), 0.1),
    ((6, 11), 0.0),
    ((11, 17), 0.1),
    ((17, 21), 0.1),
    ((21, 25), 0.2),
    ((25, 28), 0.3),
    ((28, 29), 0.2),
]
LAST = [((30, 32), 0.25), ((32, 37), 0.5), ((37, 42), 0.25), ((42, 43), 0.0)]


def read(weights: list[list[float]], target: str = "music") -> Alignment:
    """Two sentences made of pieces of words, `violin` of two, and what was written from them."""
    inside = [
        Word(TEXT[start:end].strip(), start, end, unit, float(np.float32(weight)))
        for unit, sentence in enumerate((PIECES, LAST))
        for (start, end), weight in sentence
    ]
    spans = [match.span() for match in re.finditer(r"\S+", target)]
    tokens = align(TEXT, target, SENTENCES, spans, np.array(weights, np.float32), -0.1, inside=inside)
    return regrouped(tokens, "auto")


MUSIC = read([[0.8, 0.2]])


def drawn_texts(figure: Figure) -> str:
    """All that is written in a picture."""
    return " ".join(text.get_text() for part in (figure, *figure.axes) for text in part.texts)


VIEWS: dict[str, Callable[[Alignment], str]] = {
    "terminal": lambda one: heatmap(one, width=90, ascii=False).plain,
    "ascii": lambda one: heatmap(one, width=40, ascii=True).plain,
    "notebook": lambda one: re.sub("<.*?>", " ", html(one)),
    "figure": lambda one: drawn_texts(draw([one], ["DejaVu Sans"])),
}


def test_words_have_the_sum_of_their_pieces() -> None:
    found = [(word.text, word.unit, pytest.approx(word.weight)) for word in MUSIC.inside]
    assert found == [
        *[("Nobody", 0, 0.1), ("knew", 0, 0.0), ("about", 0, 0.1), ("the", 0, 0.1), ("violin.", 0, 0.7)],
        *[("He", 1, 0.25), ("came", 1, 0.5), ("last.", 1, 0.25)],
    ]


def test_a_word_has_the_weight_of_its_sentence_times_its_own() -> None:
    np.testing.assert_allclose(MUSIC.word_weights, [[0.08, 0, 0.08, 0.08, 0.56, 0.05, 0.1, 0.05]], rtol=1e-6)
    for over in (regrouped(MUSIC, "words"), words(MUSIC)):
        assert [unit.text for unit in over.source] == [word.text for word in MUSIC.inside]
        np.testing.assert_allclose(over.weights, MUSIC.word_weights, rtol=1e-6)
        assert not over.inside


def test_sentences_whose_words_weigh_nothing_are_divided_by_characters() -> None:
    nothing = replace(MUSIC, inside=tuple(word._replace(weight=0.0) for word in MUSIC.inside))
    np.testing.assert_allclose(words(nothing).weights, words(replace(MUSIC, inside=())).weights)


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_has_the_words_and_the_product(view: str) -> None:
    said = re.sub(r"\s+", " ", VIEWS[view](MUSIC))
    assert WITHIN in said
    assert re.search(r"violin\. \(sentence 1\) 56 %", said)
    assert WITHIN not in VIEWS[view](replace(MUSIC, inside=()))


def test_the_terminal_lists_the_largest_of_each_sentence_alone() -> None:
    lines = [line.rstrip() for line in VIEWS["terminal"](MUSIC).splitlines()]
    assert "1 │ violin. 70, Nobody 10, about 10, others 10" in lines
    assert "2 │ came 50, He 25, last. 25" in lines


def test_of_many_sentences_the_terminal_lists_those_that_were_looked_at_most() -> None:
    text = " ".join(f"w{number}." for number in range(30))
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    inside = [Word(text[start:end], start, end, unit, 1.0) for unit, (start, end) in enumerate(spans)]
    weights = np.linspace(0, 1, 30, dtype=np.float32)[None] / 15
    said = heatmap(align(text, "x", spans, [(0, 1)], weights, -1.0, inside=inside), width=90, ascii=True).plain
    listed = said.split(WITHIN)[1]
    assert [int(number) for number in re.findall(r"^ *(\d+) \|", listed, re.MULTILINE)] == [*range(11, 31)]
    assert "and 10 sentences that were looked at less" in listed


@pytest.mark.parametrize("numbers", [False, True])
def test_the_figure_has_each_word_on_the_colour_of_its_weight(numbers: bool) -> None:
    panel = measure_inside(MUSIC, "", ["DejaVu Sans"], numbers)
    assert [box.text for box in panel.boxes][4:6] == (["violin. 70", "He 25"] if numbers else ["violin.", "He"])
    assert [number for number, _ in panel.numbers] == ["1", "2"]
    drawn = draw([MUSIC], ["DejaVu Sans"], numbers=numbers).axes[1].collections[0]
    np.testing.assert_allclose(drawn.get_facecolor(), [RAMP(box.weight) for box in panel.boxes])


def test_long_sentences_go_on_in_the_next_line() -> None:
    many = tuple(MUSIC.inside[0]._replace(weight=1 / 60) for _ in range(60))
    panel = measure_inside(replace(MUSIC, inside=many), "", ["DejaVu Sans"], False)
    assert len({box.y for box in panel.boxes}) > 2
    assert max(box.x + box.width for box in panel.boxes) <= panel.width < 8


def test_every_layer_has_the_words_once() -> None:
    rows = {"hop 1": [[0.1, 0.9]], "hop 2": [[0.8, 0.2]]}
    hops = replace(MUSIC, layers=tuple(Layer(name, np.array(row, np.float32)) for name, row in rows.items()))
    text = VIEWS["terminal"](hops)
    assert text.count(WITHIN) == 1
    assert re.search(r"came \(sentence 2\)\s+45 %", text)
    assert [entry["inside"] == embedded(page(MUSIC))[0]["inside"] for entry in embedded(page(hops))] == [True, True]


def test_the_page_has_the_words_of_each_sentence() -> None:
    inside = embedded(page(MUSIC))[0]["inside"]
    assert inside["words"][4] == ["violin.", 0, 0.7]
    assert "".join(piece for piece, _ in inside["pieces"][0]) == TEXT[:29]
    assert [index for _, index in inside["pieces"][1] if index >= 0] == [5, 6, 7]
    assert embedded(page(replace(MUSIC, inside=())))[0]["inside"] is None


@needs_chromium
def test_a_sentence_opens_to_its_words(tmp_path) -> None:
    script = """
      const said = () => document.getElementById('inside-name').textContent + ': '
        + [...document.querySelectorAll('#words li')].map((item) => item.innerText.replace(/\\s+/g, ' ')).join('; ');
      const told = [said(), document.querySelectorAll('#source .word')[4].title];
      document.querySelectorAll('#source .unit')[1].dispatchEvent(new MouseEvent('pointerover', {bubbles: true}));
      document.querySelectorAll('#source .unit')[1].click();
      told.push(said());
      document.documentElement.setAttribute('data-told', told.join('|'));"""
    first, tip, second = told(dump(page(MUSIC), tmp_path, extra_script=script, guarded=False))
    assert first.startswith("Words within sentence 1, and times its 80 % of music: violin. 70 % → 56 %")
    assert tip == "70 % of sentence 1, 56 % of the look"
    assert second.startswith("Words within sentence 2, and times its 20 % of music: came 50 % → 10 %")


def test_weights_that_are_no_numbers_are_refused() -> None:
    broken = replace(MUSIC, inside=(MUSIC.inside[0]._replace(weight=np.nan), *MUSIC.inside[1:]))
    for view in (page, html, lambda one: draw([one], ["DejaVu Sans"])):
        with pytest.raises(ValueError, match="some weights are NaN or infinite"):
            view(broken)
    with pytest.raises(ValueError, match="a word is in a unit of number 9; expected numbers of the 2 source units"):
        replace(MUSIC, inside=(MUSIC.inside[0]._replace(unit=9),))
