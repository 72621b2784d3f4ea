"""What a new model begins with, and what of it stays as it is: `training.init` and `training.freeze`."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from regard.config import Config, DataConfig
from regard.data.edits import MOVES
from regard.data.sources import Source
from regard.data.tokenizer import Tokenizer
from regard.errors import CheckpointError, UsageError
from regard.marks import END
from regard.model.encoder_decoder import EncoderDecoder
from regard.run.directory import Run
from regard.run.embeddings import begin_with_vectors
from regard.training.weights import load_weights, weights_of


@dataclass(frozen=True)
class Known:
    """What a run hands on of its two sides: each where the recipes say the same of it, else None.

    Args:
        source: with what it learned.
        target: its tokeniser.
    """

    source: Source | None = None
    target: Tokenizer | None = None


NOTHING = Known()


def known_sides(name: str | None, data: DataConfig) -> Known:
    """The sides of the run `training.init` that serve for this recipe too.

    A vocabulary that was learned anew from other pairs would give every number another meaning. So a side that both
    recipes describe alike stays that of the run; another one is learned from the pairs.
    """
    if name is None:
        return NOTHING
    run = _given(name)
    before, (source, target) = run.config.data, run.sides
    if before.joint != data.joint or (data.joint and before.source != data.source):
        return NOTHING
    return Known(
        source if before.source == data.source else None,
        target if data.joint or before.target == data.target else None,
    )


def begin(
    config: Config, model: EncoderDecoder, source: Source, target: Tokenizer, tell: Callable[[str], None]
) -> None:
    """Give a new model what it begins with, and say what that is: weights of another run, then vectors of words."""
    if config.training.init is not None:
        begin_with(config.training.init, model, source, target, tell)
    begin_with_vectors(config.model.embeddings, model, source, target, tell)


def begin_with(
    name: str, model: EncoderDecoder, source: Source, target: Tokenizer, tell: Callable[[str], None]
) -> None:
    """Give a new model the weights of the run of this name, as far as they fit, and say how far.

    A tensor is taken where both models have it by the same name with the same shape. In those that have a row for each
    token, a token takes the row that stood for it in the run; one that the run does not know keeps its first weights.

    Raises UsageError where no matrix fits.
    """
    run = _given(name)
    given = load_weights(run.weights_file).tensors
    rows = _rows_of_tokens(model, run, source, target)
    taken, left = list[Tensor](), list[str]()
    with torch.no_grad():
        for part, tensor in weights_of(model).items():
            if _moved(tensor, given.get(part), rows.get(part)):
                taken.append(tensor)
            else:
                left.append(part)
    if not any(tensor.dim() > 1 for tensor in taken):  # a bias of the vocabulary fits whatever the rest is
        raise UsageError(
            f"training.init: no weight of {name} fits into this model. Give a run of the same model section."
        )
    others = f"; new: {', '.join(left[:4])}{' …' if len(left) > 4 else ''}" if left else ""
    share = f"{len(taken)} of {len(taken) + len(left)} weights"
    tell(f"began with {share} of {name}{others}{_vocabularies(run, source, target)}")


def freeze(model: EncoderDecoder, parts: Sequence[str]) -> None:
    """Keep the weights of these parts as they are: names of modules, such as `encoder` or `decoder.tokens.embedding`.

    A weight that two parts share stays as it is if one of them is named.

    Raises UsageError for a name that no part has, and where nothing is left to learn.
    """
    for name in parts:
        found = dict(model.named_modules()).get(name)
        if found is None or not name:
            parent = name
            while parent not in dict(model.named_modules()):
                parent = parent.rpartition(".")[0]
            there = [
                f"{parent}.{child}" if parent else child for child, _ in model.get_submodule(parent).named_children()
            ]
            raise UsageError(
                f"training.freeze: the model has no part {name!r}; expected one such as {', '.join(there)}."
            )
        found.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UsageError(
            "training.freeze: all weights would stay as they are; expected some that learn. Name fewer parts."
        )


def _given(name: str) -> Run:
    """The run of this name. Raises CheckpointError for one that is not whole."""
    run = Run(Path(name))
    try:
        _ = run.sides
        run.verify()
    except CheckpointError as error:
        raise CheckpointError(f"training.init: {error}") from error
    return run


Rows = tuple[list[int], list[int]]
"""Rows of the new tensor, and the rows of the old one that belong there."""


def _rows_of_tokens(model: EncoderDecoder, run: Run, source: Source, target: Tokenizer) -> dict[str, Rows]:
    """For each tensor with a row for each token of a vocabulary that is not that of the run: which rows to take."""
    before_source, before_target = run.sides
    found: dict[str, Rows] = {}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    pairs = [(source.tokenizer, before_source.tokenizer), (target, before_target)]
    of_source, of_target = (_same_tokens(new, old) if new and old else None for new, old in pairs)
    if of_source and source.tokenizer:
        for part in model.encoder.modules():  # an encoder of several texts has it deeper within
            if isinstance(part, torch.nn.Embedding) and part.num_embeddings == source.tokenizer.size:
                found[names[id(part.weight)]] = of_source
    if of_target and run.config.model.decoder.edits:  # their numbers stand behind those of the vocabulary
        moves = [(target.size + move, before_target.size + move) for move in range(MOVES)]
        of_target = [*of_target[0], *(new for new, _ in moves)], [*of_target[1], *(old for _, old in moves)]
    if of_target:
        for part in (model.tokens.embedding, model.tokens.output):
            for parameter in part.parameters():
                if parameter.dim() and parameter.size(0) == model.tokens.embedding.num_embeddings:
                    found[names[id(parameter)]] = of_target
        if model.ctc is not None:
            labels = [(new - END, old - END) for new, old in zip(*of_target, strict=True) if min(new, old) >= END]
            for parameter in model.ctc.output.parameters():
                found[names[id(parameter)]] = ([new for new, _ in labels], [old for _, old in labels])
    return found


def _same_tokens(new: Tokenizer, old: Tokenizer) -> Rows | None:
    """The numbers of the tokens that both have, by their names; None where all numbers mean the same."""
    if new.digest == old.digest:
        return None
    places = {name: number for number, name in enumerate(_names(old))}
    both = [(number, places[name]) for number, name in enumerate(_names(new)) if name in places]
    return [number for number, _ in both], [number for _, number in both]


def _names(tokenizer: Tokenizer) -> Iterator[tuple[str, int]]:
    """The name of each token, and how often it stood before: each of several texts may have a token of that name."""
    before = Counter[str]()
    for name in tokenizer.tokens(range(tokenizer.size)):
        yield name, before[name]
        before[name] += 1


def _moved(tensor: Tensor, given: Tensor | None, rows: Rows | None) -> bool:
    """Copy what fits; whether something did."""
    if given is None:
        return False
    if rows is not None:
        if given.shape[1:] != tensor.shape[1:] or not rows[0]:
            return False
        tensor[rows[0]] = given[rows[1]].to(tensor)
        return True
    if given.shape != tensor.shape:
        return False
    tensor.copy_(given)
    return True


def _vocabularies(run: Run, source: Source, target: Tokenizer) -> str:
    """How many tokens the run knows, of each vocabulary that is not its own."""
    before_source, before_target = run.sides
    said = ""
    for side, new, old in (("source", source.tokenizer, before_source.tokenizer), ("target", target, before_target)):
        rows = _same_tokens(new, old) if new is not None and old is not None else None
        if new is not None and rows is not None:
            said += f"; {side} vocabulary: {len(rows[0]):,} of {new.size:,} tokens are known to it"
    return said
