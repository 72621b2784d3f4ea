"""`regard evaluate --outputs`: the scores of outputs that stand in a file, whoever made them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from regard.analysis.evaluate import evaluate, length_unit, segments, with_references, with_words
from regard.cli.options import Reading
from regard.cli.pairs import BadPairs, given_groups, pair_files
from regard.cli.scoring import Scoring
from regard.config import DataConfig
from regard.data.example import Example
from regard.data.lines import BadLine, opened, shown, texts
from regard.errors import DataError

if TYPE_CHECKING:
    from regard.analysis.evaluate import Evaluation


def scored_outputs(path: Path, pairs: Sequence[str], reading: Reading, scoring: Scoring) -> "Evaluation":
    """The scores of the lines of a file, one for each pair. Raises DataError where there are not as many."""
    files = pair_files(pairs, DataConfig(), reading.format)
    groups = given_groups(scoring.by, scoring.train, pairs, None, reading)
    bad = BadPairs(reading.on_bad_input)
    lines = list(with_references(files.records(), scoring.metrics))
    outputs = _lines(path)
    if len(outputs) != len(lines):
        raise DataError(
            f"{path} has {len(outputs)} lines and {' and '.join(pairs)} {len(lines)}; expected an output for each pair."
        )
    kept = [(line, output) for line, output in zip(lines, outputs, strict=True) if not _refused(line, bad)]
    examples = [line for line, _ in kept if isinstance(line, Example)]
    asked = segments(examples, False, None if groups is None else [groups.of(example) for example in examples])
    if not examples:
        raise DataError("no line holds a pair that can be used. Check the files and their format.")
    unit = length_unit(scoring.lengths, asked.sources) if groups is None else None
    result = evaluate(asked, [output for _, output in kept], scoring.metrics, unit, None)
    bad.tell()
    return with_words(result, asked, groups)


def _refused(line: Example | BadLine, bad: BadPairs) -> bool:
    return isinstance(line, BadLine) and bool(bad.add(line))


def _lines(path: Path) -> list[str]:
    with opened(str(path)) as stream:
        found = list(texts(stream, shown(str(path))))
    for line in found:
        if isinstance(line, BadLine):
            raise DataError(f"{line}. Correct it.")
    return [line for line in found if isinstance(line, str)]
