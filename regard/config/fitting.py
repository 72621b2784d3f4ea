"""What the parts of a recipe need of each other. Each check raises ValueError with one sentence."""

from typing import Any

from regard.config.several import SeveralConfig, SeveralEncoderConfig
from regard.config.sources import TextConfig
from regard.config.training import TrainingConfig
from regard.encoders import ENCODERS

HIERARCHICAL = ("bahdanau", "luong", "conditional")
"""The decoders that can look at several memories, and then at what they found."""
SPELLED = ("characters", "inflection")
"""Tokenisers of letters."""
JOINED = ("bpe", "characters", "symbols")
"""Tokenisers of texts that go on when another text follows."""


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
        if reader.axes != part.axes or (reader.kind == "bag" and not part.is_text):
            raise ValueError(
                f"model.encoder.parts.{name}.kind is {reader.kind}, which cannot read data.source.parts.{name}.kind "
                f"{part.kind}; expected {' or '.join(_readers(part))}"
            )


def _readers(source: Any) -> list[str]:
    """The encoders of Regard's own that read the positions of such a source."""
    own = [kind for kind in ENCODERS.places if ENCODERS.own(kind).axes == source.axes]
    return [kind for kind in own if kind not in ("several", "hierarchical", "bag")]


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
    if encoder.axes != source.axes:
        fitting = [kind for kind in ENCODERS.places if ENCODERS.own(kind).axes == source.axes]
        raise ValueError(
            f"model.encoder.kind is {encoder.kind}, which cannot read data.source.kind {source.kind}; "
            f"expected {' or '.join(fitting)}"
        )


Wants = list[tuple[bool, str]]
"""What is needed: whether it is so, and what is expected where it is not."""


def _over_tokens(config: Any) -> Wants:
    """What is needed where weights are read as weights over the tokens of a text."""
    encoder, decoder = config.model.encoder, config.model.decoder
    return [
        (decoder.attends, f"another decoder than {decoder.kind}, which looks at no position"),
        (
            encoder.stride == 1 and not encoder.needs_sentences,
            f"another encoder than {encoder.kind}, whose positions are several tokens each",
        ),
    ]


def _require(key: str, wants: Wants) -> None:
    """Raises ValueError for the first that is not so."""
    for fits, expected in wants:
        if not fits:
            raise ValueError(f"{key}; expected {expected}")


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
        *_over_tokens(config),
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
    _require(f"model.decoder is {model.decoder.kind}" if edits else f"model.output is {model.output.kind}", wants)


def _edited(config: Any) -> None:
    """A pointer stands where edits have brought it, so nothing teaches it where to look; and tokens are no words."""
    model, training, search = config.model, config.training, config.search
    if not model.decoder.edits:
        if training.imitation != TrainingConfig.model_fields["imitation"].default:
            raise ValueError(
                f"training.imitation belongs to the edit transducer; expected no such key for {model.decoder.kind}"
            )
        return
    from regard.data.edits import SCRIPTS  # here, since it needs numpy

    wants: Wants = [
        (model.output.kind == "linear", f"model.output linear for {model.output.kind}"),
        (not training.label_smoothing, f"training.label_smoothing 0 for {training.label_smoothing}"),
        (not training.r_drop, f"training.r_drop 0 for {training.r_drop}: two passes choose other edits"),
    ]
    weights = {
        "doubly_stochastic": training.doubly_stochastic,
        "coverage.weight": training.coverage.weight,
        "guided_alignment.weight": training.guided_alignment.weight,
        "hop_penalty": training.hop_penalty,
    }
    wants += [
        (not weight, f"training.{key} 0 for {weight}: the weights have no gradient") for key, weight in weights.items()
    ]
    rules = {"no_repeat_ngram": 0, "min_length": 0, "repetition_penalty": 1.0}
    wants += [
        (getattr(search, key) == no, f"search.{key} {no:g} for {getattr(search, key):g}, since {SCRIPTS.rstrip('.')}")
        for key, no in rules.items()
    ]
    _require(f"model.decoder is {model.decoder.kind}", wants)


