"""A shortlist from the command line: made, kept with the run, used, and refused where it cannot be."""

import shutil
from pathlib import Path

import pytest
from toy import Make, recipe, regard, untrained

import regard as library
from regard.run.directory import Run

TEXT = "the dog sees the old cat\nthe red cat hears the dog\n\nthe old dog\n"


@pytest.fixture
def copied(random_run: Make, tmp_path: Path) -> Path:
    """A run of random weights, to be changed."""
    return Path(shutil.copytree(random_run("characters", "symbols"), tmp_path / "run"))


def test_a_shortlist_from_the_cache_of_the_run(run: Path, files: Path, tmp_path: Path) -> None:
    """It is learnt from what the run was trained on; where it allows every word, outputs stay as they are."""
    learnt = Path(shutil.copytree(run, tmp_path / "run"))
    made = regard("shortlist", learnt, "--common", 1000)
    assert made.code == 0
    assert "400 pairs" in made.err
    assert f"regard translate {learnt} --shortlist" in made.err
    plain, short = (regard("translate", learnt, *option, stdin=TEXT) for option in ([], ["--shortlist"]))
    assert short.code == 0
    assert short.lines == plain.lines
    assert regard("evaluate", learnt, files / "test.tsv", "--shortlist", "--json").code == 0
    assert regard("shortlist", learnt, "--common", 3).code == 0
    assert len(regard("translate", learnt, "--shortlist", stdin=TEXT).lines) == len(plain.lines)


def test_what_is_asked_for_is_kept(copied: Path, files: Path) -> None:
    made = regard("shortlist", copied, files / "test.tsv", "--common", 3, "--targets", 2, "--links", 1, "--quiet")
    assert (made.code, made.out, made.err) == (0, "", "")
    shortlist = Run(copied).load_shortlist()
    assert len(shortlist.common) == 3
    assert int((shortlist.starts[1:] - shortlist.starts[:-1]).max()) == 2


def test_pairs_can_be_given(copied: Path, files: Path) -> None:
    missing = regard("shortlist", copied)
    assert missing.code == 2
    assert "holds no encoded pairs" in missing.err
    assert "17 pairs" in regard("shortlist", copied, files / "test.tsv").err


def test_a_run_without_one_says_how_to_make_it(copied: Path) -> None:
    result = regard("translate", copied, "--shortlist", stdin=TEXT)
    assert result.code == 2
    assert f"Make one with: regard shortlist {copied}" in result.err


def test_a_damaged_one_is_refused(copied: Path, files: Path) -> None:
    regard("shortlist", copied, files / "test.tsv", "--quiet")
    file = copied / "shortlist.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    result = regard("translate", copied, "--shortlist", stdin=TEXT)
    assert result.code == 4
    assert "shortlist.safetensors is not a whole file of Regard" in result.err


def test_that_of_another_run_is_refused(copied: Path, files: Path, random_run: Make, tmp_path: Path) -> None:
    regard("shortlist", copied, files / "test.tsv", "--quiet")
    other = Path(shutil.copytree(random_run("bpe", "characters"), tmp_path / "other"))
    shutil.copy(copied / "shortlist.safetensors", other)
    result = regard("translate", other, "--shortlist", stdin=TEXT)
    assert result.code == 4
    assert "no shortlist for the tokenisers of this run" in result.err


def test_a_decoder_that_looks_at_nothing_has_none(tmp_path: Path, files: Path) -> None:
    config = recipe(model={"embedding_size": 23, "encoder": {"hidden_size": 29}, "decoder": {"kind": "fixed"}})
    blind = untrained(tmp_path / "blind", "characters", "characters", config, TEXT.split("\n"))
    result = regard("shortlist", blind, files / "test.tsv")
    assert result.code == 2
    assert "its decoder looks at nothing" in result.err
    assert not (blind / "shortlist.safetensors").exists()


def test_ensembles_allow_what_any_of_them_allows(copied: Path, files: Path) -> None:
    """The same run twice is that run."""
    regard("shortlist", copied, files / "test.tsv", "--quiet")
    one, two = (library.load(paths, shortlist=True) for paths in (copied, [copied, copied]))
    sources = TEXT.split("\n")
    for single, double in zip(one.translate(sources), two.translate(sources), strict=True):
        assert single[0].target_text == double[0].target_text


def test_given_targets_are_scored_by_the_whole_vocabulary(copied: Path, files: Path) -> None:
    plain = library.load(copied).score(["the dog"], ["le chat vieux"])[0].score
    made = regard("shortlist", copied, files / "test.tsv", "--common", 0, "--targets", 1, "--quiet")
    assert made.code == 0, made.err
    assert library.load(copied, shortlist=True).score(["the dog"], ["le chat vieux"])[0].score == pytest.approx(plain)
