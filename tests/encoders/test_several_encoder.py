"""The encoder of several texts, and the bag of tokens: what of the source the memory has, and what has no say in it."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from regard.compiled.freeze import _fast
from regard.compiled.training import fast_encoder
from regard.config import ModelConfig
from regard.config.several import SeveralConfig
from regard.data.batch import Batch
from regard.data.sources import batch_of
from regard.data.text import Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.decoders import DECODERS
from regard.encoders.bag import BagEncoder
from regard.encoders.memory import Memory
from regard.encoders.recurrent import RecurrentEncoder
from regard.encoders.several import SeveralEncoder, split
from regard.marks import BEGIN, END, PAD, UNKNOWN
from regard.model.build import build_model

EMBEDDING = 11
PARTS = [[5, 6, 7, 8], [9, 10], [12, 13, 14]]
ROWS = [PARTS, [[5], [], [14]], [[], [9, 10, 11, 9, 9], []], [[], [], []]]
CHOICES = {
    "attended": (),
    "one joined": ("b",),
    "last joined": ("c",),
    "first joined": ("a",),
    "two joined": ("b", "c"),
}
every_choice = pytest.mark.parametrize("joined", CHOICES.values(), ids=CHOICES)


def encoder(joined: tuple[str, ...] = (), kinds: str = "rrb") -> SeveralEncoder:
    torch.manual_seed(0)
    embedding = nn.Embedding(17, EMBEDDING)
    made = [
        RecurrentEncoder(embedding, size, summary=summary) if kind == "r" else BagEncoder(embedding)
        for kind, size, summary in zip(kinds, (7, 5, 3), ("last", "mean", "last"), strict=True)
    ]
    return SeveralEncoder(dict(zip("abc", made, strict=True)), joined).eval()


def batch(rows: list[list[list[int]]], padding: int = 0) -> tuple[Tensor, Tensor]:
    lines = [[token for part in row for token in (*part, END)] for row in rows]
    width = max(map(len, lines)) + padding
    source = torch.tensor([line + [PAD] * (width - len(line)) for line in lines])
    return source, torch.arange(width) < torch.tensor([*map(len, lines)]).unsqueeze(1)


def read(of: SeveralEncoder, rows: list[list[list[int]]], padding: int = 0) -> Memory:
    with torch.inference_mode():
        return of(*batch(rows, padding))


@every_choice
def test_the_spans_are_all_tokens_of_the_parts_that_are_looked_at_and_one_end_mark(joined: tuple[str, ...]) -> None:
    memory = read(encoder(joined), ROWS)
    for row, parts in enumerate(ROWS):
        start, wanted = 0, list[tuple[int, int]]()
        for name, part in zip("abc", parts, strict=True):
            if name not in joined:
                wanted += [(start + place, start + place + 1) for place in range(len(part))]
            start += len(part) + 1
        found = [tuple(span) for span in memory.spans[row][memory.mask[row]].tolist()]
        assert found == [*wanted, (start - 1, start)]
        assert memory.mask[row, : len(found)].all(), "real positions come first"
    assert memory.values[~memory.mask].abs().sum() == 0


@every_choice
def test_neither_padding_nor_company_has_a_say(joined: tuple[str, ...]) -> None:
    several = encoder(joined)
    together = read(several, ROWS, padding=3)
    for row, parts in enumerate(ROWS):
        alone = read(several, [parts])
        count = int(alone.mask.sum())
        torch.testing.assert_close(together.values[row, :count], alone.values[0, :count])
        torch.testing.assert_close(together.summary[row], alone.summary[0])
        assert together.spans[row, :count].tolist() == alone.spans[0, :count].tolist()


def test_each_part_is_read_by_its_own_encoder_alone() -> None:
    several = encoder()
    memory = read(several, [PARTS])
    before = 0
    for part, own, project in zip(PARTS, several.encoders, several.projections, strict=True):
        with torch.inference_mode():
            alone = own(torch.tensor([[*part, END]]), torch.ones(1, len(part) + 1, dtype=torch.bool))
            expected = project(alone.values)[0, : len(part)]
        torch.testing.assert_close(memory.values[0, before : before + len(part)], expected)
        before += len(part)
    assert several.projections[0].weight.shape == (14, 14)
    assert several.output_size == 14
    assert memory.summary.shape == (1, several.state_size) == (1, 14 + 10 + EMBEDDING)


def test_what_is_joined_stands_beside_every_position() -> None:
    several = encoder(("c",), "rrb")
    memory = read(several, [PARTS, ROWS[1]])
    mean = several.encoders[2].embedding(torch.tensor(PARTS[2])).mean(0)
    torch.testing.assert_close(memory.values[0, :7, 14:], mean.detach().expand(7, EMBEDDING))
    one = read(encoder(("b", "c")), [PARTS])
    assert one.values.shape == (1, 5, 14 + 10 + EMBEDDING)
    assert not encoder(("b", "c")).projections, "one part that is looked at needs no common size"


def test_the_order_of_a_bag_says_nothing_that_of_others_does() -> None:
    several = encoder(("c",))
    first, turned = read(several, [PARTS]), read(several, [[*PARTS[:2], PARTS[2][::-1]]])
    torch.testing.assert_close(first.values, turned.values)
    torch.testing.assert_close(first.summary, turned.summary)
    other = read(several, [[PARTS[0], PARTS[1][::-1], PARTS[2]]])
    assert not torch.allclose(first.values, other.values)


def test_a_bag_leaves_out_what_it_does_not_know() -> None:
    bag = BagEncoder(nn.Embedding(17, EMBEDDING))
    source, mask = batch([[[12, 13]], [[12, UNKNOWN, 13]], [[UNKNOWN]], [[]]])
    memory = bag(source, mask)
    torch.testing.assert_close(memory.summary[0], memory.summary[1])
    assert memory.summary[2:].abs().sum() == 0 == memory.values[1, 1].abs().sum()
    with pytest.raises(
        ValueError, match=r"BagEncoder.forward: source has shape \(2, 0\); expected at least one position"
    ):
        bag(torch.zeros(2, 0, dtype=torch.long), torch.zeros(2, 0, dtype=torch.bool))


@every_choice
def test_the_fast_ways_compute_the_same(joined: tuple[str, ...]) -> None:
    several = encoder(joined)
    expected = read(several, ROWS)
    for fast in (_fast(several), fast_encoder(several)):
        with torch.inference_mode():
            found = fast(*batch(ROWS))
        torch.testing.assert_close(found.values, expected.values)
        torch.testing.assert_close(found.summary, expected.summary)
    assert not any(type(each) is RecurrentEncoder for each in _fast(several).keywords["encoders"])


@every_choice
def test_every_parameter_learns(joined: tuple[str, ...]) -> None:
    several = encoder(joined).train()
    memory = several(*batch(ROWS))
    (memory.values.sum() + memory.summary.sum()).backward()
    assert [name for name, weight in several.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_a_source_with_fewer_parts_is_read_as_one_with_empty_ones() -> None:
    source, mask = batch([PARTS, PARTS[:1]])
    assert [part.mask.sum(1).tolist() for part in split(source, mask, 3)] == [[5, 5], [3, 0], [4, 0]]
    assert encoder()(source[:0], mask[:0]).values.shape[0] == 0


def test_what_cannot_be_built_says_so() -> None:
    for joined in (("a", "b", "c"), ("d",)):
        with pytest.raises(ValueError, match=r"SeveralEncoder: joined is .*; expected some of a, b, c, not all"):
            encoder(joined)
    with pytest.raises(ValueError, match=r"SeveralEncoder.forward: source has shape \(2, 0\)"):
        encoder()(torch.zeros(2, 0, dtype=torch.long), torch.zeros(2, 0, dtype=torch.bool))


@pytest.mark.parametrize("kind", [kind for kind in DECODERS.places if kind not in ("pooling", "edit_transducer")])
def test_every_decoder_reads_several_texts(kind: str) -> None:
    encoder = {"kind": "several", "parts": {"a": {"hidden_size": 7}, "b": {"kind": "bag"}, "c": {"kind": "bag"}}}
    values = {"embedding_size": 14, "encoder": {**encoder, "joined": ["c"]}, "decoder": {"kind": kind}}
    torch.manual_seed(0)
    model = build_model(ModelConfig.model_validate(values), Vocabulary(17), 13).eval()
    targets = torch.tensor([[5, 6, END]] * len(ROWS))

    def logits(rows: list[list[list[int]]], padding: int = 0) -> Tensor:
        source, mask = batch(rows, padding)
        wanted = targets[: len(rows)]
        given = Batch(source, mask, wanted.roll(1, 1), wanted, wanted != PAD, torch.arange(len(rows)))
        with torch.inference_mode():
            return model.logits(model(given))

    together = logits(ROWS, padding=3)
    for row, parts in enumerate(ROWS):
        torch.testing.assert_close(together[row], logits([parts])[0])
    assert not torch.allclose(together[0], logits([[*PARTS[:2], [4, 5]]])[0]), "what is joined has a say"


@pytest.mark.parametrize("joined", [(), ("tags",)], ids=["attended", "joined"])
def test_tags_decide_what_is_written(joined: tuple[str, ...]) -> None:
    """What follows from tags alone is learned, and lost with other tags."""
    answers = {"N;SG": "a", "N;PL": "b c", "V;PRS": "d", "V;PST": "d c"}
    pairs = [(f"{lemma}\t{tags}", answer) for lemma in ("lap", "rob") for tags, answer in answers.items()]
    parts = {"lemma": {"tokenizer": "characters", "vocab_size": 300}, "tags": {"tokenizer": "tags"}}
    source = SeveralConfig(kind="several", parts=parts).learn(lambda: [source for source, _ in pairs])
    target = Tokenizer.train("symbols", answers.values(), 300)
    encoder = {"kind": "several", "parts": {"lemma": {"hidden_size": 24}, "tags": {"kind": "bag"}}, "joined": joined}
    values = {"embedding_size": 24, "encoder": encoder, "decoder": {"kind": "luong", "hidden_size": 48}}
    torch.manual_seed(0)
    model = build_model(ModelConfig.model_validate(values), source, target.size)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)

    def loss(lines: list[str]) -> Tensor:
        read, mask = batch_of(source, [source.encode(line) for line in lines])
        wanted = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor([*target.ids(said), END]) for _, said in pairs], batch_first=True, padding_value=PAD
        )
        inputs = torch.cat([torch.full((len(pairs), 1), BEGIN), wanted[:, :-1]], 1)
        given = Batch(read, mask, inputs, wanted, wanted != PAD, torch.arange(len(pairs)))
        logits = model.logits(model(given))
        return F.cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=PAD)

    lines = [line for line, _ in pairs]
    for _ in range(40):
        optimizer.zero_grad()
        learned = loss(lines)
        learned.backward()
        optimizer.step()
    others = [lines[number ^ 3] for number in range(len(lines))]
    assert learned < 0.2 < 1.0 < loss(others)