def _hallucinated(config: Any) -> None:
    """Letters can be replaced where both sides are spelled in letters, and in one text of the source."""
    data, key = config.data, f"data.hallucinate.share is {config.data.hallucinate.share}"
    if not data.hallucinate.share:
        return
    if not data.source.is_text:
        raise ValueError(f"{key}; expected 0 for data.source.kind {data.source.kind}, which is not spelled in letters")
    sides: Any = [*data.source.parts.values()] if isinstance(data.source, SeveralConfig) else [data.source]
    spelled = [side.tokenizer for side in sides if side.tokenizer in SPELLED]
    target = data.source.tokenizer if data.joint else data.target.tokenizer
    if len(spelled) != 1 or target != "characters":
        raise ValueError(
            f"{key}; expected data.target.tokenizer characters for {target}, and one source of tokenizer "
            f"{' or '.join(SPELLED)} for {', '.join(side.tokenizer for side in sides)}"
        )
    if config.training.ctc:
        raise ValueError(f"{key} and training.ctc is {config.training.ctc}; expected 0 for one of them")


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


def _taught(config: Any) -> None:
    """Keys of an objective or a temperature belong to the selections that need them."""
    from regard.attention import SELECTIONS

    select = config.model.attention.select if config.model.decoder.attends else "softmax"
    for key, mark in (("hard", "sampled"), ("temperature", "annealed")):
        if getattr(config.training, key) == TrainingConfig.model_fields[key].default:
            continue
        if not getattr(SELECTIONS[select], mark, False):
            owners = [name for name in SELECTIONS if getattr(SELECTIONS[name], mark, False)]
            raise ValueError(
                f"training.{key} belongs to attention that selects with {', '.join(owners)}; "
                f"expected no such key for {config.model.decoder.kind} with {config.model.attention.select}"
            )


def _read_twice(config: Any) -> None:
    """Two passes differ by dropout, and agree in probabilities that have a gradient."""
    from regard.attention import SELECTIONS

    weight, select = config.training.r_drop, config.model.attention.select
    if not weight:
        return
    sampled = config.model.decoder.attends and getattr(SELECTIONS[select], "sampled", False)
    wants = [
        (any(config.model.dropout.model_dump().values()), "model.dropout above 0, by which two passes differ"),
        (not sampled, f"another model.attention.select than {select}, whose choices have no gradient"),
    ]
    _require(f"training.r_drop is {weight}", wants)


def _guided(config: Any) -> None:
    """Links are between words, and attention follows them where its weights are of tokens and have a gradient."""
    from regard.attention import SELECTIONS

    guided, select, source = config.training.guided_alignment, config.model.attention.select, config.data.source
    if not guided.weight:
        if guided.links is not None:
            raise ValueError(
                "training.guided_alignment.links are given, and weight is 0; expected above 0, such as 0.3"
            )
        return
    wants = [
        (isinstance(source, TextConfig), f"data.source.kind text for {source.kind}, which is not one text"),
        *_over_tokens(config),
        (config.data.target.tokenizer != "label", "another data.target.tokenizer than label, which has no words"),
        (
            not getattr(SELECTIONS[select], "sampled", False),
            f"another model.attention.select than {select}, whose choices have no gradient",
        ),
        (
            guided.links is None or guided.unlinked != "likely",
            "free or before for training.guided_alignment.unlinked likely beside links of a file, which say no more",
        ),
        (
            guided.until_step is None or not config.training.coverage.weight,
            "no training.guided_alignment.until_step beside training.coverage, which begins at a step of its own",
        ),
    ]
    _require(f"training.guided_alignment.weight is {guided.weight}", wants)


def _joined(config: Any) -> None:
    """Texts can be joined that are sentences or more, and links of a file stay those of its lines."""
    data, training, words = config.data, config.training, config.data.join.words
    if not words:
        if data.join.rounds != 1:
            raise ValueError(
                f"data.join.rounds is {data.join.rounds}, and words is 0; expected words above 0, such as 30"
            )
        return
    source, texts = data.source, isinstance(data.source, TextConfig)
    kinds = (source.tokenizer, data.target.tokenizer) if texts else ()
    wanted = [
        (texts, f"data.source.kind text for {source.kind}, which is not one text"),
        (not ({*kinds} - {*JOINED}), f"tokenisers {', '.join(JOINED)} for {', '.join(kinds)}"),
        (not getattr(source, "turn_mark", ""), "no data.source.turn_mark: a history has one reply"),
        (not config.model.encoder.needs_sentences, f"another encoder than {config.model.encoder.kind}"),
        (
            training.guided_alignment.links is None,
            "no training.guided_alignment.links, which are those of single pairs; null learns them",
        ),
    ]
    for fits, expected in wanted:
        if not fits:
            raise ValueError(f"data.join.words is {words}; expected {expected}")


CHECKS = (
    _several,
    _joint_search,
    _latent_weights,
    _tied_vocabularies,
    _readable,
    _copied,
    _edited,
    _hallucinated,
    _labels,
    _hops,
    _linear_start,
    _sentences,
    _taught,
    _read_twice,
    _guided,
    _joined,
)
