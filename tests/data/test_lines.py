"""Streams of lines: every line is there, in its place, as text or as a BadLine; nothing is held whole."""

import gzip
import io
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.data.example import Example
from regard.data.lines import BadLine, count_lines, opened, read_lines, texts
from regard.errors import DataError

LINE = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n\0"), max_size=13)


def lines_of(content: bytes, max_line_bytes: int = 101) -> list[str | BadLine]:
    return list(texts(io.BytesIO(content), "given", max_line_bytes))


@settings(deadline=None)  # the machine may be busy
@given(st.lists(LINE.filter(lambda text: not text.endswith("\r")), max_size=7), st.sampled_from(["\n", "\r\n"]))
def test_lines_end_at_line_feeds_only(given_lines: list[str], end: str) -> None:
    content = "".join(line + end for line in given_lines).encode()
    expected = list(given_lines)
    if expected:
        expected[0] = expected[0].removeprefix("\ufeff")
    assert lines_of(content) == expected


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\x0b", "\x0c", "\x1e", "\r "])
def test_other_separators_are_text(separator: str) -> None:
    assert lines_of(f"one{separator}line\n".encode()) == [f"one{separator}line"]


def test_last_line_needs_no_line_feed() -> None:
    assert lines_of(b"one\ntwo") == ["one", "two"]
    assert lines_of(b"one\n\n") == ["one", ""]
    assert lines_of(b"") == []


def test_byte_order_mark_is_dropped_at_the_start_only() -> None:
    assert lines_of("\ufeffone\n\ufefftwo\n".encode()) == ["one", "\ufefftwo"]


BAD_LINES = {
    "invalid UTF-8": (b"ab\xff", r"is not valid UTF-8 \(byte 3\)"),
    "surrogate in UTF-8": (b"\xed\xa0\x80", "is not valid UTF-8"),
    "cut short": ("汤".encode()[:2], "is not valid UTF-8"),
    "NUL": (b"a\0b", "holds a NUL character"),
    "too long": (b"x" * 102, "is longer than 101 bytes"),
    "much too long": (b"x" * 10007, "is longer than 101 bytes"),
}


@pytest.mark.parametrize("name", BAD_LINES)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_bad_line_leaves_its_neighbours_unharmed(name: str, end: bytes) -> None:
    content, reason = BAD_LINES[name]
    before, bad, after = lines_of(b"before" + end + content + end + b"after")
    assert (before, after) == ("before", "after")
    assert isinstance(bad, BadLine)
    assert bad.line == 2
    with pytest.raises(DataError, match=f"given, line 2: the line {reason}"):
        raise DataError(str(bad))


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_line_of_the_greatest_length_is_read(end: bytes) -> None:
    assert lines_of(b"x" * 101 + end + b"y" * bool(end)) == ["x" * 101] + ["y"] * bool(end)


def test_huge_line_is_refused_fast_and_not_held() -> None:
    stream = io.BytesIO(b"before\n" + b"x" * 10_000_000 + b"\n\nafter\n")
    tracemalloc.start()
    start = time.perf_counter()
    records = list(read_lines(stream))
    seconds = time.perf_counter() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [record.line for record in records] == [1, 2, 3, 4]
    assert [record.source for record in records if isinstance(record, Example)] == ["before", "", "after"]
    assert records[1] == BadLine(2, "is longer than 100000 bytes", "<stdin>")
    assert seconds < 1
    assert peak < 4_000_000


@pytest.mark.parametrize("content", [b"", b"\n", b"one", b"one\n", b"one\ntwo", b"\n\n\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_count_agrees_with_reading(tmp_path, content: bytes, packed: bool) -> None:
    path = tmp_path / "any name"
    path.write_bytes(gzip.compress(content) if packed else content)
    with opened(str(path)) as stream:
        assert count_lines(str(path)) == len(list(texts(stream, "given")))


def test_gzip_is_known_by_its_content(tmp_path) -> None:
    path = tmp_path / "not-called-gz"
    path.write_bytes(gzip.compress("汤姆\n".encode()))
    with opened(str(path)) as stream:
        assert list(texts(stream, "given")) == ["汤姆"]


def test_damaged_gzip_names_the_file(tmp_path) -> None:
    path = tmp_path / "short.gz"
    path.write_bytes(gzip.compress(bytes(range(256)) * 101)[:-20])
    with pytest.raises(DataError, match=r"short\.gz: the gzip file is cut short or damaged"):
        count_lines(str(path))
    with pytest.raises(DataError, match=r"short\.gz: the gzip file is cut short"), opened(str(path)) as stream:
        list(texts(stream, str(path)))


def test_missing_file_is_named() -> None:
    with pytest.raises(DataError, match=r"nowhere: cannot be read: No such file or directory. Check the name"):
        count_lines("nowhere")


def test_standard_input_without_peek(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"one\ntwo\n", mtime=0))))
    with opened("-") as stream:
        assert list(texts(stream, "<stdin>")) == ["one", "two"]


def test_a_device_has_no_lines() -> None:
    with pytest.raises(DataError, match=r"/dev/zero: cannot be read: it is a device. Give a file, a pipe, or -"):
        count_lines("/dev/zero")
