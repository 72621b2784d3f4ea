"""`score` and `align`: what a run says of given pairs."""

import gzip
import json
from pathlib import Path

import pytest
from toy import Make, pairs, recipe, regard, untrained

import regard as library

PAIRS = pairs(7, seed=4)


def written(directory: Path, form: str) -> list[Path]:
    """The same pairs in one of the forms that are read."""
    sources, targets = ("".join(f"{pair[place]}\n" for pair in PAIRS) for place in (0, 1))
    if form == "parallel":
        (directory / "a").write_text(sources)
        (directory / "b.gz").write_bytes(gzip.compress(targets.encode()))
        return [directory / "a", directory / "b.gz"]
    rows = {
        "tsv": [f"{source}\t{target}" for source, target, _ in PAIRS],
        "bars": [f"{source} ||| {target}" for source, target, _ in PAIRS],
        "jsonl": [json.dumps({"src": source, "tgt": target}) for source, target, _ in PAIRS],
    }[form]
    path = directory / f"pairs.{form}"
    path.write_text("\n".join(rows))
    return [path]


def test_scores_are_those_of_the_library(run: Path, tmp_path: Path) -> None:
    translator = library.load(run)
    result = regard("score", run, *written(tmp_path, "parallel"))
    found = translator.score([source for source, _, _ in PAIRS], [target for _, target, _ in PAIRS])
    for line, alignment, (_, target, _) in zip(result.lines, found, PAIRS, strict=True):
        log_prob, each, links = line.split("\t")
        tokens = len(translator.target_tokenizer.ids(target)) + 1
        assert float(log_prob) == pytest.approx(alignment.score, abs=1e-3)
        assert float(each) == pytest.approx(alignment.score / tokens, abs=1e-3)
        assert len(links.split()) == len(target.split())


def test_json_has_the_whole_alignment(run: Path, tmp_path: Path) -> None:
    files = written(tmp_path, "tsv")
    texts = regard("score", run, *files).lines
    for line, number, text in zip(regard("score", run, *files, "--json").lines, range(1, 8), texts, strict=True):
        record = json.loads(line)
        assert record["line"] == number
        assert record["score"] == pytest.approx(float(text.split("\t")[0]), abs=1e-3)
        assert len(record["weights"]) == len(record["target"])


@pytest.mark.parametrize("command", ["score", "align"])
@pytest.mark.parametrize("form", ["tsv", "jsonl", "bars"])
def test_every_form_of_pairs_is_read_alike(run: Path, tmp_path: Path, command: str, form: str) -> None:
    options = ["--format", "bars"] if form == "bars" else []
    parallel = regard(command, run, *written(tmp_path, "parallel"))
    assert regard(command, run, *written(tmp_path, form), *options).out == parallel.out
    assert len(parallel.lines) == len(PAIRS)


@pytest.mark.parametrize("command", ["score", "align"])
def test_pairs_come_from_standard_input(run: Path, tmp_path: Path, command: str) -> None:
    files = written(tmp_path, "tsv")
    assert regard(command, run, "-", stdin=files[0].read_bytes()).out == regard(command, run, *files).out


def test_empty_texts_are_scored_too(run: Path) -> None:
    result = regard("score", run, "-", stdin="the dog\t\n\n\tle chien\n")
    assert [line.count("\t") for line in result.lines] == [2, 2, 2]
    assert all(float(line.split("\t")[0]) < 0 and not line.split("\t")[2] for line in result.lines)


def test_gold_is_compared_with_at_the_end(run: Path, files: Path) -> None:
    result = regard("align", run, files / "test.tsv", "--gold", files / "test.gold")
    assert len(result.lines) == 17
    assert result.err.startswith("regard: alignment error ")
    assert "17 pairs" in result.err


def test_an_alignment_has_no_errors_against_itself(run: Path, files: Path, tmp_path: Path) -> None:
    (tmp_path / "own").write_text(regard("align", run, files / "test.tsv").out)
    result = regard("align", run, files / "test.tsv", "--gold", tmp_path / "own")
    assert "alignment error 0.00 %, precision 100.00 %, recall 100.00 %" in result.err


def test_gold_that_counts_from_one_is_read_so(run: Path, files: Path, tmp_path: Path) -> None:
    links = [line.split() for line in (files / "test.gold").read_text().splitlines()]
    lines = [" ".join("-".join(str(int(end) + 1) for end in link.split("-")) for link in line) for line in links]
    (tmp_path / "one").write_text("".join(f"{line}\n" for line in lines))
    given = ["align", run, files / "test.tsv", "--gold"]
    assert regard(*given, tmp_path / "one", "--gold-from", "1").err == regard(*given, files / "test.gold").err
    refused = regard(*given, tmp_path / "one")
    assert (refused.code, refused.out) == (3, "")
    assert (
        "counted from 0. No link of the file has a 0, so it may count from 1: then give --gold-from 1." in refused.err
    )
    other = regard(*given, files / "test.gold", "--gold-from", "1")
    assert (other.code, other.out) == (3, "")
    assert "holds a 0, but the numbers were said to count from 1" in other.err
    without = regard("align", run, files / "test.tsv", "--gold-from", "1")
    assert (without.code, without.out) == (2, "")
    assert "--gold-from says how --gold counts, and there is none" in without.err


