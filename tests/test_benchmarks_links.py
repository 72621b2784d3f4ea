"""The alignment benchmark: texts as the gold links count them, and its table from made-up data."""

import gzip
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return import_module("links")


def test_texts_are_cut_as_the_gold_texts_are(links: Any) -> None:
    def joined(words: list[str]) -> str:
        return " ".join(words)

    assert joined(links.english("I don't see Bryce's C-19, can't I?")) == "i do not see bryce 's c - 19 , cannot i ?"
    french = "le orateur de le pays ne a que un mot , peut - être ."
    assert joined(links.french("L'Orateur du pays n'a qu'un mot, peut-être.")) == french


def test_the_diagonal_stays_inside(links: Any) -> None:
    assert links._diagonal("a b c d", "e f") == {(1, 0), (3, 1)}
    assert links._diagonal("a", "b c d") == {(0, 0), (0, 1), (0, 2)}


def test_what_is_there_is_judged(links: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two corpora whose words are the same on both sides; eflomal's files have every link right."""
    words = [[f"{letter}{number}" for letter in "abcdef"] for number in range(4)]
    for corpus in links.CORPORA:
        folder = tmp_path / "data/alignment-gold" / corpus.name
        folder.mkdir(parents=True)
        lines = "".join(" ".join(f"{place}-{place}" for place in range(6)) + "\n" for _ in words)
        (folder / f"{corpus.name}.gold").write_text(lines)
        pairs = "".join(f"{' '.join(row)}\t{' '.join(row)}\n" for row in words)
        for name in (f"{corpus.name}.tsv", f"{corpus.name}.gold.tsv"):
            (tmp_path / name).write_text(pairs)
        for way in "fb":
            (tmp_path / f"{corpus.name}.eflomal.{way}").write_text(lines)
    links.judge(Namespace(data=tmp_path / "data", out=tmp_path, part="test", record=False))
    said = capsys.readouterr().out
    assert "| eflomal | 0.0 | 0.0 | 0.0 | 0.0 | 0.0 |  |" in said
    assert "| two Markov models that agree |  |  |  |  |  | 0.0 |" in said
    assert "fast_align" not in said


def test_pairs_are_written_in_both_directions(links: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "chinese", lambda python: lambda texts: [list(text) for text in texts])
    texts = {"enfr": ("He Left .", "Il est parti ."), "zhen": ("他 走", "He left")}
    for corpus in links.CORPORA:
        pairs = tmp_path / corpus.pairs
        pairs.parent.mkdir()
        pairs.write_bytes(gzip.compress(("I go.\tJe vais.\n" if corpus.name == "enfr" else "I go.\t我走\n").encode()))
        (pairs.parent / "test.tsv").write_text("Stop.\t停\n")
        folder = tmp_path / "alignment-gold" / corpus.name
        folder.mkdir(parents=True)
        for name, text in zip((corpus.name[:2], corpus.name[2:]), texts[corpus.name], strict=True):
            (folder / f"{corpus.name}.{name}").write_text(f"{text}\n")
    links.prepare(Namespace(data=tmp_path, environment=tmp_path, out=tmp_path / "out"))
    written = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert written["enfr.tsv"] == "i go .\tje vais .\nhe left .\til est parti .\n"
    assert written["enzh.tsv"] == "i go .\t我 走\nhe left\t他 走\n"
    assert written["zhen.gold.tsv"] == "他 走\the left\n"
    assert written["zhen.test.tsv"] == "停\tstop .\n"
    assert len(written) == 12
