"""The edit transducer beside its equations, all of its scripts one by one, and texts in and alignments out."""

from itertools import product
from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from regard.config import parse
from regard.data.batch import END
from regard.data.copying import CopySource
from regard.data.readers import PairFiles
from regard.data.text import TextSource, Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.errors import CheckpointError, UsageError
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.run.directory import Run, load
from regard.run.fit import fit
from regard.search.beam import beam
from regard.search.length_limit import LengthLimit
from regard.search.options import SearchOptions
from regard.search.rules import Rules
from regard.search.start import start
from regard.search.writing import Wanted, write
from regard.translator import Translator

COPY, DELETE = models.TARGET_VOCABULARY, models.TARGET_VOCABULARY + 1
LENGTHS = [(3, 4), (0, 2), (5, 5)]


def small(name: str = "edits", *, end: bool = True, seed: int = 3) -> EncoderDecoder:
    model = models.small_model(models.recipe(models.EDITS[name], attention={"end": end}), seed).double()
    with torch.no_grad():
        models.linear_of(model).weight.mul_(4)
    return model


@pytest.mark.parametrize("end", [True, False])
def test_equations(end: bool) -> None:
    """One edit after another, each from the equations of the docstring."""
    model, batch = small(end=end), models.edits_of(LENGTHS)
    unrolled, memory = model(batch), model.encode(batch.source, batch.source_mask)
    decoder, linear = model.decoder, models.linear_of(model)
    states = decoder.bridge(memory.summary)[:, 0]
    for row, (letters, _) in enumerate(LENGTHS):
        place, state = 0, states[row : row + 1]
        for step in range(int(batch.target_mask[row].sum())):
            token = batch.inputs[row, step]
            place += int(token >= COPY)
            here = memory.values[row, place] * memory.mask[row, place]
            read = torch.cat([decoder.tokens.embedding(token), here]).unsqueeze(0)
            state = decoder.recurrence.rnn(read.unsqueeze(1), state.unsqueeze(0))[0][:, 0]
            logits = linear(torch.tanh(decoder.project(torch.cat([state[0], here]))))
            logits[END if place < letters else DELETE] = -torch.inf
            if place == letters or batch.source[row, place, 1] <= 3:
                logits[COPY] = -torch.inf
            torch.testing.assert_close(unrolled.features[row, step], logits)
            looked = F.one_hot(torch.tensor(place), memory.mask.size(1)) * memory.mask[row]
            assert torch.equal(unrolled.weights[row, step], looked.double())


def all_scripts(model: EncoderDecoder, source: Tensor, letters: list[int], most: int) -> dict[tuple[int, ...], float]:
    """log p of every script with these letters to insert that ends within so many edits."""
    source, mask, found = source.unsqueeze(0), torch.ones(1, len(source), dtype=torch.bool), {}
    memory = model.encode(source, mask)
    for length in range(most):
        for edits in product([*letters, COPY, DELETE], repeat=length):
            if sum(edit >= COPY for edit in edits) != source.size(1) - 1:
                continue
            targets = torch.tensor([[*edits, END]])
            inputs = torch.cat([torch.ones(1, 1, dtype=torch.long), targets[:, :-1]], 1)
            log_probs = model.unroll(inputs, memory).features.log_softmax(2).gather(2, targets.unsqueeze(2))
            if log_probs.isfinite().all():
                found[(*edits, END)] = float(log_probs.sum())
    return found


def test_searches_find_the_best_of_all_scripts() -> None:
    """Of all that end within five edits; a wide beam of them all, and that of one text its best script."""
    model, source = small(seed=1), torch.tensor([[7, 7], [5, 5], [END, 3]])
    with torch.inference_mode():
        letters = [5, 7]
        with torch.no_grad():  # nothing else is inserted
            hidden = [number for number in range(COPY) if number not in (*letters, END)]
            models.linear_of(model).bias[hidden] = -1e9
        known = all_scripts(model, source, letters, 6)
        mask = torch.ones(1, 3, dtype=torch.bool)
        step, state = start(model, model.encode(source.unsqueeze(0), mask), None)
        wide = beam(step, state, torch.tensor([2]), size=400, nbest=20, limit=LengthLimit(0.0, 6))[0]
        ended = [each for each in wide if each.tokens[-1] == END]
        best = sorted(known.items(), key=lambda item: -item[1])[: len(ended)]
        assert [each.tokens for each in ended] == [edits for edits, _ in best]
        np.testing.assert_allclose([each.log_prob for each in ended], [log_prob for _, log_prob in best], atol=1e-5)
        said = {edits: _said(edits, [7, 5]) for edits in known}
        for wanted in ([7, 5], [5], [5, 7, 5], []):
            ((one),) = write(step, state, torch.tensor([2]), [Wanted([7, 5], wanted)], COPY)
            alike = {edits: log_prob for edits, log_prob in known.items() if said[edits] == wanted}
            assert one.tokens == max(alike, key=lambda edits: alike[edits])
            assert one.log_prob == pytest.approx(max(alike.values()), abs=1e-5)