@pytest.mark.parametrize("command", ["align", "evaluate"])
def test_gold_outside_of_a_late_pair_stops_before_the_work(
    run: Path, files: Path, tmp_path: Path, command: str
) -> None:
    gold = (files / "test.gold").read_text().splitlines()
    (tmp_path / "gold").write_text("\n".join([*gold[:16], "0-0 0p99"]))
    result = regard(command, run, files / "test.tsv", "--gold", tmp_path / "gold")
    assert (result.code, result.out) == (3, "")
    assert "gold, line 17: links 0 with 99, but the pair has " in result.err


@pytest.mark.parametrize("command", ["align", "score"])
def test_a_floor_links_less_the_higher_it_is(run: Path, files: Path, command: str) -> None:
    found = [
        [set(line.split("\t")[-1].split()) for line in regard(command, run, files / "test.tsv", *floor).lines]
        for floor in ([], ["--min-weight", "0.01"], ["--min-weight", "1"])
    ]
    assert found[0] == found[1]
    assert all(high <= low for high, low in zip(found[2], found[1], strict=True))
    assert sum(map(len, found[2])) < sum(map(len, found[1]))


def test_a_threshold_links_less_the_higher_it_is(run: Path, files: Path) -> None:
    low, high = (
        [set(line.split()) for line in regard("align", run, files / "test.tsv", "--threshold", weight).lines]
        for weight in (0.1, 0.6)
    )
    assert all(few <= many for few, many in zip(high, low, strict=True))
    assert sum(map(len, high)) < sum(map(len, low))


def test_both_directions_make_one(run: Path, random_run: Make, files: Path) -> None:
    def links(how: str) -> list[set[str]]:
        options = ["--reverse", random_run("bpe", "bpe"), "--symmetrize", how]
        return [set(line.split()) for line in regard("align", run, files / "test.tsv", *options).lines]

    alone = [set(line.split()) for line in regard("align", run, files / "test.tsv").lines]
    every = {how: links(how) for how in ("intersection", "grow-diag-final-and", "union", "agreement")}
    for place, forward in enumerate(alone):
        assert every["intersection"][place] <= forward <= every["union"][place]
        assert every["intersection"][place] <= every["grow-diag-final-and"][place] <= every["union"][place]


def test_joined_words_stay_units_and_hide_from_the_model(random_run: Make) -> None:
    run = random_run("characters", "characters")
    result = regard("align", run, "-", "--join", "target", "--json", stdin="the dog\tab c def\n")
    record = json.loads(result.lines[0])
    assert (record["source"], record["target"]) == (["the", "dog"], ["ab", "c", "def"])
    assert {target for _, target in record["links"]} == {0, 1, 2}
    whole = regard("score", run, "-", stdin="the dog\tabcdef\n").lines[0]
    assert whole.split("\t")[0] != regard("score", run, "-", stdin="the dog\tab c def\n").lines[0].split("\t")[0]


