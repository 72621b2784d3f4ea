"""How outputs are looked for, and how they are drawn."""

from dataclasses import dataclass

from regard.search.diversity import Diversity
from regard.search.length_limit import DEFAULT_LIMIT, LengthLimit
from regard.search.rules import NO_RULES, Rules


@dataclass(frozen=True)
class SearchOptions:
    """How outputs are looked for.

    Args:
        beam_size: 1 is greedy.
        length_normalization, coverage_penalty: α and β of Wu et al. 2016, eq. 14-15.
        ctc_weight: share of CTC in every score, see `regard.search.joint.JointStep`; 0 for attention alone, 1 for CTC
            alone. The models need a CTC head for another than 0.
        batch_size: sentences at a time; changes nothing but speed.
        limit: the longest output.
        rules: what outputs have to keep to.
        diversity: groups of the beam that avoid each other; None for none.
        weights: what the weights of an alignment are where the model sums over alignments, one of
            `regard.model.latent.WEIGHTS`; it changes no output.

    Raises ValueError for a beam that the groups do not share evenly.
    """

    beam_size: int = 5
    length_normalization: float = 1.0
    coverage_penalty: float = 0.0
    ctc_weight: float = 0.0
    batch_size: int = 64
    limit: LengthLimit = DEFAULT_LIMIT
    rules: Rules = NO_RULES
    diversity: Diversity | None = None
    weights: str = "posterior"

    def __post_init__(self) -> None:
        if self.diversity and self.beam_size % self.diversity.groups:
            raise ValueError(
                f"SearchOptions: beam_size is {self.beam_size} and the groups are {self.diversity.groups}; expected a "
                "beam that they share evenly. Widen the beam, or change their number."
            )


@dataclass(frozen=True)
class SamplingOptions:
    """How outputs are drawn; see `regard.search.sample`. A sentence's draw depends on the seed and its place alone."""

    seed: int = 1
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
