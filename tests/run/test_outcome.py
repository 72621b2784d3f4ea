"""What a run says of itself at its end."""

import pytest

from regard.alignment.verdict import Measures, stored_verdict
from regard.config import parse
from regard.run.card import examples, model_card
from regard.run.outcome import Outcome
from regard.training.events import Validated


def looked(same: float, last: float = 0.1) -> dict[str, float]:
    """The scores of a validation."""
    return Measures(40, same, last, 0.0, 0.4, 0.31, 0.2).to_scores()


def warnings(metric: str, score: float, **scores: float) -> list[str]:
    return list(Outcome(metric, {"loss": 1.0, metric: score, **scores}, (3,)).warnings)


@pytest.mark.parametrize(
    ("metric", "bad", "good"),
    [("bleu", 0.3, 1.0), ("exact", 0.0, 40.0), ("word_error", 99.9, 99.0), ("wer", 130.0, 30.0), ("loss", 9.0, 9.0)],
)
def test_a_score_that_is_as_good_as_none_is_warned_of(metric: str, bad: float, good: float) -> None:
    assert warnings(metric, good) == []
    found = warnings(metric, bad)
    if metric == "loss":
        assert found == []  # a loss has no zero
    else:
        assert len(found) == 1
        assert f"{metric} is {bad:.2f}: the outputs have next to nothing of the references." in found[0]


def test_weights_that_do_not_follow_the_words_are_warned_of() -> None:
    assert warnings("bleu", 50.0, **looked(0.2)) == []
    (found,) = warnings("bleu", 50.0, **looked(0.95, 0.9))
    assert found == f"{stored_verdict(looked(0.95, 0.9))}. Train longer, or try another learning rate, score or seed."
    assert "95% of the output looks at the last position of its source" in found


def test_it_says_the_score_and_its_step() -> None:
    scores = {"loss": 0.125, "perplexity": 1.13, "bleu": 97.79, "diagonal": 20.0}
    assert str(Outcome("bleu", scores, (1010,))) == "best validation at step 1,010: loss 0.125, bleu 97.79"
    assert str(Outcome("loss", scores, (2, 4))) == "best validation of the average of steps 2, 4: loss 0.125"


def test_the_card_says_where_the_model_looks() -> None:
    def card(found: dict[str, float]) -> str:
        return model_card(parse({}, "test"), 3, 5, Validated(7, 0, 60.0, {"loss": 1.5, **found}, True))

    fine, stuck = (card(looked(same)) for same in (0.22, 0.93))
    assert "Where it looks: 22% of an output at the position of its source that is looked at most, 31%" in fine
    assert "Warning" not in fine
    assert "same_position" not in fine
    assert f"**Warning:** {stored_verdict(looked(0.93))}." in stuck
    assert "Where it looks" not in card({})


def test_the_example_is_a_source_of_the_run() -> None:
    pairs = {"columns": ["a", "it's", "c"], "sources": ["a", "it's"], "target_column": "c"}
    kinds = [{}, {"data": pairs}, {"data": {"source": {"kind": "recording"}}, "model": {"encoder": {"kind": "blstmp"}}}]
    typed, written = zip(*[examples(parse(each, "test").data.source) for each in kinds], strict=True)
    assert typed == ('"a sentence"', r"$'a\tit\'s'", "FILE")
    assert written == ('"a sentence"', repr("a\tit's"), '"FILE"')
