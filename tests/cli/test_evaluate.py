"""`regard evaluate`: scores that anyone else would get from the same text."""

import json
import re
import shutil
from pathlib import Path

import pytest
import sacrebleu
from toy import regard

from regard.metrics import METRICS, NEED_TEXT


def test_bleu_is_that_of_sacrebleu_on_the_kept_outputs(run: Path, files: Path, tmp_path: Path) -> None:
    result = regard("evaluate", run, files / "test.src", files / "test.tgt", "--out", tmp_path / "out", "--beam", 1)
    outputs = (tmp_path / "out").read_text().split("\n")[:-1]
    references = (files / "test.tgt").read_text().split("\n")[:-1]
    bleu = sacrebleu.corpus_bleu(outputs, [references], force=True).score
    assert result.lines[0].split()[:2] == ["BLEU", f"{bleu:.2f}"]
    assert "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:" in result.lines[0]
    assert outputs == regard("translate", run, "--beam", 1, stdin=(files / "test.src").read_bytes()).lines


def test_outputs_of_any_system_are_scored_without_a_run(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("a b\tx y\nc\tz\nd e f\tw\n")
    (tmp_path / "out").write_text("x y\nq\nw\n")
    result = regard("evaluate", tmp_path / "pairs.tsv", "--outputs", tmp_path / "out", "--metric", "exact")
    assert result.lines[0].split()[:2] == ["exact", "66.67"]
    assert "source words" in result.out
    by = regard(
        "evaluate", tmp_path / "pairs.tsv", "--outputs", "-", "-m", "exact", "--by", "label", stdin="x y\nq\nw\n"
    )
    assert [line.rsplit(maxsplit=2)[0] for line in by.lines[2:]] == ["label", "w", "x y", "z"]
    for options, code, message in (
        (["--outputs", tmp_path / "pairs.tsv", "--beam", "3"], 2, "--beam has no effect with --outputs"),
        (["--outputs", tmp_path / "none"], 3, "none: cannot be read"),
    ):
        refused = regard("evaluate", tmp_path / "pairs.tsv", *options)
        assert (refused.code, message in " ".join(refused.err.split())) == (code, True)
    (tmp_path / "out").write_text("x y\n")
    short = regard("evaluate", tmp_path / "pairs.tsv", "--outputs", tmp_path / "out")
    assert (
        short.code,
        "has 1 lines" in short.err,
        "expected an output for each pair" in " ".join(short.err.split()),
    ) == (
        3,
        True,
        True,
    )


def test_words_are_scored_by_how_often_training_has_them(run: Path, files: Path, tmp_path: Path) -> None:
    """Of what a run writes and of lines in a file alike, in the table and in JSON."""
    (tmp_path / "train.tsv").write_text("the dog\tle chien\nthe cat\tle chat\n")
    (tmp_path / "pairs.tsv").write_text("the dog\tle chien\nthe fox\tle renard\n")
    (tmp_path / "out").write_text("le chien\nle chat\n")
    asked = ["-m", "exact", "--by", "frequency", "--train", tmp_path / "train.tsv"]
    of_file = regard("evaluate", tmp_path / "pairs.tsv", "--outputs", tmp_path / "out", *asked)
    assert list(map(columns, of_file.lines[2:])) == [
        *("times in training  reference words  precision  recall  F1", "0  1  0.00  0.00"),
        *("1  1  50.00  100.00  66.67", "2 to 4  2  100.00  100.00  100.00", ""),
        *("rarest source word  segments  exact", "0  1  0.00", "1  1  100.00"),
    ]
    record = json.loads(regard("evaluate", run, files / "test.tsv", "--json", *asked).out)
    assert sum(group["segments"] for group in record["groups"]) == record["segments"] == 17
    references = [line.split("\t")[1] for line in (files / "test.tsv").read_text().splitlines()]
    assert sum(row["references"] for row in record["words"]) == sum(len(text.split()) for text in references)
    two = ["--train", files / "test.src", "--train", files / "test.tgt"]
    seen = json.loads(regard("evaluate", run, files / "test.tsv", "--json", *asked[:4], *two).out)["words"]
    assert (seen[0]["references"], seen[0]["recall"]) == (0, None)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_has_a_row_and_a_column(run: Path, files: Path, metric: str) -> None:
    result = regard("evaluate", run, files / "test.tsv", "--metric", metric)
    name = METRICS[metric](["a"], [["a"]]).name
    assert result.lines[0].startswith(name)
    assert result.lines[2].split(f"  {name}")[0].split() == ["source", "words", "segments"]
    assert sum(int(line.split("  ")[1].split()[0]) for line in map(columns, result.lines[3:])) == 17


def columns(line: str) -> str:
    """The line with exactly two spaces between its columns."""
    return "  ".join(part.strip() for part in line.split("  ") if part.strip())


def test_json_says_the_same(run: Path, files: Path) -> None:
    options = ["--gold", files / "test.gold", "-m", "exact", "-m", "bleu"]
    table = regard("evaluate", run, files / "test.tsv", *options)
    record = json.loads(regard("evaluate", run, files / "test.tsv", "--json", *options).out)
    assert [score["name"] for score in record["scores"]] == ["exact", "BLEU"]
    assert f"{record['scores'][1]['value']:.2f}" in table.lines[1]
    assert sum(bucket["segments"] for bucket in record["by_length"]) == record["segments"] == 17
    assert f"alignment error {100 * record['alignment']['error_rate']:.2f} %" in table.lines[-1]


def test_a_grouped_source_has_several_right_answers(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    right = regard("translate", run, stdin="the dog sees the cat\n").lines[0]
    path.write_text(f"the dog sees the cat\twrong\nthe cat sees the dog\twrong\nthe dog sees the cat\t{right}\n")
    options = ["--metric", "exact", "--json", "--out", tmp_path / "out"]
    apart = json.loads(regard("evaluate", run, path, *options).out)
    assert (apart["segments"], apart["scores"][0]["value"]) == (3, pytest.approx(100 / 3))
    together = json.loads(regard("evaluate", run, path, "--group", *options).out)
    assert (together["segments"], together["scores"][0]["value"]) == (2, pytest.approx(50))
    assert (tmp_path / "out").read_text().count("\n") == 2


def test_lengths_count_characters_where_sources_are_single_words(run: Path) -> None:
    result = regard("evaluate", run, "-", stdin="dog\tle\ncats\tle\n")
    assert "source characters" in result.out
    assert "source words" in regard("evaluate", run, "-", "--lengths", "words", stdin="dog\tle\n").out


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--metric", "blue"], 2, "--metric is 'blue'; expected one of bleu, bleu_zh"),
        (["--metric", "blue"], 2, "Did you mean bleu?"),
        (["--lengths", "chars"], 2, "--lengths is 'chars'; expected one of words, characters, auto"),
        (["--by", "frequency"], 2, "--by frequency counts words in the pairs that training reads"),
        (["--train", "x.tsv"], 2, "--train has no effect without --by frequency"),
        (["--by", "frequency", "--train", "none.tsv"], 3, "none.tsv: cannot be read"),
        (["--by", "frequency", "--train", "a", "--train", "b", "--train", "c"], 2, "3 are given: a, b, c"),
        (["--out", "/nowhere/x"], 2, "--out is /nowhere/x; expected a file in an existing directory"),
    ],
)
def test_options_that_cannot_be(run: Path, files: Path, options: list[str], code: int, message: str) -> None:
    result = regard("evaluate", run, files / "test.tsv", *options)
    assert (result.code, result.out) == (code, "")
    assert message in result.err


