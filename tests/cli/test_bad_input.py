"""Every row of the table of bad input that is about pairs and recipes: the exit code and the sentence."""

import gzip
import json
from pathlib import Path

import pytest
from toy import pairs, recipe, regard

from regard.config import dump
from regard.training.lock import lock

GOOD = [f"{source}\t{target}" for source, target, _ in pairs(29)]


@pytest.fixture
def toy_recipe(tmp_path: Path) -> Path:
    """A recipe that trains for one step."""
    side = {"tokenizer": "bpe", "vocab_size": 300}
    config = recipe(data={"source": side, "target": side}, training={"max_steps": 1})
    (tmp_path / "recipe.yaml").write_text(dump(config))
    return tmp_path / "recipe.yaml"


def with_line(line: bytes) -> bytes:
    """Good pairs, and this as line 3."""
    return "\n".join(GOOD[:2]).encode() + b"\n" + line + b"\n" + "\n".join(GOOD[2:]).encode()


BAD_LINES = {
    "utf-8": ("pairs.tsv", b"the \xff\tle", "pairs.tsv, line 3: the line is not valid UTF-8 (byte 5)"),
    "nul": ("pairs.tsv", b"the\0\tle", "pairs.tsv, line 3: the line holds a NUL character"),
    "surrogate": ("pairs.tsv", b"\xed\xa0\x80\tle", "pairs.tsv, line 3: the line is not valid UTF-8"),
    "no-tab": ("pairs.tsv", b"the dog", "pairs.tsv, line 3: the line has no tab"),
    "columns": ("pairs.tsv", b"a\tb\tc", "pairs.tsv, line 3: the line has 3 columns, not 2"),
    "long": ("pairs.tsv", b"a\t" + b"b" * 10_000_000, "pairs.tsv, line 3: the line is longer than 100000 bytes"),
    "json": ("pairs.jsonl", b"{", "pairs.jsonl, line 3: the line is not valid JSON"),
    "json-surrogate": (
        "pairs.jsonl",
        b'{"src": "\\ud800", "tgt": "le"}',
        "pairs.jsonl, line 3: the line holds a lone surrogate",
    ),
    "json-nul": ("pairs.jsonl", b'{"src": "\\u0000", "tgt": "le"}', "line 3: the line holds a NUL character"),
}


def written(directory: Path, name: str, line: bytes) -> Path:
    """A file with one bad line among good ones, in the form that its name tells."""
    content = with_line(line)
    if name.endswith("jsonl"):
        objects = [json.dumps(dict(zip(("src", "tgt"), pair.split("\t"), strict=True))).encode() for pair in GOOD]
        content = b"\n".join([*objects[:2], line, *objects[2:]])
    (directory / name).write_bytes(content)
    return directory / name


@pytest.mark.parametrize("bad", BAD_LINES)
@pytest.mark.parametrize("command", ["train", "score", "align", "evaluate"])
def test_a_line_that_is_no_pair(run: Path, toy_recipe: Path, tmp_path: Path, command: str, bad: str) -> None:
    name, line, message = BAD_LINES[bad]
    path = written(tmp_path, name, line)
    given = [toy_recipe, path, "--out", tmp_path / "out"] if command == "train" else [run, path]
    result = regard(command, *given)
    assert result.code == 3
    assert message in result.err
    assert "leave such lines out with --on-bad-input skip" in result.err
    assert not (tmp_path / "out" / "model.safetensors").exists()


@pytest.mark.parametrize("bad", ["utf-8", "json-surrogate", "no-tab", "long"])
def test_bad_lines_are_skipped_and_counted(run: Path, toy_recipe: Path, tmp_path: Path, bad: str) -> None:
    name, line, message = BAD_LINES[bad]
    path = written(tmp_path, name, line)
    trained = regard("train", toy_recipe, path, "--out", tmp_path / "out", "--on-bad-input", "skip")
    assert trained.code == 0, trained.err
    assert "1 bad" in trained.err
    for command in ("score", "align"):
        result = regard(command, run, path, "--on-bad-input", "skip")
        assert result.code == 0
        assert [number for number, text in enumerate(result.lines, 1) if not text] == [3]
        assert "1 line(s) skipped; the first: " in result.err
        assert message in result.err
    evaluated = regard("evaluate", run, path, "--on-bad-input", "skip", "--json")
    assert json.loads(evaluated.out)["segments"] == len(GOOD)


