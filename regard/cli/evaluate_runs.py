"""`regard evaluate` of runs: their translations of a test set, held against its references."""

from collections.abc import Sequence
from dataclasses import dataclass

from regard.analysis.evaluate import Evaluation, evaluated, with_references
from regard.analysis.gold import judged_pairs
from regard.cli.errors import say
from regard.cli.options import Linking, Opening, Reading
from regard.cli.pairs import BadPairs, given_groups, given_pairs, given_places, runs_and_pairs
from regard.cli.runs import open_runs
from regard.cli.scoring import Looks, Scoring
from regard.cli.search_options import Search
from regard.cli.stdin import usable
from regard.data.example import Example
from regard.marks import UNKNOWN


@dataclass(frozen=True)
class RunScores:
    """What some runs come to.

    Args:
        result: the scores.
        verdict: how well the weights agree with gold links, in one line, if there are such.
        bad: the lines that were skipped.
        unseen: the pairs whose label no output can be.
    """

    result: Evaluation
    verdict: str | None
    bad: BadPairs
    unseen: Sequence[Example]

    def tell(self) -> None:
        """Say what was skipped, and the labels that no output can be."""
        self.bad.tell()
        if self.unseen:
            one = self.unseen[0]
            count = f"{len(self.unseen)} reference(s) with a label that training did not see count as wrong"
            say(f"regard: {count}; the first: {(one.target or '')[:60]!r} ({one.file}, line {one.line})")


def scored_runs(
    given: Sequence[str],
    reading: Reading,
    scoring: Scoring,
    linking: Linking,
    looks: Looks,
    search: Search,
    opening: Opening,
) -> RunScores:
    """Translate the pairs with the runs, of which several are an ensemble, and score what comes of it."""
    runs, pairs = runs_and_pairs(given)
    groups = given_groups(scoring.by, scoring.train, pairs, runs[0], reading)
    lines, bad = given_pairs(pairs, runs[0], reading)
    lines = with_references(lines, scoring.metrics)
    judged = judged_pairs(lines, linking.join, linking.words, linking.gold, linking.gold_from)
    places = given_places(looks.places, runs[0], pairs)
    session = open_runs(runs, opening, search, weights=looks.weights)
    examples = usable(session.readable(session.chunks(judged.lines)), bad.add)
    result = evaluated(
        session.translator,
        examples,
        judged,
        scoring.metrics,
        lengths=scoring.lengths,
        group=scoring.group,
        min_weight=linking.min_weight,
        places=places,
        by=groups,
    )
    target = session.translator.target_tokenizer
    labels = examples if target.kind == "label" else []
    unseen = [one for one in labels if UNKNOWN in target.ids(one.target or "")]
    return RunScores(result, judged.judge.verdict() if judged.judge else None, bad, unseen)
