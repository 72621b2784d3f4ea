"""CTC on the memory of a whole model: what training adds to its loss, and what a translator searches with."""

import itertools
import math

import models
import numpy as np
import pytest
import torch
from torch import Tensor

from regard.alignment.alignment import Alignment
from regard.compiled.training import accelerated
from regard.config import EncoderConfig
from regard.data.corpus_writer import labels_needed
from regard.data.text import TextSource, Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.decoders.step import Unrolled
from regard.encoders import ENCODERS
from regard.marks import BLANK, END, UNKNOWN
from regard.model.build import build_model
from regard.model.encoder_decoder import EncoderDecoder
from regard.search.length_limit import LengthLimit
from regard.search.shortlist import Shortlist
from regard.search.start import mean_labels
from regard.training.ctc import WithCtc, alignable, ctc_costs
from regard.training.objective import CrossEntropy
from regard.training.score_function import ScoreFunction
from regard.training.validation_loss import mean_loss
from regard.translator import SamplingOptions, SearchOptions, Translator

SOURCE = Tokenizer.train("symbols", ["u v w x y z"], 40)
TARGET = Tokenizer.train("symbols", ["A B C"], 40)  # few, so that all outputs can be listed
TEXTS = ["u v", "w", "x u y", "z z", "v x w u"]
LIMIT = LengthLimit(1.0, 3)


def model(decoder: str = "luong", seed: int = 0) -> EncoderDecoder:
    """With a head, and weights large enough that outputs differ from source to source and end in time."""
    torch.manual_seed(seed)
    config, size = models.recipe(models.DECODERS[decoder]).model, Vocabulary(SOURCE.size)
    built = build_model(config, size, TARGET.size, barred=UNKNOWN, ctc=True).eval()
    with torch.no_grad():
        built.decoder.tokens.output.weight.mul_(4)
        built.decoder.tokens.output.bias[END] += 1
        built.ctc.output.weight.mul_(9)
    return built


def translator(
    weight: float, seeds: tuple[int, ...] = (0,), decoder: str = "luong", shortlists: tuple[Shortlist, ...] = (), **more
) -> Translator:
    options = SearchOptions(ctc_weight=weight, limit=LIMIT, **({"length_normalization": 0.0, "beam_size": 3} | more))
    built = [model(decoder, seed) for seed in seeds]
    return Translator(built, TextSource(SOURCE), TARGET, options, shortlists)


def labels(built: EncoderDecoder, text: str) -> Tensor:
    """Log-probabilities at each position of one source, its end mark among them."""
    source = torch.tensor([[*SOURCE.ids(text), END]])
    with torch.inference_mode():
        return built.ctc(built.encode(source, torch.ones_like(source, dtype=torch.bool))).double()


def labelled(log_probs: Tensor) -> dict[tuple[int, ...], float]:
    """The probability of every output: the sum over all its labellings."""
    outputs: dict[tuple[int, ...], float] = {}
    for labelling in itertools.product(range(log_probs.size(1)), repeat=len(log_probs)):
        output = tuple(label + END for label, _ in itertools.groupby(labelling) if label != BLANK)
        share = math.exp(sum(float(log_probs[t, label]) for t, label in enumerate(labelling)))
        outputs[output] = outputs.get(output, 0.0) + share
    return outputs


def same(one: Alignment, other: Alignment) -> None:
    assert (one.source_text, one.target_text) == (other.source_text, other.target_text)
    assert one.score == pytest.approx(other.score, abs=1e-4)
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-5)


