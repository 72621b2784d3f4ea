"""Readers of pairs: the same pairs from every format, and each fault named by file and line."""

import gzip
import io
import json
import os
import re
from pathlib import Path
from threading import Thread

import pytest

from regard.data.example import Example
from regard.data.lines import BadLine
from regard.data.readers import PairFiles
from regard.data.report import Report
from regard.errors import DataError, RegardError, UsageError

PAIRS = [
    ("Tom chases Jerry", "汤姆追逐杰瑞"),
    (" spaces  kept ", "\u2028 is text"),
    ("</s>", "▁"),
    ("😀", "שלום\u200f"),
]


def write(path: Path, lines: list[str], packed: bool = False) -> str:
    content = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    return str(path)


def files_in(format: str, folder: Path, packed: bool) -> PairFiles:
    end = ".gz" if packed else ""
    if format == "parallel":
        sides = zip(*PAIRS, strict=True)
        return PairFiles(
            tuple(write(folder / f"a.{name}{end}", list(side), packed) for name, side in zip("ez", sides, strict=True))
        )
    lines = {
        "tsv": ["\t".join(pair) for pair in PAIRS],
        "jsonl": [json.dumps({"tgt": target, "src": source}) for source, target in PAIRS],
        "bars": [" ||| ".join(pair) for pair in PAIRS],
        "translation": [json.dumps({"translation": {"en": source, "zh": target}}) for source, target in PAIRS],
    }[format]
    return PairFiles((write(folder / f"a.{'tsv' if format == 'tsv' else 'jsonl'}{end}", lines, packed),))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("format", ["parallel", "tsv", "jsonl", "translation"])
def test_every_format_gives_the_same_pairs(tmp_path, format: str, packed: bool) -> None:
    report = Report()
    examples = list(files_in(format, tmp_path, packed).read(report))
    assert [(example.source, example.target) for example in examples] == PAIRS
    assert [example.line for example in examples] == [1, 2, 3, 4]
    assert {Path(example.file).parent for example in examples} == {tmp_path}
    assert report == Report(pairs=4)


@pytest.mark.parametrize(("options", "expected"), [
    ({"source": "1", "target": "2"}, ("lemma", "lemmata")),
    ({"source": "3+1", "target": "2"}, ("N;PL lemma", "lemmata")),
    ({"columns": ("lemma", "form", "tags"), "source": "tags+lemma", "target": "form"}, ("N;PL lemma", "lemmata")),
])  # fmt: skip
def test_columns_by_number_and_by_name(tmp_path, options, expected) -> None:
    path = write(tmp_path / "a.tsv", ["lemma\tlemmata\tN;PL"])
    assert [(pair.source, pair.target) for pair in PairFiles((path,), **options).read()] == [expected]


def test_named_columns_of_a_pair_need_no_choice(tmp_path) -> None:
    path = write(tmp_path / "a.tsv", ["a\tb"])
    assert next(PairFiles((path,), columns=("one", "two")).read()) == Example("a", "b", path, 1)


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ({"source": "a", "target": "b", "id": 7}, {}),
        ({"src": "a", "tgt": "b", "source": "which corpus"}, {}),
        ({"en": "a", "de": "b"}, {"source": "en", "target": "de"}),
        ({"translation": {"en": "a", "de": "b", "zh": "c"}}, {"source": "translation.en", "target": "translation.de"}),
        ({"translation": {"en": "a", "zh": "c"}, "de": "b"}, {"source": "en", "target": "de"}),
        ({"x": {"y": {"z": "a"}}, "x.y": "b"}, {"source": "x.y.z", "target": "x.y"}),
    ],
)
def test_json_keys(tmp_path, line: dict, keys: dict[str, str]) -> None:
    path = write(tmp_path / "a.jsonl", [json.dumps(line)])
    assert next(PairFiles((path,), **keys).read()) == Example("a", "b", path, 1)


@pytest.mark.parametrize("line", ["a|||b", "a ||| b", "  a\t|||  b ", "a |||b"])
def test_bars_need_no_spaces(tmp_path, line: str) -> None:
    path = write(tmp_path / "a.txt", [line, "", "a b ||| "])
    pairs = [(one.source, one.target) for one in PairFiles((path,), "bars").records()]
    assert pairs == [("a", "b"), ("", ""), ("a b", "")]


def test_the_message_that_asks_for_a_format_names_all(tmp_path) -> None:
    path = write(tmp_path / "a.fwd", ["a ||| b"])
    with pytest.raises(UsageError, match=r"give --format: tsv, csv, jsonl, or bars for source \|\|\| target"):
        PairFiles((path,))


