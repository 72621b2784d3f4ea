"""What the pairs of a test set have in common, for scores of each group: tags, labels, how often training has their
words, or the values of a column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from regard.analysis.frequency import TrainingWords, whole
from regard.config import DataConfig, TextConfig
from regard.config.several import SeveralConfig
from regard.data.example import Example
from regard.data.lines import STDIN, BadLine
from regard.data.readers import PairFiles
from regard.data.several import parts_of
from regard.data.tags import spaced
from regard.errors import DataError, UsageError
from regard.metrics.by_frequency import words


@dataclass(frozen=True)
class Grouping:
    """What pairs have in common.

    Args:
        of: the groups that a pair belongs to.
        training: how often training has each word; None where words are not scored by it.
    """

    of: Callable[[Example], Sequence[str]]
    training: TrainingWords | None = None


def grouping(by: str, data: DataConfig | None, files: PairFiles, train: PairFiles | None = None) -> Grouping:
    """The groups of pairs.

    Args:
        by: `tag`, each tag of a source of tags and a lemma, or of a part that is tags; `label`, the reference;
            `frequency`, how often training has the rarest word of the source; or a column of the files, by its name, or
            its number where there are no names, or its key in JSONL.
        data: how the run reads pairs; None without a run, where sources and targets are what `by` says.
        files: the pairs.
        train: the pairs that training reads; they are read for `frequency` alone.

    Raises UsageError for what the run does not have, DataError for a line without the column.
    """
    if by == "frequency":
        return _by_frequency(data, train)
    if by == "tag":
        return _by_tag(data)
    if by == "label":
        if data and data.target.tokenizer != "label":
            raise UsageError(
                "--by label is for targets that are labels, data.target.tokenizer label; this run has none. Name a "
                "column of the file, or leave it out."
            )
        return Grouping(label)
    if STDIN in files.paths:
        raise UsageError(f"--by {by} reads a column of a file, after its pairs. Give a file for standard input.")
    values = _column(files, by)
    return Grouping(lambda example: [values.get(example.line, "").strip()])


def _by_tag(data: DataConfig | None) -> Grouping:
    """Tags before the lemma, or of their own parts of the source."""
    source = None if data is None else data.source
    if source is None or (isinstance(source, TextConfig) and source.tokenizer == "inflection"):
        return Grouping(tags)
    if isinstance(source, SeveralConfig):
        places = [place for place, part in enumerate(source.parts.values()) if getattr(part, "tokenizer", "") == "tags"]
        if places:
            names = list(source.parts)
            return Grouping(
                lambda pair: [tag for at in places for tag in spaced(parts_of(pair.source, names)[at]).split()]
            )
    raise UsageError(
        "--by tag is for sources with tags: data.source.tokenizer inflection, or a part with tokenizer tags; this run "
        "has none. Name a column of the file, or leave it out."
    )


def _by_frequency(data: DataConfig | None, train: PairFiles | None) -> Grouping:
    if train is None:
        raise UsageError(
            "--by frequency counts words in the pairs that training reads, and a run does not keep these. Add --train "
            "FILE, twice for two parallel files."
        )
    text = data is None or data.source.is_text
    split = whole if data and data.target.tokenizer == "label" else words
    training = TrainingWords.read(train.read(), text=text, split=split)
    return Grouping(training.rarest, training)


def tags(example: Example) -> list[str]:
    """Those before the lemma."""
    return [tag for tag in example.source.partition(" ")[0].split(";") if tag]


def label(example: Example) -> list[str]:
    """The reference, without loose white space."""
    return [" ".join((example.target or "").split())]


def _column(files: PairFiles, name: str) -> dict[int, str]:
    """What each line has in a column."""
    values: dict[int, str] = {}
    for record in replace(files, source=name, target=name, locate=None).records():
        if isinstance(record, BadLine):
            raise DataError(f"--by {name}: {record}. Name a column that every line has.")
        values[record.line] = record.source
    return values
