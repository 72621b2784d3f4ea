"""From a recipe to objects: the one place that knows both."""

import os
from typing import Any

import torch
from torch import nn

from regard.attention.attention import Attention
from regard.attention.build import build_attention, build_self_attention
from regard.config import DecoderConfig, DropoutConfig, EncoderConfig, ModelConfig
from regard.decoders import DECODERS
from regard.decoders.tokens import TargetTokens
from regard.decoders.transformer import TransformerDecoder, TransformerDecoderLayer
from regard.encoders.recurrent import RecurrentEncoder
from regard.encoders.transformer import TransformerEncoder, TransformerEncoderLayer
from regard.errors import UsageError
from regard.initialize import Unset, initialize
from regard.model import EncoderDecoder

MAX_DISTANCE = 16  # of relative positions: k of the base model of Shaw et al. 2018, section 4.1


def build_model(
    config: ModelConfig, source_size: int, target_size: int, *, barred: int | None = None
) -> EncoderDecoder:
    """A new model with its first weights, drawn from torch's generator.

    Args:
        config: the `model` part of a recipe.
        source_size, target_size: entries of the two tokenisers.
        barred: a token that no search puts out: `Tokenizer.unspelt` of the target.

    Raises UsageError where the weights alone would not go into the memory of this machine.
    """
    with Unset(), torch.device("meta"):  # takes no memory
        size = sum(
            part.numel() * part.element_size() for part in assemble(config, source_size, target_size).parameters()
        )
    room = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > room:
        raise UsageError(
            f"the weights of this model take {size / 2**30:,.0f} GiB, and this machine has {room / 2**30:,.0f} GiB of "
            "memory. Make the sizes of the model section smaller."
        )
    model = assemble(config, source_size, target_size, barred=barred)
    initialize(model, config.initialization)
    return model


def assemble(config: ModelConfig, source_size: int, target_size: int, *, barred: int | None = None) -> EncoderDecoder:
    """A model whose weights are still to come."""
    target_embedding = nn.Embedding(target_size, config.embedding_size)
    shared = config.tie == "three_way"
    source_embedding = target_embedding if shared else nn.Embedding(source_size, config.embedding_size)
    output = nn.Linear(config.readout, target_size)
    encoder = _encoder(config, source_embedding)
    tokens = TargetTokens(
        target_embedding,
        output,
        embedding_dropout=config.dropout.embedding,
        output_dropout=config.dropout.output,
        barred=barred,
    )
    decoder = _decoder(config, tokens, encoder)
    model = EncoderDecoder(encoder, decoder, attends_end=config.attention.end)
    if config.tie != "none":
        output.weight = target_embedding.weight
    return model


def _encoder(config: ModelConfig, embedding: nn.Embedding) -> RecurrentEncoder | TransformerEncoder:
    encoder = config.encoder
    if encoder.kind == "transformer":
        layers = [
            TransformerEncoderLayer(_self_attention(encoder), **_layer_options(encoder, config.dropout))
            for _ in range(encoder.num_layers)
        ]
        return TransformerEncoder(
            embedding,
            layers,
            hidden_size=encoder.hidden_size,
            positions=encoder.positions,
            norm=encoder.norm,
            embedding_dropout=config.dropout.embedding,
            output_dropout=config.dropout.context,
        )
    return RecurrentEncoder(
        embedding,
        encoder.hidden_size,
        num_layers=encoder.num_layers,
        cell=encoder.cell,
        bidirectional=encoder.bidirectional,
        summary=encoder.summary,
        layer_norm=encoder.layer_norm,
        source_bridging=encoder.source_bridging,
        embedding_dropout=config.dropout.embedding,
        layer_dropout=config.dropout.layers,
        output_dropout=config.dropout.context,
    )


def _decoder(config: ModelConfig, tokens: TargetTokens, encoder: RecurrentEncoder | TransformerEncoder) -> nn.Module:
    decoder = config.decoder
    if decoder.kind == "transformer":
        return _transformer_decoder(config, tokens, encoder.output_size)
    options: dict[str, Any] = {
        "summary_size": encoder.state_size,
        "hidden_size": decoder.hidden_size,
        "cell": decoder.cell,
        "start": decoder.start,
    }
    if decoder.kind != "conditional":
        options |= {"num_layers": decoder.num_layers, "layer_dropout": config.dropout.layers}
    if decoder.kind == "fixed":
        return _checked(DECODERS["fixed"], tokens, context=decoder.context, **options)
    options["memory_size"] = encoder.output_size
    if decoder.kind == "luong":
        options["input_feeding"] = decoder.input_feeding
    if decoder.kind == "bahdanau":
        options["readout"] = decoder.readout
    return _checked(DECODERS[decoder.kind], tokens, _attention(config, encoder.output_size), **options)


def _checked(kind: Any, *parts: Any, **options: Any) -> nn.Module:
    """A decoder of these parts. Raises UsageError for sizes that do not fit."""
    try:
        return kind(*parts, **options)
    except ValueError as error:
        raise UsageError(f"model.decoder: {error}") from error


def _transformer_decoder(config: ModelConfig, tokens: TargetTokens, memory_size: int) -> TransformerDecoder:
    decoder = config.decoder
    layers = [
        TransformerDecoderLayer(
            _self_attention(decoder, causal=True),
            _attention(config, memory_size, output_size=decoder.hidden_size),
            memory_size=memory_size,
            **_layer_options(decoder, config.dropout),
        )
        for _ in range(decoder.num_layers)
    ]
    return TransformerDecoder(
        tokens, layers, hidden_size=decoder.hidden_size, positions=decoder.positions, norm=decoder.norm
    )


def _layer_options(stage: EncoderConfig | DecoderConfig, dropout: DropoutConfig) -> dict[str, Any]:
    """What a layer of a transformer wants besides its attentions."""
    return {
        "hidden_size": stage.hidden_size,
        "feed_forward_size": stage.feed_forward_size or 4 * stage.hidden_size,
        "norm": stage.norm,
        "dropout": dropout.layers,
    }


def _self_attention(stage: EncoderConfig | DecoderConfig, *, causal: bool = False) -> Attention:
    distance = MAX_DISTANCE if stage.positions == "relative" else None
    return build_self_attention(stage.hidden_size, num_heads=stage.num_heads, causal=causal, max_distance=distance)


def _attention(config: ModelConfig, memory_size: int, output_size: int | None = None) -> Attention:
    """What the decoder looks at the source with."""
    attention = config.attention
    try:
        return build_attention(
            config.decoder.hidden_size,
            memory_size,
            score=attention.score,
            select=attention.select,
            window=attention.window,
            options=attention.options,
            num_heads=attention.num_heads,
            output_size=output_size,
        )
    except (ValueError, TypeError) as error:
        raise UsageError(f"model.attention: {error}") from error


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
