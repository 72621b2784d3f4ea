"""`regard chat`: what it remembers, what it forgets, and one line out for each line in."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import toy

from regard.cli.chat import Conversation
from regard.config import parse
from regard.data.example import Example
from regard.data.lines import BadLine
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.data.turns import Turns
from regard.translator import Output

WORDS = [f"w{number}" for number in range(50)]


class Echo:
    """A translator that replies with the last word of its source, and keeps what it was asked."""

    source = TextSource(Tokenizer.train("symbols", [" ".join(WORDS)], 100))

    def __init__(self) -> None:
        self.asked: list[str] = []

    def outputs(self, source: str) -> list[list[Output]]:
        self.asked.append(source)
        return [[Output(f"r {source.split()[-1]}", 0.0)]]


def conversation(turns: int = 3, most: int = 100) -> tuple[Conversation, Any]:
    echo: Any = Echo()
    return Conversation(echo, turns, "<turn>", most, json=False), echo


def say(talk: Conversation, *lines: str) -> list[str | BadLine]:
    return [talk.answer(Example(line, None, "<stdin>", number)) for number, line in enumerate(lines, 1)]


def test_the_last_turns_are_the_source_of_a_reply() -> None:
    talk, echo = conversation()
    assert say(talk, "a", "b", "c") == ["r a", "r b", "r c"]
    assert echo.asked == ["a", "a <turn> r a <turn> b", "b <turn> r b <turn> c"]
    alone, echo = conversation(turns=1)
    say(alone, "a", "b")
    assert echo.asked == ["a", "b"]


def test_an_empty_line_begins_a_new_conversation_and_marks_in_a_line_are_turns() -> None:
    talk, echo = conversation()
    assert say(talk, "a", " ", "b", "x <turn> y <turn> z <turn> c") == ["r a", "", "r b", "r c"]
    assert echo.asked == ["a", "b", "y <turn> z <turn> c"]


def test_the_first_turns_are_left_out_of_a_long_source_and_a_long_line_is_refused() -> None:
    talk, echo = conversation(turns=5, most=6)
    found = say(talk, "a", "b b", "c " * 7, "d")
    assert echo.asked[:2] == ["a", "r a <turn> b b"]  # 8 tokens with the first turn
    assert isinstance(found[2], BadLine)
    assert found[2].reason == "has 7 tokens; at most 6 are read (see --max-tokens)"
    assert echo.asked[2:] == ["r b <turn> d"]  # what could not be read is no turn


def test_thousands_of_turns_leave_nothing_behind() -> None:
    talk, echo = conversation(turns=4)
    for number in range(2_000):
        talk.answer(Example(f"w{number % 50}", None, "<stdin>", number))
        assert len(talk.turns) <= 4
    assert max(map(len, echo.asked)) < 60


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    side = {"tokenizer": "symbols", "vocab_size": 300}
    config = toy.recipe(data={"source": {**side, "turn_mark": "<turn>"}, "target": side})
    return toy.untrained(tmp_path_factory.mktemp("chat") / "run", "symbols", "symbols", config, [" ".join(WORDS)])


def test_one_line_comes_out_for_each_that_goes_in(run: Path) -> None:
    given = b"w1 w2\nw3\n\nw3\n\xff\nw1 w2 w3 w4\n/quit\nw5\n"
    found = toy.regard("chat", run, "--max-tokens", "3", stdin=given)
    assert (found.code, len(found.lines)) == (3, 6)
    assert found.lines[2] == found.lines[4] == found.lines[5] == ""
    said = " ".join(found.err.split())
    assert "<stdin>, line 5: the line is not valid UTF-8" in said
    assert "<stdin>, line 6: the line has 4 tokens; at most 3 are read" in said
    alone = toy.regard("translate", run, stdin="w3\n")
    assert alone.lines[0] == found.lines[3]
    assert "> " not in found.err  # no prompt but on a terminal


def test_json_has_the_history_as_the_source(run: Path) -> None:
    found = toy.regard("chat", run, "--json", "--turns", "2", stdin="w1\nw2 w3\n\n")
    first, second, third = map(json.loads, found.lines)
    assert (first["line"], first["source_text"]) == (1, "w1")
    expected = f"{first['target_text'].strip()} <turn> w2 w3" if first["target_text"].strip() else "w1 <turn> w2 w3"
    assert second["source_text"] == expected
    assert (third["line"], third["target_text"]) == (3, "")
    assert "weights" in second


PAGE = Path(__file__).parents[2] / "docs" / "dialogue.md"
EXAMPLE = re.findall(r'```text title="train.tsv"\n(.*?)```', PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
SMALL = [
    *("data.joint=false", "model.tie=none", "data.source.tokenizer=symbols", "data.target.tokenizer=symbols"),
    *("model.embedding_size=16", "model.encoder.hidden_size=16", "model.decoder.hidden_size=16", "model.dropout={}"),
    *(
        "training.max_steps=60",
        "training.max_epochs=1000",
        "training.validate_every=60",
        "training.learning_rate=0.03",
        "training.metric=loss",
    ),
    *("training.schedule={}", "training.moving_average=null", "training.label_smoothing=0.0"),
]


def test_the_page_trains_a_run_that_remembers(tmp_path: Path) -> None:
    """The recipe on the pairs of the page, smaller; the last reply needs the city, which only an earlier turn names."""
    (tmp_path / "train.tsv").write_text(EXAMPLE)
    sets = [part for change in SMALL for part in ("--set", change)]
    pairs = str(tmp_path / "train.tsv")
    trained = toy.regard("train", "dialogue", pairs, "--dev", pairs, "--out", tmp_path / "run", "--threads", "1", *sets)
    assert trained.code == 0, trained.err
    asked = "hello\noslo please\ntwo\n"
    found = toy.regard("chat", tmp_path / "run", stdin=asked)
    assert found.lines == [line.split("\t")[1] for line in EXAMPLE.splitlines()]
    assert found.lines[-1] == "booked for two in oslo"


def test_a_run_over_recordings_does_not_chat(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("data: {source: {kind: recording}}\nmodel: {encoder: {kind: blstmp}}\n")
    found = toy.regard("chat", tmp_path, stdin="a\n")
    assert (found.code, "reads sources of kind recording, and a chat is text" in " ".join(found.err.split())) == (
        2,
        True,
    )


def test_a_long_history_is_cut_where_a_turn_begins_and_spans_are_those_of_the_whole() -> None:
    tokenizer = Tokenizer.train("symbols", ["a b c d <turn>"], 100)
    source = TextSource(tokenizer, turns=Turns("<turn>", 5))
    text = "a b <turn> b c <turn> c d"
    assert source.encode(text) == tokenizer.ids("b c <turn> c d")
    spans = source.spans(text, source.encode(text), _positions(6))
    assert [text[start:end].strip() for start, end in spans] == ["b", "c", "<turn>", "c", "d"]
    assert source.encode("a b <turn> c") == tokenizer.ids("a b <turn> c")
    assert source.encode("a <turn> b b b b b b") == tokenizer.ids("b b b b b b")  # the last turn is whole
    assert source.encode("a " * 9) == tokenizer.ids("a " * 9)
    assert source.digest != TextSource(tokenizer).digest
    both = TextSource(tokenizer, "<s>", Turns("<turn>", 6))  # sentences within the turns that are left
    text = "a b <turn> b <s> c <turn> c d"
    assert both.encode(text) == TextSource(tokenizer, "<s>").encode("b <s> c <turn> c d")
    spans = both.spans(text, both.encode(text), _positions(7))
    assert [text[start:end].strip() for start, end in spans] == ["b", "", "c", "<turn>", "c", "d"]
    long = " <turn> ".join(["a b"] * 10_000)
    assert source.encode(long) == tokenizer.ids("a b <turn> a b")


def _positions(count: int) -> Any:
    import numpy as np

    return np.stack([np.arange(count), np.arange(count) + 1], 1)


def test_a_mark_with_a_blank_is_refused() -> None:
    from regard.errors import UsageError

    with pytest.raises(
        UsageError, match=r"turn_mark is ' <turn> '.* expected no blank in it: one is put on either side"
    ):
        parse({"data": {"source": {"turn_mark": " <turn> "}}}, "test")