@pytest.mark.parametrize("metric", METRICS)
def test_references_that_a_metric_cannot_use_are_found_before_the_work(run: Path, metric: str) -> None:
    lines, options = "the dog\tle chien\nthe cat\t \n", ["--metric", metric]
    result = regard("evaluate", run, "-", *options, stdin=lines)
    assert (result.code, metric in NEED_TEXT) in [(3, True), (0, False)]
    if metric in NEED_TEXT:
        told = f"<stdin>, line 2: the line has an empty reference, and {metric} {NEED_TEXT[metric]}. Correct it, or"
        assert told in result.err
        skipped = regard("evaluate", run, "-", *options, "--on-bad-input", "skip", stdin=lines)
        assert skipped.code == 0
        assert "1 line(s) skipped; the first: <stdin>, line 2" in skipped.err


@pytest.mark.parametrize("metric", METRICS)
def test_references_without_any_text_are_no_score_of_zero(run: Path, metric: str) -> None:
    result = regard("evaluate", run, "-", "--metric", metric, "--on-bad-input", "skip", stdin="the dog\t\nthe cat\t \n")
    assert (result.code, result.out) == (3, "")
    assert re.search("no reference holds text|no line holds a pair that can be used", result.err)


def test_the_card_says_what_evaluate_says(run: Path, files: Path, tmp_path: Path) -> None:
    """Of the same pairs and search, white space that is odd included."""
    lines = [line.replace("le ", "le  ") for line in (files / "test.tsv").read_text().splitlines()]
    (tmp_path / "dev.tsv").write_text("".join(f"{line} \n" for line in lines))
    values = ["training.metric=chrf", "training.max_epochs=2", "search.beam_size=1", "data.target.vocab_size=300"]
    given = [argument for value in values for argument in ("--set", value)]
    trained = regard(
        "train",
        run / "config.yaml",
        files / "train.tsv",
        "--dev",
        tmp_path / "dev.tsv",
        *given,
        "--out",
        tmp_path / "out",
    )
    assert trained.code == 0, trained.err
    said = re.search(r"\| chrf \| ([0-9.]+) \|", (tmp_path / "out" / "card.md").read_text())
    scored = json.loads(regard("evaluate", tmp_path / "out", tmp_path / "dev.tsv", "-m", "chrf", "--json").out)
    assert said is not None
    assert float(said[1]) == pytest.approx(scored["scores"][0]["value"], abs=1e-4)


def test_several_runs_are_an_ensemble(run: Path, files: Path, tmp_path: Path) -> None:
    other = tmp_path / "copy"
    shutil.copytree(run, other)
    alone, both = (regard("evaluate", *runs, files / "test.tsv") for runs in ([run], [run, other]))
    assert both.out == alone.out  # the same model twice
    files_too = regard("evaluate", run, other, files / "test.src", files / "test.tgt")
    assert files_too.out == alone.out


@pytest.mark.parametrize("command", ["evaluate", "score"])
def test_runs_come_before_pairs(run: Path, files: Path, command: str) -> None:
    result = regard(command, run, run)
    assert (result.code, result.out) == (2, "")
    assert f"no pairs are given after {run}. Give two parallel files, one .tsv, .csv or .jsonl, or -." in result.err
    missing = regard(command, run, "runs/nowhere", files / "test.src", files / "test.tgt")
    assert missing.code == 2
    assert "3 are given: runs/nowhere" in missing.err
