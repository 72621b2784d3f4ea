"""Alignments → one HTML file that needs nothing else and fetches nothing.

`page.html`, `page.css` and the scripts `page-draw.js`, `page-media.js`, `page-inside.js`, `page-paint.js` and
`page-events.js` stand beside this file and are put together here. The user's text is in the page as JSON and becomes
text nodes; a content security policy allows only this style and these scripts, and of pictures and sound only those in
the file.
"""

import json
import math
import re
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from regard.alignment.alignment import Alignment, Unit
from regard.alignment.inside import of_units
from regard.alignment.parts import part_of, parts
from regard.errors import UsageError
from regard.files import write_whole
from regard.views.labels import (
    cells,
    checked_inside,
    copied_cells,
    label,
    nothing_to_draw,
    part_starts,
    shorten,
    visible,
    warnings,
)
from regard.views.page_media import medium_of, sources_allowed

LONGEST_LABEL = 24  # terminal cells; the texts above the map show every word in full
DIGITS = 4
TITLE = "What the model looked at"
SCRIPTS = ("page-draw.js", "page-media.js", "page-inside.js", "page-paint.js", "page-events.js")
ACTIVE: dict[str, str | int | None] = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def page(alignments: Alignment | Sequence[Alignment], title: str = TITLE) -> str:
    """The whole page as one string.

    The weights on the end of the source are a separate column, those of the end of the output the last row and the last
    step. If the alignments have predictions, the most probable tokens of each step are shown. The address chooses what
    is shown first: `#s=2` the second sentence, `#s=2&t=3` its third step. An alignment with layers is an entry for
    each of them.

    A recording is in the page as sound of 16 bits, its first ten minutes, and plays while the output is written; a
    click on a word plays what it was written from. A picture is in it too, and shows the weights of each word as cells.
    Sentences that were made of words open to these. Warnings of the alignments stand under the title.

    Args:
        alignments: one or several; the page lets its reader choose.
        title: heading of the page.

    Raises UsageError if there are no alignments; ValueError if weights do not fit their units.
    """
    chosen = [alignments] if isinstance(alignments, Alignment) else list(alignments)
    if not chosen:
        raise UsageError("There is nothing to show: no alignments were given. Give the page at least one.")
    style = _asset("page.css")
    script = '"use strict";\n(() => {\n' + "\n".join(map(_asset, SCRIPTS)) + "})();\n"
    sentences = [_sentence(one) | {"layer": name} for each in chosen for name, one in each.each_layer]
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        f"{sources_allowed(sentence['medium'] for sentence in sentences)}base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": escape(visible(title)),
        "warnings": "".join(f'<p class="warning" role="note">{escape(text)}</p>' for text in warnings(chosen)),
        "style": style,
        "script": script,
        "data": inert_json(sentences),
    }
    # One pass, so that a text that reads {{script}} stays that text.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _asset("page.html"))


def save_page(alignments: Alignment | Sequence[Alignment], path: str | Path, title: str = TITLE) -> None:
    """Write the page. Raises what `page` raises, and RegardError if the file cannot be written."""
    write_whole(Path(path), page(alignments, title).encode())


