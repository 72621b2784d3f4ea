"""Training on joined pairs, with moves and guided alignment: what is refused, and a run from pairs to an alignment."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import regard
from regard.config import Config, parse
from regard.data.readers import PairFiles
from regard.errors import UsageError
from regard.run import guidance
from regard.run.fit import fit
from regard.run.sides import learn_sides
from regard.run.subsets import joined, split

RECIPE: dict[str, Any] = {
    "data": {
        "source": {"tokenizer": "symbols", "vocab_size": 100},
        "target": {"tokenizer": "symbols", "vocab_size": 100},
        "batch_size": 200,
        "join": {"words": 12, "share": 1.0, "rounds": 2},
    },
    "model": {
        "embedding_size": 8,
        "encoder": {"hidden_size": 8},
        "decoder": {"kind": "luong", "hidden_size": 8},
        "attention": {"moves": 4},
    },
    "training": {"max_steps": 4, "guided_alignment": {"weight": 0.5}},
}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> PairFiles:
    """Each word has one translation, and the order is turned round."""
    path, draw = tmp_path_factory.mktemp("pairs") / "pairs.tsv", np.random.default_rng(1)
    rows = [[f"w{number}" for number in draw.integers(12, size=draw.integers(1, 5))] for _ in range(150)]
    path.write_text("".join(f"{' '.join(row)}\t{' '.join(row[::-1]).upper()}\n" for row in rows))
    return PairFiles((str(path),))


def recipe(**changes: Any) -> Config:
    values = dict(RECIPE)
    for key, value in changes.items():
        section, name = key.split("__")
        values[section] = values[section] | {name: value}
    return parse(values, "test")


def test_from_pairs_to_an_alignment(pairs: PairFiles, tmp_path: Path) -> None:
    lines: list[str] = []
    fit(recipe(), pairs, pairs, tmp_path / "run", tell=lines.append)
    assert "attention is guided by" in lines[0]
    assert int(lines[1].split()[0]) < 2 * 150  # of two rounds, some of whose pairs are joined
    best = regard.load(tmp_path / "run").translate(["w1 w2 w3"])[0][0]
    assert np.allclose(best.weights.sum(1), 1.0, atol=1e-5)


def test_links_of_a_joined_pair_are_those_of_its_parts(pairs: PairFiles, tmp_path: Path) -> None:
    config = recipe()
    files = joined(config, pairs, pairs)
    sides = learn_sides(config.data, files)
    learn, _ = split(config, files, pairs, *sides, tmp_path)
    links = guidance.guiding_links(config, files, learn, *sides, lambda line: None)
    assert links is not None
    several = 0
    for row in range(len(learn)):
        _, targets, sources = links.of(np.array([row]))
        assert sides[0].tokenizer is not None
        words = sides[0].tokenizer.decode(learn.corpus.source[row].tolist()).split()
        others = sides[1].decode(learn.corpus.target[row].tolist()).split()
        right = [words[source].upper() == others[target] for target, source in zip(targets, sources, strict=True)]
        assert np.mean(right) > 0.7 if right else True
        several += len(right) > 8
    assert several > 10


def test_pairs_to_validate_on_are_needed(pairs: PairFiles, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.join\.words is 12, and no pairs are given to validate on.*Give --dev"):
        fit(recipe(), pairs, None, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"data__target": {"tokenizer": "label"}},
            "data.join.words is 12; expected tokenisers bpe, characters, symbols",
        ),
        ({"data__source": {"turn_mark": "<turn>"}}, "data.join.words is 12; expected no data.source.turn_mark"),
        (
            {"data__source": {"kind": "recording"}},
            "data.join.words is 12; expected data.source.kind text for recording",
        ),
        ({"data__join": {"rounds": 3}}, "data.join.rounds is 3, and words is 0; expected words above 0"),
        (
            {"training__guided_alignment": {"weight": 1, "links": "links.txt"}},
            "data.join.words is 12; expected no training.guided_alignment.links",
        ),
    ],
)
def test_recipes_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    plain = {"training__guided_alignment": {"weight": 0}} if "training__guided_alignment" not in changes else {}
    with pytest.raises(UsageError, match=message.replace(".", r"\.")):
        recipe(**plain, **changes)


def test_moves_need_one_source_and_a_decoder_that_may_remember() -> None:
    with pytest.raises(UsageError, match="moves is -1"):
        recipe(model__attention={"moves": -1})
