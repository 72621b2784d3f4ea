"""Files of pairs whose sources are files: every format gives the same pairs, and each fault has its file and line."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regard.config import DataConfig, parse
from regard.data.example import Example
from regard.data.lines import STDIN, BadLine
from regard.data.media_files import Named, located, named
from regard.data.readers import PairFiles
from regard.data.sources import UnusableSource
from regard.errors import DataError, UsageError
from regard.run.pairs import pair_files

NAMES = ("a.wav", "sub/b.wav", "sub/c.wav")
TEXTS = ("one two", "three", "vier fünf")


def recordings(**columns: Any) -> DataConfig:
    """Nothing here opens a sound file, so that any file will do."""
    return parse({"data": {"source": {"kind": "recording"}, **columns}}, "test").data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    for name in NAMES:
        (tmp_path / name).write_bytes(b"sound")
    return tmp_path


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def records(path: Path | str, data: DataConfig | None = None) -> list[Example | BadLine]:
    return list(pair_files([str(path)], data or recordings()).records())


def of(path: Path | str, data: DataConfig | None = None) -> list[tuple[str, str | None]]:
    found = records(path, data)
    assert all(isinstance(one, Example) for one in found), found
    return [(one.source, one.target) for one in found if isinstance(one, Example)]


def as_csv(folder: Path) -> Path:
    with open(folder / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("speaker", "file_name", "transcription"), *zip("xyz", NAMES, TEXTS, strict=True)])
    return folder


def as_kaldi(folder: Path) -> Path:
    (folder / "wav.scp").write_text("".join(f"u{n}  {name}\n" for n, name in enumerate(NAMES)))
    (folder / "text").write_text("".join(f"u{n} {text}\n" for n, text in enumerate(TEXTS)), encoding="utf-8")
    return folder


def written(name: str, content: Callable[[], str]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_text(content(), encoding="utf-8")
        return folder / name

    return write


def images(**more: Any) -> list[dict[str, Any]]:
    return [{"filename": Path(name).name, "filepath": str(Path(name).parent), **more} for name in NAMES]


def karpathy() -> str:
    told = [one | {"sentences": [{"raw": text}]} for one, text in zip(images(split="val"), TEXTS, strict=True)]
    return json.dumps({"images": [*told, {"filename": "a.wav", "split": "test", "sentences": [{"raw": "x"}]}]})


def coco() -> str:
    return json.dumps(
        {
            "images": [{"id": 7 + n, "file_name": name} for n, name in enumerate(NAMES)],
            "annotations": [{"image_id": 7 + n, "caption": f"{text}\n"} for n, text in reversed([*enumerate(TEXTS)])],
        }
    )


def pairs(**keys: str) -> Callable[[], str]:
    source, target = keys["source"], keys["target"]
    return lambda: lines(*({source: name, target: text, "id": 3} for name, text in zip(NAMES, TEXTS, strict=True)))


FORMATS: dict[str, Callable[[Path], Path]] = {
    "tsv": written("a.tsv", lambda: "".join(f"{name}\t{text}\n" for name, text in zip(NAMES, TEXTS, strict=True))),
    "nemo": written("a.jsonl", pairs(source="audio_filepath", target="text")),
    "images": written("a.jsonl", pairs(source="image", target="caption")),
    "pairs": written("a.jsonl", pairs(source="src", target="tgt")),
    "metadata.jsonl": lambda folder: written("metadata.jsonl", pairs(source="file_name", target="text"))(folder).parent,
    "metadata.csv": as_csv,
    "kaldi": as_kaldi,
    "wav.scp": lambda folder: as_kaldi(folder) / "wav.scp",
    "coco": written("captions.json", coco),
    "karpathy": lambda folder: Path(f"{written('dataset.json', karpathy)(folder)}:val"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_pairs(name: str, folder: Path) -> None:
    expected = [(str(folder / name), text) for name, text in zip(NAMES, TEXTS, strict=True)]
    assert of(FORMATS[name](folder)) == expected


def test_columns_and_keys_are_chosen_by_name(folder: Path) -> None:
    path = written("a.jsonl", lambda: lines({"clip": "a.wav", "fr": "un", "text": "one"}))(folder)
    chosen = recordings(source_column="clip", target_column="fr")
    assert of(path, chosen) == [(str(folder / "a.wav"), "un")]
    path = written("b.jsonl", lambda: lines({"image": "a.wav", "fr": "un", "text": "one"}))(folder)
    assert of(path, recordings(target_column="fr")) == [(str(folder / "a.wav"), "un")]
    path = written("a.tsv", lambda: "x\ta.wav\tun\n")(folder)
    assert of(path, recordings(columns=("id", "clip", "fr"), source_column="clip", target_column="fr")) == [
        (str(folder / "a.wav"), "un")
    ]


def test_several_texts_are_several_pairs_of_one_line(folder: Path) -> None:
    path = written(
        "a.jsonl", lambda: lines({"image": "a.wav", "captions": ["one", "two"]}, {"image": "a.wav", "text": ""})
    )
    assert records(path(folder)) == [
        Example(str(folder / "a.wav"), text, str(folder / "a.jsonl"), line)
        for text, line in (("one", 1), ("two", 1), ("", 2))
    ]


def test_a_part_reaches_the_source(folder: Path) -> None:
    part = {"audio_filepath": "a.wav", "offset": 1.5, "duration": 2}
    path = written("a.jsonl", lambda: lines(part | {"text": "one"}))(folder)
    ((source, _),) = of(path)
    assert named(source) == Named(str(folder / "a.wav"), 1.5, 2.0)
    (folder / "metadata.csv").write_text("file_name,offset,duration,text\na.wav,1.5,2,one\nsub/b.wav,,,two\n")
    assert of(folder / "metadata.csv") == [(source, "one"), (str(folder / "sub/b.wav"), "two")]
    (folder / "wav.scp").write_text("r a.wav\n")
    (folder / "text").write_text("u one\nv two\n")
    (folder / "segments").write_text("u r 1.5 3.5\nv r 1.5 -1\n")
    assert of(folder / "wav.scp") == [(source, "one"), (str(Named(str(folder / "a.wav"), 1.5)), "two")]


RECORD = {"audio_filepath": "a.wav", "text": "x"}
FAULTS: dict[str, tuple[object, str]] = {
    "missing": (RECORD | {"audio_filepath": "no.wav"}, r"names no file that is there \(no.wav\)"),
    "no file": ({"text": "x"}, "names no file; expected one of the keys audio_filepath, image, file_name"),
    "two files": (RECORD | {"image": "a.wav"}, r"names 2 files \(audio_filepath, image\)"),
    "no text": ({"audio_filepath": "a.wav"}, "has no text; expected one of the keys text, captions"),
    "two texts": (RECORD | {"caption": "y"}, r"has 2 texts \(text, caption\); data.target_column"),
    "number": (RECORD | {"text": 3}, "has no text under the key 'text'"),
    "numbers": (RECORD | {"text": [3]}, "has something else than texts under the key 'text'"),
    "line feed": (RECORD | {"text": ["a\nb"]}, "holds a line feed inside a text"),
    "offset": (RECORD | {"offset": -1}, "has the offset '-1'; expected seconds"),
    "truth": (RECORD | {"offset": True}, "has the offset 'True'; expected seconds"),
    "word": (RECORD | {"duration": "long"}, "has the duration 'long'; expected seconds"),
    "nothing": (RECORD | {"duration": 0}, "has the duration 0; expected seconds above 0"),
    "list": ([1], "is no JSON object"),
    "outside": (
        RECORD | {"audio_filepath": "sub/../../a.wav"},
        r"names a file outside the folder .*\(sub/../../a.wav\), which only",
    ),
    "folder": (RECORD | {"audio_filepath": "sub"}, "names no file that is there"),
    "name": (RECORD | {"audio_filepath": 7}, "names no file; expected"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_have_their_line(name: str, folder: Path) -> None:
    record, reason = FAULTS[name]
    path = written("a.jsonl", lambda: lines(RECORD, record))(folder)
    first, second = records(path)
    assert isinstance(first, Example)
    assert isinstance(second, BadLine)
    with pytest.raises(DataError, match=rf"a.jsonl, line 2: the line {reason}"):
        list(pair_files([str(path)], recordings()).read())


def test_what_stays_in_the_folder_may_go_up_and_whole_paths_may_leave(folder: Path) -> None:
    (folder / "sub" / "a.tsv").write_text(f"../sub/b.wav\tx\nd/../b.wav\tx\n{folder}/a.wav\tx\n")
    bad, inside, whole = records(folder / "sub" / "a.tsv")
    assert isinstance(bad, BadLine)
    assert isinstance(inside, BadLine)  # there is no folder d
    assert "no file that is there" in inside.reason
    assert whole == Example(str(folder / "a.wav"), "x", str(folder / "sub/a.tsv"), 3)
    assert located("sub/../a.wav", str(folder / "x.tsv")).path == str(folder / "sub/../a.wav")


def test_a_name_that_is_typed_may_be_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "sub")
    assert located("../a.wav", STDIN) == Named("../a.wav")
    assert located('{"file_name": "b.wav", "offset": 1}', STDIN) == Named("b.wav", 1.0)
    with pytest.raises(UnusableSource, match="is no valid JSON, and begins like a record"):
        located("{b.wav}", STDIN)


def test_a_command_of_kaldi_is_refused_and_not_run(folder: Path) -> None:
    as_kaldi(folder)
    ran = folder / "ran"
    (folder / "wav.scp").write_text(f"u0 touch {ran} |\nu1 | touch {ran}\nu2 a.wav\n")
    with open(folder / "text", "a", encoding="utf-8") as text:
        text.write("u9 x\nu2\n")
    one, two, three, four, five = records(folder / "wav.scp")
    for number, bad in enumerate((one, two), 1):
        assert isinstance(bad, BadLine)
        assert (bad.line, bad.file) == (number, str(folder / "wav.scp"))
        assert "names a command, which would be run in a shell" in bad.reason
    assert isinstance(three, Example)
    assert str(four) == f"{folder}/text, line 4: the line has an id that wav.scp has not (u9)"
    assert five == Example(str(folder / "a.wav"), "", str(folder / "text"), 5)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("u0 r 3 1", "ends at 1 s and begins at 3 s"),
        ("u0 q 0 1", r"has the id of a recording that wav.scp has not \(q\)"),
        ("u0 r x 1", "has the offset 'x'; expected seconds"),
        ("u0 r 1", r"has an id that segments has not \(u0\)"),
    ],
)
def test_faults_of_segments(line: str, reason: str, folder: Path) -> None:
    (folder / "wav.scp").write_text("r a.wav\n")
    (folder / "text").write_text("u0 one\n")
    (folder / "segments").write_text(line + "\n")
    with pytest.raises(DataError, match=reason):
        list(pair_files([str(folder)], recordings()).read())


def test_kaldi_needs_its_text(folder: Path) -> None:
    (folder / "wav.scp").write_text("u a.wav\n")
    with pytest.raises(DataError, match=r"there is no file named text beside wav\.scp"):
        pair_files([str(folder)], recordings()).check()


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("", r"it has several splits. Give one of val, test behind the name: .*dataset.json:val"),
        (":train", "there is no split 'train'. Give one of val, test"),
    ],
)
def test_a_split_has_to_be_named(split: str, message: str, folder: Path) -> None:
    path = f"{written('dataset.json', karpathy)(folder)}{split}"
    with pytest.raises(UsageError, match=message):
        records(path)


def test_splits_can_be_joined(folder: Path) -> None:
    path = f"{written('dataset.json', karpathy)(folder)}:test+val"
    assert len(records(path)) == 4
    path = f"{written('captions.json', coco)(folder)}:val"
    with pytest.raises(UsageError, match="has no splits, and 'val' is given"):
        records(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not valid JSON; expected captions as COCO or Karpathy"),
        ("[]", "holds no list of images"),
        ('{"images": 3}', "holds no list of images"),
        ('{"images": [3], "annotations": []}', r"\(images\), line 1: the line is no picture with the name of a file"),
        (
            '{"images": [{"id": 1, "file_name": "../x"}], "annotations": []}',
            r"\(images\), line 1: .*outside the folder",
        ),
        ('{"images": [{"filename": "a.wav", "sentences": [{}]}]}', "line 1: the line is no picture"),
    ],
)
def test_faults_of_captions(content: str, message: str, folder: Path) -> None:
    (folder / "a.json").write_text(content)
    with pytest.raises(DataError, match=message):
        list(pair_files([str(folder / "a.json")], recordings()).read())


def test_a_folder_has_one_file_of_pairs(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"holds none of metadata.jsonl, metadata.csv, wav.scp, feats.scp. Name"):
        pair_files([str(folder)], recordings())
    as_csv(as_kaldi(folder))
    with pytest.raises(UsageError, match=r"holds metadata.csv and wav.scp. Name the file of pairs itself"):
        pair_files([str(folder)], recordings())


def test_texts_are_not_made_of_names(folder: Path) -> None:
    text = parse({}, "test").data
    with pytest.raises(UsageError, match=r"names recordings or pictures, .* Set data.source.kind in a recipe"):
        pair_files([str(as_kaldi(folder))], text)
    path = written("a.jsonl", lambda: lines(RECORD))(folder)
    with pytest.raises(DataError, match=r"names a file \(audio_filepath\), and the sources of the recipe are texts"):
        list(pair_files([str(path)], text).read())
    path = written("a.jsonl", lambda: lines({"src": "a dog", "tgt": "un chien", "image": "a.jpg"}))(folder)
    assert of(path, text) == [("a dog", "un chien")]


def test_pairs_of_a_program_may_be_parts(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from regard.run.pairs import given_pairs

    monkeypatch.chdir(folder)
    given = [("a.wav", "one"), ('{"audio_filepath": "sub/b.wav", "offset": 2}', "two")]
    found = given_pairs(given, recordings(), tmp_path / "copies").read()
    assert [named(one.source) for one in found] == [Named("a.wav"), Named("sub/b.wav", 2.0)]


@pytest.mark.parametrize("changed", ["a.wav", "a.jsonl", "captions.json", "wav.scp", "text"])
def test_a_corpus_is_another_one_once_a_file_of_it_changed(changed: str, folder: Path) -> None:
    FORMATS["nemo"](folder), FORMATS["coco"](folder), as_kaldi(folder)
    path = folder / changed if changed.endswith((".jsonl", ".json")) else folder / "wav.scp"
    files: PairFiles = pair_files([str(path)], recordings())
    before = files.fingerprint()
    assert files.fingerprint() == before
    with open(folder / changed, "a", encoding="utf-8") as file:
        file.write(" ")
    assert files.fingerprint() != before
