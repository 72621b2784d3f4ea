"""Chooses a recipe for a table of inflected forms: `inflection-edits` for a few hundred pairs, for more
`inflection-copy`, in the size that suits them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import inf
from typing import Any
from unicodedata import category

import yaml

from regard.config.data import HallucinateConfig
from regard.config.recipes import text
from regard.data.example import Example
from regard.data.hallucination import common_places
from regard.data.lines import opened, texts
from regard.data.readers import PairFiles
from regard.data.report import Report
from regard.data.tokenizer import drawn

TABLE_LINES, SAMPLE_FORMS = 100, 5_000
FEW_FORMS, UPDATES_OF_FEW = 500, 500
"""Up to so many pairs edits learn more than copying: 61.0 for 52.3 % right in German with 100 of them."""
FEWEST_SHARED = 0.5
"""Of the letters of a form, the share that the lemma has, too, from which on letters are copied and pairs made up."""
FEWEST_LONG, LOOKED_AT = 0.05, 1_000
"""Of the pairs, the share with stems that are long enough to be made up, from which on pairs are: more than are held
out, so that training, which refuses to make up pairs of no pair, has some."""

TOO_SHORT = "what lemmas and forms share is too short to make up pairs"
SOURCE = "source: lemma, and tags as features (three columns, of which the last holds tags: lemma, form, tags)"


@dataclass(frozen=True)
class FormsSize:
    """What suits at most this many forms. Fewer pairs are made up where there are more real ones."""

    pairs: float
    lemma: int
    tags: int
    decoder: int
    rate: float
    batch: int
    made_up: float
    updates: int
    validate_every: int
    average: float


FORMS_SIZES = (
    FormsSize(2e3, 64, 32, 128, 0.003, 650, 0.8, 3_000, 1_500, 0.99),
    FormsSize(inf, 128, 64, 256, 0.002, 1_000, 0.3, 10_000, 2_000, 0.998),
)


def is_table_of_forms(files: PairFiles) -> bool:
    """Whether most lines are lemma, form and tags (N;SG;ACC), of a file whose columns nobody has named."""
    if files.kind != "tsv" or files.columns or files.source:
        return False
    with opened(files.paths[0]) as stream:
        lines = [line for line in islice(texts(stream, files.paths[0]), TABLE_LINES) if isinstance(line, str)]
    rows = [line.split("\t") for line in lines if line.strip()]
    return 2 * sum(len(row) == 3 and ";" in row[2] and " " not in row[2] for row in rows) > len(rows)


def choose_forms(files: PairFiles) -> tuple[dict[str, Any], list[str]]:
    """The recipe and its reasons. It reads the table once, and raises DataError as training would."""
    report = Report()
    named = replace(files, columns=("lemma", "form", "tags"), source="lemma", target="form")
    sample = drawn(named.read(report), SAMPLE_FORMS)
    size = forms_size(report.pairs)
    values = in_size("inflection-copy", size) | {"name": "chosen from the pairs"}
    copies = _shared(sample) >= FEWEST_SHARED
    made_up = copies and _long(sample, values["data"]["hallucinate"]) >= FEWEST_LONG
    if copies and report.pairs <= FEW_FORMS:
        return _by_edits(report.pairs, made_up)
    learned = f"letters of the lemma can be copied, and {100 * size.made_up:.0f} % of the pairs are made up"
    if not made_up:
        del values["data"]["hallucinate"]
        learned = f"letters of the lemma can be copied; {TOO_SHORT}"
    if not copies:
        del values["model"]["output"]
        learned = "written in other letters than the lemma, so none are copied"
    return values, [
        SOURCE,
        f"target: form ({learned})",
        f"model: as inflection-copy, {size.lemma} features for the lemma ({report.pairs:,} pairs)",
        f"training: {size.updates:,} updates; the weights with the best {values['training']['metric']} are kept",
    ]


def _by_edits(pairs: int, made_up: bool) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = yaml.safe_load(text("inflection-edits")) | {"name": "chosen from the pairs"}
    # One validation, at the end: of ten forms that are held out, an earlier one is right as often by chance.
    values["training"] |= {"max_steps": UPDATES_OF_FEW, "validate_every": UPDATES_OF_FEW, "imitation": {"decay": 100}}
    if not made_up:
        del values["data"]["hallucinate"]
    without = "" if made_up else f"; {TOO_SHORT}"
    return values, [
        SOURCE,
        f"target: form (its letters are copied from the lemma, left out or inserted{without})",
        f"model: as inflection-edits ({pairs:,} pairs)",
        f"training: {UPDATES_OF_FEW:,} updates",
    ]


def forms_size(pairs: int) -> FormsSize:
    """What suits so many forms."""
    return next(size for size in FORMS_SIZES if pairs <= size.pairs)


def in_size(name: str, size: FormsSize) -> dict[str, Any]:
    """A recipe for inflection in another size; those that come with Regard have the smallest."""
    values: dict[str, Any] = yaml.safe_load(text(name))
    if size == FORMS_SIZES[0]:
        return values
    model, encoder = values["model"], values["model"]["encoder"]
    if "parts" in encoder:
        encoder["parts"]["tags"]["hidden_size"] = size.tags
        encoder = encoder["parts"]["lemma"]
    encoder["hidden_size"] = size.lemma
    model |= {"embedding_size": size.lemma, "decoder": model["decoder"] | {"hidden_size": size.decoder}}
    values["data"]["batch_size"] = size.batch
    values["data"]["hallucinate"]["share"] = size.made_up
    rhythm = {"max_steps": size.updates, "validate_every": size.validate_every, "moving_average": size.average}
    values["training"] |= rhythm | {"learning_rate": size.rate}
    return values


def _shared(sample: Sequence[Example]) -> float:
    """The share of all letters of the forms that the lemma has, too."""
    forms = [(example.source, example.target or "") for example in sample]
    found = sum(letter in lemma for lemma, form in forms for letter in form)
    return found / max(1, sum(len(form) for _, form in forms))


def _long(sample: Sequence[Example], hallucinate: dict[str, Any]) -> float:
    """The share of pairs in which some letters could be replaced: see `Hallucination.places`."""
    keys = HallucinateConfig(**hallucinate)
    looked_at = sample[:LOOKED_AT]
    found = 0
    for example in looked_at:
        form = example.target or ""
        places = common_places(tuple(example.source), tuple(form), keys.shortest, keys.kept)
        found += any(category(form[place]).startswith("L") for place in places[:, 1])
    return found / max(1, len(looked_at))
