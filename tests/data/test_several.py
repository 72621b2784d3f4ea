"""A source of several texts: its numbers, its spans, its files, and the lines that are none."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.config.several import SeveralConfig
from regard.data.readers import PairFiles
from regard.data.several import SeveralTexts
from regard.data.sources import Source, UnusableSource
from regard.data.tokenizer import Tokenizer
from regard.errors import CheckpointError, UsageError
from regard.marks import END, UNKNOWN

LINES = ["Haus\tN;DAT;PL\tde", "gehen\tV;PST;1;SG\tde", "house\tN;PL\ten formal", "\tN\t"]
KINDS = {"lemma": "characters", "tags": "tags", "language": "symbols"}
PART = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\t"), max_size=7)


def made() -> SeveralTexts:
    parts = {name: {"tokenizer": kind, "vocab_size": 300} for name, kind in KINDS.items()}
    return SeveralConfig(kind="several", parts=parts).learn(lambda: [*LINES, "a line of one part"])


SOURCE = made()


def test_no_two_parts_share_a_number_above_the_marks() -> None:
    assert isinstance(SOURCE, Source)
    ids = SOURCE.encode("N\tN\tN")
    assert [token for token in ids if token == END] == [END] * 2
    known = SOURCE.encode("en\tN;PL\ten formal")
    assert len(set(known) - {END}) == 6
    assert max(known) < SOURCE.tokenizer.size == 4 + sum(each.size - 4 for each in SOURCE.tokenizers.values())
    assert ids[2] != UNKNOWN == ids[4], "N is a tag, and no language"


@settings(deadline=None)  # the machine may be busy
@given(texts=st.tuples(PART, PART, PART))
def test_the_spans_of_each_part_are_its_own_and_a_mark_covers_the_tab(texts: tuple[str, str, str]) -> None:
    line = "\t".join(texts)
    encoded = SOURCE.tokenizer.encode(line)
    assert [
        line[start:end] for token, (start, end) in zip(encoded.ids, encoded.spans, strict=True) if token == END
    ] == (["\t", "\t"])
    start, found = 0, list[tuple[int, int]]()
    for text, tokenizer in zip(texts, SOURCE.tokenizers.values(), strict=True):
        found += [(low + start, high + start) for low, high in tokenizer.encode(text).spans]
        start += len(text) + 1
    assert [span for span in encoded.spans if line[slice(*span)] != "\t"] == found
    assert SOURCE.tokenizer.decode(encoded.ids).split("\t")[0] == texts[0]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    SOURCE.save(tmp_path / "source.json")
    found = SeveralTexts.load(tmp_path / "source.json")
    assert (found.digest, [*found.tokenizers]) == (SOURCE.digest, [*KINDS])
    assert [found.encode(line) for line in LINES] == [SOURCE.encode(line) for line in LINES]
    content = json.loads((tmp_path / "source.json").read_text(encoding="utf-8"))
    content["parts"][1]["tokenizer"]["state"]["tags"].append("NEW")
    for broken in (content, {**content, "version": 9}, {**content, "parts": 3}, []):
        (tmp_path / "source.json").write_text(json.dumps(broken), encoding="utf-8")
        with pytest.raises(CheckpointError, match=r"source\.json (is damaged|does not say what the parts)"):
            SeveralTexts.load(tmp_path / "source.json")


def test_names_and_order_are_a_part_of_the_digest() -> None:
    renamed = {f"{name}s": each for name, each in SOURCE.tokenizers.items()}
    turned = dict(reversed(SOURCE.tokenizers.items()))
    assert len({SOURCE.digest, SeveralTexts(renamed).digest, SeveralTexts(turned).digest}) == 3


@pytest.mark.parametrize(
    ("line", "count"), [("Haus", "1 part"), ("", "1 part"), ("a\tb", "2 parts"), ("a\tb\tc\td", "4 p")]
)
def test_a_line_with_another_number_of_parts_is_unusable(line: str, count: str) -> None:
    with pytest.raises(
        UnusableSource, match=rf"has {count}.*; expected 3 with a tab between two: lemma, tags, language"
    ):
        SOURCE.encode(line)


def test_tags_are_told_apart_by_spaces_and_semicolons() -> None:
    tags = Tokenizer.train("tags", ["N;DAT;PL", "N SG"], 300)
    assert tags.tokens(tags.ids("PL; SG;XX")) == ["PL", "SG", "<unk>"]
    assert tags.encode("PL; SG;XX").spans == [(0, 2), (4, 6), (7, 9)]
    assert tags.decode(tags.ids("N  DAT;;PL")) == "N;DAT;PL"


FILES = {
    "a.tsv": ("Haus\tHäusern\tN;DAT;PL\n", ("lemma", "form", "tags")),
    "b.tsv": ("Haus\tHäusern\tN;DAT;PL\n", ()),
    "a.csv": ("lemma,form,tags\nHaus,Häusern,N;DAT;PL\n", ()),
    "a.jsonl": ('{"lemma": "Haus", "form": "Häusern", "tags": "N;DAT;PL"}\n', ()),
}


@pytest.mark.parametrize("name", FILES)
def test_every_table_gives_the_parts_with_a_tab_between_two(name: str, tmp_path: Path) -> None:
    content, columns = FILES[name]
    (tmp_path / name).write_text(content, encoding="utf-8")
    source, target = ("1\t3", "2") if name == "b.tsv" else ("lemma\ttags", "form")
    (found,) = PairFiles((str(tmp_path / name),), columns=columns, source=source, target=target).read()
    assert (found.source, found.target) == ("Haus\tN;DAT;PL", "Häusern")


def test_a_tab_within_a_part_is_a_space_and_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": "x\\ty", "b": "z", "t": "w"}\n{"a": "x", "t": "w"}\n', encoding="utf-8")
    first, second = PairFiles((str(path),), source="a\tb", target="t").records()
    assert first.source == "x y\tz"  # type: ignore[union-attr]
    assert "line 2: the line has no key 'b'" in str(second)
    with pytest.raises(
        UsageError, match=r"There is no column 'tag'; the columns are lemma, form, tags. Did you mean 'tags'"
    ):
        PairFiles(("a.tsv",), columns=("lemma", "form", "tags"), source="lemma\ttag", target="form")


def test_a_batch_has_an_end_mark_behind_each_part() -> None:
    values = [np.array(SOURCE.encode(line)) for line in LINES]
    found, mask = SOURCE.collate(np.concatenate(values), np.array([*map(len, values)]))
    assert (found == END).sum(1).tolist() == [3, 3, 3, 3]
    assert mask.sum(1).tolist() == [len(each) + 1 for each in values]
