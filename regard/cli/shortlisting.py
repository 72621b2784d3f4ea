"""The pairs that a shortlist is learnt from."""

from collections.abc import Iterator, Sequence

from regard.cli.choices import choose
from regard.cli.options import Reading
from regard.cli.pairs import pair_files
from regard.data.batch import Batch
from regard.data.batches import batches, plan
from regard.data.corpus import Corpus
from regard.data.report import Report
from regard.data.shards import encode
from regard.errors import DataError, UsageError
from regard.run.directory import Run


def given_corpus(run: Run, paths: Sequence[str], reading: Reading) -> Corpus:
    """These pairs, or if there are none the largest corpus that the run has encoded: what it was trained on.

    Raises UsageError where it has encoded none, and what reading pairs raises.
    """
    data = run.config.data
    if not paths:
        corpora = list(_cached(run))
        if not corpora:
            raise UsageError(f"{run.path} holds no encoded pairs (they stand in its cache). Give the pairs.")
        return max(corpora, key=len)
    if reading.on_bad_input:
        how = choose("--on-bad-input", reading.on_bad_input, ("error", "skip"))
        data = data.model_copy(update={"on_bad_input": how})
    report = Report()
    examples = pair_files(paths, data, reading.format).read(report)
    return encode(examples, *run.sides, max_length=data.max_length, report=report)


def batches_of(corpus: Corpus, size: int) -> Iterator[Batch]:
    """The pairs, once each."""
    order = plan(corpus.source_lengths, corpus.target_lengths, max_sentences=size, seed=0, epoch=0)
    return batches(corpus, order)


def _cached(run: Run) -> Iterator[Corpus]:
    for directory in sorted((run.path / "cache").glob("*/index.json")):
        try:
            yield Corpus.open(directory.parent, run.sides[0])
        except DataError:  # cut short, or of another version: training would encode it anew
            continue
