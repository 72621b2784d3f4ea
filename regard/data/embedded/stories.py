"""The embedded corpus of questions: short stories, a question about each, and the sentences that answer it.

People walk from room to room and take things along. A question about a person needs one sentence of the story: where
the person went last. A question about a thing needs two: who took it, and where that person went last; either may come
first. After the tasks 1 and 2 of Weston et al. 2015, "Towards AI-Complete Question Answering", arXiv:1502.05698.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from regard.data.embedded.draws import expect_split, stream
from regard.data.sentences import PUNCTUATION, sentence_spans

SIZES = {"train": 8_000, "dev": 400, "one": 500, "two": 500}
"""Stories of each split; those of `one` and `two` ask for so many sentences, the others for either."""
SEED = 7
SHORTEST, LONGEST = 4, 10

PEOPLE = ("Mary", "John", "Sandra", "Daniel")
ROOMS = ("kitchen", "garden", "office", "bathroom", "bedroom", "hallway")
THINGS = ("apple", "football", "milk", "lamp")
WALKS = ("went to", "moved to", "walked to")
TAKES = ("took", "picked up", "found")


@dataclass(frozen=True)
class Story:
    """A story with its question.

    Args:
        text: the sentences, the question last.
        answer: a room.
        facts: numbers of the sentences that the answer follows from, ascending from 0.
    """

    text: str
    answer: str
    facts: tuple[int, ...]

    @property
    def places(self) -> list[tuple[int, int]]:
        """The characters of each of these sentences."""
        spans = sentence_spans(self.text, PUNCTUATION)
        return [spans[fact] for fact in self.facts]


def stories(split: str) -> Iterator[Story]:
    """The stories of a split. Raises ValueError for an unknown split."""
    expect_split("stories", split, list(SIZES))
    return (story(split, number) for number in range(SIZES[split]))


def story(split: str, number: int) -> Story:
    """Story `number` of a split, the same on every machine. Raises ValueError for an unknown split."""
    random = stream("story", split, list(SIZES), SEED, number)
    wanted = {"one": 1, "two": 2}.get(split) or random.randint(1, 3)
    while True:
        events = _events(random)
        walked = {who: fact for fact, (who, where, _) in enumerate(events) if where}
        taken = {what: (who, fact) for fact, (who, _, what) in enumerate(events) if what and who in walked}
        asked: dict[str, tuple[int, ...]] = {who: (fact,) for who, fact in walked.items()}
        if wanted == 2:
            asked = {f"the {what}": (walked[who], fact) for what, (who, fact) in taken.items()}
        if asked:
            name = sorted(asked)[random.randint(len(asked))]
            sentences = [_said(event, random) for event in events]
            facts = asked[name]
            return Story(" ".join([*sentences, f"Where is {name}?"]), events[facts[0]][1], tuple(sorted(facts)))


def _events(random: np.random.RandomState) -> list[tuple[str, str, str]]:
    """Who goes to which room, or takes which thing, in their order; each thing is taken once, and kept."""
    where: dict[str, str] = {}
    left = list(THINGS)
    events = []
    for _ in range(random.randint(SHORTEST, LONGEST + 1)):
        who = PEOPLE[random.randint(len(PEOPLE))]
        if left and random.randint(3) == 0:
            events.append((who, "", left.pop(random.randint(len(left)))))
            continue
        rooms = [room for room in ROOMS if room != where.get(who)]
        where[who] = rooms[random.randint(len(rooms))]
        events.append((who, where[who], ""))
    return events


def _said(event: tuple[str, str, str], random: np.random.RandomState) -> str:
    who, room, thing = event
    verbs = WALKS if room else TAKES
    return f"{who} {verbs[random.randint(len(verbs))]} the {room or thing}."
