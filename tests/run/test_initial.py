"""What a new model begins with: weights of another run, vectors of words; and weights that stay as they are."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

import regard
from regard.errors import CheckpointError, DataError, UsageError
from regard.run.directory import Run

PAIRS = [("the dog sees a cat", "le chien voit un chat"), ("a cat sees", "un chat voit")] * 8
OTHERS = [("the bird sees a dog", "un oiseau voit le chien"), ("the cat", "le chat")] * 8
RECIPE = {
    "data": {"source": {"tokenizer": "symbols"}, "target": {"tokenizer": "symbols"}},
    "model": {"embedding_size": 4, "encoder": {"hidden_size": 4}, "decoder": {"hidden_size": 4}},
    "training": {"max_steps": 3, "learning_rate": 0.01},
}


def train(out: Path, pairs: list[tuple[str, str]] = PAIRS, **changes: object) -> Run:
    """A run of a few updates."""
    named = {key.replace("__", "."): value for key, value in changes.items()}
    return regard.train(RECIPE, pairs, out=out, dev=PAIRS, changes=named, quiet=True)


def weights(run: Run) -> dict[str, torch.Tensor]:
    """Of the model of a run, by name."""
    return {name: tensor.clone() for name, tensor in run.load().models[0].state_dict().items()}


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run that others begin with."""
    return train(tmp_path_factory.mktemp("runs") / "base")


def test_a_run_that_begins_with_another_and_learns_nothing_is_that_run(begun: Run, tmp_path: Path) -> None:
    again = train(
        tmp_path / "run",
        OTHERS,
        training__init=str(begun.path),
        training__freeze=["encoder", "decoder.tokens", "decoder.attention", "decoder.recurrence", "decoder.bridge"],
    )
    before, after = weights(begun), weights(again)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"decoder.combine.weight"}  # the one part that learns
    assert again.digests == begun.digests  # the same vocabularies, though the pairs have other words


def test_tokens_that_the_run_knows_take_their_rows_and_others_new_ones(begun: Run, tmp_path: Path) -> None:
    again = train(
        tmp_path / "run",
        OTHERS,
        training__init=str(begun.path),
        training__freeze=["encoder", "decoder.tokens"],
        **{"data__target__vocab_size": 20, "data__source__vocab_size": 20},
    )
    for side, name in ((0, "encoder.embedding.weight"), (1, "decoder.tokens.embedding.weight")):
        tokenizers = [each.sides[side] for each in (begun, again)]
        old, new = [each if side else each.tokenizer for each in tokenizers]
        names = [each.tokens(range(each.size)) for each in (old, new)]
        before, after = weights(begun)[name], weights(again)[name]
        known = [token for token in names[1] if token in names[0]]
        assert 4 < len(known) < len(names[1])
        for token in known:
            assert torch.equal(after[names[1].index(token)], before[names[0].index(token)])


def test_tokens_of_several_texts_take_their_rows_too(tmp_path: Path) -> None:
    """Their embedding is not that of one encoder."""
    columns = {"columns": ["a", "b", "c"], "sources": ["a", "b"], "target_column": "c"}
    recipe = {**RECIPE, "data": {**RECIPE["data"], **columns}}
    files = [tmp_path / "first.tsv", tmp_path / "second.tsv"]
    for path, words in zip(files, ("dog cat bird", "cat bird fish"), strict=True):
        path.write_text("".join(f"{word} {word}\tthe {word}\tun {word}\n" for word in words.split() * 6))
    base = regard.train(recipe, str(files[0]), out=tmp_path / "base", dev=str(files[0]), quiet=True)
    changes = {"training.init": str(base.path), "training.freeze": ["encoder"]}
    other = {**recipe, "data": {**recipe["data"], "source": {"tokenizer": "symbols", "vocab_size": 30}}}
    again = regard.train(other, str(files[1]), out=tmp_path / "run", dev=str(files[1]), changes=changes, quiet=True)
    tables, names = [], []
    for run in (base, again):
        tokenizer = run.sides[0].tokenizer
        found = [value for value in weights(run).values() if value.shape[0] == tokenizer.size and value.dim() == 2]
        tables.append(found[0])
        tokens = tokenizer.tokens(range(tokenizer.size))
        names.append([(token, tokens[:place].count(token)) for place, token in enumerate(tokens)])
    assert names[0] != names[1]
    assert ("cat", 1) in names[0]  # a token of each text
    for token in {*names[0]} & {*names[1]}:
        assert torch.equal(tables[1][names[1].index(token)], tables[0][names[0].index(token)]), token


