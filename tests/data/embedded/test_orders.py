"""The corpus of dialogues: the last turn asks for what one earlier turn says, at the place that is given."""

from itertools import islice

import pytest

from regard.data.embedded.orders import CHAT, DISHES, GUESTS, NOTED, ORDERS, SIZES, TALK, dialogue, dialogues


@pytest.mark.parametrize("split", ["ordinary", "long"])
def test_the_reply_follows_from_one_earlier_turn_alone(split: str) -> None:
    fewest, most = ORDERS[split]
    for found in islice(dialogues(split), 50):
        *before, last = found.turns
        (guest,) = set(last.split()) & set(GUESTS)
        needed = [number for number, turn in enumerate(before) if guest in turn.split()]
        assert needed == [found.needed]
        assert set(before[found.needed].split()) & set(DISHES) == {found.dish}
        assert found.reply == f"{found.dish} ."
        assert fewest <= sum(turn == NOTED for turn in before) <= most
        assert found.text[slice(*found.turn_place)] == before[found.needed]


def test_guests_and_waiter_take_turns() -> None:
    kinds = set()
    for found in islice(dialogues("train"), 100):
        assert len(found.turns) % 2 == 1
        assert {*found.turns[1::2]} <= {NOTED, CHAT}
        assert all((turn in TALK) == (answer == CHAT) for turn, answer in zip(*_pairs(found.turns), strict=True))
        kinds.add(found.dish is None)
        if found.dish is None:
            assert found.reply == NOTED
            assert found.needed == len(found.turns) - 1
    assert kinds == {True, False}


def test_a_dialogue_is_the_same_everywhere_and_depends_on_split_and_number_alone() -> None:
    assert dialogue("ordinary", 2).turns[::2] == ("max wants cheese", "david wants coffee", "what was it for max ?")
    assert dialogue("dev", 3) == list(islice(dialogues("dev"), 4))[3]
    others = [dialogue(split, number).text for split in SIZES for number in (0, 1)]
    assert len({*others}) == 2 * len(SIZES)
    with pytest.raises(ValueError, match=r"dialogues: split is 'tests'; expected one of train, dev, ordinary, long"):
        dialogues("tests")


def _pairs(turns: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return turns[:-1:2], turns[1::2]
