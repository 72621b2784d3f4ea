"""A shortlist is what attention says, and what is frequent."""

from collections.abc import Iterator

import models
import pytest
import torch

from regard.analysis.shortlist import Choice, Links, collect
from regard.data.batch import Batch
from regard.search.shortlist import Shortlist

SIZES = (models.SOURCE_VOCABULARY, models.TARGET_VOCABULARY)
LENGTHS = [(5, 3), (1, 7), (3, 5)]


def batches() -> Iterator[Batch]:
    return iter([models.batch_of(LENGTHS, seed) for seed in range(3)])


def collected(decoder: str = "luong", *, joint: bool = False, **choice: int) -> Shortlist:
    model = models.small_model(models.recipe((models.DECODERS | models.FIXED)[decoder]))
    return collect(model, batches(), SIZES, joint=joint, choice=Choice(**{"links": 1, "common": 0} | choice))


def targets_of(shortlist: Shortlist, source: int) -> list[int]:
    return shortlist.targets[shortlist.starts[source] : shortlist.starts[source + 1]].tolist()


def test_a_target_is_linked_with_what_it_looked_at_most() -> None:
    """Two targets, then padding; the second one looked at nothing."""
    links, batch = Links(SIZES), models.batch_of([(2, 2)], padding=1)
    source, targets = batch.source[0].tolist(), batch.targets[0].tolist()
    weights = torch.zeros(1, 4, 4)
    weights[0, 0, 1], weights[0, 0, 0], weights[0, 2, 2], weights[0, 3, 3] = 0.7, 0.3, 0.5, 1.0
    links.add(batch, weights)
    links.add(batch, weights)
    sources, found, counts = (part.tolist() for part in links.counts())
    assert sorted(zip(sources, found, counts, strict=True)) == sorted(
        [(source[1], targets[0], 2), (source[2], targets[2], 2)]
    )


@pytest.mark.parametrize("decoder", models.DECODERS)
def test_every_link_was_seen(decoder: str) -> None:
    shortlist, seen = collected(decoder), set()
    for batch in batches():
        for sources, targets in zip(batch.source.tolist(), batch.targets.tolist(), strict=True):
            seen |= {(source, target) for source in sources for target in targets}
    links = {(source, target) for source in range(SIZES[0]) for target in targets_of(shortlist, source)}
    assert links
    assert links <= seen


def test_less_is_kept_where_less_is_asked_for() -> None:
    whole, few, frequent = collected(), collected(targets=1), collected(links=2)
    for source in range(SIZES[0]):
        assert len(targets_of(few, source)) == min(1, len(targets_of(whole, source)))
        assert set(targets_of(frequent, source)) <= set(targets_of(whole, source))
    assert len(frequent.targets) < len(whole.targets)


def test_what_is_common_comes_by_frequency() -> None:
    counts = torch.zeros(SIZES[1], dtype=torch.long)
    for batch in batches():
        counts += torch.bincount(batch.targets[batch.target_mask], minlength=SIZES[1])
    common = collected(common=5).common
    assert len(common) == 5
    assert counts[common].min() >= counts.sort(descending=True).values[4]


def test_a_joint_vocabulary_lets_every_token_become_itself() -> None:
    shortlist = collected(joint=True)
    assert all(token in targets_of(shortlist, token) for token in range(3, SIZES[0]))


@pytest.mark.parametrize("decoder", models.FIXED)
def test_a_decoder_that_looks_at_nothing_is_refused(decoder: str) -> None:
    with pytest.raises(ValueError, match="its decoder looks at nothing, so that no words are linked"):
        collected(decoder)