def inert_json(value: object) -> str:
    """JSON that cannot end its script element or a line of script."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(str.maketrans(ACTIVE))


def pieces(text: str, units: Sequence[Unit]) -> list[tuple[str, int]]:
    """The text in order, cut at its units: (piece, index of the unit, or −1 for text between two units).

    Units that are not parts of the text (seconds of a recording) follow one after another.
    """
    if any(unit.start != int(unit.start) or not 0 <= unit.start <= unit.end <= len(text) for unit in units):
        return [part for index, unit in enumerate(units) for part in ((label(unit), index), (" ", -1))]
    cut: list[tuple[str, int]] = []
    done = 0
    for index, unit in enumerate(units):
        start, end = max(int(unit.start), done), max(int(unit.end), done)
        if start > done:
            cut.append((visible(text[done:start]), -1))
        cut.append((visible(text[start:end]) or label(unit), index))
        done = end
    if done < len(text):
        cut.append((visible(text[done:]), -1))
    return cut


def source_pieces(alignment: Alignment) -> list[tuple[str, int]]:
    """The pieces of a source; those of several texts follow the names of their parts."""
    several = parts(alignment)
    if not several:
        return pieces(alignment.source_text, alignment.source)
    found: list[tuple[str, int]] = []
    for number, part in enumerate(several):
        own = [place for place, unit in enumerate(alignment.source) if part_of(alignment, unit.start) == number]
        units = [alignment.source[place] for place in own]
        moved = [unit._replace(start=unit.start - part.start, end=unit.end - part.start) for unit in units]
        found.append((f"{' | ' * bool(number)}{visible(part.name)}: ", -1))
        found += [(piece, own[index] if index >= 0 else -1) for piece, index in pieces(part.text, moved)]
    return found


def _sentence(alignment: Alignment) -> dict[str, Any]:
    """The data for page-draw.js; the rows and columns of the end marks are the last ones."""
    columns, row = alignment.source_end, alignment.target_end
    note = nothing_to_draw(alignment)
    medium = None if note else medium_of(alignment)
    return {
        "medium": medium,
        "source": [(visible(alignment.source_text), -1)] if medium else source_pieces(alignment),
        "parts": part_starts(alignment),
        "target": pieces(alignment.target_text, alignment.target),
        "sourceLabels": [shorten(label(unit), LONGEST_LABEL) for unit in alignment.source],
        "targetLabels": [shorten(label(unit), LONGEST_LABEL) for unit in alignment.target],
        "weights": _exact(cells(alignment)) if medium else _rounded(cells(alignment)),
        "sourceEnd": columns is not None,
        "targetEnd": row is not None,
        # Without weights of the end marks it is not known whether the output was cut.
        "cut": row is None and (columns is not None or bool(alignment.predictions)),
        "predictions": _predictions(alignment),
        # [row, column, probability] of each word that was copied
        "copied": [[unit, place, _significant(share)] for unit, place, share in copied_cells(alignment)],
        "inside": _inside(alignment),
        "score": round(float(alignment.score), DIGITS) if math.isfinite(alignment.score) else None,
        # A map of zeros is drawn, with a sentence about it.
        "nothing": None if alignment.source and alignment.target else note,
        "note": note and note.removeprefix("Nothing to draw: "),
    }


def _inside(alignment: Alignment) -> dict[str, Any] | None:
    """The words of the sentences: [label, sentence, weight] of each, and the pieces of each sentence. None without."""
    if not alignment.inside:
        return None
    cut = []
    for unit, own in zip(alignment.source, of_units(alignment.inside, len(alignment.source)), strict=True):
        start, end = int(unit.start), int(unit.end)
        there = [alignment.inside[place] for place in own]
        moved = [Unit(word.text, word.start - start, word.end - start) for word in there]
        found = pieces(alignment.source_text[start:end], moved) if there else [(label(unit), -1)]
        cut.append([(piece, own[index] if index >= 0 else -1) for piece, index in found])
    weights = np.round(checked_inside(alignment), DIGITS).tolist()
    words = [
        [shorten(label(word), LONGEST_LABEL), word.unit, weight]
        for word, weight in zip(alignment.inside, weights, strict=True)
    ]
    return {"words": words, "pieces": cut}


def _rounded(weights: np.ndarray) -> list[list[int | float]]:
    rounded = np.round(weights.astype(float), DIGITS).tolist()
    return [[int(weight) if weight in (0, 1) else weight for weight in row] for row in rounded]


def _exact(weights: np.ndarray) -> list[list[float]]:
    """To five digits of each weight, however small: of thousands of places each has little."""
    return [[float(f"{weight:.5g}") for weight in row] for row in weights.tolist()]


def _predictions(alignment: Alignment) -> list[list[object]] | None:
    """For each target unit, and for the end, its tokens: [text, probability, [[text, probability], …]]."""
    if not alignment.predictions:
        return None
    rows: list[list[object]] = [[] for _ in range(len(alignment.target) + 1)]
    for prediction in alignment.predictions:
        others = [[_token(text), _significant(prob)] for text, prob in prediction.alternatives]
        rows[prediction.unit].append([_token(prediction.text), _significant(prediction.probability), others])
    return rows


def _token(text: str) -> str:
    """A token with its leading space made visible; "" is the end of the output."""
    seen = visible(text)
    bare = seen.lstrip(" ")
    return shorten("␣" * (len(seen) - len(bare)) + bare, LONGEST_LABEL)


def _significant(probability: float) -> float:
    return float(f"{probability:.3g}")


def _asset(name: str) -> str:
    return files("regard.views").joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
