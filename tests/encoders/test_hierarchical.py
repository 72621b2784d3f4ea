"""The hierarchical encoder: its formulas by hand, and that a text is read the same in any company."""

from typing import Any

import pytest
import torch
from torch import Tensor

from regard.config import parse
from regard.data.text import Vocabulary
from regard.encoders.hierarchical import HierarchicalEncoder, PositionEncoding, empty_behind
from regard.encoders.memory import Memory
from regard.errors import UsageError
from regard.marks import END, PAD
from regard.model.build import build_model

VOCABULARY = 23
KINDS = {
    "attention-recurrent": {},
    "attention-places-question": {"sentences": "places", "question": True, "places": 2},
    "positions-places": {"words": "positions", "sentences": "places", "places": 3},
    "positions-recurrent-question": {"words": "positions", "question": True, "cell": "lstm"},
}
EACH = pytest.mark.parametrize("keys", KINDS.values(), ids=KINDS)
TEXTS = [  # three sentences; one; a text of nothing; five, one of a single word
    [5, 6, 7, END, 8, 9, END, 10, END],
    [5, 6, END],
    [END],
    [5, END, 6, END, 7, 7, END, 8, END, 9, 10, 11, 12, END],
]


def encoder(**keys: Any) -> HierarchicalEncoder:
    torch.manual_seed(3)
    model = {"embedding_size": 5, "encoder": {"kind": "hierarchical", "hidden_size": 3, **keys}}
    config = parse({"data": {"source": {"sentences": "punctuation"}}, "model": model}, "recipe of a test")
    found = build_model(config.model, Vocabulary(VOCABULARY), 7).eval().encoder
    assert isinstance(found, HierarchicalEncoder)
    return found


def batch(texts: list[list[int]], padding: int = 0) -> tuple[Tensor, Tensor]:
    width = max(map(len, texts)) + padding
    source = torch.tensor([[*text, *[PAD] * (width - len(text))] for text in texts])
    return source, torch.tensor([[place < len(text) for place in range(width)] for text in texts])


@EACH
def test_neither_company_nor_padding_matters(keys: dict[str, Any]) -> None:
    read = encoder(**keys)
    together: Memory = read(*batch(TEXTS, padding=3))
    for row, text in enumerate(TEXTS):
        alone = read(*batch([text]))
        length = alone.mask.size(1)
        torch.testing.assert_close(together.values[row, :length], alone.values[0])
        torch.testing.assert_close(together.summary[row], alone.summary[0])
        for name in ("mask", "spans", "real"):
            assert torch.equal(getattr(together, name)[row, :length], getattr(alone, name)[0])
        if alone.inside is not None:
            torch.testing.assert_close(together.inside[row, : len(text)], alone.inside[0])
            assert not together.inside[row, len(text) :].any()
        assert not together.real[row, length:].any()
        assert not together.values[row, length:].any()


@EACH
def test_there_is_a_position_for_each_sentence_and_spans_tile_the_text(keys: dict[str, Any]) -> None:
    read = encoder(**keys)
    memory = read(*batch(TEXTS))
    for row, text in enumerate(TEXTS):
        ends = [place + 1 for place, token in enumerate(text) if token == END]
        assert memory.real[row].sum() == len(ends)
        assert memory.spans[row][memory.real[row]].tolist() == list(map(list, zip([0, *ends], ends, strict=False)))
        assert memory.mask[row].sum() == len(ends) - read.question


@EACH
def test_the_words_of_a_sentence_weigh_one_and_an_end_mark_nothing(keys: dict[str, Any]) -> None:
    source, mask = batch(TEXTS, padding=2)
    memory = encoder(**keys)(source, mask)
    if keys.get("words") == "positions":
        assert memory.inside is None
        return
    assert not memory.inside[(source == END) | ~mask].any()
    for row, text in enumerate(TEXTS):
        for start, end in memory.spans[row][memory.real[row]].tolist():
            torch.testing.assert_close(memory.inside[row, start:end].sum(), torch.tensor(float(text[start] != END)))


def test_a_sentence_is_the_sum_of_its_words_by_their_weights() -> None:
    """With states and sentences that say what they are: the words themselves."""
    read = encoder(sentences="places", hidden_size=5)
    read.places.weight.data.zero_()
    source, mask = batch(TEXTS)
    table = torch.randn(VOCABULARY, read.output_size)

    class Itself(torch.nn.Module):
        def forward(self, words: Tensor, said: Tensor) -> Any:
            return Memory(words, words, said, words.sum(1), torch.zeros(*said.shape, 2).long())

    read.words.read = Itself()
    read.embedding = torch.nn.Embedding.from_pretrained(table)
    memory = read(source, mask)
    for row in range(len(TEXTS)):
        for number, (start, end) in enumerate(memory.spans[row][memory.real[row]].tolist()):
            expected = memory.inside[row, start:end] @ table[source[row, start:end]]
            torch.testing.assert_close(memory.values[row, number], expected)


