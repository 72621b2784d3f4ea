"""Writes a trained model as ONNX graphs, and compares what they compute with the model."""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regard.data.copying import CopySource
from regard.data.edits import SCRIPTS
from regard.data.sources import Source
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.errors import RegardError, UsageError
from regard.exporting.graphs import (
    DECODED,
    Begun,
    EncoderGraph,
    Shape,
    StepGraph,
    begun,
    needed,
    shapes,
    traced_encoder,
    traced_step,
)
from regard.exporting.runtime import DESCRIPTION, ENCODER, FORMAT, NEXT, STEP, OnnxModel
from regard.files import write_whole
from regard.marks import BEGIN, END, PAD, UNKNOWN
from regard.model.encoder_decoder import EncoderDecoder

TOLERANCE = 1e-4
"""How far log-probabilities and weights may be from those of the model."""
STEPS = 8
"""Steps that are compared."""
SIZES = ((1, 1), (1, 7), (2, 2), (5, 3), (4, 19), (7, 40))
"""Sources and positions of the batches that are compared."""


def export(model: EncoderDecoder, source: Source, target: Tokenizer, folder: Path) -> float:
    """Write the encoder, one step of the decoder, both tokenisers, and a description.

    Args:
        model: in evaluation mode, on the CPU.
        source: a text, one that can be copied too.
        target: the tokeniser of the targets.
        folder: where to write; it is made.

    Returns the largest difference between log-probabilities or weights of the graphs and of the model, on random
    sources. Raises UsageError for a model that cannot be written so, and RegardError where the difference is above
    `TOLERANCE` or a file cannot be written.
    """
    _check(model, source)
    try:
        like, known = shapes(model)
        with _quiet():
            kept, changed = needed(model, like, known)
            given = [name for name in kept if DECODED not in known[name].varying.values()]
            programs = {
                ENCODER: traced_encoder(EncoderGraph(model, given).eval()),
                STEP: traced_step(StepGraph(model, like, known, kept, changed).eval(), kept),
            }
            names = {
                ENCODER: (["source"], given),
                STEP: (["tokens", *kept], ["log_probs", "weights", *(NEXT + name for name in changed)]),
            }
            graphs = {
                file: torch.onnx.export(
                    program, dynamo=True, input_names=names[file][0], output_names=names[file][1], verbose=False
                )
                for file, program in programs.items()
            }
    except TypeError as error:
        raise UsageError(f"This model cannot be written as ONNX: its {error}") from error
    except RuntimeError as error:  # what tracing and writing raise is made of it
        raise UsageError(
            f"This model cannot be written as ONNX: PyTorch cannot trace it ({str(error).strip().splitlines()[0]})."
        ) from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, graph in graphs.items():
            assert graph is not None
            write_whole(folder / file, graph.model_proto.SerializeToString())
        source.save(folder / "tokenizer.source.json")
        target.save(folder / "tokenizer.target.json")
        description = _description(known, kept, changed, copies=model.tokens.copies, barred=model.tokens.barred)
        write_whole(folder / DESCRIPTION, json.dumps(description, indent=2).encode())
    except OSError as error:
        raise RegardError(f"{folder} cannot be written: {error.strerror}. Choose another --out.") from error
    difference = compare(model, OnnxModel(folder), source)
    if not difference <= TOLERANCE:
        raise RegardError(
            f"What was written to {folder} does not compute what the model does: log-probabilities or weights differ "
            f"by {difference:.2g}; expected at most {TOLERANCE:g}. Do not use it, and report this."
        )
    return difference


def _check(model: EncoderDecoder, source: Source) -> None:
    """Raises UsageError for what no graph of one step can be."""
    plain = source.source if isinstance(source, CopySource) else source
    if not isinstance(plain, TextSource) or plain.sentences is not None or plain.turns is not None:
        raise UsageError(
            f"The sources of this model are not one text each (data.source.kind {plain.kind}); only such models can be "
            "written as ONNX."
        )
    if isinstance(source, CopySource) and source.edits:
        raise UsageError(f"This model cannot be written as ONNX: {SCRIPTS}")
    if model.ctc is not None:
        raise UsageError(
            "This model was trained with CTC, and its search needs more than one step. Set training.ctc 0."
        )


def _description(
    known: Mapping[str, Shape], kept: list[str], changed: list[str], *, copies: bool, barred: int | None
) -> dict[str, Any]:
    """What a program has to know to use the graphs."""
    memory = {
        name: {"axes": [known[name].varying.get(axis, size) for axis, size in enumerate(known[name].sizes)]}
        for name in kept
    }
    marks = {"pad": PAD, "begin": BEGIN, "end": END, "unknown": UNKNOWN}
    never = sorted({PAD, BEGIN, *([] if barred is None else [barred])})
    return {"format": FORMAT, "marks": marks, "never": never, "copies": copies, "memory": memory, "changed": changed}


def compare(model: EncoderDecoder, graphs: OnnxModel, source: Source, seed: int = 0) -> float:
    """The largest difference of log-probabilities and weights, over random sources and tokens of several sizes."""
    generator, largest = torch.Generator().manual_seed(seed), 0.0
    size = source.tokenizer.size if source.tokenizer is not None else 0
    limit = model.tokens.output.size
    for rows, length in SIZES:
        given = torch.randint(UNKNOWN, size, (rows, length), generator=generator)
        lengths = torch.randint(1, length + 1, (rows,), generator=generator)
        lengths[0] = length
        given[torch.arange(rows), lengths - 1] = END
        mask = torch.arange(length) < lengths.unsqueeze(1)
        given = given.masked_fill(~mask, PAD)
        if model.tokens.copies:
            own = torch.where(given > END, torch.arange(length) + limit, UNKNOWN).masked_fill(~mask, PAD)
            given = torch.stack([given, own], -1)
        tokens = torch.randint(UNKNOWN, limit, (STEPS, rows), generator=generator)
        tokens[0] = BEGIN
        largest = max(largest, _difference(model, graphs, given, mask, tokens))
    return largest


@torch.inference_mode()
def _difference(
    model: EncoderDecoder, graphs: OnnxModel, source: torch.Tensor, mask: torch.Tensor, tokens: torch.Tensor
) -> float:
    first: Begun = begun(model, source, mask)
    state, memory, found = first.state, graphs.begin(source.numpy()), 0.0
    for given in tokens:
        step = model.step(given, state, first.source)
        log_probs, weights, memory = graphs.step(given.numpy(), memory)
        state = step.state
        expected = step.logits.log_softmax(-1)
        for mine, theirs in ((log_probs, expected.numpy()), (weights, step.weights.numpy())):
            finite = np.isfinite(theirs)
            if mine.shape != theirs.shape or not (np.isfinite(mine) == finite).all():
                return float("inf")
            found = max(found, float(np.abs(mine[finite] - theirs[finite]).max(initial=0.0)))
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the remarks of the exporter on packages and on itself."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "torch.export")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
