"""`regard demo --corpus dialogue`: turns → the next one, which needs an earlier turn, with the history and without."""

from collections.abc import Mapping
from functools import partial
from itertools import islice

from rich.table import Table

from regard.analysis.places import ATTENTION
from regard.analysis.pointed import Known, SplitScores, score_split
from regard.cli.demo_compared import ComparedDemo, shares
from regard.data.embedded.orders import ORDERS, dialogues

TURN = "turn"
HISTORY, ALONE = "all turns", "last turn"
TURNS = 2 * ORDERS["train"][1] + 1


def known(split: str, count: int | None) -> list[Known]:
    """The first dialogues of a split. Of a reply the dish has a place: the turn that is needed."""
    return [
        Known(one.text, one.reply, {TURN: [one.turn_place if word == one.dish else None for word in one.reply.split()]})
        for one in islice(dialogues(split), count)
    ]


def _table(rows: Mapping[str, Mapping[str, SplitScores]]) -> Table:
    """A row for each split and each model; and what weights that see nothing would point at."""
    table = Table("orders before", "reads", "reply right %", "points into the turn %", "weight in it %")
    table.title = (
        f"unseen dialogues: the reply needs an earlier turn (those of training have {_orders('train')} orders)"
    )
    for split, found in rows[HISTORY].items():
        looks = found.pointing[TURN]
        table.add_row(_orders(split), HISTORY, f"{found.score.value:.1f}", *shares(looks[ATTENTION]))
        table.add_row("", ALONE, f"{rows[ALONE][split].score.value:.1f}", "", "")  # the other turns are not read
        for rule, blind in looks.items():
            if rule != ATTENTION:
                table.add_row("", f"blind: {rule}", "", *shares(blind))
        table.add_section()
    return table


def _orders(split: str) -> str:
    return "–".join(map(str, ORDERS[split]))


def steps(model: str) -> list[str]:
    """What to type next."""
    return [
        f"Try it:   regard chat {model} --turns {TURNS}",
        '          and say "anna wants soup", "tea for ben please", "what does anna want ?"',
        "Your own: regard train dialogue YOUR.tsv --out runs/mine",
        "          (a line: the turns with <turn> between, a tab, the reply; see docs/dialogue.md)",
    ]


DEMO = ComparedDemo(
    "dialogue",
    "guests order, turn by turn; training sees the replies, never which turn they follow from",
    known,
    {HISTORY: (), ALONE: ("data.source.history_tokens=1",)},
    ("ordinary", "long"),
    ("ordinary", 2),
    "Regard: which turn a reply was written from",
    partial(score_split, metric="exact"),
    _table,
    steps,
)
