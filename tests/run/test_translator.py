"""Text in, alignments out: the same answer whatever the batch, the search and the number of models."""

from pathlib import Path

import models
import numpy as np
import pytest
import torch

import regard
from regard.alignment.alignment import Alignment
from regard.config import Config
from regard.data.text import TextSource, Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.errors import CheckpointError
from regard.model.build import build_model
from regard.run.directory import Run
from regard.search.options import SamplingOptions, SearchOptions
from regard.training.tensorfile import Contents
from regard.training.weights import weights_of
from regard.translator import Output, Translator

TEXTS = [
    "the cat saw the dog .",
    "a dog",
    "the small cat and the dog and the bird sang .",
    "  ",
    "bird",
    "猫 </s> ▁ 🙂 \u202e",
]
TOKENIZER = Tokenizer.train("bpe", TEXTS * 3, 300)
# Symbols, so that whatever a model of random weights puts out is read back as the same tokens.
SYMBOLS = Tokenizer.train("symbols", ["A B C D E F G"], 40)


def model(decoder: dict, seed: int = 0) -> torch.nn.Module:
    """Weights of a given seed, large enough that outputs differ from source to source and end in time."""
    torch.manual_seed(seed)
    built = build_model(models.recipe(decoder).model, Vocabulary(TOKENIZER.size), SYMBOLS.size)
    with torch.no_grad():
        models.linear_of(built).weight.mul_(4)
        models.linear_of(built).bias[2] += 2
    return built


def translator(decoder: dict | None = None, beam_size: int = 3, batch_size: int = 64, seeds=(0,)) -> Translator:
    built = [model(decoder or {"kind": "luong"}, seed) for seed in seeds]
    return Translator(built, TextSource(TOKENIZER), SYMBOLS, SearchOptions(beam_size=beam_size, batch_size=batch_size))


def same(one: Alignment, other: Alignment) -> None:
    assert (one.source_text, one.target_text) == (other.source_text, other.target_text)
    assert (one.source, one.target) == (other.source, other.target)
    assert one.score == pytest.approx(other.score, abs=1e-4)
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)