def test_a_run_from_another_is_resumed_without_it(begun: Run, tmp_path: Path) -> None:
    base, out = tmp_path / "base", tmp_path / "run"
    train(base)
    train(out, training__init=str(base), training__freeze=["encoder"])
    base.rename(tmp_path / "away")
    changes = {"training.init": str(base), "training.freeze": ["encoder"], "training.max_steps": 5}
    resumed = regard.train(RECIPE, PAIRS, out=out, dev=PAIRS, changes=changes, resume=True, quiet=True)
    whole = train(
        tmp_path / "whole", training__init=str(tmp_path / "away"), training__freeze=["encoder"], training__max_steps=5
    )
    for name, tensor in weights(whole).items():
        assert torch.equal(weights(resumed)[name], tensor), name


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"training__init": "nowhere"}, CheckpointError, "training.init: nowhere is not a directory"),
        (
            {"training__freeze": ["encodr"]},
            UsageError,
            "no part 'encodr'; expected one such as encoder, decoder",
        ),
        ({"training__freeze": ["encoder.embeding"]}, UsageError, "expected one such as encoder.embedding"),
        ({"training__freeze": ["encoder", "decoder"]}, UsageError, "all weights would stay as they are"),
    ],
)
def test_what_cannot_be_begun_with_is_said(
    changes: dict[str, object], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        train(tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_a_run_of_another_shape_is_refused(begun: Run, tmp_path: Path) -> None:
    changes = {"model__embedding_size": 6, "model__encoder__hidden_size": 5, "model__decoder__hidden_size": 7}
    with pytest.raises(UsageError, match=r"no weight of .* fits into this model"):
        train(tmp_path / "run", training__init=str(begun.path), **changes)


VECTORS = {"dog": [1, 2, 3, 4], "cat": [0.5, 0, 0, -1], "the": [1e-3, 5, 6, 7], "unseen . word": [9, 9, 9, 9]}


def text_of(vectors: dict[str, list[float]], header: bool) -> str:
    """As word2vec writes them, or GloVe."""
    first = f"{len(vectors)} {len(next(iter(vectors.values())))}\n" if header else ""
    return first + "".join(f"{word} {' '.join(map(str, numbers))}\n" for word, numbers in vectors.items())


@pytest.mark.parametrize("kind", ["word2vec", "glove", "safetensors"])
def test_tokens_begin_with_the_vectors_of_a_file(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / ("vectors.safetensors" if kind == "safetensors" else "vectors.txt")
    if kind == "safetensors":
        matrix = {"vectors": np.array(list(VECTORS.values()), np.float32)}
        save_file(matrix, path, {"words": json.dumps(list(VECTORS))})
    else:
        path.write_text(text_of(VECTORS, kind == "word2vec"))
    pairs = [("The DOG sees a cat", "le chien")] * 8
    changes = {"model.embeddings": {"source": str(path)}, "training.freeze": ["encoder.embedding"]}
    run = regard.train(RECIPE, pairs, out=tmp_path / "run", dev=pairs, changes=changes)
    assert "vectors for 3 of 9 tokens of the source (33%)" in capsys.readouterr().err
    tokenizer, table = run.sides[0].tokenizer, weights(run)["encoder.embedding.weight"]
    for token, word in (("The", "the"), ("DOG", "dog"), ("cat", "cat")):
        assert torch.equal(table[tokenizer.ids(token)[0]], torch.tensor(VECTORS[word], dtype=torch.float32))


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (
            "dog 1 2 3\n",
            UsageError,
            "vectors of 3 numbers and model.embedding_size is 4; expected the same",
        ),
        ("2 3\ndog 1 2 3\n", UsageError, "vectors of 3 numbers"),
        ("dog 1 2 3 4\ncat 1 2 x 4\n", DataError, "vectors.txt, line 2: expected a word and 4 finite numbers"),
        ("dog 1 2 3 nan\n", DataError, "line 1: expected a word and 4 finite numbers"),
        ("Hund 1 2 3 4\n", UsageError, "has none of the tokens"),
    ],
)
def test_vectors_that_cannot_be_used_are_said(
    content: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(content)
    with pytest.raises(error, match=message):
        train(tmp_path / "run", model__embeddings=str(path))
    assert not (tmp_path / "run").exists()