def test_json_languages_are_chosen_by_name(tmp_path) -> None:
    path = write(tmp_path / "a.jsonl", [json.dumps({"translation": {"en": "a", "de": "b", "zh": "c"}})])
    assert next(PairFiles((path,), source="zh", target="en").read()) == Example("c", "a", path, 1)


def test_json_languages_are_not_swapped_by_their_order(tmp_path) -> None:
    path = write(
        tmp_path / "a.jsonl", ['{"translation": {"en": "a", "zh": "b"}}', '{"translation": {"zh": "d", "en": "c"}}']
    )
    assert [(pair.source, pair.target) for pair in PairFiles((path,)).read()] == [("a", "b"), ("c", "d")]


@pytest.mark.parametrize(
    ("path", "kind"), [("a.tsv", "tsv"), ("a.txt.gz", "tsv"), ("a.jsonl.gz", "jsonl"), ("-", "tsv")]
)
def test_ending_decides_the_format(path: str, kind: str) -> None:
    assert PairFiles((path,)).kind == kind


# What bad input gets: a name, the file, and what the message says after "file, line 2: the line ".
BAD_TSV = {
    "no tab": (b"no tab here", "has no tab"),
    "three columns": (b"a\tb\tc", "has 3 columns, not 2"),
    "invalid UTF-8": (b"a\t\xff", r"is not valid UTF-8 \(byte 3\)"),
    "NUL": (b"a\tb\0", "holds a NUL character"),
    "too long": (b"x" * 100_001, "is longer than 100000 bytes"),
}
BAD_JSON = {
    "bad JSON": (b'{"src": "a", ', "is not valid JSON"),
    "deep JSON": (b"[" * 99_000, "is not valid JSON"),
    "no object": (b'["a", "b"]', "is no JSON object"),
    "no key": (b'{"src": "a"}', "has no key 'tgt'"),
    "no text": (b'{"src": "a", "tgt": null}', "has no text under the key 'tgt'"),
    "three languages": (b'{"translation": {"a": "", "b": "", "c": ""}}', 'has 3 languages under "translation"'),
    "lone surrogate": (rb'{"src": "a", "tgt": "\ud83d"}', "holds a lone surrogate"),
    "NUL escaped": (rb'{"src": "\u0000", "tgt": "a"}', "holds a NUL character"),
    "line feed escaped": (rb'{"src": "a", "tgt": "b\nc"}', "holds a line feed inside a text"),
}
BAD = {name: ("a.tsv", b"good\tpair", *case) for name, case in BAD_TSV.items()}
BAD_BARS = {
    "no bars": (b"a b", r"has no \|\|\|"),
    "three texts": (b"a ||| b ||| c", r"has 3 texts between \|\|\|, not 2"),
}
BAD |= {name: ("a.bars", b"good ||| pair", *case) for name, case in BAD_BARS.items()}
BAD |= {name: ("a.jsonl", b'{"src": "good", "tgt": "pair"}', *case) for name, case in BAD_JSON.items()}


@pytest.mark.parametrize("name", BAD)
def test_bad_line_is_an_error_with_its_place_or_skipped_and_counted(tmp_path, name: str) -> None:
    file, good, bad, reason = BAD[name]
    path = tmp_path / file
    path.write_bytes(b"\n".join([good, bad, good]))
    place = f"{re.escape(str(path))}, line 2: the line {reason}"
    format = "bars" if file == "a.bars" else None
    with pytest.raises(DataError, match=f"{place}.*--on-bad-input skip"):
        list(PairFiles((str(path),), format).read())
    report = Report()
    kept = list(PairFiles((str(path),), format, on_bad_input="skip").read(report))
    assert [(pair.source, pair.target, pair.line) for pair in kept] == [("good", "pair", 1), ("good", "pair", 3)]
    assert (report.pairs, report.bad) == (2, 1)
    assert re.search(f"2 pairs; left out: 1 bad .first bad: {place}", str(report))


def test_paired_surrogate_escapes_are_a_character(tmp_path) -> None:
    path = write(tmp_path / "a.jsonl", [r'{"src": "\ud83d\ude00", "tgt": "x"}'])
    assert next(PairFiles((path,)).read()).source == "😀"


@pytest.mark.parametrize("side", [0, 1])
def test_bad_line_in_parallel_files_names_its_own_file(tmp_path, side: int) -> None:
    contents = [b"a\nb\n", b"c\nd\n"]
    contents[side] = b"fine\n\xff\n"
    paths = []
    for name, content in zip(("a.en", "a.zh"), contents, strict=True):
        (tmp_path / name).write_bytes(content)
        paths.append(str(tmp_path / name))
    with pytest.raises(DataError, match=rf"{re.escape(paths[side])}, line 2: the line is not valid UTF-8"):
        list(PairFiles(tuple(paths)).read())
    assert len(list(PairFiles(tuple(paths), on_bad_input="skip").read())) == 1


