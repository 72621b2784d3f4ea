"""How outputs are looked for, and how they are drawn."""

from dataclasses import dataclass

from regard.search.length_limit import DEFAULT_LIMIT, LengthLimit


@dataclass(frozen=True)
class SearchOptions:
    """How outputs are looked for.

    Args:
        beam_size: 1 is greedy.
        length_normalization, coverage_penalty: α and β of Wu et al. 2016, eq. 14-15.
        batch_size: sentences at a time; changes nothing but speed.
        limit: the longest output.
    """

    beam_size: int = 5
    length_normalization: float = 1.0
    coverage_penalty: float = 0.0
    batch_size: int = 64
    limit: LengthLimit = DEFAULT_LIMIT


@dataclass(frozen=True)
class SamplingOptions:
    """How outputs are drawn; see `regard.search.sample`. A sentence's draw depends on the seed and its place alone."""

    seed: int = 1
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
