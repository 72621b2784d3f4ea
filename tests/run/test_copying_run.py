"""A model that copies, from texts to alignments: names that no vocabulary has come out as themselves, and say from
where."""

from pathlib import Path

import models
import numpy as np
import pytest
import torch

from regard.alignment.alignment import Alignment
from regard.alignment.shown import regrouped
from regard.config import Config, parse
from regard.data.copying import CopySource
from regard.data.readers import PairFiles
from regard.data.text import TextSource, Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.decoders.pointer_generator import PointerGenerator
from regard.errors import CheckpointError
from regard.marks import END, UNKNOWN
from regard.model.build import build_model
from regard.run.directory import Run, load, paired
from regard.run.fit import fit
from regard.search.length_limit import LengthLimit
from regard.search.options import SamplingOptions, SearchOptions
from regard.training.tensorfile import Contents
from regard.training.weights import weights_of
from regard.translator import Translator

TEXTS = ["Ada saw a b c", "b Bob Ada Bob", "c", "a a c Eve b a a Eve a a", "  "]
LEARNED = ["a b c saw"], ["a b c"]


def translator(*seeds: int, kind: str = "symbols", beam_size: int = 3, batch_size: int = 64) -> Translator:
    """Models of random weights that like to copy, and end in time."""
    source, target = (Tokenizer.train(kind, texts, 300) for texts in LEARNED)
    built = []
    for seed in seeds or (0,):
        config = models.recipe({"kind": "luong"}, output={"kind": "copy"})
        torch.manual_seed(seed)
        model = build_model(config.model, Vocabulary(source.size), target.size, barred=target.unspelt).eval()
        layer = model.tokens.output
        assert isinstance(layer, PointerGenerator)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.5)
            layer.generate.bias[END] += 1
            layer.gate.bias -= 1
            layer.generate.bias[UNKNOWN] -= 9
        built.append(model)
    copying = CopySource(TextSource(source), target)
    return Translator(
        built, copying, target, SearchOptions(beam_size=beam_size, batch_size=batch_size, limit=LengthLimit(1.0, 2))
    )


def check_copied(found: Alignment) -> None:
    """What was copied stands in the source, and what no vocabulary has was copied from there."""
    assert found.copied is not None
    assert found.p_gen is not None
    assert (found.p_gen > 0).all() and (found.p_gen < 1).all()  # noqa: PT018
    for unit, row in zip(found.target, found.copied, strict=True):
        assert found.target_text[unit.start : unit.end] == unit.text
        assert 0 <= row.sum() <= 1 + 1e-5
        for place in np.flatnonzero(row):
            assert found.source[place].text == unit.text
        if unit.text in ("Ada", "Bob", "Eve"):
            assert row.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_names_come_out_as_themselves_and_say_from_where(seeds: tuple[int, ...], beam_size: int) -> None:
    together = translator(*seeds, beam_size=beam_size).translate(TEXTS, 2 if beam_size > 1 else 1, alternatives=2)
    outputs = translator(*seeds, beam_size=beam_size).outputs(TEXTS, len(together[0]))
    assert any(name in each.target_text for each, *_ in together for name in ("Ada", "Bob", "Eve"))
    for row, (found, texts) in enumerate(zip(together, outputs, strict=True)):
        assert [each.target_text for each in found] == [each.target_text for each in texts]
        if not TEXTS[row].strip():
            continue
        (alone,) = translator(*seeds, beam_size=beam_size, batch_size=1).translate(TEXTS[row], len(found))
        for one, other in zip(found, alone, strict=True):
            check_copied(one)
            assert "".join(each.text for each in one.predictions) == one.target_text.replace(" ", "")
            assert one.target_text == other.target_text
            np.testing.assert_allclose(one.copied, other.copied, atol=1e-5)
            np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)
            (forced,) = translator(*seeds).score(TEXTS[row], one.target_text)
            if one.target_end is not None:  # else it was cut, and an end was forced
                assert forced.score == pytest.approx(one.score, abs=1e-4)
            assert forced.target == one.target
            np.testing.assert_allclose(forced.copied, one.copied, atol=1e-5)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_an_output_can_begin_with_a_name_that_no_vocabulary_has(beam_size: int) -> None:
    found = translator(beam_size=beam_size).translate(TEXTS[:2], prefixes=["c Ada", "Bob b"])
    assert [each.target_text.split()[:2] for each, *_ in found] == [["c", "Ada"], ["Bob", "b"]]
    for each, *_ in found:
        check_copied(each)


def test_what_is_drawn_is_scored_alike() -> None:
    made, ended = translator(), 0
    for found in made.sample(TEXTS[:4] * 3, SamplingOptions(seed=2)):
        check_copied(found)
        (forced,) = made.score(found.source_text, found.target_text)
        if found.target_end is not None and found.target:
            ended += 1
            assert forced.score == pytest.approx(found.score, abs=1e-4)
    assert ended


