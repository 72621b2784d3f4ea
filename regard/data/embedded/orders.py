"""The embedded corpus of dialogues: guests order, turn by turn, and a question at the end needs an earlier turn.

A dialogue is a function of (split, number) alone, the same on every machine. A table of guests tells a waiter who wants
what, one of them in a turn, with small talk between. The last turn asks what one guest wants; the reply follows from
the one turn in which this guest was named before. In some dialogues of training the last turn is an order itself, which
the waiter notes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from regard.data.embedded.draws import expect_split, stream
from regard.data.turns import MARK, history

SIZES = {"train": 6_000, "dev": 200, "ordinary": 500, "long": 500}
SEED = 23
ORDERS = dict.fromkeys(SIZES, (2, 5)) | {"long": (8, 10)}
"""Fewest and most guests that order before the question."""
TAKEN = 4
"""Of so many dialogues of training one ends with an order."""

GUESTS = ("anna", "ben", "clara", "david", "emma", "felix", "grace", "hugo", "iris", "jonas", "lea", "max")
FOOD = (
    "soup salad rice pasta pizza bread cheese fish chicken beans curry stew tea coffee milk juice water lemonade cake "
    "pie fruit yoghurt pancakes omelette"
)
DISHES = tuple(FOOD.split())
ASKED = (
    "{guest} wants {dish}",
    "{dish} for {guest} please",
    "please bring {guest} some {dish}",
    "{guest} takes {dish}",
)
QUESTIONS = ("what does {guest} want ?", "what was it for {guest} ?", "tell me what {guest} takes")
TALK = (
    "it is warm in here",
    "we have been here before",
    "the table by the window is free",
    "is it still raining ?",
    "the music is nice",
)
NOTED, CHAT = "noted .", "yes indeed ."
"""What the waiter says to an order, and to anything else."""
TOLD = "{dish} ."


@dataclass(frozen=True)
class Dialogue:
    """What was said, and the reply to it.

    Args:
        turns: the last one last; guests and waiter take turns.
        reply: the next turn of the waiter.
        needed: the number of the turn that the reply follows from, from 0.
        dish: what was ordered there; None where the last turn is an order.
    """

    turns: tuple[str, ...]
    reply: str
    needed: int
    dish: str | None

    @property
    def text(self) -> str:
        """The source of a model: the turns with a mark between two."""
        return history(self.turns, MARK)

    @property
    def turn_place(self) -> tuple[int, int]:
        """The characters of the text where the turn that is needed stands."""
        start = len(history([*self.turns[: self.needed], ""], MARK)) if self.needed else 0
        return start, start + len(self.turns[self.needed])


def dialogue(split: str, number: int) -> Dialogue:
    """Dialogue `number` of a split. Raises ValueError for an unknown split, or a number below 0."""
    random = stream("dialogue", split, tuple(SIZES), SEED, number)
    fewest, most = ORDERS[split]
    count = random.randint(fewest, most + 1)
    guests = [GUESTS[place] for place in random.choice(len(GUESTS), count, replace=False)]
    dishes = [DISHES[place] for place in random.choice(len(DISHES), count, replace=False)]
    turns, said = list[str](), list[int]()
    for guest, dish in zip(guests, dishes, strict=True):
        if random.randint(4) == 0:
            turns += [TALK[random.randint(len(TALK))], CHAT]
        said.append(len(turns))
        turns += [ASKED[random.randint(len(ASKED))].format(guest=guest, dish=dish), NOTED]
    if split in ("train", "dev") and random.randint(TAKEN) == 0:
        return Dialogue(tuple(turns[:-1]), NOTED, len(turns) - 2, None)
    chosen = random.randint(count)
    turns.append(QUESTIONS[random.randint(len(QUESTIONS))].format(guest=guests[chosen]))
    return Dialogue(tuple(turns), TOLD.format(dish=dishes[chosen]), said[chosen], dishes[chosen])


def dialogues(split: str) -> Iterator[Dialogue]:
    """The dialogues of a split that a demo uses. Raises ValueError for an unknown split."""
    expect_split("dialogues", split, tuple(SIZES))
    return (dialogue(split, number) for number in range(SIZES[split]))