def _said(edits: tuple[int, ...], source: list[int]) -> list[int]:
    found, rest = [], list(source)
    for edit in edits[:-1]:
        letter = rest.pop(0) if edit >= COPY else edit
        found += [] if edit == DELETE else [letter]
    return found


TEXTS = ["sagen", "gehen", "Жsa", "", "gs"]
TOKENIZER = Tokenizer.train("characters", ["sagengehen", "ging"], 300)


def translator(*seeds: int, **options: Any) -> Translator:
    """Models of random weights that end in time."""
    source, built = CopySource(TextSource(TOKENIZER), TOKENIZER, edits=True), []
    for seed in seeds or (0,):
        torch.manual_seed(seed)
        config = models.recipe(models.EDITS["edits"], attention={"end": True})
        model = build_model(config.model, Vocabulary(TOKENIZER.size), TOKENIZER.size, barred=TOKENIZER.unspelt).eval()
        with torch.no_grad():
            linear = models.linear_of(model)
            linear.weight.mul_(4)
            linear.bias[4:260] -= 9  # bytes are seldom inserted
            linear.bias[END] += 3
            linear.bias[-2:] += 2
        built.append(model)
    return Translator(built, source, TOKENIZER, SearchOptions(**options))


@pytest.mark.parametrize("beam_size", [1, 4])
@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_texts_come_out_alike_however_they_are_searched(seeds: tuple[int, ...], beam_size: int) -> None:
    """Alone, in a batch, flowing into one search, of one model and several; and a text scores as its best script."""
    nbest = 2 if beam_size > 1 else 1
    together = translator(*seeds, beam_size=beam_size).translate(TEXTS, nbest, units="tokens", alternatives=2)
    small_batches = translator(*seeds, beam_size=beam_size, batch_size=2).translate(TEXTS, nbest, units="tokens")
    outputs = translator(*seeds, beam_size=beam_size).outputs(TEXTS, nbest)
    for text, group, others, said in zip(TEXTS, together, small_batches, outputs, strict=True):
        (alone,) = translator(*seeds, beam_size=beam_size).translate(text, nbest, units="tokens")
        for one, other, single, output in zip(group, others, alone, said, strict=True):
            assert one.target_text == other.target_text == single.target_text == output.target_text
            assert one.score == pytest.approx(other.score, abs=1e-4)
            np.testing.assert_allclose(one.weights, single.weights, atol=1e-6)
        if text and group[0].target_end is not None:
            (forced,) = translator(*seeds).score(text, group[0].target_text, units="tokens")
            assert forced.score >= group[0].score - 1e-4
            assert forced.target == group[0].target


def test_each_letter_says_where_it_was_copied_from() -> None:
    for (found,) in translator(beam_size=2).translate(TEXTS * 2, units="tokens", alternatives=1):
        assert found.copied is not None
        assert found.p_gen is not None
        assert found.p_gen.tolist() == [1 - row.sum() for row in found.copied]
        for place, unit in enumerate(found.target):
            assert found.target_text[unit.start : unit.end] == unit.text
            looked = [*found.weights[place], found.source_end[place]]  # type: ignore[index]
            if found.p_gen[place] in (0, 1):  # else bytes of one character, of which some were inserted
                assert sorted(looked)[-1] == pytest.approx(1)
            if not found.p_gen[place]:
                assert found.source[int(found.copied[place].argmax())].text == unit.text
        edits = [prediction.text for prediction in found.predictions]
        assert set(edits[:-1]) & {"<copy>", "<delete>"} or not found.source_text
        assert all(0 <= prediction.unit <= len(found.target) for prediction in found.predictions)


