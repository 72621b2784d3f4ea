"""`regard evaluate --outputs`: the scores of outputs that stand in a file, whoever made them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from regard.analysis.evaluate import evaluate, length_unit, segments, with_references
from regard.analysis.grouping import grouping
from regard.cli.options import Reading
from regard.cli.pairs import BadPairs, pair_files
from regard.config import DataConfig
from regard.data.example import Example
from regard.data.lines import BadLine, opened, shown, texts
from regard.errors import DataError

if TYPE_CHECKING:
    from regard.analysis.evaluate import Evaluation


def scored_outputs(
    path: Path, pairs: Sequence[str], reading: Reading, metrics: Sequence[str], *, by: str, lengths: str
) -> "Evaluation":
    """The scores of the lines of a file, one for each pair. Raises DataError where there are not as many."""
    files = pair_files(pairs, DataConfig(), reading.format)
    groups = None if by == "length" else grouping(by, None, files)
    bad = BadPairs(reading.on_bad_input)
    lines = list(with_references(files.records(), metrics))
    outputs = _lines(path)
    if len(outputs) != len(lines):
        raise DataError(
            f"{path} has {len(outputs)} lines and {' and '.join(pairs)} {len(lines)}; expected an output for each pair."
        )
    kept = [(line, output) for line, output in zip(lines, outputs, strict=True) if not _refused(line, bad)]
    examples = [line for line, _ in kept if isinstance(line, Example)]
    asked = segments(examples, False, None if groups is None else [groups(example) for example in examples])
    if not examples:
        raise DataError("no line holds a pair that can be used. Check the files and their format.")
    unit = length_unit(lengths, asked.sources) if groups is None else None
    result = evaluate(asked, [output for _, output in kept], metrics, unit, None)
    bad.tell()
    return result


def _refused(line: Example | BadLine, bad: BadPairs) -> bool:
    return isinstance(line, BadLine) and bool(bad.add(line))


def _lines(path: Path) -> list[str]:
    with opened(str(path)) as stream:
        found = list(texts(stream, shown(str(path))))
    for line in found:
        if isinstance(line, BadLine):
            raise DataError(f"{line}. Correct it.")
    return [line for line in found if isinstance(line, str)]