@pytest.mark.parametrize("looks", [0, 100, 1 << 20])
@pytest.mark.parametrize("beam_size", [1, 4])
def test_how_far_one_search_goes_changes_nothing(looks: int, beam_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = translator(beam_size=beam_size).translate(TEXTS * 3)
    monkeypatch.setattr("regard.search.batches.LOOKS", looks)
    for one, other in zip(translator(beam_size=beam_size, batch_size=2).translate(TEXTS * 3), expected, strict=True):
        same(one[0], other[0])


@pytest.mark.parametrize("decoder", (models.DECODERS | models.FIXED | models.HARD).values(), ids=str)
@pytest.mark.parametrize("beam_size", [1, 4])
def test_alone_and_in_any_batch(decoder: dict, beam_size: int) -> None:
    together = translator(decoder, beam_size).translate(TEXTS)
    by_two = translator(decoder, beam_size, batch_size=2).translate(TEXTS[::-1])[::-1]
    for text, found, other in zip(TEXTS, together, by_two, strict=True):
        same(found[0], translator(decoder, beam_size).translate([text])[0][0])
        same(found[0], other[0])


@pytest.mark.parametrize("decoder", (models.DECODERS | models.FIXED | models.HARD).values(), ids=str)
def test_forced_decoding_agrees_with_the_search(decoder: dict) -> None:
    """The score and the weights of an output are the same when it is given."""
    found = [best for group in translator(decoder, 4).translate(TEXTS, nbest=3) for best in group if best.source]
    forced = translator(decoder).score([best.source_text for best in found], [best.target_text for best in found])
    whole = [len(best.target) < 2 * len(TOKENIZER.ids(best.source_text)) + 50 for best in found]
    assert any(whole)
    for best, given, ended in zip(found, forced, whole, strict=True):
        if ended:  # the score of a cut output lacks its end mark
            same(best, given)


def test_nbest_are_distinct_and_best_first() -> None:
    """Ranked by log-probability over Wu's length penalty (5 + |Y|) / 6, the end mark counted."""
    for group in translator(beam_size=4).translate(TEXTS, nbest=4):
        ranked = [alignment.score * 6 / (5 + len(alignment.target) + 1) for alignment in group]
        assert ranked == sorted(ranked, reverse=True)
        assert len({alignment.target_text for alignment in group}) == len(group)


@pytest.mark.parametrize("nbest", [1, 3])
def test_outputs_are_what_is_translated_without_the_alignments(nbest: int) -> None:
    found = translator().translate([*TEXTS, ""], nbest)
    assert translator().outputs([*TEXTS, ""], nbest) == [
        [Output(alignment.target_text, alignment.score) for alignment in group] for group in found
    ]


def test_an_ensemble_of_one_model_twice_is_that_model() -> None:
    for one, two in zip(translator().translate(TEXTS), translator(seeds=(0, 0)).translate(TEXTS), strict=True):
        same(one[0], two[0])


def test_units_are_pieces_of_the_texts() -> None:
    for found in translator().translate(TEXTS):
        for text, units in ((found[0].source_text, found[0].source), (found[0].target_text, found[0].target)):
            assert all(unit.text.strip() in text[int(unit.start) : int(unit.end)] for unit in units)
            assert [unit.start for unit in units] == sorted(unit.start for unit in units)
        assert found[0].weights.shape == (len(found[0].target), len(found[0].source))


def test_nothing_in_nothing_out() -> None:
    assert translator().translate([]) == []
    assert translator().translate(["", " \t"])[1][0].target_text == ""
    empty = translator().score([""], [""])[0]
    assert empty.weights.shape == (0, 0)
    assert empty.score < 0


def test_sampling_depends_on_seed_and_place_alone() -> None:
    drawn = translator().sample(TEXTS, SamplingOptions(seed=5))
    again = translator(batch_size=1).sample(TEXTS, SamplingOptions(seed=5))
    other = translator().sample(TEXTS, SamplingOptions(seed=6))
    for one, two in zip(drawn, again, strict=True):
        same(one, two)
    assert [one.target_text for one in drawn] != [one.target_text for one in other]


def test_wrong_calls_are_named() -> None:
    with pytest.raises(ValueError, match="models is empty"):
        Translator([], TextSource(TOKENIZER), SYMBOLS, SearchOptions())
    with pytest.raises(ValueError, match="1 sources and 2 targets; expected as many of each"):
        translator().score(["a"], ["b", "c"])


def saved(path: Path, config: Config, seed: int = 0) -> Run:
    run = Run(path)
    run.create(config, TextSource(TOKENIZER), SYMBOLS)
    torch.manual_seed(seed)
    built = build_model(config.model, Vocabulary(TOKENIZER.size), SYMBOLS.size)
    run.publish(Contents(weights_of(built), {"step": 3, "scores": {"loss": 1.0}}))
    return run


@pytest.mark.parametrize("name", [*models.DECODERS, *models.FIXED])
def test_save_and_load_give_the_same_output(tmp_path: Path, name: str) -> None:
    config = models.recipe((models.DECODERS | models.FIXED)[name])
    saved(tmp_path / "run", config)
    torch.manual_seed(0)
    built = build_model(config.model, Vocabulary(TOKENIZER.size), SYMBOLS.size)
    loaded = regard.load(tmp_path / "run")
    fresh = Translator([built], TextSource(TOKENIZER), SYMBOLS, loaded.options)
    for one, two in zip(loaded.translate(TEXTS), fresh.translate(TEXTS), strict=True):
        same(one[0], two[0])


@pytest.mark.parametrize("tie", ["two_way", "three_way"])
def test_tied_tables_stay_one_table(tmp_path: Path, tie: str) -> None:
    values = {"model": models.recipe({"kind": "luong"}, tie=tie).model.model_dump() if tie == "two_way" else {}}
    if tie == "three_way":
        values = {"model": {"tie": tie, "embedding_size": 11}, "data": {"joint": True}}
    config = Config.model_validate(values)
    run = Run(tmp_path / "run")
    run.create(config, TextSource(TOKENIZER), TOKENIZER if tie == "three_way" else SYMBOLS)
    built = build_model(config.model, Vocabulary(TOKENIZER.size), run.sides[1].size)
    run.publish(Contents(weights_of(built), {}))
    loaded = regard.load(tmp_path / "run").models[0]
    assert loaded.decoder.tokens.output.weight is loaded.decoder.tokens.embedding.weight
    assert (loaded.encoder.embedding.weight is loaded.decoder.tokens.embedding.weight) == (tie == "three_way")
    torch.testing.assert_close(loaded.decoder.tokens.output.weight, built.decoder.tokens.output.weight, atol=0, rtol=0)


def test_runs_of_other_tokenisers_are_no_ensemble(tmp_path: Path) -> None:
    config = models.recipe({"kind": "luong"})
    saved(tmp_path / "one", config)
    other = Run(tmp_path / "other")
    other.create(config, TextSource(SYMBOLS), SYMBOLS)
    with pytest.raises(CheckpointError, match="different source tokenisers; an ensemble needs the same"):
        regard.load([tmp_path / "one", tmp_path / "other"])


def test_a_run_that_is_changed_by_hand_is_refused(tmp_path: Path) -> None:
    run = saved(tmp_path / "run", models.recipe({"kind": "luong"}))
    text = run.config_file.read_text()
    run.config_file.write_text(text.replace("beam_size: 5", "beam_size: 4"))
    with pytest.raises(CheckpointError, match=r"config.yaml is not the one that model.safetensors was trained with"):
        regard.load(tmp_path / "run")


def test_a_run_without_weights_says_so(tmp_path: Path) -> None:
    run = saved(tmp_path / "run", models.recipe({"kind": "luong"}))
    run.weights_file.unlink()
    with pytest.raises(CheckpointError, match=r"holds no model.safetensors yet"):
        regard.load(tmp_path / "run")
    with pytest.raises(CheckpointError, match="is not a directory"):
        regard.load(tmp_path / "nowhere")
