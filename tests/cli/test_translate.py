"""`regard translate`: a line for a line, whatever the lines hold."""

import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toy import Make, pairs, regard

import regard as library
from regard.alignment.alignment import Alignment
from regard.cli.output_format import Writer
from regard.cli.stdin import arriving
from regard.cli.stdout import put
from regard.errors import DataError

SPECIAL = [
    "</s>",
    "<s> </s> <pad>",
    "▁the▁dog",
    "the \x01 dog \x1b[31m",
    "👩‍👩‍👧 🐕",
    "הכלב רואה את החתול",
    "the\u2028dog\u0085sees\x0bthe cat",
    "the ||| cat",
    "é\u0301 ﷺ ｗｉｄｅ",
    "\ufeffthe dog",
]
SOURCES = [source for source, _, _ in pairs(11, seed=2)]


def text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def test_translates_what_it_has_learnt(run: Path) -> None:
    test = pairs(13, seed=3)
    result = regard("translate", run, stdin=text([source for source, _, _ in test]))
    assert result.code == 0
    assert result.err == ""
    assert sum(line == target for line, (_, target, _) in zip(result.lines, test, strict=True)) >= 11


@pytest.mark.parametrize("kinds", [("bpe", "bpe"), ("characters", "characters"), ("symbols", "symbols")])
@pytest.mark.parametrize("option", ["--align", "--json", "--nbest=1", "--sample", "--quiet"])
def test_one_line_out_for_each_line_in(random_run: Make, kinds: tuple[str, str], option: str) -> None:
    lines = ["", *SPECIAL, "   ", "the dog", ""]
    result = regard("translate", random_run(*kinds), option, stdin=text(lines))
    assert result.code == 0
    assert len(result.lines) == len(lines)
    if option == "--json":
        assert [json.loads(line)["source_text"] for line in result.lines] == lines


@pytest.mark.parametrize("given", ["the dog", "the dog\r\n", "\ufeffthe dog\n"])
def test_ends_of_lines_and_byte_order_marks_are_no_text(run: Path, given: str) -> None:
    assert regard("translate", run, stdin=given).out == regard("translate", run, stdin="the dog\n").out


def test_nothing_in_nothing_out(run: Path) -> None:
    assert regard("translate", run).out == ""
    assert regard("translate", run, stdin="\n\n").out == "\n\n"


def test_line_breaks_of_a_model_become_spaces() -> None:
    spoken = Alignment("a", "b\nc\rd\0e", (), (), np.zeros((0, 0), np.float32), -1.0)
    assert Writer(False, False, False, "words").lines(1, [spoken]) == ["b c d e"]


def test_nbest_is_ordered_and_numbered_from_one(run: Path) -> None:
    result = regard("translate", run, "--nbest", 3, "--length-normalization", 0, stdin=text([*SOURCES, ""]))
    rows = [line.split(" ||| ") for line in result.lines]
    for number, source in enumerate(SOURCES, 1):
        chosen = [row for row in rows if row[0] == str(number)]
        scores = [float(row[2]) for row in chosen]
        assert len(chosen) == 3
        assert scores == sorted(scores, reverse=True)
        best = regard("translate", run, "--length-normalization", 0, stdin=text([source])).lines[0]
        assert best == chosen[0][1]
    assert rows[-1] == [str(len(SOURCES) + 1), "", "0.0000"]


def test_alignment_links_words(run: Path) -> None:
    for line, source in zip(regard("translate", run, "--align", stdin=text(SOURCES)).lines, SOURCES, strict=True):
        output, links = line.split(" ||| ")
        found = [tuple(map(int, link.split("-"))) for link in links.split()]
        assert sorted(target for _, target in found) == list(range(len(output.split())))
        assert all(place < len(source.split()) for place, _ in found)


def test_json_is_what_the_library_says(run: Path) -> None:
    result = regard("translate", run, "--json", "--units", "tokens", stdin=text(SOURCES))
    found = library.load(run).translate(SOURCES, units="tokens")
    for line, record, (alignment,) in zip(range(1, 12), map(json.loads, result.lines), found, strict=True):
        assert record["line"] == line
        assert record["target_text"] == alignment.target_text
        assert record["score"] == pytest.approx(alignment.score, abs=1e-4)
        np.testing.assert_allclose(record["weights"], alignment.weights, atol=1e-5)
        for side in ("source", "target"):
            assert [record[f"{side}_text"][int(u["start"]) : int(u["end"])].strip() for u in record[side]] == [
                unit["text"].strip() for unit in record[side]
            ]


