"""Models over parts of several kinds: each decoder trains and searches alike, and every view shows every part."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regard.alignment.alignment import Alignment
from regard.alignment.io import from_record, load_npz, save_npz, to_record
from regard.alignment.parts import apart, part_weights
from regard.alignment.times import times
from regard.alignment.units import words
from regard.config import Config
from regard.data.batch import teacher_forced
from regard.data.part_batch import tensors
from regard.data.sources import Source, batch_of
from regard.data.tokenizer import Tokenizer
from regard.decoders import DECODERS
from regard.errors import UsageError
from regard.marks import END
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.length_limit import LengthLimit
from regard.search.options import SearchOptions
from regard.training.r_drop import twice
from regard.translator import Translator
from regard.views.notebook import html
from regard.views.page import page
from regard.views.terminal import heatmap

SOURCES: dict[str, Any] = {
    "english": {"tokenizer": "symbols"},
    "picture": {"kind": "picture", "size": 16},
    "sound": {"kind": "recording", "rate": 8000, "mels": 5},
}
ENCODERS_OF: dict[str, Any] = {
    "english": {"hidden_size": 5},
    "picture": {"kind": "grid", "channels": [4, 6], "strides": [4, 2], "groups": 2, "coordinates": True},
    "sound": {"kind": "blstmp", "hidden_size": 3, "projection_size": 7, "strides": [2, 2, 5]},
}
LINES = [
    "a red thing\tdrawn:train/0\tspoken:train/1",
    "\tdrawn:train/1\tspoken:train/2",
    "a thing here now\tdrawn:train/2\tspoken:train/0",
]
TARGET = Tokenizer.train("symbols", ["f g h i"], 300)
CELLS = 4


def recipe(parts: str, joined: str = "", decoder: str = "luong", **more: Any) -> Config:
    names = parts.split()
    combination = more.pop("combination", "flat")
    read = {"kind": "several", "parts": {name: ENCODERS_OF[name] for name in names}, "joined": joined.split()}
    model = {"embedding_size": 8, "encoder": read | {"combination": combination}, "decoder": {"kind": decoder}}
    source = {"kind": "several", "parts": {name: SOURCES[name] for name in names}}
    return Config.model_validate({"data": {"source": source}, "model": model | more})


def lines(parts: str) -> list[str]:
    places = [[*SOURCES].index(name) for name in parts.split()]
    return ["\t".join(line.split("\t")[place] for place in places) for line in LINES]


def built(config: Config, parts: str) -> tuple[EncoderDecoder, Source]:
    source = config.data.source.learn(lambda: lines(parts))
    torch.manual_seed(0)
    return build_model(config.model, source, TARGET.size).eval(), source


def translator(parts: str, joined: str = "", beam_size: int = 1, **more: Any) -> Translator:
    model, source = built(recipe(parts, joined, **more), parts)
    return Translator([model], source, TARGET, SearchOptions(beam_size=beam_size, limit=LengthLimit(0.0, 4)))


ORDERS = {
    "text first": ("english picture sound", ""),
    "text in the middle": ("picture english sound", ""),
    "text last": ("sound picture english", ""),
    "picture joined": ("picture english", "picture"),
    "text joined": ("english picture", "english"),
    "no text": ("picture sound", ""),
}
each_order = pytest.mark.parametrize(("parts", "joined"), ORDERS.values(), ids=ORDERS)


@each_order
def test_the_memory_has_the_positions_of_all_parts_and_one_end_mark_last(parts: str, joined: str) -> None:
    model, source = built(recipe(parts, joined, attention={"end": True}), parts)
    looked = [name for name in parts.split() if name != joined]
    given = [source.encode(line) for line in lines(parts)]
    with torch.inference_mode():
        together, mask = batch_of(source, given)
        memory = model.encode(together, mask)
        for row, values in enumerate(given):
            alone = model.encode(*batch_of(source, [values]))
            count = int(memory.mask[row].sum())
            assert memory.mask[row, :count].all(), "real positions come first"
            assert count == int(alone.mask.sum())
            torch.testing.assert_close(memory.values[row, :count], alone.values[0, :count])
            torch.testing.assert_close(memory.summary[row], alone.summary[0])
            numbers = memory.spans[row, :count, -1].tolist()
            wanted = [part for part in numbers if part == parts.split().index("picture")] if "picture" in looked else []
            assert len(wanted) == (CELLS if "picture" in looked else 0)
            marks = (memory.spans[row, :count, 0] == mask[row].sum() - 1).tolist()
            assert marks == [False] * (count - 1) + ["english" in looked]
    assert memory.values[~memory.mask].abs().sum() == 0


def test_a_batch_that_stands_twice_is_read_twice() -> None:
    parts = "english picture sound"
    model, source = built(recipe(parts), parts)
    batch = teacher_forced(*batch_of(source, [source.encode(line) for line in lines(parts)]), [[5, END]] * 3)
    with torch.inference_mode():
        once, both = (model.logits(model(each)) for each in (batch, twice(batch)))
    torch.testing.assert_close(both, torch.cat([once, once]))


def test_a_worker_without_pairs_of_a_batch_reads_nothing() -> None:
    parts = "english picture sound"
    model, source = built(recipe(parts), parts)
    empty, mask = source.collate(np.zeros((0, *source.shape), np.uint8), np.zeros(0, np.int64))
    assert len(model.encode(tensors(empty), tensors(mask)).values) == 0


@pytest.mark.parametrize("kind", [kind for kind in DECODERS.places if kind not in ("pooling", "edit_transducer")])
def test_every_decoder_looks_at_all_parts_alike_alone_and_in_a_batch(kind: str) -> None:
    parts = "picture english sound"
    config = recipe(parts, decoder=kind)
    model, source = built(config, parts)
    given = [source.encode(line) for line in lines(parts)]
    targets = [[5, 6, END]] * 3
    with torch.inference_mode():
        together = model.logits(model(teacher_forced(*batch_of(source, given), targets)))
        for row, values in enumerate(given):
            alone = model.logits(model(teacher_forced(*batch_of(source, [values]), targets[:1])))
            torch.testing.assert_close(together[row], alone[0])
    found = Translator([model], source, TARGET, SearchOptions(beam_size=2, limit=LengthLimit(0.0, 3)))
    (best, *_), *_ = found.translate(lines(parts)[:1], units="tokens")
    (forced,) = found.score(lines(parts)[:1], [best.target_text], units="tokens")
    np.testing.assert_allclose(best.weights, forced.weights, atol=1e-5)


@each_order
def test_every_parameter_learns(parts: str, joined: str) -> None:
    model, source = built(recipe(parts, joined), parts)
    model.train()
    batch = teacher_forced(*batch_of(source, [source.encode(line) for line in lines(parts)]), [[5, 6, END]] * 3)
    model.logits(model(batch)).logsumexp(-1).sum().backward()
    silent = [name for name, weight in model.encoder.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert silent == []


@pytest.mark.parametrize("combination", ["flat", "hierarchical"])
@pytest.mark.parametrize("units", ["words", "tokens"])
def test_the_alignment_has_each_part_in_its_own_measure(combination: str, units: str) -> None:
    parts = "picture english sound"
    (found,) = translator(parts, combination=combination).score(lines(parts)[:1], ["f g"], units=units)
    assert found.source_kind == "several"
    assert found.source_text == "drawn:train/0\ta red thing\tspoken:train/1"
    kinds = [each and each.kind for each in found.part_sources]
    assert kinds == ["picture", None, "recording"]
    numbers = [unit.part for unit in found.source]
    assert numbers == sorted(numbers, key=int)  # type: ignore[arg-type]
    assert next(unit.box for unit in found.source if unit.part == 0) == (0.0, 0.0, 32.0, 32.0)
    texts = [unit for unit in found.source if unit.part == 1]
    assert [found.source_text[int(unit.start) : int(unit.end)] for unit in texts] == ["a", "red", "thing"]
    seconds = [unit for unit in found.source if unit.part == 2]
    assert seconds[0].start == 0
    assert all(one.end == other.start for one, other in itertools.pairwise(seconds))
    np.testing.assert_allclose(found.weights.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(part_weights(found).sum(1), 1, atol=1e-5)
    assert found.part_sources[0] is not None
    assert found.part_sources[0].receptive_field is not None
    again = from_record(json.loads(json.dumps(to_record(found))))
    assert (again.source, again.source_parts) == (found.source, found.source_parts)
    np.testing.assert_array_equal(again.weights, found.weights)


def test_what_is_shown_of_each_part_is_all_that_was_looked_at(tmp_path: Path) -> None:
    parts = "sound picture english"
    (found,) = translator(parts, attention={"end": True}).score(lines(parts)[:1], ["f g"])
    together, *several = apart(found)
    assert [name for name, _ in (together, *several)] == ["parts", "sound", "picture", "english"]
    np.testing.assert_allclose(together[1].weights, part_weights(found), atol=1e-6)
    assert together[1].target_end is not None
    assert together[1].target_end.sum() == pytest.approx(1, abs=1e-5)
    for number, (_, one) in enumerate(several):
        whole = one.weights.sum(1) + (0 if one.source_end is None else one.source_end)
        np.testing.assert_allclose(whole, part_weights(found)[:, number], atol=1e-6)
    assert [one.source_end is None for _, one in several] == [True, True, False]
    assert (several[2][1].source_text, several[2][1].source[1].text) == ("a red thing", "red")
    save_npz(tmp_path / "a.npz", [found])
    assert load_npz(tmp_path / "a.npz")[0].source == found.source
    moved = words(found)
    np.testing.assert_allclose(part_weights(moved), part_weights(found), atol=1e-6)


def test_every_view_shows_every_part() -> None:
    pytest.importorskip("matplotlib")
    from regard.views.figure import draw

    parts = "picture english sound"
    (found,) = translator(parts).score(lines(parts)[:1], ["f g"])
    shown = heatmap(found, width=80).plain
    assert [line for line in map(str.strip, shown.splitlines()) if line in ("parts", *parts.split())] == [
        "parts",
        *parts.split(),
    ]
    assert "red thing" in shown
    assert "of the weight in a column of" in shown
    written = page(found)
    (data,) = re.findall(r'id="data"[^>]*>(.*?)</script>', written, re.DOTALL)
    sentences = json.loads(data)
    assert [sentence["layer"] for sentence in sentences] == ["parts", *parts.split()]
    assert [sentence["medium"] and sentence["medium"]["kind"] for sentence in sentences] == [
        None,
        "picture",
        None,
        "recording",
    ]
    assert "picture: drawn:train/0 | english: a red thing | sound: spoken:train/1" in html(found)
    assert html(found).count("<audio") == 1
    texts = [text.get_text() for text in draw([found], ["DejaVu Sans"]).texts]
    assert {"parts: picture english sound", "english: a red thing"} <= set(texts)


def test_words_have_times_in_the_one_recording() -> None:
    parts = "english sound"
    (found,) = translator(parts).score(lines(parts)[:1], ["f g"])
    one, other = times(found)
    assert 0 <= one.start < one.end <= other.start < other.end
    (without,) = translator("english picture").score(lines("english picture")[:1], ["f g"])
    with pytest.raises(UsageError, match="words have times in one recording; the source has 0 that can be looked at"):
        times(without)


def test_parts_and_units_that_do_not_fit_are_refused() -> None:
    parts = "english picture"
    (found,) = translator(parts).score(lines(parts)[:1], ["f g"])
    values = {name: getattr(found, name) for name in ("source_text", "target_text", "target", "weights", "score")}
    with pytest.raises(ValueError, match=r"Alignment.part_sources: 2 for 0 source_parts; expected one for each"):
        Alignment(**values, source=found.source, part_sources=found.part_sources)
    units = tuple(unit._replace(part=None) for unit in found.source)
    with pytest.raises(ValueError, match=r"Alignment.source: unit 0 has part None; expected 0 to 1"):
        Alignment(**values, source=units, source_parts=found.source_parts, part_sources=found.part_sources)
