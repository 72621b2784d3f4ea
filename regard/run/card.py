"""The model card: a description of a run for people."""

from collections.abc import Mapping

from regard.alignment.table import MEASURES
from regard.alignment.verdict import Measures, stored_verdict
from regard.config import Config, DecoderConfig, EncoderConfig, OutputConfig
from regard.config.stage import SourceConfig
from regard.training.events import Validated


def model_card(config: Config, parameters: int, pairs: int, validated: Validated) -> str:
    """Markdown: what was trained, on how many pairs, how good it is, and how to use it."""
    encoder, decoder, attention = config.model.encoder, config.model.decoder, config.model.attention
    looks = f"{attention.score} score, {attention.select} selection"
    if not decoder.attends:
        looks = getattr(decoder, "pool", "no attention")
    if decoder.edits:
        looks = "a pointer"
    elif attention.num_heads > 1 and decoder.attends:
        looks += f", {attention.num_heads} heads"
    scores = "\n".join(f"| {name} | {value:.4f} |" for name, value in validated.scores.items() if name not in MEASURES)
    looked = _looked(validated.scores)
    typed, written = examples(config.data.source)
    return f"""---
library_name: regard
tags: [attention, sequence-to-sequence, alignment]
---
# {config.name}

An encoder-decoder that shows what it looks at, made with Regard.

| | |
| --- | --- |
| decoder | {_built(decoder)}, {looks} |
| encoder | {_built(encoder)} |
| output layer | {_built(config.model.output)} |
{_second_loss(config)}| parameters | {parameters:,} |
| pairs learned from | {pairs:,} |
| updates | {validated.step:,} (epoch {validated.epoch + 1}, {validated.seconds / 60:.1f} minutes) |

Validation, on pairs held out from training:

| metric | value |
| --- | --- |
{scores}
{looked}
Use it: `regard translate DIRECTORY < input > output`, `regard view DIRECTORY {typed}`, or in Python
`regard.load("DIRECTORY").translate([{written}])`. Every choice is in `config.yaml`.
"""


def examples(source: SourceConfig) -> tuple[str, str]:
    """What stands for a source on a command line, and in Python: a text, parts with a tab between two, or a file."""
    if source.kind == "several":
        parts = source.column("")
        quoted = parts.replace("\\", "\\\\").replace("'", "\\'").replace("\t", "\\t")
        return f"$'{quoted}'", repr(parts)
    return ('"a sentence"', '"a sentence"') if source.is_text else ("FILE", '"FILE"')


def _built(stage: EncoderConfig | DecoderConfig | OutputConfig) -> str:
    cell = getattr(stage, "cell", None)
    return stage.kind if cell is None else f"{stage.kind} ({cell})"


def _second_loss(config: Config) -> str:
    """A row on CTC; nothing without it."""
    weights = f"{config.training.ctc:g} in training, {config.ctc_weight:g} in search"
    return f"| CTC | {weights} |\n" if config.training.ctc else ""


def _looked(scores: Mapping[str, float]) -> str:
    """A paragraph about where the weights are; empty if there are none."""
    found = Measures.from_scores(scores)
    if found is None:
        return ""
    against = stored_verdict(scores)
    warning = f" **Warning:** {against}." if against else ""
    return (
        f"\nWhere it looks: {found.same_position:.0%} of an output at the position of its source that is looked at "
        f"most, {found.diagonal:.0%} on the diagonal; {found.last_position:.0%} of all weight is on the last position, "
        f"{found.end_mark:.0%} on the end mark; the entropy is {found.entropy:.0%} of the largest possible.{warning}\n"
    )
