"""`regard chat`: the last turns of both sides are the source of the next reply."""

from pathlib import Path

import pytest
from toy import regard


@pytest.mark.parametrize("turns", [1, 3, 4])
def test_a_reply_is_the_translation_of_the_last_turns(turns: int, run: Path) -> None:
    said = ["the dog sees", "the cat", "a red old dog", "the cat hears", "dog"]
    replies = regard("chat", run, "--turns", turns, "--quiet", stdin="".join(f"{line}\n" for line in said)).lines
    assert len(replies) == len(said)
    history: list[str] = []
    for line, reply in zip(said, replies, strict=True):
        history.append(line)
        source = " <turn> ".join(history[-turns:])
        assert regard("translate", run, stdin=f"{source}\n").lines == [reply]
        history.append(reply)


def test_what_cannot_be_read_is_named_forgotten_and_answered_by_an_empty_line(run: Path) -> None:
    lines = [b"the dog", b"", b"the " * 2000, b"\xff", b"the cat"]
    talked = regard("chat", run, "--turns", 2, "--max-tokens", 60, stdin=b"".join(line + b"\n" for line in lines))
    assert (talked.code, len(talked.lines), talked.lines[1:4]) == (3, 5, ["", "", ""])
    assert "line 3: the line has" in talked.err
    assert "2 line(s) could not be read" in " ".join(talked.err.split())
    alone = regard("chat", run, "--turns", 2, stdin="the dog\nthe cat\n").lines
    assert [talked.lines[0], talked.lines[4]] == alone


def test_turns_that_are_too_long_together_are_left_out(run: Path) -> None:
    """Else a long reply would silence all that follow."""
    long = "the dog sees the cat " * 6
    talked = regard("chat", run, "--turns", 9, "--max-tokens", 40, stdin=f"{long}\n" * 4)
    assert talked.code == 0
    assert all(talked.lines)
