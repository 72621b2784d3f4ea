"""From a recipe to objects: the one place that knows both."""

from typing import Any

import torch
from torch import nn

from regard.attention.build import build_attention
from regard.config import ModelConfig
from regard.decoders import DECODERS
from regard.decoders.tokens import TargetTokens
from regard.encoders.recurrent import RecurrentEncoder
from regard.errors import UsageError
from regard.initialize import initialize
from regard.model import EncoderDecoder


def build_model(config: ModelConfig, source_size: int, target_size: int) -> EncoderDecoder:
    """A new model with its first weights, drawn from torch's generator.

    Args:
        config: the `model` part of a recipe.
        source_size, target_size: entries of the two tokenisers.
    """
    target_embedding = nn.Embedding(target_size, config.embedding_size)
    shared = config.tie == "three_way"
    source_embedding = target_embedding if shared else nn.Embedding(source_size, config.embedding_size)
    output = nn.Linear(config.readout, target_size)
    encoder = _encoder(config, source_embedding)
    decoder = _decoder(config, target_embedding, output, encoder)
    model = EncoderDecoder(encoder, decoder)
    if config.tie != "none":
        output.weight = target_embedding.weight
    initialize(model, config.initialization)
    return model


def _encoder(config: ModelConfig, embedding: nn.Embedding) -> RecurrentEncoder:
    return RecurrentEncoder(
        embedding,
        config.encoder.hidden_size,
        num_layers=config.encoder.num_layers,
        cell=config.encoder.cell,
        bidirectional=config.encoder.bidirectional,
        summary=config.encoder.summary,
        layer_norm=config.encoder.layer_norm,
        source_bridging=config.encoder.source_bridging,
        embedding_dropout=config.dropout.embedding,
        layer_dropout=config.dropout.layers,
        output_dropout=config.dropout.context,
    )


def _decoder(config: ModelConfig, embedding: nn.Embedding, output: nn.Linear, encoder: RecurrentEncoder) -> nn.Module:
    decoder = config.decoder
    options: dict[str, Any] = {
        "summary_size": encoder.state_size,
        "hidden_size": decoder.hidden_size,
        "cell": decoder.cell,
    }
    tokens = TargetTokens(
        embedding, output, embedding_dropout=config.dropout.embedding, output_dropout=config.dropout.output
    )
    if decoder.kind != "conditional":
        options |= {"num_layers": decoder.num_layers, "layer_dropout": config.dropout.layers}
    if decoder.kind == "fixed":
        return DECODERS["fixed"](tokens, context=decoder.context, **options)
    options["memory_size"] = encoder.output_size
    if decoder.kind == "luong":
        options["input_feeding"] = decoder.input_feeding
    try:
        attention = build_attention(
            decoder.hidden_size,
            encoder.output_size,
            score=config.attention.score,
            select=config.attention.select,
            window=config.attention.window,
            options=config.attention.options,
        )
    except (ValueError, TypeError) as error:
        raise UsageError(f"model.attention: {error}") from error
    return DECODERS[decoder.kind](tokens, attention, **options)


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` is the accelerator where there is one. UsageError for one that is absent."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"device is {name!r}, which this machine does not have; expected auto, cpu or cuda."
        ) from error
    return device