@pytest.mark.parametrize("command", ["train", "score", "align", "evaluate"])
def test_files_of_unequal_length(run: Path, toy_recipe: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "a").write_text("the dog\n" * 5)
    (tmp_path / "b").write_text("le chien\n" * 3)
    files = [tmp_path / "a", tmp_path / "b"]
    result = regard(
        command, *([toy_recipe, *files, "--out", tmp_path / "out"] if command == "train" else [run, *files])
    )
    assert (result.code, result.out) == (3, "")
    assert f"{files[0]} has 5, {files[1]} has 3" in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["train", "score", "align", "evaluate"])
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.tsv", b"", "the file is empty. Give a file with at least one pair"),
        ("damaged.tsv.gz", gzip.compress(b"a\tb\n" * 100, mtime=0)[:-9], "the gzip file is cut short or damaged"),
        ("missing.tsv", None, "cannot be read: No such file or directory"),
    ],
)
def test_files_that_hold_nothing(
    run: Path, toy_recipe: Path, tmp_path: Path, command: str, name: str, content: bytes | None, message: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    result = regard(command, *([toy_recipe, path, "--out", tmp_path / "out"] if command == "train" else [run, path]))
    assert result.code == 3
    assert f"{name}: {message}" in result.err


def test_empty_lines_in_training_are_skipped_and_counted(toy_recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("\n".join([*GOOD, "", "the dog\t", ""]))
    result = regard("train", toy_recipe, tmp_path / "pairs.tsv", "--out", tmp_path / "out")
    assert result.code == 0
    assert "2 empty" in result.err
    (tmp_path / "empty.tsv").write_text("\n\n\n")
    result = regard("train", toy_recipe, tmp_path / "empty.tsv", "--out", tmp_path / "other")
    assert result.code == 3
    assert "no line holds a pair that can be used" in result.err


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (["--set", "modle.x=1"], ["unknown key modle; did you mean model?"]),
        (
            ["--set", "training.learning_rat=1", "--set", "model.decoder.kind=loung", "--set", "search.beam_size=0"],
            [
                "unknown key training.learning_rat; did you mean learning_rate?",
                "(did you mean luong?)",
                "search.beam_size is 0",
            ],
        ),
        (["--set", "training.metric=blue"], ["(did you mean bleu?)"]),
        (["--set", "training"], ["--set is 'training'; expected a.b=c"]),
        (["--on-bad-input", "skp"], ["data.on_bad_input is 'skp'", "(did you mean skip?)"]),
        (["--device", "gpu"], ["device is 'gpu', which this machine does not have"]),
        (
            ["--format", "tvs"],
            ["--format is 'tvs'; expected one of parallel, tsv, csv, jsonl, bars, kaldi, captions. Did you"],
        ),
        (["--seed", "-1"], ["Invalid value for '--seed'"]),
    ],
)
def test_names_that_there_are_not(toy_recipe: Path, tmp_path: Path, options: list[str], messages: list[str]) -> None:
    (tmp_path / "pairs.tsv").write_text("\n".join(GOOD))
    result = regard("train", toy_recipe, tmp_path / "pairs.tsv", "--out", tmp_path / "out", *options)
    assert (result.code, result.out) == (2, "")
    for message in messages:
        assert message in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory. Give the path of a YAML file"),
        (b"a: [", "is not YAML"),
        (b"\xff", "is not YAML"),
        (b"- 1", "holds a list; expected keys such as data, model, training"),
        (b"x" * 2_000_000, "has more than 1000000 bytes"),
    ],
)
def test_recipes_that_are_none(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "recipe.yaml"
    if content is not None:
        path.write_bytes(content)
    result = regard("train", path, "pairs.tsv", "--out", tmp_path / "out")
    assert result.code == 2
    assert message in result.err


@pytest.mark.parametrize(
    ("name", "lines", "options"),
    [
        ("three.jsonl", ['{{"translation": {{"en": "{0}", "zh": "x", "de": "{1}"}}}}'], ["en", "de"]),
        (
            "nested.jsonl",
            ['{{"id": 1, "translation": {{"en": "{0}", "de": "{1}"}}}}'],
            ["translation.en", "translation.de"],
        ),
        ("four.tsv", ["x\t{1}\ty\t{0}"], ["4", "2"]),
    ],
)
def test_a_recipe_chooses_keys_and_numbered_columns(
    toy_recipe: Path, tmp_path: Path, name: str, lines: list[str], options: list[str]
) -> None:
    plain = "".join(f"{line}\n" for line in GOOD)
    (tmp_path / "plain.tsv").write_text(plain)
    texts = [lines[0].format(*line.split("\t")) for line in GOOD]
    (tmp_path / name).write_text("".join(f"{text}\n" for text in texts))
    chosen = [f"data.{side}_column={key}" for side, key in zip(("source", "target"), options, strict=True)]
    given = [argument for each in chosen for argument in ("--set", each)]
    assert regard("train", toy_recipe, tmp_path / "plain.tsv", "--out", tmp_path / "a").code == 0
    result = regard("train", toy_recipe, tmp_path / name, *given, "--out", tmp_path / "b")
    assert result.code == 0, result.err
    learned = [json.loads((tmp_path / run / "pairs.json").read_text())["learn"] for run in "ab"]
    assert learned[0] == learned[1]  # the same pairs


def test_training_reads_bars_and_refuses_a_third_text(toy_recipe: Path, tmp_path: Path) -> None:
    lines = [line.replace("\t", " ||| ") for line in GOOD]
    (tmp_path / "pairs.txt").write_text("\n".join(lines))
    given = ["train", toy_recipe, tmp_path / "pairs.txt", "--format", "bars", "--out"]
    assert regard(*given, tmp_path / "good").code == 0
    (tmp_path / "pairs.txt").write_text("\n".join([*lines, "a ||| b ||| c"]))
    result = regard(*given, tmp_path / "bad")
    assert (result.code, result.out) == (3, "")
    assert "pairs.txt, line 30: the line has 3 texts between |||, not 2." in result.err
    assert not (tmp_path / "bad").exists()


def test_validation_pairs_come_from_standard_input(toy_recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("\n".join(GOOD))
    given = ["train", toy_recipe, tmp_path / "pairs.tsv", "--dev", "-", "--out", tmp_path / "out"]
    result = regard(*given, stdin="\n".join(GOOD[:5]))
    assert result.code == 0, result.err
    assert "5 to validate on" in result.err
    again = regard(*given, "--resume", "--set", "training.max_steps=2", stdin="\n".join(GOOD[:5]))
    assert again.code == 0, again.err
    other = regard("train", toy_recipe, "-", "--dev", "-", "--out", tmp_path / "other", stdin="\n".join(GOOD))
    assert other.code == 2
    assert "standard input is read once: it cannot hold the pairs to learn from and --dev" in other.err
    assert not (tmp_path / "other").exists()


def test_a_start_that_failed_is_begun_anew(toy_recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "one.tsv").write_text(GOOD[0])
    (tmp_path / "pairs.tsv").write_text("\n".join(GOOD))
    given = ["train", toy_recipe, "--out", tmp_path / "out"]
    assert regard(*given, tmp_path / "one.tsv").code == 2
    assert not (tmp_path / "out").exists()
    assert regard(*given, tmp_path / "pairs.tsv").code == 0


def test_a_directory_belongs_to_one_run(toy_recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("\n".join(GOOD))
    given = ["train", toy_recipe, tmp_path / "pairs.tsv", "--out", tmp_path / "out"]
    with lock(tmp_path / "out"):
        result = regard(*given)
    assert result.code == 2
    assert "is in use by another run (process " in result.err
    assert regard(*given).code == 0
    result = regard(*given)
    assert result.code == 2
    assert "holds a run already. Resume it with --resume, or choose another --out" in result.err
    result = regard(*given, "--resume", "--set", "model.embedding_size=37")
    assert result.code == 2
    assert "model.embedding_size was 23 and is 37" in result.err
    assert regard(*given, "--resume", "--set", "training.max_steps=2").code == 0