@pytest.mark.parametrize("seeds", [(0,), (1, 2)])
@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0])
def test_a_wide_beam_finds_the_best_of_all_outputs(weight: float, seeds: tuple[int, ...]) -> None:
    """(1 - λ) log P_attention + λ log P_ctc of every output that there can be, one by one; of two models the means."""
    found = translator(weight, seeds, beam_size=200).translate(TEXTS[:2], nbest=3, units="tokens")
    for text, nbest in zip(TEXTS, found, strict=False):
        longest = 3 if weight == 1 else len(text.split()) + 3
        listed = [" ".join(each) for size in range(longest + 1) for each in itertools.product("ABC", repeat=size)]
        attention = [one.score for one in translator(0.0, seeds).score([text] * len(listed), listed)]
        shares = labelled(mean_labels([labels(model(seed=seed), text) for seed in seeds])[0])
        scores = {
            output: (1 - weight) * own + weight * math.log(shares.get(tuple(TARGET.ids(output)), 1e-300))
            for output, own in zip(listed, attention, strict=True)
        }
        best = sorted(scores, key=lambda output: -scores[output])[:3]
        assert [one.target_text for one in nbest] == best
        assert [one.score for one in nbest] == pytest.approx([scores[output] for output in best], abs=1e-3)


@pytest.mark.parametrize(
    ("decoder", "beam_size"), [("luong", 1), ("luong", 4), ("bahdanau", 4), ("luong-fed", 1), ("transformer", 4)]
)
def test_alone_in_any_batch_and_forced(decoder: str, beam_size: int) -> None:
    """The same output, score and weights; sampling, n-best lists and probabilities of tokens with them."""
    parts = {"decoder": decoder, "beam_size": beam_size}
    together = translator(0.4, **parts).translate(TEXTS, alternatives=2)
    by_two = translator(0.4, **parts, batch_size=2).translate(TEXTS[::-1])[::-1]
    drawn = translator(0.4, **parts).sample(TEXTS, SamplingOptions(seed=3))
    for text, (found,), (other,), sampled in zip(TEXTS, together, by_two, drawn, strict=True):
        same(found, other)
        same(found, translator(0.4, **parts, batch_size=1).translate([text])[0][0])
        assert sum(math.log(each.probability) for each in found.predictions) == pytest.approx(found.score, abs=1e-4)
        same(found, translator(0.4, **parts).score([text], [found.target_text])[0])
        same(sampled, translator(0.4, **parts).score([text], [sampled.target_text])[0])


def test_a_shortlist_is_kept() -> None:
    (first, *_), (a, b, _) = SOURCE.ids("u"), TARGET.ids("A B C")
    starts = torch.zeros(SOURCE.size + 1, dtype=torch.long)
    starts[first + 1 :] = 1
    listed = Shortlist(torch.tensor([a]), starts, torch.tensor([b]), TARGET.size)
    for found in translator(0.9, shortlists=(listed,)).translate(TEXTS):
        assert set(found[0].target_text.split()) <= ({"A", "B"} if "u" in found[0].source_text else {"A"})


def test_weights_that_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Translator: ctc_weight is 1\.5; expected 0 ≤ ctc_weight ≤ 1"):
        translator(1.5)
    plain = models.small_model(models.recipe(models.DECODERS["luong"]))
    with pytest.raises(ValueError, match=r"ctc_weight is 0\.3 and model 0 has no CTC head; expected a weight of 0"):
        Translator([plain], TextSource(SOURCE), TARGET, SearchOptions(ctc_weight=0.3))
    with pytest.raises(ValueError, match=r"\(positions, labels\) \[\(3, 5\), \(4, 5\)\]; expected the same of each"):
        mean_labels([torch.zeros(2, 3, 5), torch.zeros(2, 4, 5)])
    with pytest.raises(ValueError, match=r"WithCtc: weight is 1\.0; expected 0 ≤ weight < 1"):
        WithCtc(CrossEntropy(), 1.0)


def with_head(select: str = "softmax") -> EncoderDecoder:
    torch.manual_seed(0)
    config = models.recipe(models.DECODERS["bahdanau"], select=select, dropout={}).model
    return build_model(config, Vocabulary(models.SOURCE_VOCABULARY), models.TARGET_VOCABULARY, ctc=True)


