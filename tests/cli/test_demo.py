"""The demo, small: everything that it promises to write is there and whole."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from toy import Make
from toy import regard as regard_command

import regard
from regard.analysis.embedded import score_split
from regard.data.embedded import GoldPair


def demo(out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "regard", "demo", "--small", "--quiet", "--threads", "1", "--out", str(out)]
    environment = os.environ | {"NO_COLOR": "1", "COLUMNS": "100"}
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
def test_demo_trains_translates_and_shows(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = demo(out)
    assert done.returncode == 0, done.stderr
    assert "Tom" in done.stdout
    assert "alignment error" in done.stdout
    for split in ("ordinary", "combinations", "long"):
        assert split in done.stdout
    assert f"regard train {out}/model/config.yaml YOUR.src YOUR.tgt" in done.stdout
    assert (out / "alignment.png").read_bytes().startswith(b"\x89PNG")
    page = (out / "alignment.html").read_text(encoding="utf-8")
    assert all(f'"{word}"' in page for word in ("Tom", "chases", "Jerry"))
    assert "https://" not in page.replace("http://www.w3.org", "")
    assert regard.load(out / "model").translate(["The dog sleeps."])[0][0].source[0].text == "The"
    # A second demo in the same place replaces the first.
    assert demo(out).returncode == 0


@pytest.mark.slow
def test_questions_are_answered_with_one_look_and_with_three(tmp_path: Path) -> None:
    """Of models that have learned nothing: the table with both and its blind rules, the page with every hop."""
    out = tmp_path / "demo"
    done = demo(out, "--corpus", "questions")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    for part in ("hop 1", "hop 3", "right %", "one sentence", "two sentences", "1 hop", "blind: last sentence"):
        assert part in said
    assert '"layer":"hop 3"' in (out / "alignment.html").read_text(encoding="utf-8")
    assert [regard.load(out / name).models[0].decoder.looks[-1] for name in ("model", "one_hop")] == ["hop 3", "hop 1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("corpus", "parts", "allowed"),
    [
        ("spoken", ("hard", "blind: diagonal", "time error s", "spoken:hard/7"), "media-src blob:"),
        ("drawn", ("combinations", "shapes", "overlap (IoU)", "drawn:combinations/7"), "img-src data:"),
    ],
)
def test_recordings_and_pictures_are_written_about_and_pointed_into(
    corpus: str, parts: tuple[str, ...], allowed: str, tmp_path: Path
) -> None:
    """Of a model that has learned nothing: every table with its blind rules, the page with the source, the picture."""
    out = tmp_path / "demo"
    done = demo(out, "--corpus", corpus)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    for part in ("words right %", "ordinary", "blind: centre", "blind: uniform", *parts):
        assert part in said
    assert (out / "alignment.png").read_bytes().startswith(b"\x89PNG")
    assert allowed in (out / "alignment.html").read_text(encoding="utf-8")
    assert len((out / "corpus" / "train.tsv").read_text(encoding="utf-8").splitlines()) == 40


@pytest.mark.slow
def test_headlines_are_compared_with_those_of_a_model_without_copy(tmp_path: Path) -> None:
    """Of models that have learned nothing."""
    out = tmp_path / "demo"
    done = demo(out, "--corpus", "summary")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    for part in (
        "names right %",
        "names never seen",
        "pieces",
        "blind: uniform",
        "regard train summaries YOUR.tsv",
    ):
        assert part in said
    assert (out / "alignment.png").read_bytes().startswith(b"\x89PNG")
    assert '"copied":[' in (out / "alignment.html").read_text(encoding="utf-8")
    assert regard.load(out / "model").translate("Zoë won .")[0][0].copied is not None
    assert regard.load(out / "no_copy").translate("Zoë won .")[0][0].copied is None


@pytest.mark.slow
def test_each_pooling_is_held_against_a_blind_one(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = demo(out, "--corpus", "labels")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    for part in ("label right %", "points at the cue %", "attention", "max", "mean", "blind: uniform", "100–140"):
        assert part in said
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"corpus", "model", "max", "mean"}
    assert len((out / "corpus" / "train.tsv").read_text(encoding="utf-8").splitlines()) == 40


@pytest.mark.slow
def test_words_of_sentences_are_held_against_blind_ones(tmp_path: Path) -> None:
    """Of models that have learned nothing: those of the first have weights within their sentences."""
    out = tmp_path / "demo"
    done = demo(out, "--corpus", "documents")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    for part in (
        "in its sentence",
        "at the cue",
        "positions",
        "blind: uniform",
        "15–25",
        "Words within their sentences",
    ):
        assert part in said
    found = {name: regard.load(out / name).translate("we saw it. it rained.")[0][0] for name in ("model", "positions")}
    assert [word.text for word in found["model"].inside] == ["we", "saw", "it.", "it", "rained."]
    assert found["positions"].inside == ()


@pytest.mark.slow
def test_a_dialogue_is_answered_with_its_history_and_without(tmp_path: Path) -> None:
    """Of models that have learned nothing; the first of them can be talked with."""
    out = tmp_path / "demo"
    done = demo(out, "--corpus", "dialogue")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    for part in ("reply right %", "into the turn %", "all turns", "last turn", "blind: uniform", "8–10", "regard chat"):
        assert part in said
    assert regard.load(out / "last_turn").source.turns.most == 1
    told = regard_command("chat", out / "model", "--turns", "11", stdin="anna wants soup\nwhat does anna want ?\n")
    assert (told.code, len(told.lines)) == (0, 2)


def test_what_the_demo_of_recordings_lacks(tmp_path: Path) -> None:
    wrong = regard_command("demo", "--corpus", "speech", "--out", tmp_path / "demo")
    assert (wrong.code, "expected one of sentences, spoken, drawn, labels" in wrong.err) == (2, True)
    refused = regard_command("demo", "--corpus", "spoken", "--compare", "--out", tmp_path / "demo")
    assert refused.code == 2
    assert "--compare has no effect with --corpus spoken. Leave one out." in " ".join(refused.err.split())
    assert not (tmp_path / "demo").exists()


@pytest.mark.slow
def test_compare_trains_all_four_under_one_budget(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = demo(out, "--compare")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("attention", "uniform", "fixed", "parameters", "peak memory"))
    assert (out / "by-length.png").read_bytes().startswith(b"\x89PNG")
    results = json.loads((out / "by-length.json").read_text(encoding="utf-8"))
    assert len(results) == 4
    assert all(result["peak_megabytes"] > 50 and result["bleu_by_length"] for result in results)


# The grammar runs in processes of its own: type checks at run time slow it down twenty times.
def export(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "regard", "demo", "--export", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def dev_pairs(count: int) -> tuple[GoldPair, ...]:
    code = "import pickle, sys; from regard.data.embedded import english_chinese as corpus; "
    code += f"sys.stdout.buffer.write(pickle.dumps(corpus().dev[:{count}]))"
    return pickle.loads(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout)


def test_the_exported_corpus_gives_the_scores_of_the_demo(random_run: Make, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    told = export(folder)
    assert (told.returncode, told.stdout) == (0, "")
    assert f"next: regard evaluate RUN {folder}/dev.tsv --metric bleu_zh" in told.stderr
    for path in folder.iterdir():  # a few pairs are enough here
        path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:7]), encoding="utf-8")
    run, dev = random_run("bpe", "characters"), folder / "dev"
    options = ["--metric", "bleu_zh", "--words", f"{dev}.words.tsv", "--gold", f"{dev}.gold", "--json"]
    found = json.loads(regard_command("evaluate", run, f"{dev}.tsv", *options).out)
    expected = score_split(regard.load(run), "dev", dev_pairs(7))
    assert found["segments"] == expected.pairs == 7
    assert found["scores"][0]["value"] == expected.bleu.value
    assert 100 * found["alignment"]["error_rate"] == pytest.approx(expected.alignment_error)
    assert export(folder).returncode == 0  # over itself


def test_export_leaves_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("mine")
    told = export(tmp_path)
    assert told.returncode == 2
    assert "Choose another --export." in told.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["train.txt"]


def test_demo_leaves_other_folders_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    done = demo(tmp_path)
    assert done.returncode == 2
    assert "holds something else; expected a new directory or that of a demo" in done.stderr
    assert (tmp_path / "thesis.tex").read_text() == "mine"
    assert "Traceback" not in done.stderr
