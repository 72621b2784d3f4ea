"""From a recipe to a model: what its encoder and its decoder share is made here, and their sections build them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from regard.attention.attention import Attention
from regard.attention.build import build_attention
from regard.config import AttentionConfig, DecoderParts, EncoderParts, ModelConfig, OutputParts
from regard.data.edits import MOVES
from regard.data.sources import Embeds
from regard.decoders.decoder import Decoder
from regard.decoders.output import Output
from regard.decoders.vocabulary import TargetTokens
from regard.encoders.ctc import CtcHead
from regard.encoders.encoder import Encoder
from regard.errors import UsageError
from regard.model.encoder_decoder import EncoderDecoder
from regard.model.initialize import Unset, initialize


def build_model(
    config: ModelConfig, source: Embeds, target_size: int, *, barred: int | None = None, ctc: bool = False
) -> EncoderDecoder:
    """A new model with its first weights, drawn from torch's generator.

    Args:
        config: the `model` part of a recipe.
        source: what the sources are.
        target_size: entries of the target's tokeniser.
        barred: a token that no search puts out: `Tokenizer.unspelt` of the target.
        ctc: whether it has a `CtcHead`, which is drawn last.

    Raises UsageError where the weights alone would not go into the memory of this machine.
    """
    with Unset(), torch.device("meta"):  # takes no memory
        unset = assemble(config, source, target_size, ctc=ctc)
        size = sum(part.numel() * part.element_size() for part in unset.parameters())
    room = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > room:
        raise UsageError(
            f"the weights of this model take {size / 2**30:,.0f} GiB, and this machine has {room / 2**30:,.0f} GiB of "
            "memory. Make the sizes of the model section smaller."
        )
    model = assemble(config, source, target_size, barred=barred, ctc=ctc)
    initialize(model, config.initialization)
    return model


def assemble(
    config: ModelConfig, source: Embeds, target_size: int, *, barred: int | None = None, ctc: bool = False
) -> EncoderDecoder:
    """A model whose weights are still to come; the arguments are those of `build_model`."""
    target_size += MOVES if config.decoder.edits else 0
    target_embedding = nn.Embedding(target_size, config.embedding_size)
    shared = config.tie == "three_way"
    source_embedding = target_embedding if shared else source.embed(config.embedding_size)
    tied = None if config.tie == "none" else target_embedding
    parts = OutputParts(config.readout, target_size, tied, config.dropout)
    # The order of the draws is that of the first weights of all seeds: a layer that reads no memory comes first.
    output = None if config.output.copies else _output(config, parts)
    with _checked("encoder", ValueError):
        encoder: Any = config.encoder.build(EncoderParts(source_embedding, config.dropout))
        _check_whole(encoder, Encoder, config.encoder.kind)
    if output is None:
        output = _output(config, replace(parts, memory_size=encoder.output_size))
    tokens = TargetTokens(
        target_embedding,
        output,
        embedding_dropout=config.dropout.embedding,
        barred=barred,
        copies=config.copies,
    )
    with _checked("decoder", ValueError):
        decoder = config.decoder.build(_parts(config, tokens, encoder))
        _check_whole(decoder, Decoder, config.decoder.kind)
    head = CtcHead(encoder.output_size, target_size) if ctc else None
    return EncoderDecoder(encoder, decoder, head, attends_end=config.attention.end or not source.has_end)


def _output(config: ModelConfig, parts: OutputParts) -> Any:
    """The output layer."""
    with _checked("output", ValueError):
        output = config.output.build(parts)
        _check_whole(output, Output, config.output.kind)
    return output


def _parts(config: ModelConfig, tokens: TargetTokens, encoder: Any) -> DecoderParts:
    """What the decoder is built from."""
    memories = getattr(encoder, "memories", 1)
    attention = partial(_attention, config.attention, encoder.output_size, memories)
    return DecoderParts(tokens, encoder.output_size, encoder.state_size, attention, config.dropout)


def _check_whole(built: Any, wanted: type, kind: str) -> None:
    """Raises ValueError for a part, of another package it will be, that lacks what the others ask of it."""
    lacking = [name for name in vars(wanted) if not name.startswith("_") and not hasattr(built, name)]
    if lacking:
        raise ValueError(
            f"{kind} builds a {type(built).__name__} without {', '.join(lacking)}; expected all that "
            f"{wanted.__module__}.{wanted.__name__} lists."
        )


@contextmanager
def _checked(stage: str, *errors: type[Exception]) -> Iterator[None]:
    """Raises UsageError for sizes and options that do not fit."""
    try:
        yield
    except errors as error:
        raise UsageError(f"model.{stage}: {error}") from error


def _attention(
    config: AttentionConfig,
    memory_size: int,
    memories: int,
    query_size: int,
    *,
    key_size: int | None = None,
    output_size: int | None = None,
) -> Attention:
    """What a decoder looks at the source with."""
    with _checked("attention", ValueError, TypeError):
        return build_attention(
            query_size,
            key_size or memory_size,
            score=config.score,
            select=config.select,
            window=config.window,
            options=config.options,
            num_heads=config.num_heads,
            output_size=output_size,
            gate=config.gate,
            memories=memories,
            moves=config.moves,
        )


def pick_device(name: str) -> torch.device:
    """The device of that name.

    `auto` is the CUDA device where there is one, else the CPU; `gpu` is the CUDA device or else that of Apple (mps).
    Raises UsageError for one that is absent or unknown.
    """
    there = _devices()
    chosen = {"auto": "cuda" if "cuda" in there else "cpu", "gpu": there[0]}.get(name, name)
    # `auto` leaves mps out: what it computes has not been compared with the others.
    try:
        device = torch.device(chosen)
        if device.type in there and (name, chosen) != ("gpu", "cpu"):
            torch.empty(0, device=device)
            return device
    except (RuntimeError, AssertionError):
        pass
    raise UsageError(
        f"device is {name!r}, which this machine does not have, or this PyTorch; expected auto or {' or '.join(there)}."
    )


def _devices() -> list[str]:
    """The kinds of device that PyTorch can use here, the fastest first."""
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    return [*(["cuda"] if cuda else []), *(["mps"] if mps else []), "cpu"]