@pytest.mark.parametrize("packed", [False, True])
def test_unequal_lengths_are_found_before_anything_is_read(tmp_path, packed: bool) -> None:
    left, right = write(tmp_path / "a.en", ["x"] * 7, packed), write(tmp_path / "a.zh", ["y"] * 5, packed)
    with pytest.raises(DataError, match=r"a\.en has 7, .*a\.zh has 5"):
        PairFiles((left, right)).read()


def test_unequal_lengths_with_standard_input(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x\n" * 3)))
    path = write(tmp_path / "a.zh", ["y"] * 11)
    with pytest.raises(DataError, match=r"<stdin> has 3, .*a\.zh has 11"):
        list(PairFiles(("-", path)).read())


@pytest.mark.parametrize("content", [b"", gzip.compress(b"", mtime=0)])
@pytest.mark.parametrize("names", [("a.tsv",), ("a.jsonl",), ("a.en", "a.zh")])
def test_empty_file(tmp_path, names: tuple[str, ...], content: bytes) -> None:
    for name in names:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=r"a\.\w+: the file is empty"):
        list(PairFiles(tuple(str(tmp_path / name) for name in names)).read())


def test_empty_lines_are_skipped_and_counted(tmp_path) -> None:
    path = write(tmp_path / "a.tsv", ["a\tb", "", "\t", "a\t", "a\t \u3000", "\tb", "c\td"])
    report = Report()
    assert [pair.line for pair in PairFiles((path,)).read(report)] == [1, 7]
    assert report == Report(pairs=2, empty=5)
    assert str(report) == "2 pairs; left out: 5 empty"


def test_records_keep_every_line(tmp_path) -> None:
    path = write(tmp_path / "a.tsv", ["a\tb", "", "bad", "c\t"])
    records = list(PairFiles((path,)).records())
    assert records[0] == Example("a", "b", path, 1)
    assert records[1] == Example("", "", path, 2)
    assert records[2] == BadLine(3, "has no tab", path)
    assert records[3] == Example("c", "", path, 4)


def test_nothing_but_empty_lines(tmp_path) -> None:
    path = write(tmp_path / "a.tsv", ["\t", ""])
    with pytest.raises(DataError, match=r"no line holds a pair that can be used \(0 pairs; left out: 2 empty\)"):
        list(PairFiles((path,)).read())


def test_missing_file(tmp_path) -> None:
    with pytest.raises(DataError, match=r"gone\.tsv: cannot be read: No such file"):
        PairFiles((str(tmp_path / "gone.tsv"),)).read()


def test_spooled_standard_input_reads_twice_and_keeps_its_name(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = []
    for _ in range(2):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"a\tb\nno tab\n", mtime=0))))
        kept.append(PairFiles(("-",), on_bad_input="skip").spooled(tmp_path))
    assert kept[0] == kept[1]
    assert kept[0].fingerprint() == kept[1].fingerprint()
    assert len(list(tmp_path.iterdir())) == 1
    for _ in range(2):
        report = Report()
        assert [pair.file for pair in kept[0].read(report)] == ["<stdin>"]
        assert report.first_bad == "<stdin>, line 2: the line has no tab"


def test_pipes_of_the_shell_are_spooled_too(tmp_path) -> None:
    pipes = [str(tmp_path / name) for name in ("left", "right")]
    for path in pipes:
        os.mkfifo(path)
    writers = [Thread(target=Path(path).write_bytes, args=(b"a\nb\n",)) for path in pipes]
    for writer in writers:
        writer.start()
    files = PairFiles(tuple(pipes))
    files.check()
    kept = files.spooled(tmp_path / "kept")
    for writer in writers:
        writer.join()
    for _ in range(2):
        assert [(pair.source, pair.target, pair.file) for pair in kept.read()] == [
            ("a", "a", pipes[0]),
            ("b", "b", pipes[0]),
        ]