BATCH = models.batch_of([(9, 3), (5, 2), (3, 5)], padding=2)  # the last target has more tokens than its source


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("select", ["softmax", "hard"])
def test_the_second_loss_reads_the_memory_of_the_first(select: str, fast: bool) -> None:
    """Both sums in their proportion, of one pass of the encoder, whose hidden end mark is a position for CTC."""
    built = with_head(select)
    objective = ScoreFunction() if select == "hard" else CrossEntropy(0.1)
    passes: list[Unrolled] = []
    forward = accelerated(built) if fast else built

    def watched(batch, temperature: float = 1.0) -> Unrolled:
        passes.append(forward(batch, temperature))
        return passes[-1]

    watched.tokens, watched.ctc = built.tokens, built.ctc  # type: ignore[attr-defined]
    found = WithCtc(objective, 0.25)(watched, BATCH)
    ((unrolled,), memory) = passes, passes[0].memory
    assert memory.lengths.tolist() == BATCH.source_mask.sum(1).tolist() == [10, 6, 4]
    assert memory.mask.sum(1).tolist() == [9, 5, 3]
    again = ScoreFunction() if select == "hard" else CrossEntropy(0.1)
    own = again.loss(built, unrolled, BATCH)
    costs = ctc_costs(built.ctc(memory), BATCH.source_mask.sum(1), BATCH.targets)
    assert (costs > 0).tolist() == [True, True, False]
    torch.testing.assert_close(found.total, 0.75 * own.total + 0.25 * costs.sum())
    assert (float(found.nll), found.tokens) == (pytest.approx(float(own.nll)), own.tokens)
    found.total.backward()
    assert all(parameter.grad is not None for parameter in built.parameters())


def test_validation_counts_the_second_loss_apart() -> None:
    built = with_head().eval()
    plain = models.small_model(models.recipe(models.DECODERS["bahdanau"]))
    assert list(mean_loss(plain, [BATCH])) == ["loss", "perplexity"]
    scores = mean_loss(built, [BATCH, BATCH])
    with torch.inference_mode():
        memory = built.encode(BATCH.source, BATCH.source_mask)
        costs = ctc_costs(built.ctc(memory), memory.lengths, BATCH.targets)
    assert scores["ctc_loss"] == pytest.approx(float(costs.sum()) / int(BATCH.target_mask.sum()))
    assert list(scores) == ["loss", "perplexity", "ctc_loss"]


@pytest.mark.parametrize(
    "kind",
    [kind for kind in ENCODERS.places if ENCODERS.own(kind).axes == 1 and kind not in ("several", "hierarchical")],
)
def test_the_length_that_a_recipe_knows_is_that_of_the_memory(kind: str) -> None:
    """So that a pair is refused before training if, and only if, CTC has no labelling for it."""
    changes = {"pyramidal": {"joins": [1, 2, 3]}, "transformer": {"hidden_size": 12}, "recurrent": {}, "bag": {}}
    values = {"kind": kind, **changes.get(kind, {"strides": [3, 2]})}
    section: EncoderConfig = models.recipe(models.DECODERS["luong"], encoder=values).model.encoder
    torch.manual_seed(0)
    config = models.recipe(models.DECODERS["bahdanau"], encoder=values).model
    built = build_model(config, Vocabulary(models.SOURCE_VOCABULARY), models.TARGET_VOCABULARY, ctc=True).eval()
    batch = models.batch_of([(length, 2) for length in range(1, 26)])
    with torch.inference_mode():
        found = built.encode(batch.source, batch.source_mask).lengths
    assert found.tolist() == [-(-(length + 1) // section.stride) for length in range(1, 26)]


def test_positions_that_a_target_needs() -> None:
    for target in itertools.chain.from_iterable(itertools.product((3, 4), repeat=size) for size in range(5)):
        needed = labels_needed(target)
        padded = torch.tensor([[*target, END], [*target, END]])
        assert alignable(torch.tensor([needed, needed - 1]), padded).tolist() == [True, False]
