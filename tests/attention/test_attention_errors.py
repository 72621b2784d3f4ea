"""Bad input: where, what was given, what is expected, what to do."""

from collections.abc import Iterator

import jaxtyping
import pytest
import torch
from mechanisms import BATCH, KEY, QUERY, SOURCE, TARGET, VALUE, Combination, every_entry, inputs, look, make

from regard.attention import POOLINGS, SCORES, SELECTIONS, WINDOWS
from regard.attention.attention import Attention
from regard.attention.build import build_attention
from regard.attention.general import GeneralScore
from regard.attention.local import LocalPWindow
from regard.attention.positions import RelativeScore, SinusoidalPositions
from regard.attention.rules import SAME_SIZE
from regard.attention.self_attention import SelfAttention


@pytest.fixture(autouse=True)
def _as_users_run_it() -> Iterator[None]:
    """The tests check annotations when a function is called; users do not, and these messages are for them."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def attention() -> Attention:
    return build_attention(QUERY, KEY)


KEYS, VALUES = torch.zeros(BATCH, SOURCE, KEY), torch.zeros(BATCH, SOURCE, VALUE)
MASK = torch.ones(BATCH, SOURCE, dtype=torch.bool)


@pytest.mark.parametrize(
    ("keys", "values", "mask", "error", "message"),
    [
        (
            KEYS[0],
            VALUES,
            MASK,
            ValueError,
            r"keys have shape \(5, 11\); expected \(batch, source, key\)\. Give one row",
        ),
        (
            KEYS[:, :0],
            VALUES,
            MASK,
            ValueError,
            r"keys have shape \(2, 0, 11\); expected at least one source position\.",
        ),
        (KEYS, VALUES[:, 1:], MASK, ValueError, r"values have shape \(2, 4, 13\); expected \(2, 5, value\)\. Give one"),
        (KEYS, VALUES[0], MASK, ValueError, r"values have shape \(5, 13\); expected \(2, 5, value\)\."),
        (KEYS, VALUES, MASK[:1], ValueError, r"mask has shape \(1, 5\); expected \(2, 5\)\. Give one entry per key\."),
        (KEYS, VALUES, MASK.unsqueeze(1), ValueError, r"mask has shape \(2, 1, 5\); expected \(2, 5\)\."),
        (KEYS, VALUES, MASK.float(), TypeError, r"mask has dtype torch.float32; expected torch.bool, True where a pos"),
        (KEYS, VALUES, MASK.long(), TypeError, r"mask has dtype torch.int64; expected torch.bool, True where a pos"),
        (KEYS.long(), VALUES, MASK, TypeError, r"keys have dtype torch.int64; expected a floating point one\. Call"),
        (KEYS, VALUES.half(), MASK, TypeError, r"values have dtype torch.float16; expected torch.float32, that of k"),
        (KEYS, VALUES.to("meta"), MASK, ValueError, r"values are on meta; expected cpu, where keys are"),
        (KEYS, VALUES, MASK.to("meta"), ValueError, r"mask is on meta; expected cpu, where keys are\. Move one"),
    ],
)
def test_prepare(attention: Attention, keys, values, mask, error, message: str) -> None:
    with pytest.raises(error, match=rf"^Attention\.prepare: {message}"):
        attention.prepare(keys, values, mask)


QUERIES = torch.zeros(BATCH, TARGET, QUERY)


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        (QUERIES[:, 0], ValueError, r"query has shape \(2, 7\); expected \(2, target, query\)\. Give one"),
        (QUERIES[:1], ValueError, r"query has shape \(1, 3, 7\); expected \(2, target, query\)\. Give one"),
        (QUERIES[:, :0], ValueError, r"query has shape \(2, 0, 7\); expected at least one target position\. Give an"),
        (QUERIES.double(), TypeError, r"query has dtype torch.float64; expected torch.float32, that of the source\."),
        (QUERIES.long(), TypeError, r"query has dtype torch.int64; expected torch.float32, that of the source\."),
        (QUERIES.to("meta"), ValueError, r"query is on meta; expected cpu, where the source is\. Move one"),
    ],
)
def test_forward(attention: Attention, query, error, message: str) -> None:
    source = attention.prepare(KEYS, VALUES, MASK)
    with pytest.raises(error, match=rf"^Attention\.forward: {message}"):
        attention(query, source, attention.begin(source))


def test_history_of_other_rows(attention: Attention) -> None:
    source = attention.prepare(KEYS, VALUES, MASK)
    history = attention.begin(source).select(torch.tensor([0, 1, 1]))
    with pytest.raises(ValueError, match=r"^Attention\.forward: history has 3 rows; expected 2, those of the source\."):
        attention(QUERIES, source, history)


@pytest.mark.parametrize("name", SCORES)
def test_each_score_names_itself_and_the_size_it_was_built_for(name: str) -> None:
    key_size = QUERY if name in SAME_SIZE else KEY
    attention = build_attention(QUERY, key_size, score=name)
    place = type(attention.score).__name__
    message = rf"^{place}\.prepare: keys have shape \(2, 5, 13\); expected \(batch, source, {key_size}\)\. Set key_size"
    with pytest.raises(ValueError, match=message):
        attention.prepare(VALUES, VALUES, MASK)
    source = attention.prepare(torch.zeros(BATCH, SOURCE, key_size), VALUES, MASK)
    message = rf"^{place}\.forward: query has shape \(2, 1, 8\); expected \(batch, target, 7\)\. Set query_size"
    with pytest.raises(ValueError, match=message):
        attention(torch.zeros(BATCH, 1, 8), source, attention.begin(source))


@pytest.mark.parametrize("name", sorted(SAME_SIZE & set(SCORES)))
def test_sizes_that_cannot_be_compared(name: str) -> None:
    message = rf"^{SCORES[name].__name__}: query_size is 7 and key_size is 11; expected the same size\. Use the general"
    with pytest.raises(ValueError, match=message):
        build_attention(QUERY, KEY, score=name)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"score": "aditive"}, r"attention score is 'aditive'; expected one of dot, .*\. Did you mean 'additive'\?$"),
        ({"select": "sofmax"}, r"attention selection is 'sofmax'; expected one of .*\. Did you mean 'softmax'\?$"),
        ({"window": "glob"}, r"attention window is 'glob'; expected one of .*\. Did you mean 'global'\?$"),
        (
            {"options": {"additive": {"hiden_size": 3}}},
            r"attention score 'additive' has no option 'hiden_size'; expected one of hidden_size, .*Did you mean 'hidd",
        ),
        (
            {"options": {"softmax": {"temperature": 3}}},
            r"attention selection 'softmax' has no option 'temperature'; expected no option at all\. Remove it\.",
        ),
        ({"options": {"adtive": {}}}, r"attention has options for 'adtive'; expected one of dot.* mean 'additive'\?$"),
        ({"num_heads": 2}, r"Heads: num_heads is 2 and query_size is 7; expected a multiple of num_heads\. Choose"),
        ({"num_heads": 0}, r"^Heads: num_heads is 0; expected 1 or more\. Give the number of looks\.$"),
    ],
)
def test_build(given: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_attention(QUERY, KEY, **given)


def test_wrong_size_for_heads() -> None:
    attention = build_attention(6, 4, num_heads=2)
    with pytest.raises(
        ValueError, match=r"^Heads: keys have shape \(2, 5, 11\); expected \(batch, length, 4\)\. Build"
    ):
        attention.prepare(KEYS, VALUES, MASK)
    with pytest.raises(
        ValueError, match=r"^Heads: values have shape \(2, 5, 13\); expected \(batch, length, 4\)\. Build"
    ):
        attention.prepare(KEYS[..., :4], VALUES, MASK)
    source = attention.prepare(KEYS[..., :4], VALUES[..., :4], MASK)
    with pytest.raises(ValueError, match=r"^Heads: query has shape \(2, 3, 7\); expected \(batch, length, 6\)\. Build"):
        attention(QUERIES, source, attention.begin(source))


def test_positions() -> None:
    positions = SinusoidalPositions(6)
    with pytest.raises(
        TypeError, match=r"^SinusoidalPositions\.forward: features have dtype torch.int64; expected a fl"
    ):
        positions(torch.zeros(BATCH, TARGET, 6, dtype=torch.long))
    with pytest.raises(ValueError, match=r"^SinusoidalPositions\.forward: start is -1; expected 0 or more\. Count the"):
        positions(torch.zeros(BATCH, TARGET, 6), start=-1)


SEQUENCE_FAULTS = [
    (VALUES[0], MASK, ValueError, r"values have shape \(5, 13\); expected \(batch, source, \w+\)\. (Give|Set)"),
    (VALUES[:, :0], MASK, ValueError, r"values have shape \(2, 0, 13\); expected at least one source position\."),
    (VALUES, MASK[:1], ValueError, r"mask has shape \(1, 5\); expected \(2, 5\)\. Give one entry per position\."),
    (VALUES, MASK.unsqueeze(1), ValueError, r"mask has shape \(2, 1, 5\); expected \(2, 5\)\."),
    (VALUES, MASK.float(), TypeError, r"mask has dtype torch.float32; expected torch.bool, True where"),
    (VALUES.long(), MASK, TypeError, r"values have dtype torch.int64; expected a floating point one\."),
    (VALUES, MASK.to("meta"), ValueError, r"mask is on meta; expected cpu, where values are\. Move one"),
]
SEQUENCES = {name: POOLINGS[name](VALUE) for name in POOLINGS}
SEQUENCES["self-attention"] = SelfAttention(build_attention(VALUE, VALUE))


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize(("values", "mask", "error", "message"), SEQUENCE_FAULTS)
def test_sequences(name: str, values, mask, error, message: str) -> None:
    module = SEQUENCES[name]
    with pytest.raises(error, match=rf"^{type(module).__name__}\.forward: {message}"):
        module(values, mask)


@pytest.mark.parametrize("name", POOLINGS)
def test_features_of_a_pooling(name: str) -> None:
    module = SEQUENCES[name]
    message = (
        r"forward: values have shape \(2, 5, 11\); expected \(batch, source, 13\)\. Set value_size to their features"
    )
    with pytest.raises(ValueError, match=rf"^{type(module).__name__}\.{message}"):
        module(KEYS, MASK)


@pytest.mark.parametrize("name", [name for name in SEQUENCES if name != "max"])
def test_sequences_of_another_kind_than_the_parameters(name: str) -> None:
    module = SEQUENCES[name]
    place = rf"^{type(module).__name__}\.forward: values"
    with pytest.raises(
        TypeError, match=rf"{place} have dtype torch.float64; expected torch.float32, that of the modul"
    ):
        module(VALUES.double(), MASK)
    with pytest.raises(ValueError, match=rf"{place} are on meta; expected cpu, where the module's parameters are\."):
        module(VALUES.to("meta"), MASK.to("meta"))


def test_keys_of_another_kind_than_the_parameters(attention: Attention) -> None:
    place = r"^Attention\.prepare: keys"
    with pytest.raises(
        TypeError, match=rf"{place} have dtype torch.float64; expected torch.float32, that of the module"
    ):
        attention.prepare(KEYS.double(), VALUES.double(), MASK)
    with pytest.raises(
        ValueError, match=rf"{place} are on meta; expected cpu, where the module's parameters are\. Move"
    ):
        attention.prepare(KEYS.to("meta"), VALUES.to("meta"), MASK.to("meta"))
    plain = build_attention(KEY, KEY, score="dot")
    plain.prepare(KEYS.double(), VALUES.double(), MASK)  # it has no parameters, so that any dtype will do


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_temperature_of_a_history(attention: Attention, temperature: float) -> None:
    with pytest.raises(ValueError, match=r"^Attention\.begin: temperature is \S+; expected more than 0\. Anneal"):
        attention.begin(attention.prepare(KEYS, VALUES, MASK), temperature=temperature)


@pytest.mark.parametrize(
    ("name", "option", "value", "message"),
    [
        ("additive", "hidden_size", "64", r"score 'additive' has hidden_size '64'; expected int or nothing\. Give a"),
        ("local_p", "radius", 2.5, r"window 'local_p' has radius 2.5; expected int\. Give a value of that type\."),
        ("cosine", "strength", True, r"score 'cosine' has strength True; expected float\. Give"),
        (
            "gumbel_softmax",
            "straight_through",
            1,
            r"selection 'gumbel_softmax' has straight_through 1; expected bool\.",
        ),
        ("hard", "inference", ["argmax"], r"selection 'hard' has inference \['argmax'\]; expected str\."),
    ],
)
def test_types_of_options(name: str, option: str, value: object, message: str) -> None:
    kinds = {"score": SCORES, "select": SELECTIONS, "window": WINDOWS}
    chosen = {kind: name for kind, table in kinds.items() if name in table}
    with pytest.raises(TypeError, match=rf"^attention {message}"):
        build_attention(KEY, KEY, **chosen, options={name: {option: value}})


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (
            SinusoidalPositions(6),
            r"^SinusoidalPositions\.forward: features have shape \(2, 3, 7\); expected .*, 6\)\.",
        ),
        (LocalPWindow(6), r"^LocalPWindow\.forward: query has shape \(2, 3, 7\); expected \(batch, target, 6\)\. Set"),
        (
            RelativeScore(GeneralScore(6, KEY), 6),
            r"^RelativeScore\.forward: query has shape \(2, 3, 7\); expected \(batch, target, 6\)\. Set query_size",
        ),
    ],
    ids=lambda given: type(given).__name__,
)
def test_parts_outside_the_table_of_scores(part: torch.nn.Module, message: str) -> None:
    given = [QUERIES] if isinstance(part, SinusoidalPositions) else [QUERIES, None, None]
    with pytest.raises(ValueError, match=message):
        part(*given)


@every_entry
def test_autocast_may_mix_dtypes(names: Combination) -> None:
    query, keys, values, mask = (each.float() if each.is_floating_point() else each for each in inputs(names))
    attention = make(names, "train").float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        context = look(attention, query.bfloat16().requires_grad_(), keys.requires_grad_(), values, mask).context
    context.float().sum().backward() if context.requires_grad else None
    assert context.isfinite().all()