def test_probabilities_are_written_where_they_are_asked_for(run: Path) -> None:
    given = {"stdin": text(SOURCES[:2])}
    plain = regard("translate", run, "--json", **given).lines
    for line, other in zip(regard("translate", run, "--json", "--alternatives", 2, **given).lines, plain, strict=True):
        record = json.loads(line)
        predictions = record.pop("predictions")
        assert record == {key: value for key, value in json.loads(other).items() if key != "predictions"}
        assert np.prod([each["probability"] for each in predictions]) == pytest.approx(
            np.exp(record["score"]), rel=1e-3
        )
        assert {len(each["alternatives"]) for each in predictions} == {2}
    result = regard("translate", run, "--alternatives", 2, **given)
    assert (result.code, result.out) == (2, "")
    assert "--alternatives has no effect without --json, which writes them. Add it, or leave it out" in result.err


def test_auto_units_keep_tokens_where_words_are_not_spaced(random_run: Make) -> None:
    run = random_run("characters", "characters")
    spaced, unspaced = (
        [unit["text"] for unit in json.loads(line)["source"]]
        for line in regard("translate", run, "--json", stdin="the old dog\n汤姆 likes 猫\n").lines
    )
    assert spaced == ["the", "old", "dog"]
    assert unspaced == ["汤", "姆", "likes", "猫"]


def test_an_ensemble_of_a_run_with_itself_is_the_run(run: Path) -> None:
    alone = regard("translate", run, "--nbest", 2, stdin=text(SOURCES))
    assert regard("translate", run, run, "--nbest", 2, stdin=text(SOURCES)).out == alone.out


def test_runs_of_an_ensemble_share_tokenisers(run: Path, random_run: Make) -> None:
    result = regard("translate", run, random_run("characters", "bpe"))
    assert result.code == 4
    assert "different source tokenisers; an ensemble needs the same" in result.err


def test_a_draw_depends_on_seed_and_line_alone(run: Path) -> None:
    lines = text(SOURCES[:1] * 37)
    drawn = regard("translate", run, "--sample", "--temperature", 3, "--seed", 5, stdin=lines)
    again = regard("translate", run, "--sample", "--temperature", 3, "--seed", 5, "--batch-size", 2, stdin=lines)
    other = regard("translate", run, "--sample", "--temperature", 3, "--seed", 6, stdin=lines)
    assert drawn.out == again.out != other.out
    assert len(set(drawn.lines)) > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sample", "--nbest", "2"], "--nbest has no effect with --sample, which draws one output"),
        (["--min-weight", "0.1"], "--min-weight has no effect without --align, which writes links"),
        (["--sample", "--temperature", "0"], "--temperature is 0.0; expected above 0"),
        (["--sample", "--top-p", "2"], "--top-p is 2.0; expected above 0 and at most 1"),
        (["--units", "word"], "--units is 'word'; expected one of words, tokens, auto. Did you mean words?"),
        (["--length-normalization", "inf"], "length_normalization is inf; expected a finite number"),
        (["--device", "gpu"], "device is 'gpu', which this machine does not have, or this PyTorch; expected auto or"),
        (["--beam", "0"], "Invalid value for '--beam'"),
        (["--bem", "3"], "No such option: --bem"),
    ],
)
def test_options_that_cannot_be(run: Path, options: list[str], message: str) -> None:
    result = regard("translate", run, *options)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b"the \xff dog", "line 2: the line is not valid UTF-8 (byte 5)"),
        (b"the \0 dog", "line 2: the line holds a NUL character"),
        (b"\xed\xa0\x80", "line 2: the line is not valid UTF-8"),  # a lone surrogate
        (b"x" * 10_000_000, "line 2: the line is longer than 100000 bytes"),
        (b"x " * 2_000, "tokens; at most 1000 are read (see --max-tokens)"),
    ],
    ids=["utf-8", "nul", "surrogate", "10-MB", "tokens"],
)
@pytest.mark.parametrize("options", [[], ["--align"], ["--json"], ["--nbest=1"], ["--quiet"]], ids=str)
def test_a_bad_line_is_refused_and_the_others_are_unharmed(
    run: Path, bad: bytes, message: str, options: list[str]
) -> None:
    good = regard("translate", run, *options, stdin=b"the dog\n\nthe cat\n").lines
    begin = time.process_time()  # of this process: what others do at the same time does not count
    result = regard("translate", run, *options, stdin=b"the dog\n" + bad + b"\nthe cat\n")
    took = time.process_time() - begin
    assert result.code == 3
    assert message in result.err
    assert "1 line(s) could not be read" in result.err
    assert len(result.lines) == 3
    assert [result.lines[0], result.lines[2]] == [good[0], good[2]]
    assert result.lines[1] in ("", "2 |||  ||| -inf") or "error" in json.loads(result.lines[1])
    assert took < 1 + 5 * (len(bad) < 1_000_000)  # as asked of the 10 MB line, loading the model included