def test_spooling_on_a_full_disk_says_so(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\tb\n")))
    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(RegardError, match=r"<stdin> cannot be kept in .*: No space left on device\. Free the disk"):
        PairFiles(("-",)).spooled(tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_standard_input_there_is_nothing_to_spool(tmp_path) -> None:
    files = PairFiles(("a.tsv",))
    assert files.spooled(tmp_path) is files


def test_csv_is_what_its_quotes_say_and_names_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text('id,en,zh\n1,"Hello, Tom.",你好\n2,"a ""b""",c\n3,"open,d\n4,e\n')
    chosen = PairFiles((str(path),), source="en", target="zh")
    *pairs, open_quote, short = chosen.records()
    assert [(pair.source, pair.target, pair.line) for pair in pairs] == [("Hello, Tom.", "你好", 2), ('a "b"', "c", 3)]
    assert str(open_quote) == f"{path}, line 4: the line is not valid CSV (unexpected end of data)"
    assert str(short) == f"{path}, line 5: the line has 2 columns, not 3"
    with pytest.raises(UsageError, match=r"3 columns are named \(id, en, zh\), but not which of them to learn from"):
        list(PairFiles((str(path),)).records())
    named = PairFiles((str(path),), columns=("a", "b", "c"), source="b", target="c")
    assert next(named.records()).source == "en", "names in the recipe: the first line is a pair"


@pytest.mark.parametrize(("ending", "between"), [("csv", ","), ("tsv", "\t")])
def test_a_first_line_of_the_names_of_the_recipe_is_a_heading(tmp_path: Path, ending: str, between: str) -> None:
    rows = (["lemma", "form", "tags"], ["Haus", "Häuser", "N;PL"], ["lemma", "form", "tags"])
    path = write(tmp_path / f"forms.{ending}", [between.join(row) for row in rows])
    files = PairFiles((path,), columns=("lemma", "form", "tags"), source="lemma", target="form")
    assert [(pair.source, pair.line) for pair in files.read()] == [("Haus", 2), ("lemma", 3)]


def test_a_wider_table_is_told_how_to_name_its_columns(tmp_path: Path) -> None:
    first, second = PairFiles((write(tmp_path / "a.tsv", ["a\tb\tc", "a\tb\tc"]),)).records()
    assert "line 1: the line has 3 columns, not 2; name the columns of a wider table with data.columns" in str(first)
    assert str(second).endswith("the line has 3 columns, not 2")


WRONG = {
    "three files": ({"paths": ("a", "b", "c")}, "one file or from two parallel ones; 3 are given: a, b, c"),
    "stdin twice": ({"paths": ("-", "-")}, "2 are given: <stdin>, <stdin>"),
    "parallel of one": ({"paths": ("a",), "format": "parallel"}, r"'parallel' does not fit 1 file"),
    "tsv of two": ({"paths": ("a", "b"), "format": "tsv"}, r"'tsv' does not fit 2 file"),
    "unknown ending": ({"paths": ("a.doc.gz",)}, r"'\.doc' tells no format; \.tsv, \.txt, \.csv, \.jsonl do"),
    "columns of JSONL": ({"paths": ("a.jsonl",), "columns": ("a",)}, "Columns choose from a TSV or CSV file"),
    "source of parallel": ({"paths": ("a", "b"), "source": "a", "target": "b"}, "this is parallel"),
    "three columns": ({"paths": ("a.tsv",), "columns": ("a", "b", "c")}, "not which of them to learn from"),
    "half a choice": ({"paths": ("a.tsv",), "source": "2"}, "source is given and target is not"),
    "half a choice in JSON": ({"paths": ("a.jsonl",), "target": "de"}, "target is given and source is not"),
    "no such column": (
        {"paths": ("a.tsv",), "columns": ("lemma", "form"), "source": "lema", "target": "form"},
        "no column 'lema'; the columns are lemma, form. Did you mean 'lemma'",
    ),
    "no number": ({"paths": ("a.tsv",), "source": "lemma", "target": "2"}, "'lemma' is no number from 1 on"),
    "column 0": ({"paths": ("a.tsv",), "source": "0", "target": "2"}, "'0' is no number from 1 on"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_refused_at_once(name: str) -> None:
    options, message = WRONG[name]
    with pytest.raises(UsageError, match=message):
        PairFiles(**options)


SHARED = Path(__file__).parents[3] / "shared" / "data"
REAL = {
    "multi30k": {"paths": ("multi30k/val.en.gz", "multi30k/val.de.gz")},
    "tatoeba": {"paths": ("tatoeba-cmn-eng/dev.tsv",)},
    "cmudict": {"paths": ("g2p-cmudict/split/dev.tsv",)},
    "inflection": {
        "paths": ("inflection/turkish/dev.tsv",),
        "columns": ("lemma", "inflected", "tags"),
        "source": "tags+lemma",
        "target": "inflected",
    },
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_read_as_they_stand(name: str) -> None:
    if not SHARED.exists():
        pytest.skip(f"{SHARED} is absent")
    options = dict(REAL[name])
    report = Report()
    for _ in PairFiles(**options | {"paths": tuple(str(SHARED / path) for path in options["paths"])}).read(report):
        pass
    assert report.pairs >= 500
    assert not report.bad