def test_what_is_deleted_last_belongs_to_the_end() -> None:
    (found,) = translator().score("sagen", "s", units="tokens", alternatives=1)
    assert [unit.text for unit in found.target] == ["s"]
    assert found.weights.shape == (1, 5)
    edits = [(each.text, each.unit) for each in found.predictions]
    assert edits[-1] == ("", 1)
    assert sum(text in ("<copy>", "<delete>") for text, _ in edits) == 5
    assert max(unit for _, unit in edits) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"output": {"kind": "copy"}}, r"model.decoder is edit_transducer; expected model.output linear for copy"),
        ({"training": {"label_smoothing": 0.1}}, r"expected training.label_smoothing 0 for 0.1"),
        (
            {"training": {"coverage": {"weight": 1}}},
            r"expected training.coverage.weight 0 for 1.0: the weights have no",
        ),
        ({"training": {"ctc": 0.3}}, r"expected training.ctc 0 for 0.3"),
        ({"search": {"no_repeat_ngram": 3}}, r"expected search.no_repeat_ngram 0 for 3, since the tokens of an edit"),
        ({"encoder": {"kind": "pyramidal"}}, r"model.decoder is edit_transducer; expected another encoder than pyra"),
        ({"decoder": {"kind": "luong"}, "training": {"imitation": {"decay": 9}}}, r"training.imitation belongs to the"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(changed: dict[str, Any], message: str) -> None:
    model = {"decoder": {"kind": "edit_transducer"}} | {
        k: v for k, v in changed.items() if k not in ("training", "search")
    }
    rest = {key: value for key, value in changed.items() if key in ("training", "search")}
    with pytest.raises(UsageError, match=message):
        parse({"model": model} | rest, "a test")


def test_what_is_said_of_tokens_cannot_be_asked() -> None:
    why = "since the tokens of an edit transducer are edits of the source"
    with pytest.raises(ValueError, match=rf"translate: prefixes is given; expected None, {why}"):
        translator().translate(TEXTS, prefixes=["a"] * len(TEXTS))
    with pytest.raises(ValueError, match=rf"translate: constraints is given; expected None, {why}"):
        translator(beam_size=3).translate(TEXTS, constraints=[["a"]] * len(TEXTS))
    with pytest.raises(ValueError, match=rf"Translator: options.rules is Rules.*; expected none, {why}"):
        translator(rules=Rules(min_length=2))
    model = models.small_model(models.recipe(models.EDITS["edits"]))
    batch = models.batch_of(LENGTHS)
    with pytest.raises(
        ValueError, match=r"EditTransducerDecoder.begin: memory.source has shape .*; expected .* a token"
    ):
        model.begin(model.encoder(batch.source, batch.source_mask))


def recipe(kind: str = "edit_transducer", **training: Any) -> Any:
    characters = {"tokenizer": "characters", "vocab_size": 300}
    sizes = {"embedding_size": 16, "encoder": {"hidden_size": 16}, "attention": {"end": kind == "edit_transducer"}}
    return parse(
        {
            "data": {"source": characters, "target": characters, "hallucinate": {"share": 0.3}, "batch_size": 400},
            "model": {**sizes, "decoder": {"kind": kind, "hidden_size": 32}},
            "training": {"max_epochs": 999, "seed": 3, "metric": "word_error", "learning_rate": 0.01} | training,
        },
        "recipe",
    )


@pytest.fixture(name="pairs")
def _pairs(tmp_path: Path) -> PairFiles:
    """Words that lose their last letter and get two others."""
    random = np.random.default_rng(0)
    words = {"".join(random.choice(list("abcdefgh"), random.integers(3, 8))) for _ in range(200)}
    lines = [f"{word}\t{word[:-1]}st" for word in sorted(words)]
    (tmp_path / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return PairFiles((str(tmp_path / "pairs.tsv"),))


@pytest.mark.slow
def test_a_run_goes_on_as_if_it_had_not_been_interrupted(pairs: PairFiles, tmp_path: Path) -> None:
    steps = {"imitation": {"decay": 2}, "validate_every": 3}
    fit(recipe(max_steps=6, **steps), pairs, None, tmp_path / "whole")
    fit(recipe(max_steps=3, **steps), pairs, None, tmp_path / "parts")
    fit(recipe(max_steps=6, **steps), pairs, None, tmp_path / "parts", resume=True)
    one, other = (Run(tmp_path / name).load() for name in ("whole", "parts"))
    texts = ["hahaha", "abcx", "Жab"]
    for left, right in zip(one.translate(texts), other.translate(texts), strict=True):
        assert left[0].target_text == right[0].target_text
        assert left[0].score == pytest.approx(right[0].score, abs=1e-5)
    together = load([tmp_path / "whole", tmp_path / "parts"])
    assert together.outputs(texts)[0][0].target_text == one.outputs(texts)[0][0].target_text
    fit(recipe(max_steps=2, validate_every=2, init=str(tmp_path / "whole")), pairs, None, tmp_path / "more")
    fit(recipe("luong", max_steps=2, validate_every=2), pairs, None, tmp_path / "luong")
    with pytest.raises(CheckpointError, match=r"whole edits the source and .*luong does not \(`model.decoder`\)"):
        load([tmp_path / "luong", tmp_path / "whole"])
