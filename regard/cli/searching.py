"""How outputs are searched: as the recipe says, and the command line in its place."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from regard.cli.options import Opening
from regard.cli.search_options import Search
from regard.config import Config
from regard.errors import UsageError

if TYPE_CHECKING:
    from regard.search.diversity import Diversity
    from regard.search.options import SearchOptions

OPTIONS = ("length_normalization", "coverage_penalty", "ctc_weight")
RULES = ("no_repeat_ngram", "min_length", "repetition_penalty")


def searching(recipe: Config, opening: Opening, search: Search, nbest: int | None) -> "SearchOptions":
    """The search of a recipe, with what is given in its place.

    Raises UsageError for impossible numbers, and for what has no effect.
    """
    from regard.data.edits import SCRIPTS
    from regard.run.directory import search_options
    from regard.search.joint import expect_weight
    from regard.search.length_penalty import Ranking
    from regard.search.rules import NO_RULES

    known = replace(search_options(recipe), diversity=None)
    given = {name: getattr(search, name) for name in OPTIONS}
    beam_size = search.beam or max(known.beam_size, nbest or 1)
    options = _replaced(known, given | {"beam_size": beam_size, "batch_size": opening.batch_size})
    if search.beam and nbest and nbest > search.beam:
        raise UsageError(f"--beam {search.beam} has no effect below --nbest {nbest}, which needs a wider one.")
    ranked = {"--length-normalization": search.length_normalization, "--coverage-penalty": search.coverage_penalty}
    if beam_size == 1 and (unused := [name for name in ranked if ranked[name] is not None]):
        raise UsageError(f"{unused[0]} has no effect on greedy search, which keeps one output. Give --beam 2 or more.")
    try:
        expect_weight("--ctc-weight", options.ctc_weight)
        Ranking(options.length_normalization, options.coverage_penalty)
        rules = _replaced(options.rules, {name: getattr(search, name) for name in RULES})
        if rules != NO_RULES and recipe.model.decoder.edits:
            raise UsageError(f"a rule for outputs is given; expected none, since {SCRIPTS}")
        return replace(options, rules=rules, diversity=_diversity(recipe, search))
    except ValueError as error:
        raise UsageError(str(error)) from error


def _diversity(recipe: Config, search: Search) -> "Diversity | None":
    """What keeps groups of the beam apart."""
    from regard.search.diversity import grouped

    groups = recipe.search.diversity_groups if search.diversity_groups is None else search.diversity_groups
    strength = recipe.search.diversity_strength if search.diversity_strength is None else search.diversity_strength
    if groups == 1 and search.diversity_strength is not None:
        raise UsageError("--diversity-strength has no effect without groups. Add --diversity-groups, or leave it out.")
    return grouped(groups, strength)


def _replaced(record: Any, given: Mapping[str, Any]) -> Any:
    """The record with the values that are given."""
    return replace(record, **{name: value for name, value in given.items() if value is not None})