def test_a_slow_writer_is_answered_at_once() -> None:
    def slow() -> Iterator[int]:
        yield from (1, 2)
        time.sleep(0.3)
        yield from (3, 4, 5)

    assert list(arriving(slow(), 2, wait=0.1)) == [[1, 2], [3, 4], [5]]


def test_what_goes_wrong_while_reading_is_told_after_what_was_read() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise DataError("gone")

    chunks = arriving(broken(), 3)
    assert next(chunks) == [1]
    with pytest.raises(DataError, match="gone"):
        next(chunks)


def test_a_terminal_gets_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal, expected in ((True, "a\t[31mb\n"), (False, "a\t\x1b[31mb\x9b\n")):
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda terminal=terminal: terminal)
        monkeypatch.setattr(sys, "stdout", stream)
        put(["a\t\x1b[31mb\x9b"])
        assert stream.getvalue() == expected


def test_quiet_when_the_reader_has_enough(run: Path) -> None:
    command = f"yes 'the dog' | head -4000 | {sys.executable} -m regard translate {run}; echo $? >&2"
    shell = subprocess.run(["bash", "-c", f"({command}) | head -1"], capture_output=True, text=True, timeout=120)
    assert shell.stdout.count("\n") == 1
    assert shell.stderr == "0\n"


def test_outputs_begin_with_their_prefixes_and_keep_the_rules(run: Path, tmp_path: Path) -> None:
    plain = [regard("translate", run, "--beam", size, stdin=text(SOURCES)).lines for size in (1, 4)]
    targets = [target for _, target, _ in pairs(11, seed=2)]
    begun = [target.split()[-1] if number % 2 else "" for number, target in enumerate(targets)]
    (tmp_path / "prefixes").write_text(text(begun))
    for size, without in zip((1, 4), plain, strict=True):
        found = regard("translate", run, "--beam", size, "--prefix", tmp_path / "prefixes", stdin=text(SOURCES))
        assert found.code == 0
        for line, prefix, other in zip(found.lines, begun, without, strict=True):
            assert line.startswith(prefix)
            assert prefix or line == other
    long = regard("translate", run, "--min-length", 12, "--align", stdin=text(SOURCES))
    assert {len(line) > 12 for line in long.lines} == {True}


