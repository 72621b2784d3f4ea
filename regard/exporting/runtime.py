"""Uses what `regard export` wrote, with numpy and onnxruntime: no PyTorch is imported."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from regard.data.tokenizer import Tokenizer
from regard.errors import CheckpointError, UsageError

FORMAT = "regard onnx 1"
ENCODER, STEP, DESCRIPTION = "encoder.onnx", "step.onnx", "model.json"
NEXT = "next."
"""Before the name of a tensor as it is after a step."""
Memory = Mapping[str, np.ndarray]
"""What the encoder gave, and what has changed since; row r of all belongs to one hypothesis."""


@dataclass(frozen=True)
class Written:
    """An output of greedy search.

    Args:
        text: without marks.
        tokens: their numbers, with the end mark where the search came to it.
        log_prob: the natural logarithm of their probability.
        weights: the position of the source that each token looked at, and how much; rows are tokens.
    """

    text: str
    tokens: list[int]
    log_prob: float
    weights: Float[np.ndarray, "target source"]


class OnnxModel:
    """The two graphs, and the tokenisers beside them.

    Args:
        folder: what `regard export` wrote.

    Raises UsageError where onnxruntime is not installed, CheckpointError for another folder.
    """

    def __init__(self, folder: str | Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise UsageError("onnxruntime is not installed: pip install onnxruntime") from error
        folder = Path(folder)
        try:
            self.description: dict[str, Any] = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            if self.description["format"] != FORMAT:
                raise CheckpointError(f"{folder} is from another version of Regard; this one reads {FORMAT}.")
            self._encoder, self._step = (
                onnxruntime.InferenceSession(str(folder / file), providers=["CPUExecutionProvider"])
                for file in (ENCODER, STEP)
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{folder} is not what `regard export` wrote, or not whole.") from error
        self.source = Tokenizer.load(folder / "tokenizer.source.json")
        self.target = Tokenizer.load(folder / "tokenizer.target.json")
        axes = {name: entry["axes"] for name, entry in self.description["memory"].items()}
        self._empty = {name: each for name, each in axes.items() if "decoded" in each}
        self._given = [name for name in axes if name not in self._empty]
        self._needs = [given.name for given in self._step.get_inputs()]

    def begin(self, source: Int[np.ndarray, "batch length ..."]) -> Memory:
        """Read the sources: token numbers, each text with the end mark, and padding behind it. Of a model that copies,
        two numbers for each position."""
        given = dict(zip(self._given, self._encoder.run(None, {"source": source}), strict=True))
        sizes = {"rows": len(source), "decoded": 0}
        return given | {
            name: np.zeros([sizes.get(axis, axis) for axis in axes], np.float32) for name, axes in self._empty.items()
        }

    def step(
        self, tokens: Int[np.ndarray, " rows"], memory: Memory
    ) -> tuple[Float[np.ndarray, "rows vocab"], Float[np.ndarray, "rows source"], Memory]:
        """Give each row its token, the begin mark at first: the log-probabilities of the next, the weights that it
        looked with, and the memory after it."""
        given = {"tokens": tokens, **memory}
        log_probs, weights, *changed = self._step.run(None, {name: given[name] for name in self._needs})
        return log_probs, weights, {**memory, **dict(zip(self.description["changed"], changed, strict=True))}

    def translate(self, sources: Sequence[str], most: int = 200) -> list[Written]:
        """Greedy search: the most probable token at each step, until the end mark or `most` tokens.

        Raises UsageError for a model that copies words of the source: these need numbers of each sentence.
        """
        if self.description["copies"]:
            raise UsageError(
                "This model copies words of the source. Number them yourself, and call `begin` and `step`."
            )
        if not sources:
            return []
        marks, never = self.description["marks"], self.description["never"]
        source, mask = self._padded([[*self.source.ids(text), marks["end"]] for text in sources])
        memory, tokens = self.begin(source), np.full(len(sources), marks["begin"])
        alive, scores = np.ones(len(sources), bool), np.zeros(len(sources))
        rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        while alive.any() and len(rows) < most:
            log_probs, weights, memory = self.step(tokens, memory)
            log_probs[:, never] = -np.inf
            tokens = log_probs.argmax(1)
            scores[alive] += log_probs.max(1)[alive]
            rows.append((tokens, weights, alive.copy()))
            alive &= tokens != marks["end"]
        return [self._written(row, rows, int(mask[row].sum()), float(scores[row])) for row in range(len(sources))]

    def _padded(self, texts: list[list[int]]) -> tuple[Integer[np.ndarray, "batch length"], Bool[np.ndarray, "..."]]:
        lengths = np.array([len(text) for text in texts])
        mask = np.arange(lengths.max()) < lengths[:, None]
        padded = np.full(mask.shape, self.description["marks"]["pad"], np.int64)
        padded[mask] = [number for text in texts for number in text]
        return padded, mask

    def _written(self, row: int, steps: list[tuple], length: int, score: float) -> Written:
        own = [(int(tokens[row]), weights[row, :length]) for tokens, weights, alive in steps if alive[row]]
        numbers = [number for number, _ in own]
        said = [number for number in numbers if number != self.description["marks"]["end"]]
        return Written(self.target.decode(said), numbers, score, np.array([looked for _, looked in own]))
