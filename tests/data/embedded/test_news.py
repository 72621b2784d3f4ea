"""The embedded news: the same everywhere, names at their gold places, and names that training never sees."""

import hashlib

import pytest

from regard.data.embedded.news import NAMES, SIZES, News, all_news, names, news

SOME = [(split, number) for split in SIZES for number in range(15)]


def test_news_are_the_same_everywhere() -> None:
    said = repr([news(split, number) for split, number in SOME])
    assert hashlib.sha256(said.encode()).hexdigest()[:16] == "f09c3baa4299a7b2"


@pytest.mark.parametrize(("split", "number"), SOME)
def test_every_name_of_a_headline_stands_at_its_place(split: str, number: int) -> None:
    found = news(split, number)
    words = found.headline.split()
    assert len(words) == len(found.names)
    for word, place in zip(words, found.names, strict=True):
        assert (place is None) == (word not in names())
        if place is not None:
            assert found.text[slice(*place)] == word
            assert found.text.split().count(word) == 1
    assert any(found.names)


def test_names_of_the_last_split_are_in_no_other() -> None:
    assert len(set(names())) == 2 * NAMES
    seen = {split: _names(list(all_news(split))[:200]) for split in SIZES}
    assert seen["names"].isdisjoint(seen["train"] | seen["dev"] | seen["ordinary"])
    assert seen["ordinary"] <= _names(list(all_news("train")))
    assert {one.text for one in list(all_news("ordinary"))[:100]}.isdisjoint(one.text for one in all_news("train"))


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^news: split is 'tests'; expected one of train, dev, ordinary, names"):
        news("tests", 0)


def _names(found: list[News]) -> set[str]:
    known = set(names())
    return {word for one in found for word in one.text.split() if word in known}
