"""What the parts of a recipe need of each other. Each check raises ValueError with one sentence."""

from typing import Any

from regard.config.fitting_learning import LEARNING_CHECKS, over_tokens, require
from regard.config.several import SeveralConfig, SeveralEncoderConfig
from regard.encoders import ENCODERS

HIERARCHICAL = ("bahdanau", "luong", "conditional")
"""The decoders that can look at several memories, and then at what they found."""


def check_fit(config: Any) -> None:
    """Refuse a recipe whose parts do not go together.

    Args:
        config: a `Config`, whose sections are right by themselves.
    """
    for check in CHECKS:
        check(config)


def _several(config: Any) -> None:
    """An encoder of several texts reads the parts of a source that has them, and no other source."""
    source, encoder, data = config.data.source, config.model.encoder, config.data
    if data.sources or data.features:
        raise ValueError(
            "data.sources and data.features stand for data.source.kind several and model.encoder.kind several; "
            "expected neither of these beside them, and each column once"
        )
    if isinstance(source, SeveralConfig) != isinstance(encoder, SeveralEncoderConfig):
        raise ValueError(
            f"model.encoder.kind is {encoder.kind} and data.source.kind is {source.kind}; expected several for "
            "both, or for neither"
        )
    if isinstance(source, SeveralConfig) and isinstance(encoder, SeveralEncoderConfig):
        if [*source.parts] != [*encoder.parts]:
            raise ValueError(
                f"model.encoder.parts are {', '.join(encoder.parts)}; expected those of data.source.parts, "
                f"{', '.join(source.parts)}"
            )
        _parts(source, encoder)
        decoder = config.model.decoder.kind
        if encoder.combination == "hierarchical" and decoder not in HIERARCHICAL:
            raise ValueError(
                f"model.encoder.combination is hierarchical and model.decoder.kind is {decoder}; expected "
                f"{', '.join(HIERARCHICAL)}, which look once before each token, or combination: flat"
            )
        if config.training.ctc:
            raise ValueError(
                f"training.ctc is {config.training.ctc}; expected 0 for data.source.kind several, whose parts are "
                "read side by side"
            )


def _parts(source: SeveralConfig, encoder: SeveralEncoderConfig) -> None:
    """Each encoder can read its part; one of tokens has a position for each, since words are made of them."""
    for name, part in source.parts.items():
        reader = encoder.parts[name]
        if part.is_text and (reader.axes, reader.stride) != (1, 1):
            raise ValueError(
                f"model.encoder.parts.{name}.kind is {reader.kind}; expected an encoder with a position for every "
                "token, such as recurrent, transformer or bag"
            )
        if not _reads(reader, part):
            raise ValueError(
                f"model.encoder.parts.{name}.kind is {reader.kind}, which cannot read data.source.parts.{name}.kind "
                f"{part.kind}; expected {' or '.join(_readers(part))}"
            )


def _reads(encoder: Any, source: Any) -> bool:
    """Whether an encoder, or the section of one, can read the positions of such a source."""
    return encoder.axes == source.axes and (source.is_text or not encoder.needs_tokens)


def _readers(source: Any) -> list[str]:
    """The encoders of Regard's own that read a source of one part, whose sentences are not known."""
    own = [kind for kind in ENCODERS.places if _reads(ENCODERS.own(kind), source)]
    return [kind for kind in own if kind not in ("several", "hierarchical")]


def _joint_search(config: Any) -> None:
    """Joint search needs what training.ctc teaches."""
    if config.search.ctc_weight and not config.training.ctc:
        raise ValueError(
            f"search.ctc_weight is {config.search.ctc_weight} and training.ctc is 0; expected a weight of 0, since "
            "nothing teaches CTC, or training.ctc above 0, such as 0.3"
        )


def _latent_weights(config: Any) -> None:
    """What is known of an alignment once the output is known belongs to a sum over alignments."""
    if config.search.weights != "posterior" and not config.model.decoder.sums_alignments:
        raise ValueError(
            f"search.weights is {config.search.weights}; expected no such key for the {config.model.decoder.kind} "
            "decoder, which has weights of one kind. It belongs to hard_attention"
        )


def _tied_vocabularies(config: Any) -> None:
    """One table for both sides needs one vocabulary."""
    if config.model.tie == "three_way" and not config.data.joint:
        raise ValueError("model.tie is three_way; expected data.joint: true, since both sides share one table")


