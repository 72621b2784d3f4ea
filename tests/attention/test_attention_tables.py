"""The tables of names, what they say of their entries, and how a new one gets in."""

import subprocess
import sys
from inspect import Parameter, signature
from itertools import product

import pytest
import torch
from jaxtyping import Float
from mechanisms import QUERY, every_combination, look
from torch import Tensor, nn

from regard.attention import POOLINGS, SCORES, SELECTIONS, WINDOWS
from regard.attention.build import build_attention
from regard.attention.history import History
from regard.attention.rules import (
    NOT_NORMALIZED,
    POSITIONAL,
    REFUSED,
    SAME_SIZE,
    SURROGATE_GRADIENT,
    refusal,
)

TABLES = [SCORES, SELECTIONS, WINDOWS]
NAMES = [name for table in (*TABLES, POOLINGS) for name in table]


def test_size_of_the_table_of_refusals() -> None:
    """Every other combination runs. A rule is for every score: a new one is refused no more than the others."""
    assert len(REFUSED) == 5
    refused = [names for names in product(*TABLES) if refusal(*names) is not None]
    assert len(refused) == len(SCORES) * len(REFUSED)


def test_a_name_means_one_thing() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert {*NOT_NORMALIZED, *POSITIONAL, *SAME_SIZE, *SURROGATE_GRADIENT} <= set(NAMES)
    for rule in REFUSED:
        for table, name in zip(TABLES, rule, strict=False):
            assert name is None or name in table
        assert rule.reason


@pytest.mark.parametrize("names", [names for names in product(*TABLES) if refusal(*names)], ids="-".join)
def test_refused_combinations_say_why(names: tuple[str, str, str]) -> None:
    score, select, window = names
    with pytest.raises(ValueError, match=refusal(*names)):
        build_attention(QUERY, QUERY, score=score, select=select, window=window)


@every_combination
def test_every_entry_is_built_from_two_sizes(names: tuple[str, str, str]) -> None:
    score, select, window = names
    attention = build_attention(QUERY, QUERY, score=score, select=select, window=window)
    chosen = zip((attention.score, attention.select, attention.window), TABLES, names, strict=True)
    assert all(isinstance(part, table[name]) for part, table, name in chosen)
    for part in (SCORES[score], SELECTIONS[select], WINDOWS[window]):
        for name, parameter in signature(part).parameters.items():
            catch_all = parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
            assert catch_all or name in ("query_size", "key_size") or parameter.default is not Parameter.empty


def test_names_are_read_without_torch() -> None:
    code = (
        "import sys; from regard.attention import SCORES, SELECTIONS, WINDOWS; import regard.attention.rules\n"
        "list(SCORES), list(SELECTIONS), 'global' in WINDOWS; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_options_reach_the_entry_of_their_name_and_others_wait() -> None:
    options = {"additive": {"hidden_size": 17}, "local_p": {"radius": 3}}
    attention = build_attention(QUERY, QUERY, window="local_p", options=options)
    assert attention.score.energy.in_features == 17
    assert attention.window.radius == 3
    build_attention(QUERY, QUERY, score="dot", options=options)


def test_a_score_is_one_class_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Distance(nn.Module):
        """score(q, k) = −|q − k|²"""

        sequential = False

        def prepare(self, keys: Float[Tensor, "batch source key"]) -> Float[Tensor, "batch source key"]:
            return keys

        def forward(self, query: Tensor, prepared: Tensor, history: History) -> Tensor:
            return -torch.cdist(query, prepared).square()

    monkeypatch.setattr(sys.modules["regard.attention.dot"], "Distance", Distance, raising=False)
    monkeypatch.setitem(SCORES.places, "distance", "dot:Distance")
    keys = torch.eye(3).unsqueeze(0)
    attended = look(build_attention(3, 3, score="distance"), keys, keys, keys, torch.ones(1, 3, dtype=torch.bool))
    assert attended.weights.argmax(-1).tolist() == [[0, 1, 2]]
