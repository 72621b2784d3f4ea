"""What tokens add to a step is looked up, and is what a product with their vectors gives."""

from threading import Thread

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from regard.compiled import token_cache
from regard.compiled.step import steps_serve
from regard.compiled.token_cache import VECTORS, TokenCache
from regard.recurrent.program import Linear

VOCABULARY, EMBEDDING, WIDTHS = 60, 7, {"gates": 33, "joined": 5}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    if not steps_serve():
        pytest.skip("nothing is compiled")
    monkeypatch.setattr(token_cache, "ROWS", 8)


def made() -> tuple[TokenCache, dict[str, torch.Tensor]]:
    """With what each token should get."""
    vectors = torch.randn(VOCABULARY, EMBEDDING)
    weights = {name: torch.randn(width, EMBEDDING) for name, width in WIDTHS.items()}
    weights["bias"] = torch.randn(WIDTHS["gates"])
    program = (Linear(VECTORS, "gates", "gates", bias="bias"), Linear(VECTORS, "joined", "joined"))
    expected = {name: F.linear(vectors, weights[name]) for name in WIDTHS}
    expected["gates"] += weights["bias"]
    return TokenCache(program, weights, vectors), expected


def looked_up(table: TokenCache, tokens: np.ndarray) -> dict[str, torch.Tensor]:
    kept, picks = table(tokens)
    return {name: part[torch.from_numpy(picks)] for name, part in kept.tables.items()}


@pytest.mark.parametrize("count", [1, 3, 8, 9, 60])
def test_each_token_gets_its_own(count: int) -> None:
    """Also where one step has more tokens than are kept, or some of them twice."""
    table, expected = made()
    for seed in range(5):
        tokens = np.random.default_rng(seed).integers(0, VOCABULARY, count)
        for name, found in looked_up(table, tokens).items():
            torch.testing.assert_close(found, expected[name][torch.from_numpy(tokens)])


def test_what_a_token_gets_does_not_depend_on_when_it_came() -> None:
    """To the last bit."""
    (table, _), every = made(), np.arange(VOCABULARY)
    together = looked_up(table, every)
    for token in every:
        alone = looked_up(table, np.array([token]))
        assert all(torch.equal(alone[name][0], together[name][token]) for name in WIDTHS)


def test_a_token_that_came_is_not_computed_again() -> None:
    table, _ = made()
    first, _ = table(np.array([4, 2]))
    again, picks = table(np.array([2, 4, 2]))
    assert again is first
    assert picks.tolist() == [0, 1, 0]
    assert first.used == 2


def test_tables_that_are_in_use_stay_as_they_are_when_others_are_begun() -> None:
    table, expected = made()
    kept, picks = table(np.arange(6))
    later, _ = table(np.arange(20, 30))
    assert later is not kept
    torch.testing.assert_close(kept.tables["gates"][torch.from_numpy(picks)], expected["gates"][:6])


def test_tables_that_a_search_has_begun_can_be_written_outside_of_it() -> None:
    """A search runs in inference mode, whose tensors cannot be changed outside."""
    table, expected = made()
    with torch.inference_mode():
        table(np.arange(6))
        table(np.arange(6, 12))
    with torch.no_grad():
        found = looked_up(table, np.array([20]))
    torch.testing.assert_close(found["gates"], expected["gates"][20:21])


def test_several_threads_may_ask_at_once() -> None:
    table, expected = made()
    wrong: list[int] = []

    def ask(seed: int) -> None:
        random = np.random.default_rng(seed)
        for _ in range(50):
            tokens = random.integers(0, VOCABULARY, 5)
            found = looked_up(table, tokens)["gates"]
            if not torch.allclose(found, expected["gates"][torch.from_numpy(tokens)], atol=1e-5):
                wrong.append(seed)

    threads = [Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
