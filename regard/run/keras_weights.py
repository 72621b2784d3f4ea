"""A model of the attention tutorials, from Keras to a run of Regard; and its weights from Regard to Keras.

The model: an encoder of stacked forward GRUs; additive attention of three dense layers, whose query is h(t-1); one GRU
over [embedding; context], which starts from the encoder's last state; one dense layer on the new state of that GRU.

    Keras                                        here                                         how
    Embedding of the source                      encoder.embedding                            rows in our order
    GRU number i of the encoder                  encoder.forwards.i                           gates z, r, h → r, z, h
    Embedding of the target                      decoder.tokens.embedding                     rows in our order
    Dense of the query, of the keys, to a score  decoder.attention.score: project_query,      transposed
                                                 project_key, energy
    GRU of the decoder                           decoder.recurrence                           gates z, r, h → r, z, h
    Dense over the vocabulary                    decoder.tokens.output                        transposed, rows in our
                                                                                              order

A GRU must have `reset_after=True`, the default of Keras: the reset gate is applied after the recurrent product.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regard.config import Config, parse
from regard.data.symbols import Symbols
from regard.data.text import TextSource, Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.errors import UsageError
from regard.model.build import assemble
from regard.model.encoder_decoder import EncoderDecoder
from regard.run.directory import Run
from regard.training.tensorfile import Contents

Arrays = list[np.ndarray]
SCORE = "decoder.attention.score"


@dataclass(frozen=True)
class KerasLayers:
    """The layers of such a model: Keras layers, or the lists that their `get_weights()` returns.

    Args:
        source_embedding: the `Embedding` of the source.
        target_embedding: the `Embedding` of the target.
        encoder: its `GRU` layers, the first one first.
        query: the `Dense` layer of the attention that reads the decoder's state; it and the next two have a bias.
        key: the `Dense` layer of the attention that reads the encoder's states.
        energy: the `Dense` layer of the attention that turns tanh(query + key) into one score.
        decoder: the `GRU` over embedding and context.
        output: the `Dense` layer over the target vocabulary.
        context_first: the decoder reads [context; embedding] instead of [embedding; context].
    """

    source_embedding: Any
    encoder: Sequence[Any]
    target_embedding: Any
    query: Any
    key: Any
    energy: Any
    decoder: Any
    output: Any
    context_first: bool = False


@dataclass(frozen=True)
class KerasWords:
    """The vocabulary of one side of a Keras model.

    Args:
        words: the word of each number, in order, with the marks.
        pad: the mark for padding. It and the next three are entries of `words`, or None if this side has no such mark.
            A mark that is written in your texts, such as a start mark before each source, is a word: give None for it.
        begin: the mark before the first word.
        end: the mark after the last word.
        unknown: the mark for a word that is not in `words`.
    """

    words: Sequence[str]
    pad: str | None = ""
    begin: str | None = "[START]"
    end: str | None = "[END]"
    unknown: str | None = "[UNK]"

    @property
    def marks(self) -> tuple[str | None, ...]:
        """In the order of our numbers 0 to 3."""
        return (self.pad, self.begin, self.end, self.unknown)

    def tokenizer(self) -> Tokenizer:
        """The tokeniser `symbols` with these words. Raises ValueError for a word with white space, or given twice."""
        return Tokenizer("symbols", Symbols([word for word in self.words if word not in self.marks]))

    def rows(self) -> list[int]:
        """The Keras number of each of our tokens; −1 for a mark that Keras does not have."""
        words = list(self.words)
        for mark in self.marks:
            if mark is not None and mark not in words:
                raise UsageError(
                    f"KerasWords: the mark {mark!r} is not among the words. Give the word it has, or None."
                )
        marks = [-1 if mark is None else words.index(mark) for mark in self.marks]
        return marks + [place for place, word in enumerate(words) if word not in self.marks]


def from_keras(layers: KerasLayers, source: KerasWords, target: KerasWords, out: str | Path) -> Run:
    """Write a run that gives the same logits and attention weights as the Keras model.

    Args:
        layers: the layers with the weights.
        source: the words of the source.
        target: the words of the target.
        out: the run directory, which must not hold a run.

    Raises UsageError if the layers do not fit together, or `out` holds a run already.
    """
    run = Run(Path(out))
    if run.config_file.exists():
        raise UsageError(f"{run.path} holds a run already. Choose another directory.")
    state = _state(layers, source.rows(), target.rows())
    config, tokenizers = _config(state, len(layers.encoder)), (source.tokenizer(), target.tokenizer())
    model = assemble(config.model, Vocabulary(tokenizers[0].size), tokenizers[1].size)
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name, tensor in state.items():
        if tuple(tensor.shape) != wanted.get(name):
            raise UsageError(
                f"from_keras: {name} would have shape {tuple(tensor.shape)}; expected {wanted.get(name)}. The decoder "
                "starts from the encoder's last state, and its GRU reads an embedding and a context: give those layers."
            )
    run.create(config, TextSource(tokenizers[0]), tokenizers[1])
    run.publish(Contents(state, {"kind": "weights", "format": 1}))
    return run


def to_keras(model: EncoderDecoder) -> KerasLayers:
    """The weights of such a model as lists for `set_weights` of Keras; the rows are in our order.

    Args:
        model: built with `readout: state`, `start: summary` and biases in its additive score.
    """
    state = {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}

    def dense(name: str) -> Arrays:
        return [state[f"{name}.weight"].T, state[f"{name}.bias"]]

    def gru(name: str) -> Arrays:
        parts = [_gates(state[f"{name}.{kind}_l0"]) for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        return [parts[0].T, parts[1].T, np.stack(parts[2:])]

    return KerasLayers(
        source_embedding=[state["encoder.embedding.weight"]],
        encoder=[gru(f"encoder.forwards.{layer}") for layer in range(len(model.encoder.forwards))],
        target_embedding=[state["decoder.tokens.embedding.weight"]],
        query=dense(f"{SCORE}.project_query"),
        key=dense(f"{SCORE}.project_key"),
        energy=dense(f"{SCORE}.energy"),
        decoder=gru("decoder.recurrence.rnn"),
        output=dense("decoder.tokens.output"),
    )


def _state(layers: KerasLayers, source: Sequence[int], target: Sequence[int]) -> dict[str, Tensor]:
    """Our parameters by name."""
    found = {
        "encoder.embedding.weight": _rows(_arrays(layers.source_embedding, 1, "source_embedding")[0], source),
        "decoder.tokens.embedding.weight": _rows(_arrays(layers.target_embedding, 1, "target_embedding")[0], target),
    }
    dense = {f"{SCORE}.project_query": "query", f"{SCORE}.project_key": "key", f"{SCORE}.energy": "energy"}
    for name, layer in (dense | {"decoder.tokens.output": "output"}).items():
        kernel, bias = _arrays(getattr(layers, layer), 2, layer)
        found |= {f"{name}.weight": kernel.T, f"{name}.bias": bias}
    output = "decoder.tokens.output"
    found[f"{output}.weight"] = _rows(found[f"{output}.weight"], target)
    # A mark that Keras does not have is never an output.
    found[f"{output}.bias"] = _rows(found[f"{output}.bias"], target, missing=-1e9)
    recurrent = {f"encoder.forwards.{depth}": layer for depth, layer in enumerate(layers.encoder)}
    for name, layer in (recurrent | {"decoder.recurrence.rnn": layers.decoder}).items():
        kernel, recurrent_kernel, bias = _arrays(layer, 3, name)
        if bias.ndim != 2:
            raise UsageError(f"from_keras: the GRU of {name} has one bias; expected reset_after=True, which has two.")
        if name.startswith("decoder") and layers.context_first:
            kernel = np.roll(kernel, found["decoder.tokens.embedding.weight"].shape[1], axis=0)
        parts = {"weight_ih": kernel.T, "weight_hh": recurrent_kernel.T, "bias_ih": bias[0], "bias_hh": bias[1]}
        found |= {f"{name}.{kind}_l0": _gates(array) for kind, array in parts.items()}
    return {name: torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)) for name, array in found.items()}


def _config(state: dict[str, Tensor], layers: int) -> Config:
    """The recipe of a model with these weights."""
    side = {"tokenizer": "symbols", "vocab_size": 1_000_000}
    hidden = state["encoder.forwards.0.weight_hh_l0"].size(1)
    width = state[f"{SCORE}.project_query.weight"].size(0)
    model = {
        "embedding_size": state["decoder.tokens.embedding.weight"].size(1),
        "encoder": {"hidden_size": hidden, "num_layers": layers, "bidirectional": False},
        "decoder": {"kind": "bahdanau", "hidden_size": hidden, "start": "summary", "readout": "state"},
        "attention": {"score": "additive", "end": True, "options": {"additive": {"hidden_size": width, "bias": True}}},
    }
    return parse({"name": "from-keras", "data": {"source": side, "target": side}, "model": model}, "from_keras")


def _arrays(layer: Any, count: int, name: str) -> Arrays:
    """The weights of a Keras layer."""
    found = layer.get_weights() if hasattr(layer, "get_weights") else layer
    if len(found) != count:
        raise UsageError(f"from_keras: {name} has {len(found)} arrays of weights; expected {count}. Give that layer.")
    return [np.asarray(array) for array in found]


def _rows(array: np.ndarray, numbers: Sequence[int], missing: float = 0.0) -> np.ndarray:
    """The rows with these numbers; `missing` for the number −1."""
    chosen = np.array(numbers)
    if chosen.max() >= len(array):
        raise UsageError(
            f"from_keras: there are {chosen.max() + 1} words for {len(array)} rows. Give the words of them."
        )
    taken = array[np.maximum(chosen, 0)]
    taken[chosen < 0] = missing
    return taken


def _gates(array: np.ndarray) -> np.ndarray:
    """Swaps the first two of three gates along the first axis: update, reset, new ⇄ reset, update, new."""
    update, reset, new = np.split(array, 3)
    return np.concatenate([reset, update, new])