def test_characters_that_the_target_lacks_are_copied_and_words_are_the_mean_of_their_characters() -> None:
    made = translator(kind="characters", beam_size=1)
    text = "saws w"
    (tokens,) = made.score(text, "wass sö", units="tokens")
    assert [unit.text for unit in tokens.target] == ["w", "a", "s", "s", " ", "s", "ö"]
    assert tokens.copied is not None
    w, o = tokens.copied[0], tokens.copied[6]
    assert w.sum() == pytest.approx(1, abs=1e-4)
    assert set(np.flatnonzero(w)) == {2, 5}
    assert o.sum() == 0
    words = regrouped(tokens, "words")
    assert words.copied is not None
    assert words.p_gen is not None
    assert tokens.p_gen is not None
    assert words.copied.shape == (2, 2)
    np.testing.assert_allclose(words.copied[0], [tokens.copied[:4, :4].sum() / 4, tokens.copied[:4, 5].sum() / 4])
    np.testing.assert_allclose(words.p_gen[0], tokens.p_gen[:4].mean(), rtol=1e-6)


def test_a_model_without_copy_says_nothing_of_it() -> None:
    source = Tokenizer.train("symbols", LEARNED[0], 300)
    model = build_model(models.recipe({"kind": "luong"}).model, Vocabulary(source.size), source.size)
    ((found,),) = Translator([model], TextSource(source), source, SearchOptions()).translate("a b")
    assert found.p_gen is found.copied is None


def recipe(output: str) -> Config:
    sizes = {"embedding_size": 7, "encoder": {"hidden_size": 5}, "decoder": {"hidden_size": 11}}
    symbols = {"tokenizer": "symbols", "vocab_size": 9}
    return parse(
        {
            "data": {"source": symbols, "target": symbols, "batch_size": 40},
            "model": {**sizes, "output": {"kind": output}},
            # a metric of decoded texts, so that the texts of the pairs are looked up by their token numbers
            "training": {"max_steps": 6, "validate_every": 3, "max_epochs": 9, "seed": 3, "metric": "wer"},
        },
        "recipe",
    )


@pytest.fixture(name="pairs")
def _pairs(tmp_path: Path) -> PairFiles:
    lines = [f"a N{number} b c\tN{number} c" for number in range(40)]
    (tmp_path / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return PairFiles((str(tmp_path / "pairs.tsv"),))


def test_a_run_goes_on_as_if_it_had_not_been_interrupted(pairs: PairFiles, tmp_path: Path) -> None:
    fit(recipe("copy"), pairs, None, tmp_path / "whole")
    short = recipe("copy").model_copy(update={"training": recipe("copy").training.model_copy(update={"max_steps": 3})})
    fit(short, pairs, None, tmp_path / "parts")
    fit(recipe("copy"), pairs, None, tmp_path / "parts", resume=True)
    one, other = (Run(tmp_path / name).load() for name in ("whole", "parts"))
    texts = ["a Zoë b c", "a N3 b c"]
    assert [each.target_text for each in one.score(texts, ["Zoë c", "N3 c"])] == ["Zoë c", "N3 c"]
    for left, right in zip(one.score(texts, ["Zoë c", "N3 c"]), other.score(texts, ["Zoë c", "N3 c"]), strict=True):
        assert left.score == pytest.approx(right.score, abs=1e-5)


def test_a_model_that_copies_begins_with_one_that_does_not_and_back(pairs: PairFiles, tmp_path: Path) -> None:
    said: list[str] = []
    for first, second in (("linear", "copy"), ("copy", "linear")):
        fit(recipe(first), pairs, None, tmp_path / f"{first}-1")
        training = recipe(second).training.model_copy(update={"init": str(tmp_path / f"{first}-1")})
        config = recipe(second).model_copy(update={"training": training})
        fit(config, pairs, None, tmp_path / f"{second}-2", tell=said.append)
        assert Run(tmp_path / f"{second}-2").load().translate("a Zoë b c")[0][0].target_text is not None
    assert sum(line.startswith("began with ") for line in said) == 2


def test_an_ensemble_of_copying_and_not_is_refused(tmp_path: Path) -> None:
    for name in ("linear", "copy"):
        config = recipe(name)
        tokenizer = Tokenizer.train("symbols", LEARNED[0], 9)
        sides = paired(config, TextSource(tokenizer), tokenizer)
        run = Run(tmp_path / name)
        run.create(config, *sides)
        run.publish(Contents(weights_of(build_model(config.model, sides[0], tokenizer.size)), {}))
    with pytest.raises(CheckpointError, match=r"copy copies from the source and .*linear does not"):
        load([tmp_path / "linear", tmp_path / "copy"])