def test_words_are_given_beside_the_text_that_the_model_sees(random_run: Make, tmp_path: Path) -> None:
    run = random_run("characters", "characters")
    (tmp_path / "raw.tsv").write_text("Dogs sleep.\tabcdef\n\t\n the dog\tx yz\n")
    (tmp_path / "words.tsv").write_text("Dogs sleep .\tab c def\n\t\nthe dog\tx y z\n")
    words = ["--words", tmp_path / "words.tsv"]
    records = [json.loads(line) for line in regard("align", run, tmp_path / "raw.tsv", "--json", *words).lines]
    assert [record["source"] for record in records] == [["Dogs", "sleep", "."], [], ["the", "dog"]]
    assert [record["target"] for record in records] == [["ab", "c", "def"], [], ["x", "y", "z"]]
    # Where white space is all that differs, it is what --join does.
    (tmp_path / "raw.tsv").write_text("the dog\tabcdef\n")
    (tmp_path / "words.tsv").write_text("the dog\tab c def\n")
    joined = regard("align", run, tmp_path / "words.tsv", "--join", "target")
    assert regard("align", run, tmp_path / "raw.tsv", *words).out == joined.out
    (tmp_path / "words").write_text("the dog\n")
    (tmp_path / "targets").write_text("ab c def\n")
    parallel = ["--words", tmp_path / "words", "--words", tmp_path / "targets"]
    assert regard("align", run, tmp_path / "raw.tsv", *parallel).out == joined.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("the dog\tle chien\n", "words.tsv: 1 lines, and there are 2 pairs. Give one line for each pair."),
        ("the dog\tle chien\nthe cat\tle chien\n", "line 2: the words are 'le chien', but the text is 'le chat'."),
        ("the dog\tle chien\nthe cat\n", "words.tsv, line 2: "),
    ],
)
@pytest.mark.parametrize("command", ["align", "evaluate"])
def test_words_that_do_not_fit(run: Path, files: Path, tmp_path: Path, command: str, words: str, message: str) -> None:
    (tmp_path / "words.tsv").write_text(words)
    gold = tmp_path / "gold"
    gold.write_text("0-0\n0-0\n")
    options = ["--gold", gold, "--words", tmp_path / "words.tsv"]
    result = regard(command, run, "-", *options, stdin="the dog\tle chien\nthe cat\tle chat\n")
    assert result.code == 3
    assert message in result.err


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        ("0-0\n", "has 1 lines, and there are 17 pairs. Give one line for each pair"),
        ("9-0\n" * 17, "line 1: links 9 with 0, but the pair has "),
        ("0-0\n0:1\n", "'0:1' is no link; expected source-target, such as 0-0"),
        (b"\xff", "line 1: the line is not valid UTF-8"),
    ],
)
@pytest.mark.parametrize("command", ["align", "evaluate"])
def test_gold_that_does_not_fit(
    run: Path, files: Path, tmp_path: Path, command: str, gold: str | bytes, message: str
) -> None:
    (tmp_path / "gold").write_bytes(gold if isinstance(gold, bytes) else gold.encode())
    result = regard(command, run, files / "test.tsv", "--gold", tmp_path / "gold")
    assert result.code == 3
    assert message in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--symmetrize", "union"], "give the run of the other as --reverse"),
        (["--symmetrize", "unio", "--reverse", "x"], "expected one of intersection, union"),
        (["--symmetrize", "unio", "--reverse", "x"], "Did you mean union?"),
        (
            ["--symmetrize", "agreement", "--reverse", "x", "--min-weight", "0.1"],
            "has no effect with --symmetrize agree",
        ),
        (["--threshold", "0"], "--threshold is 0.0; expected above 0 and at most 1"),
        (["--min-weight", "2"], "--min-weight is 2.0; expected from 0 to 1"),
        (["--min-weight", "0.1", "--threshold", "0.2"], "--min-weight is the floor of one link a unit. Leave one out"),
        (["--units", "tokens", "--join", "target"], "--units is 'tokens'; expected words"),
        (["--words", "x", "--join", "target"], "--words and --join both say where the words are. Leave one out."),
        (["--units", "tokens", "--words", "x"], "--units is 'tokens'; expected words"),
        (["--join", "left"], "--join is 'left'; expected one of none, source, target, both"),
        (
            ["--format", "tvs"],
            "--format is 'tvs'; expected one of parallel, tsv, csv, jsonl, bars, kaldi, captions. Did you mean tsv?",
        ),
        (["--on-bad-input", "skp"], "--on-bad-input is 'skp'; expected one of error, skip. Did you mean skip?"),
    ],
)
def test_options_that_cannot_be(run: Path, files: Path, options: list[str], message: str) -> None:
    result = regard("align", run, files / "test.tsv", *options)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


@pytest.fixture(scope="module")
def hard_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of random weights with exact hard attention."""
    side = {"tokenizer": "symbols"}
    model = {"encoder": {"hidden_size": 7}, "decoder": {"kind": "hard_attention", "hidden_size": 11, "order": 1}}
    config = recipe(data={"source": side, "target": side}, model=model)
    texts = [text for pair in PAIRS for text in pair[:2]]
    return untrained(tmp_path_factory.mktemp("hard") / "run", "symbols", "symbols", config, texts)


def test_weights_of_exact_hard_attention_are_chosen(hard_run: Path, random_run: Make, tmp_path: Path) -> None:
    files, run = written(tmp_path, "tsv"), random_run("bpe", "bpe")

    def rows(*options: str) -> list[list[float]]:
        return [row for line in regard("score", hard_run, *files, "--json", *options).lines for row in record(line)]

    def record(line: str) -> list[list[float]]:
        return json.loads(line)["weights"]

    usual, posterior, viterbi, prior = rows(), *(rows("--weights", name) for name in ("posterior", "viterbi", "prior"))
    assert usual == posterior != prior
    assert {weight for row in viterbi for weight in row} == {0, 1}
    links = regard("align", hard_run, *files, "--weights", "viterbi").lines
    assert [len(line.split()) for line in links] == [len(target.split()) for _, target, _ in PAIRS]
    view = ["view", "the dog", "--target", "le chien", "--weights", "viterbi"]
    assert regard(view[0], hard_run, *view[1:]).code == 0
    for arguments, message in (
        (["view", run, *view[1:]], f"--weights is 'viterbi', and {run} has weights of one kind; expected a run that"),
        (["score", hard_run, *files, "--weights", "viterbbi"], "expected one of posterior, viterbi, prior. Did you"),
        (["translate", hard_run, "-", "--weights", "prior"], "--weights has no effect without --align or --json"),
        (["evaluate", hard_run, *files, "--weights", "prior"], "--weights has no effect without --gold or --places"),
    ):
        refused = regard(*arguments)
        assert (refused.code, refused.out) == (2, "")
        assert message in refused.err