def test_outputs_have_their_phrases(run: Path, random_run: Make, tmp_path: Path) -> None:
    words = [target.split()[-1] for _, target, _ in pairs(11, seed=4)]
    phrases = ["", *(f"{word}\tzyx w" if number % 2 else word for number, word in enumerate(words[1:]))]
    (tmp_path / "phrases").write_text(text(phrases))
    for kind in (run, random_run("bpe", "characters")):
        plain = regard("translate", kind, "--beam", 5, stdin=text(SOURCES)).lines
        found = regard(
            "translate", kind, "--beam", 5, "--constrain", tmp_path / "phrases", "--json", stdin=text(SOURCES)
        )
        assert found.code == 0
        outputs = [json.loads(line)["target_text"] for line in found.lines]
        assert outputs[0] == plain[0]
        for output, wanted in zip(outputs, phrases, strict=True):
            assert all(re.search(rf"(?<!\w){phrase}(?!\w)", output) for phrase in wanted.split("\t") if phrase)
    given = (*SOURCES[:2], "the dog")
    (tmp_path / "phrases").write_text("zyx\n\nzyx\tw\n")
    found = regard(
        "translate",
        random_run("symbols", "symbols"),
        "--nbest",
        2,
        "--constrain",
        tmp_path / "phrases",
        stdin=text(given),
    )
    assert found.code == 3
    reason = "<stdin>, line 1: the line cannot have its phrases: the phrase 'zyx' has a word that the vocabulary of the"
    assert reason in found.err
    assert "2 line(s) could not be read" in found.err
    assert [line.split(" ||| ")[0] for line in found.lines if not line.endswith("-inf")] == ["2", "2"]
    assert [line for line in found.lines if line.endswith("-inf")] == ["1 |||  ||| -inf", "3 |||  ||| -inf"]


def test_a_penalty_and_groups_change_what_is_found_and_not_how_it_is_scored(run: Path) -> None:
    options = ("--nbest", 4, "--length-normalization", 0)
    plain = regard("translate", run, *options, stdin=text(SOURCES)).lines
    for changes in (("--repetition-penalty", 3), ("--diversity-groups", 2, "--diversity-strength", 3, "--beam", 4)):
        found = regard("translate", run, *options, *changes, stdin=text(SOURCES))
        assert found.code == 0
        assert found.lines != plain
        scored = {line.rsplit(" ||| ", 1)[0]: float(line.rsplit(" ||| ", 1)[1]) for line in plain}
        both = [line.rsplit(" ||| ", 1) for line in found.lines if line.rsplit(" ||| ", 1)[0] in scored]
        assert both
        assert all(float(score) == pytest.approx(scored[output], abs=2e-4) for output, score in both)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--constrain", "FILE", "--beam", 1],
            "--constrain is given and the search is greedy; expected a beam of 2 or",
        ),
        (
            ["--constrain", "FILE", "--beam", 4, "--diversity-groups", 2],
            "--constrain is given and the beam has groups;",
        ),
        (["--constrain", "FILE", "--sample"], "--constrain has no effect with --sample, which draws one output"),
        (["--diversity-groups", 2, "--sample"], "--diversity-groups has no effect with --sample"),
        (["--diversity-strength", 2], "--diversity-strength has no effect without groups. Add --diversity-groups"),
        (
            ["--diversity-groups", 2, "--beam", 5],
            "beam_size is 5 and the groups are 2; expected a beam that they share",
        ),
        (
            ["--diversity-groups", 2, "--beam", 4, "--diversity-strength", 0],
            "strength is 0.0; expected a finite number",
        ),
        (["--repetition-penalty", 0.5], "'--repetition-penalty': Input should be greater than or equal to 1"),
        (["--repetition-penalty", "inf"], "repetition_penalty is inf; expected a finite number of at least 1"),
    ],
)
def test_what_does_not_go_together_in_a_search_is_refused(
    run: Path, tmp_path: Path, options: list[object], message: str
) -> None:
    (tmp_path / "FILE").write_text("le\n")
    given = [tmp_path / "FILE" if option == "FILE" else option for option in options]
    result = regard("translate", run, *given, stdin="the dog\n")
    assert (result.code, message in result.err) == (2, True), result.err


def test_prefixes_that_do_not_fit_the_input_are_refused(run: Path, tmp_path: Path) -> None:
    (tmp_path / "prefixes").write_text("one\n")
    result = regard("translate", run, "--prefix", tmp_path / "prefixes", stdin="the dog\nthe cat\n")
    assert (result.code, "--prefix has 1 lines; expected one for each line of the input" in result.err) == (3, True)
    result = regard("translate", run, "--sample", "--prefix", tmp_path / "prefixes", stdin="the dog\n")
    assert (result.code, "--prefix has no effect with --sample" in result.err) == (2, True)
    translator = library.load(run)
    with pytest.raises(ValueError, match=r"Translator.outputs: 2 sources and 1 prefixes; expected as many of each"):
        translator.outputs(["the dog", "the cat"], prefixes="one")