@EACH
def test_what_stands_at_padding_changes_no_gradient(keys: dict[str, Any]) -> None:
    read, (source, mask) = encoder(**keys), batch(TEXTS)
    gradients = []
    for given in (source, source.masked_fill(~mask, 13), source.masked_fill(~mask, END)):
        read.zero_grad()
        memory = read(given, mask)
        (memory.values.square().sum() + memory.summary.square().sum()).backward()
        gradients.append([weight.grad.clone() for weight in read.parameters() if weight.grad is not None])
    for other in gradients[1:]:
        for one, same in zip(gradients[0], other, strict=True):
            torch.testing.assert_close(same, one)


@EACH
def test_gradients_are_those_of_differences(keys: dict[str, Any]) -> None:
    read, (source, mask) = encoder(**keys).double(), batch(TEXTS[:2])
    table = read.embedding.weight.detach().clone().requires_grad_()

    def outputs(weight: Tensor) -> tuple[Tensor, Tensor]:
        memory = torch.func.functional_call(read, {"embedding.weight": weight}, (source, mask))
        return memory.values, memory.summary

    assert torch.autograd.gradcheck(outputs, (table,))


def test_position_encoding_is_the_sum_of_the_paper() -> None:
    words = torch.randn(2, 4, 6)
    lengths = (4, 3)
    expected = torch.zeros(2, 6)
    for row, length in enumerate(lengths):
        for j in range(1, length + 1):
            for k in range(1, 7):
                weight = (1 - j / length) - (k / 6) * (1 - 2 * j / length)
                expected[row, k - 1] += weight * words[row, j - 1, k - 1]
    mask = torch.arange(4) < torch.tensor(lengths).unsqueeze(1)
    torch.testing.assert_close(PositionEncoding(6)(words.masked_fill(~mask.unsqueeze(-1), torch.nan), mask), expected)


def test_sentences_are_told_apart_by_how_many_come_behind_and_the_oldest_share_a_place() -> None:
    """Five times the same sentence, and places for three of them."""
    read = encoder(words="positions", sentences="places", places=3)
    values = read(*batch([[5, 6, END] * 5])).values[0]
    bag = read(*batch([[5, 6, END]])).values[0, 0] - read.places.weight[0]
    torch.testing.assert_close(values, bag + read.places.weight[[2, 2, 2, 1, 0]])


def test_a_question_is_the_summary_and_no_sentence_knows_it() -> None:
    read = encoder(words="positions", sentences="recurrent", question=True)
    one, other = read(*batch([[5, 6, END, 7, END, 8, END]])), read(*batch([[5, 6, END, 7, END, 9, END]]))
    torch.testing.assert_close(one.values, other.values)
    assert not torch.allclose(one.summary, other.summary)
    torch.testing.assert_close(one.summary, encoder(words="positions", question=True)(*batch([[8, END]])).summary)


def test_a_source_without_positions_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one position"):
        encoder()(torch.zeros(1, 0, dtype=torch.long), torch.zeros(1, 0, dtype=torch.bool))


def test_empty_sentences_are_counted_at_places_drawn_by_chance() -> None:
    torch.manual_seed(5)
    lengths = torch.arange(40).repeat(50)
    seen = torch.arange(40) < lengths.unsqueeze(1)
    found = empty_behind(seen, 0.1)
    most = (0.1 * lengths).ceil().long()
    assert (found.diff(dim=1) <= 0).all()  # what is behind a later sentence is behind an earlier one, too
    assert (found[:, 0] <= most).all()
    assert set(found[lengths == 39][:, 0].tolist()) == {0, 1, 2, 3, 4}
    middle = found[lengths == 39].float().mean(0)[19]
    assert abs(middle - 1.0) < 0.5  # half of the mean number, which is 2


def test_noise_of_places_is_for_training_alone() -> None:
    keys = {"words": "positions", "sentences": "places"}
    quiet, noisy = encoder(**keys), encoder(**keys, place_noise=1.0)
    assert torch.equal(quiet(*batch(TEXTS)).values, noisy(*batch(TEXTS)).values)
    shifted = noisy.train()(*batch(TEXTS * 5)).values
    assert not torch.equal(shifted, quiet.train()(*batch(TEXTS * 5)).values)
    with pytest.raises(UsageError, match=r"place_noise is 0\.1, which belongs to sentences: places; expected 0"):
        encoder(place_noise=0.1)
