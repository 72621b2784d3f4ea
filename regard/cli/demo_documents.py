"""`regard demo --corpus documents`: several sentences → one of six labels, and which word of which sentence it is read
from: by the weights of sentences times those of words."""

from collections.abc import Mapping
from functools import partial
from itertools import islice

from rich.table import Table

from regard.analysis.places import ATTENTION
from regard.analysis.pointed import Known, SplitScores, score_split
from regard.cli.demo_compared import ComparedDemo, shares
from regard.data.embedded.cues import SENTENCES, cued_documents

SENTENCE, CUE = "sentence", "cue"


def known(split: str, count: int | None) -> list[Known]:
    """The first documents of a split."""
    return [
        Known(one.text, one.label, {SENTENCE: [one.sentence], CUE: [one.place]})
        for one in islice(cued_documents(split), count)
    ]


def _table(scores: Mapping[str, Mapping[str, SplitScores]]) -> Table:
    """A row for each way to make sentences and each split; and what weights that see nothing would point at."""
    columns = ("sentences", "right %", "in its sentence %", "weight %", "at the cue %", "weight %")
    table = Table("words by", *columns, title="unseen documents: sentence × word points at the cue")
    for name, splits in scores.items():
        for split in splits.values():
            found = [split.pointing[place][ATTENTION] for place in (SENTENCE, CUE)]
            named = name, _sentences(split.name), f"{split.score.value:.1f}"
            table.add_row(*named, *shares(found[0]), *shares(found[1]))
        table.add_section()
    for split in next(iter(scores.values())).values():
        blind = [split.pointing[place]["uniform"] for place in (SENTENCE, CUE)]
        table.add_row("blind: uniform", _sentences(split.name), "", *shares(blind[0]), *shares(blind[1]))
    return table


def _sentences(split: str) -> str:
    return "–".join(map(str, SENTENCES[split]))


def steps(model: str) -> list[str]:
    """What to type next."""
    return [
        f'Try it:   regard view {model} "nobody knew. we saw the violin. it was late."',
        "Your own: regard train labels YOUR.tsv --out runs/mine --set data.source.sentences=punctuation \\",
        "            --set 'model.encoder={kind: hierarchical, hidden_size: 64}'",
        "          (a line: a text, a tab, its label; see docs/labels.md)",
    ]


DEMO = ComparedDemo(
    "documents",
    "sentences, one with a word that gives the label of all away; training sees text and label, never which word it is",
    known,
    {"attention": (), "positions": ("model.encoder.words=positions",)},
    ("ordinary", "long"),
    ("ordinary", 3),
    "Regard: which word of which sentence gave the label away",
    partial(score_split, metric="accuracy"),
    _table,
    steps,
)
