"""The embedded stories: the same everywhere, and each answer follows from its gold sentences alone."""

import hashlib
import re

import pytest

from regard.data.embedded.stories import SIZES, Story, stories, story
from regard.data.sentences import sentence_spans

SOME = [story(split, number) for split in SIZES for number in range(60)]


def sentences(one: Story) -> list[str]:
    return [one.text[start:end] for start, end in sentence_spans(one.text, "punctuation")]


def answered(lines: list[str], question: str) -> str | None:
    """Who has a thing, and where people went last, as a reader of these lines knows it."""
    where: dict[str, str] = {}
    holder: dict[str, str] = {}
    for line in lines:
        who, _, rest = line.removesuffix(".").partition(" ")
        last = rest.rsplit(" ", 1)[1]
        (where if " to the " in rest else holder).update({who: last} if " to the " in rest else {last: who})
    asked = re.fullmatch(r"Where is (?:the )?(\w+)\?", question)[1]
    return where.get(holder.get(asked, asked))


@pytest.mark.parametrize("one", SOME, ids=lambda one: one.text[-20:])
def test_the_answer_follows_from_the_story_and_from_its_facts_alone(one: Story) -> None:
    *told, question = sentences(one)
    assert answered(told, question) == one.answer
    assert answered([told[fact] for fact in one.facts], question) == one.answer
    for fact in one.facts:  # each is needed
        assert answered([told[other] for other in one.facts if other != fact], question) is None
    assert [one.text[start:end] for start, end in one.places] == [told[fact] for fact in one.facts]


def test_splits_ask_for_as_many_sentences_as_they_say() -> None:
    counts = {split: {len(story(split, number).facts) for number in range(60)} for split in SIZES}
    assert counts == {"train": {1, 2}, "dev": {1, 2}, "one": {1}, "two": {2}}


def test_stories_are_the_same_everywhere_and_no_test_is_in_training() -> None:
    learnt = {one.text for one in stories("train")}
    tests = [one.text for split in ("dev", "one", "two") for one in stories(split)]
    assert not learnt & set(tests)
    found = hashlib.sha256("".join(tests).encode()).hexdigest()[:16]
    assert found == "705bfd77487a0ec4"
    with pytest.raises(ValueError, match="split is 'three'; expected one of train, dev, one, two"):
        stories("three")
