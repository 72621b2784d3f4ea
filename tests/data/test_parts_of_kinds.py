"""A source of several parts of several kinds: its numbers, batches, spans and file, and lines that are none."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regard.config import Config, DataConfig
from regard.config.several import SeveralConfig
from regard.data.example import Example
from regard.data.media import Picture, Recording
from regard.data.part_batch import PartBatch
from regard.data.readers import PairFiles
from regard.data.report import Report
from regard.data.several_sources import SeveralSources
from regard.data.shards import encode, prepare
from regard.data.sources import Source, batch_of
from regard.data.tokenizer import Tokenizer
from regard.errors import CheckpointError, DataError
from regard.marks import END
from regard.run.pairs import pair_files

PARTS: dict[str, Any] = {
    "picture": {"kind": "picture", "size": 16},
    "english": {"tokenizer": "symbols"},
    "sound": {"kind": "recording", "rate": 8000, "max_seconds": 3},
}
LINES = [
    "drawn:train/0\ta red thing\tspoken:train/1",
    "drawn:train/1\t\tspoken:train/2",
    "drawn:train/2\ta thing here now\tspoken:train/0",
]
SECTION = SeveralConfig(kind="several", parts=PARTS)


@pytest.fixture(scope="module")
def source() -> Source:
    return SECTION.learn(lambda: LINES)


def test_each_part_is_what_its_kind_makes_of_it(source: Source) -> None:
    assert isinstance(source, SeveralSources)
    values = [source.encode(line) for line in LINES]
    batch, mask = batch_of(source, values)
    assert isinstance(batch, PartBatch)
    for place, (name, own) in enumerate(source.sources.items()):
        alone = [own.encode(source.texts(line)[name]) for line in LINES]
        assert [source.counts(each)[place] for each in values] == [len(each) for each in alone]
        expected, real = batch_of(own, alone)
        assert isinstance(expected, torch.Tensor)
        torch.testing.assert_close(batch.values[place], expected, rtol=0, atol=0)
        assert torch.equal(batch.masks[place], real)
        assert batch.has_end[place] == own.has_end == (name == "english")
    assert batch.lengths.sum(1).tolist() == mask.sum(1).tolist()
    assert mask.sum(1).tolist() == [
        256 + len(line.split("\t")[1].split()) + 1 + source.counts(each)[2]
        for line, each in zip(LINES, values, strict=True)
    ]
    assert [source.tokens(each) for each in values] == [3, 0, 4]


def test_neither_company_nor_padding_changes_a_part(source: Source) -> None:
    together, _ = batch_of(source, [source.encode(line) for line in LINES])
    for row, line in enumerate(LINES):
        alone, _ = batch_of(source, [source.encode(line)])
        for many, one, mask in zip(together.values, alone.values, alone.masks, strict=True):
            width = one.shape[1]
            assert torch.equal(many[row, :width][mask[0]], one[0][mask[0]])


def test_an_unfinished_batch_has_no_rows(source: Source) -> None:
    found, mask = source.collate(np.zeros((0, *source.shape), np.uint8), np.zeros(0, np.int64))
    assert isinstance(found, PartBatch)
    assert (len(found), len(mask)) == (0, 0)


def test_spans_and_units_are_those_of_each_kind(source: Source) -> None:
    memory = np.array(
        [[0, 0, 8, 8, 0], [8, 8, 16, 16, 0], [1, 2, -1, -1, 1], [0, 4, -1, -1, 2], [9999, 10000, -1, -1, 1]]
    )
    spans = source.spans(LINES[0], source.encode(LINES[0]), memory)
    assert spans[:3] == [(0, 0.0, 0.0, 32.0, 32.0), (0, 32.0, 32.0, 64.0, 64.0), (1, 2, 5)]
    assert (spans[3][0], len(spans)) == (2, 4)
    assert spans[3][1:] == pytest.approx((0.0, 0.0475), abs=0.02)
    drawn = source.draw(LINES[0], spans)
    assert drawn.text == LINES[0]
    assert drawn.parts == ("picture", "english", "sound")
    assert drawn.units[2] == "red"
    number, start, end = drawn.spans[2]
    assert (number, drawn.text[int(start) : int(end)]) == (1, "red")
    assert isinstance(drawn.media[0] and drawn.media[0].medium, Picture)
    assert isinstance(drawn.media[2] and drawn.media[2].medium, Recording)
    assert drawn.media[1] is None


def test_what_is_saved_is_loaded(source: Source, tmp_path: Path) -> None:
    source.save(path := tmp_path / "source.json")
    found = SECTION.load(path)
    assert found.digest == source.digest
    np.testing.assert_array_equal(found.encode(LINES[0]), source.encode(LINES[0]))
    content = json.loads(path.read_text())
    content["parts"][0]["content"] = "{}"
    path.write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"source.json is damaged in its part picture. Restore it"):
        SECTION.load(path)
    path.write_text("{}")
    with pytest.raises(CheckpointError, match="does not say what the parts of a source of this run are"):
        SECTION.load(path)


BAD = {
    "drawn:train/0\ta": "the line has 2 parts; expected 3 with a tab between two: picture, english, sound",
    "none.png\ta\tspoken:train/1": "the line in its part picture names no file that is there (none.png)",
    "drawn:train/0\ta\t": "the line in its part sound has nothing; expected what names a source of kind recording",
    "drawn:train/0\ta\tpairs.tsv": "the line in its part sound names",
    "pairs.tsv\ta\tspoken:train/1": "the line in its part picture names a file that is no JPEG or PNG picture",
    '{"image": "a", "offset": "x"}\ta\tspoken:train/1': "the line in its part picture has the offset 'x'; expected sec",
}


@pytest.mark.parametrize(("line", "said"), BAD.items(), ids=range(len(BAD)))
def test_a_line_that_cannot_be_read_names_its_part(source: Source, tmp_path: Path, line: str, said: str) -> None:
    rows = f"{LINES[0]}\tx\n{line}\tx\n"
    (tmp_path / "pairs.tsv").write_text(rows)
    (tmp_path / "dev").write_text("".join(f"{each}\n" for each in (LINES[0], line)))
    (tmp_path / "x").write_text("x\nx\n")
    data = DataConfig(source=SECTION)
    files = pair_files([str(tmp_path / "dev"), str(tmp_path / "x")], data)
    with pytest.raises(DataError, match=r"line 2: " + re.escape(said)):
        encode(files.read(), source, Tokenizer.train("symbols", ["x"], 300), max_length=9)


def test_a_table_and_a_manifest_say_the_same(tmp_path: Path) -> None:
    data = DataConfig(
        source={"kind": "several", "parts": {"sound": {"kind": "recording"}, "draft": {}}},  # type: ignore[arg-type]
        target_column="text",
    )
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "1.wav").write_bytes(b"RIFF")
    record = {"audio_filepath": "s/1.wav", "offset": 0.5, "duration": 1.0}
    (tmp_path / "a.jsonl").write_text(json.dumps({"sound": record, "draft": "a\tb", "text": "c"}) + "\n")
    (tmp_path / "a.tsv").write_text(f"c\t{json.dumps(record)}\ta b\n")
    named = data.model_copy(update={"columns": ("text", "sound", "draft")})
    found = [next(iter(pair_files([str(tmp_path / "a.jsonl")], data).read()))]
    found.append(next(iter(pair_files([str(tmp_path / "a.tsv")], named).read())))
    whole = json.dumps(record | {"audio_filepath": str(tmp_path / "s" / "1.wav")})
    assert [(each.source, each.target) for each in found] == [(f"{whole}\ta b", "c")] * 2
    (tmp_path / "b.jsonl").write_text(json.dumps({"sound": "s/1.wav", "draft": "a", "text": "c", "offset": 1}) + "\n")
    with pytest.raises(DataError, match=r"line 1: the line has offset beside the parts sound, draft; expected an obje"):
        list(pair_files([str(tmp_path / "b.jsonl")], data).read())


def test_times_beside_a_usual_key_are_of_that_part(tmp_path: Path) -> None:
    parts = {"audio_filepath": {"kind": "recording"}, "draft": {}}
    data = DataConfig(source={"kind": "several", "parts": parts})  # type: ignore[arg-type]
    record = {"audio_filepath": "1.wav", "offset": 0.5, "draft": "a", "text": "c"}
    (tmp_path / "1.wav").write_bytes(b"RIFF")
    (tmp_path / "a.jsonl").write_text(json.dumps(record) + "\n")
    (pair,) = pair_files([str(tmp_path / "a.jsonl")], data).read()
    assert json.loads(pair.source.split("\t")[0]) == {"audio_filepath": str(tmp_path / "1.wav"), "offset": 0.5}


def test_each_part_has_a_limit_of_its_own(source: Source) -> None:
    limit = SECTION.limit(3)
    assert limit == (16, 3, 300)
    report = Report()
    pairs = [Example(line, "x", "f", number) for number, line in enumerate(LINES, 1)]
    target = Tokenizer.train("symbols", ["x"], 300)
    corpus = encode(pairs, source, target, max_length=3, max_source_length=limit, report=report)
    short = [
        line for line in LINES if len(line.split("\t")[1].split()) <= 3 and source.counts(source.encode(line))[2] <= 300
    ]
    assert (len(corpus), report.too_long) == (len(short), 3 - len(short))
    assert 0 < report.too_long < 3
    assert SeveralConfig(kind="several", parts={"a": {}, "b": {}}).limit(7) == 7


def test_pairs_of_one_picture_are_held_out_together(source: Source) -> None:
    lines = [LINES[0], LINES[1], LINES[0].replace("red", "thing"), LINES[1].replace("train/2", "train/1")]
    pairs = [Example(line, "x", "f", number) for number, line in enumerate(lines, 1)]
    corpus = encode(
        pairs, source, Tokenizer.train("symbols", ["x"], 300), max_length=9, max_source_length=(99, 9, 9999)
    )
    assert corpus.first is not None
    assert corpus.first.tolist() == [0, 1, 0, 3]


def test_a_changed_picture_is_encoded_anew(tmp_path: Path) -> None:
    from regard.data.embedded.drawn import picture
    from regard.views.media import png

    parts = {"picture": {"kind": "picture", "size": 8}, "english": {"tokenizer": "symbols"}}
    section = SeveralConfig(kind="several", parts=parts)
    source, target = section.learn(lambda: ["x\ta"]), Tokenizer.train("symbols", ["x"], 300)
    (tmp_path / "p.tsv").write_text("a.png\ta\tx\n")
    files = PairFiles(
        (str(tmp_path / "p.tsv"),), "tsv", ("picture", "english", "t"), "picture\tenglish", "t", locate=section.locate
    )
    digests = set()
    for number in range(2):
        (tmp_path / "a.png").write_bytes(png(picture("train", number).pixels))
        digests.add(prepare(files, source, target, max_length=9, max_source_length=(8, 9), cache=tmp_path).digest)
    assert len(digests) == 2


def test_marks_of_texts_are_inside_them(source: Source) -> None:
    batch, _ = batch_of(source, [source.encode(line) for line in LINES])
    assert [(row == END).sum().item() for row in batch.values[1]] == [1, 1, 1]


@pytest.mark.parametrize(
    ("part", "reader", "said"),
    [
        (
            {"kind": "picture"},
            {},
            "parts.a.kind is recurrent, which cannot read data.source.parts.a.kind picture; expected grid or linear",
        ),
        (
            {"kind": "recording"},
            {"kind": "grid"},
            "parts.a.kind is grid, which cannot read data.source.parts.a.kind recording; expected recurrent or",
        ),
        (
            {"kind": "recording"},
            {"kind": "bag"},
            "parts.a.kind is bag, which cannot read data.source.parts.a.kind recording",
        ),
        ({}, {"kind": "pyramidal"}, "parts.a.kind is pyramidal; expected an encoder with a position for every token"),
        ({"sentences": "punctuation"}, {}, "parts.a.sentences is 'punctuation'; expected none for one of several"),
        ({"kind": "recording", "augment": {"time_masks": 2}}, {}, "parts.a.augment is given; expected none for one of"),
        ({"kind": "several", "parts": {"c": {}, "d": {}}}, {}, "parts.a.kind is several; expected a part of one kind"),
    ],
)
def test_parts_that_do_not_fit_are_refused(part: dict[str, Any], reader: dict[str, Any], said: str) -> None:
    values = {
        "data": {"source": {"kind": "several", "parts": {"a": part, "b": {}}}},
        "model": {"encoder": {"kind": "several", "parts": {"a": reader, "b": {}}}},
    }
    with pytest.raises(ValueError, match=re.escape(said)):
        Config.model_validate(values)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"training": {"ctc": 0.3}}, "training.ctc is 0.3; expected 0 for data.source.kind several"),
        ({"data": {"joint": True}}, "joint is true; expected false for sources of kind several"),
        ({"model": {"output": {"kind": "copy"}}}, "model.output is copy; expected data.source.kind text for several"),
    ],
)
def test_what_needs_a_text_alone_is_refused(change: dict[str, Any], said: str) -> None:
    data = {"source": {"kind": "several", "parts": {"a": {"kind": "picture"}, "b": {}}}}
    model = {"encoder": {"kind": "several", "parts": {"a": {"kind": "grid"}, "b": {}}}}
    values: dict[str, Any] = {"data": data, "model": model}
    merged = {key: {**values.get(key, {}), **change.get(key, {})} for key in {*values, *change}}
    with pytest.raises(ValueError, match=re.escape(said)):
        Config.model_validate(merged)


def test_the_short_form_of_features_takes_a_picture() -> None:
    data = {"source_column": "picture", "features": ["tags"], "source": {"kind": "picture", "size": 32}}
    config = Config.model_validate({"data": data, "model": {"encoder": {"kind": "grid"}}})
    assert isinstance(config.data.source, SeveralConfig)
    assert [part.kind for part in config.data.source.parts.values()] == ["picture", "text"]
    assert config.model.encoder.joined == ("tags",)  # type: ignore[attr-defined]
