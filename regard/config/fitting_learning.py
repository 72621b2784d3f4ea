"""What the terms of the loss, and the pairs to learn from, need of a recipe. Each check raises ValueError with one
sentence."""

from typing import Any

from regard.config.several import SeveralConfig
from regard.config.sources import TextConfig
from regard.config.training import TrainingConfig

SPELLED = ("characters", "inflection")
"""Tokenisers of letters."""
JOINED = ("bpe", "characters", "symbols")
"""Tokenisers of texts that go on when another text follows."""
MERGED = ("bpe", "spaced_bpe")
"""Tokenisers of pieces that are merged."""
Wants = list[tuple[bool, str]]
"""What is needed: whether it is so, and what is expected where it is not."""


def over_tokens(config: Any) -> Wants:
    """What is needed where weights are read as weights over the tokens of a text."""
    encoder, decoder = config.model.encoder, config.model.decoder
    return [
        (decoder.attends, f"another decoder than {decoder.kind}, which looks at no position"),
        (
            encoder.stride == 1 and not encoder.needs_sentences,
            f"another encoder than {encoder.kind}, whose positions are several tokens each",
        ),
    ]


def require(key: str, wants: Wants) -> None:
    """Raises ValueError for the first that is not so."""
    for fits, expected in wants:
        if not fits:
            raise ValueError(f"{key}; expected {expected}")


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
    require(f"model.decoder is {model.decoder.kind}", wants)


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


def _split_anew(config: Any) -> None:
    """Other pieces in each epoch: nothing may count the pieces of the corpus."""
    data, training, source = config.data, config.training, config.data.source
    if not data.bpe_dropout:
        return
    texts = isinstance(source, TextConfig)
    kinds = [side.tokenizer for side in (source, source if data.joint else data.target)] if texts else []
    wants = [
        (texts, f"0 for data.source.kind {source.kind}, which is not one text"),
        (bool({*kinds} & {*MERGED}), f"tokeniser {' or '.join(MERGED)} on one side for {' and '.join(kinds)}"),
        (not (getattr(source, "turn_mark", "") or config.model.encoder.needs_sentences), "texts without marks within"),
        (config.model.output.kind != "copy", "another model.output than copy, whose sources also are target tokens"),
        (not config.model.decoder.edits, f"another model.decoder than {config.model.decoder.kind}"),
        (not data.hallucinate.share, "data.hallucinate.share 0"),
        (not training.ctc, "training.ctc 0, which counts pieces"),
        (not training.guided_alignment.weight, "training.guided_alignment.weight 0: links are between whole words"),
    ]
    require(f"data.bpe_dropout is {data.bpe_dropout}", wants)


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
    require(f"training.r_drop is {weight}", wants)


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
        *over_tokens(config),
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
    require(f"training.guided_alignment.weight is {guided.weight}", wants)


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
    wants = [
        (texts, f"data.source.kind text for {source.kind}, which is not one text"),
        (not ({*kinds} - {*JOINED}), f"tokenisers {', '.join(JOINED)} for {', '.join(kinds)}"),
        (not getattr(source, "turn_mark", ""), "no data.source.turn_mark: a history has one reply"),
        (not config.model.encoder.needs_sentences, f"another encoder than {config.model.encoder.kind}"),
        (
            training.guided_alignment.links is None,
            "no training.guided_alignment.links, which are those of single pairs; null learns them",
        ),
    ]
    require(f"data.join.words is {words}", wants)


LEARNING_CHECKS = (_edited, _hallucinated, _split_anew, _taught, _read_twice, _guided, _joined)