def _readable(config: Any) -> None:
    """An encoder of sequences cannot read pictures, nor one of pictures sequences; terms of the loss need what they
    read."""
    encoder, source, training = config.model.encoder, config.data.source, config.training
    if training.ctc and source.axes != 1:
        raise ValueError(
            f"training.ctc is {training.ctc}; expected 0 for data.source.kind {source.kind}, whose positions "
            "have no order"
        )
    if training.ctc and encoder.needs_sentences:
        raise ValueError(
            f"training.ctc is {training.ctc}; expected 0 for model.encoder.kind {encoder.kind}, whose positions are "
            "sentences"
        )
    looks = {"doubly_stochastic": training.doubly_stochastic, "coverage.weight": training.coverage.weight}
    for key, weight in looks.items():
        if weight and not config.model.decoder.attends:
            raise ValueError(
                f"training.{key} is {weight}; expected 0 for the {config.model.decoder.kind} decoder, which looks at "
                "no position"
            )
    if not _reads(encoder, source):
        fitting = [kind for kind in ENCODERS.places if _reads(ENCODERS.own(kind), source)]
        raise ValueError(
            f"model.encoder.kind is {encoder.kind}, which cannot read data.source.kind {source.kind}; "
            f"expected {' or '.join(fitting)}"
        )


def _copied(config: Any) -> None:
    """What copies from the source, or edits it, needs a text, and weights over its tokens."""
    model = config.model
    if not model.copies:
        return
    source, target, ctc = config.data.source, config.data.target, config.training.ctc
    parts = [*source.parts] if isinstance(source, SeveralConfig) else []
    first = source.parts[parts[0]] if parts else source
    kinds = (first.tokenizer, target.tokenizer) if source.is_text else ("", "")
    wants = [
        (source.is_text, f"data.source.kind text for {source.kind}, which is no text"),
        (
            not parts or {*parts[1:]} == {*config.model.encoder.joined},
            f"model.encoder.joined to name all parts but {', '.join(parts[:1])}, the first, which is copied from",
        ),
        *over_tokens(config),
        (target.tokenizer != "label", "another data.target.tokenizer than label, whose tokens are whole texts"),
        (not ctc, f"training.ctc 0 for {ctc}: CTC has no label for a copied word"),
        (
            config.data.joint or (kinds[0] == "symbols") == (kinds[1] == "symbols"),
            f"tokeniser symbols on both sides or on neither, for {kinds[0]} and {kinds[1]}",
        ),
        (
            config.data.joint or "spaced_bpe" not in kinds,
            "data.joint true with spaced_bpe, whose pieces are copied as they are",
        ),
    ]
    edits = model.decoder.edits
    require(f"model.decoder is {model.decoder.kind}" if edits else f"model.output is {model.output.kind}", wants)


def _labels(config: Any) -> None:
    """A pooling decoder, the output layer of labels and their tokeniser go together."""
    model, data = config.model, config.data
    if model.decoder.kind != "pooling" and model.output.kind != "label":
        return
    parts: dict[str, tuple[object, object]] = {
        "model.decoder.kind": (model.decoder.kind, "pooling"),
        "model.output.kind": (model.output.kind, "label"),
        "data.target.tokenizer": (data.target.tokenizer, "label"),
        "data.joint": (data.joint, False),
        "model.tie": (model.tie, "none"),
    }
    for key, (given, expected) in parts.items():
        if given != expected:
            raise ValueError(
                f"{key} is {str(given).lower()}; expected {str(expected).lower()}: a pooling decoder, the output "
                "layer label and a target of labels go together, over a vocabulary of labels alone"
            )


def _hops(config: Any) -> None:
    """What several looks have in common is nothing where there is one."""
    model, penalty = config.model, config.training.hop_penalty
    looks = getattr(model.decoder, "looks", None) or (model.attention.num_heads if model.decoder.attends else 0)
    if penalty and looks < 2:
        raise ValueError(
            f"training.hop_penalty is {penalty}; expected 0 for a model with fewer than two looks side by side, or "
            "model.decoder.pool self_attentive, or model.attention.num_heads above 1"
        )


def _linear_start(config: Any) -> None:
    """A linear start leaves a softmax out, and ends at a validation."""
    select = config.model.attention.select
    if getattr(config.model.decoder, "linear_start", False) and select != "softmax":
        raise ValueError(
            f"model.decoder.linear_start is true and model.attention.select is {select}; expected softmax, which a "
            "linear start leaves out at first"
        )


def _sentences(config: Any) -> None:
    """An encoder of sentences has to know them."""
    encoder, source = config.model.encoder, config.data.source
    if encoder.needs_sentences and getattr(source, "sentences", None) is None:
        raise ValueError(
            f"model.encoder.kind is {encoder.kind}, which reads sentences, and data.source says of none; expected "
            "data.source.sentences: punctuation, or the mark between two, for a source of kind text"
        )


CHECKS = (
    _several,
    _joint_search,
    _latent_weights,
    _tied_vocabularies,
    _readable,
    _copied,
    _labels,
    _hops,
    _linear_start,
    _sentences,
    *LEARNING_CHECKS,
)
