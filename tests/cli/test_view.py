"""`regard view`: a heat map here, or files that hold the same."""

from pathlib import Path

import numpy as np
import pytest
from toy import regard

from regard.alignment import load_json, load_npz

TEXTS = ["the dog sees the cat", "the old cat hears the dog"]


def test_a_heat_map_has_a_row_for_each_word(run: Path) -> None:
    result = regard("view", run, TEXTS[0], "--target", "le chien voit le chat")
    assert result.code == 0
    assert result.lines[:2] == [TEXTS[0], "le chien voit le chat"]
    assert [line.split()[0] for line in result.lines[3:8]] == ["le", "chien", "voit", "le", "chat"]


def test_standard_input_is_shown_line_by_line(run: Path) -> None:
    given = regard("view", run, *TEXTS)
    assert regard("view", run, stdin="".join(f"{text}\n" for text in TEXTS)).out == given.out
    assert "Nothing to draw" in regard("view", run, stdin="\n").out


def test_tokens_are_more_than_words(run: Path) -> None:
    options = ["view", run, "unseen words", "--target", "zyx", "--units"]
    assert len(regard(*options, "tokens").lines) > len(regard(*options, "words").lines)


def test_files_hold_every_sentence(run: Path, tmp_path: Path) -> None:
    endings = ["html", "png", "svg", "pdf", "json", "npz"]
    options = [part for ending in endings for part in (f"--{ending}", tmp_path / f"a.{ending}")]
    result = regard("view", run, *TEXTS, *options)
    assert (result.code, result.out) == (0, "")
    assert all(str(tmp_path / f"a.{ending}") in result.err for ending in endings)
    assert regard("view", run, TEXTS[0], "--quiet", "--json", tmp_path / "b.json").err == ""
    from_json, from_npz = load_json(tmp_path / "a.json"), load_npz(tmp_path / "a.npz")
    assert [alignment.source_text for alignment in from_json] == TEXTS
    for one, other in zip(from_json, from_npz, strict=True):
        assert one.source == other.source
        np.testing.assert_array_equal(one.weights, other.weights)
    page = (tmp_path / "a.html").read_text()
    assert "toy" in page
    assert "hears" in page
    assert '"predictions":[[' in page
    assert {len(each.alternatives) for each in from_json[0].predictions} == {5}
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert "<svg" in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--png", "a.svg"], "--png is a.svg; expected a name that ends in .png"),
        (["--html", "/nowhere/a.html"], "--html is /nowhere/a.html; expected a file in an existing directory"),
        (["--html", "/tmp"], "--html is /tmp; expected a file"),
        (["--target", "a", "--target", "b"], "--target is given 2 times, for 1 texts"),
        (["--numbers"], "--numbers writes weights into a picture. Add --png, --svg or --pdf"),
        (["--units", "letters"], "--units is 'letters'; expected one of words, tokens, auto"),
    ],
)
def test_options_that_cannot_be(run: Path, options: list[str], message: str) -> None:
    result = regard("view", run, "the dog", *options)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_bad_text_is_named_and_the_rest_is_shown(run: Path, tmp_path: Path) -> None:
    result = regard("view", run, "\udcff", "the dog", "--json", tmp_path / "a.json")
    assert result.code == 3
    assert "<arguments>, line 1: the line is not valid UTF-8" in result.err
    assert len(load_json(tmp_path / "a.json")) == 1
    assert "line 1: the line is not valid UTF-8" in regard("view", run, stdin=b"\xff\n").err
