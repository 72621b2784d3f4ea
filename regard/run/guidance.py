"""The links that guide attention in training: from a file, or from the words of the pairs; as links between tokens."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np

from regard.alignment.agreement import agreed_links, likely_links
from regard.alignment.linking import Links
from regard.alignment.pharaoh import parse_links
from regard.alignment.units import Span, word_spans
from regard.config import Config, GuidedAlignmentConfig
from regard.data.copying import target_ids
from regard.data.example import Example
from regard.data.joined_pairs import joined
from regard.data.lines import BadLine, opened, texts
from regard.data.readers import PairFiles
from regard.data.scripts import UNSPACED
from regard.data.sources import Source
from regard.data.tokenizer import Tokenizer
from regard.errors import DataError
from regard.files import write_whole
from regard.run.subsets import Subset
from regard.training.guided import GivenLinks

FILE = "links.npz"
NOTHING: Links = frozenset()
Ids = Callable[[str, str], Sequence[int]]
"""Source, target → the token numbers of the target."""
MARK = r"[.,!?;:…()\"“”«»„、。，！？；：（）]"
APOSTROPHE = r"(?<=\w)['’](?=\w)"
PART = re.compile(rf"{UNSPACED}|{MARK}+|{APOSTROPHE}|(?:(?!{UNSPACED}|{MARK}(?:{MARK}|\s|$)|{APOSTROPHE})\S)+")
"""A word whose links are learned: in a script without spaces each character is one, and so are marks at the ends of
words, and an apostrophe within one: what stands at its sides has translations of its own, as in Tom's and l'ami."""

LEARNED = {"free": agreed_links, "before": agreed_links, "likely": likely_links}
"""`unlinked` → the links that are learned."""


@dataclass(frozen=True)
class Linked:
    """A pair to learn from, with its links.

    Args:
        row: its number in the corpus.
        record: the pair as it was read.
        source, target: its texts, each with where its words are.
        links: between the words of both.
    """

    row: int
    record: Example
    source: tuple[str, list[Span]]
    target: tuple[str, list[Span]]
    links: Links


def guiding_links(
    config: Config, files: PairFiles, learn: Subset, source: Source, target: Tokenizer, tell: Callable[[str], None]
) -> GivenLinks | None:
    """The links of the pairs to learn from; None where the recipe wants none.

    Words are what stands between white space; where links are learned, capitals do not count, marks of punctuation are
    words, and so is each character of a script without spaces. Each token of a target word is linked to all tokens of
    the source words that its word is linked to. With `unlinked: before` a word without a link has those of the word
    before; with `likely` it has the likeliest one, and those of the word before if that is none. Where the end mark of
    the source may be looked at, words without a link and the end mark of the target are linked to it; but a pair
    without any link is free.

    Raises DataError for a file of links that does not fit the pairs.
    """
    asked = config.training.guided_alignment
    if not asked.weight:
        return None
    pairs = _linked(files, learn, target_ids(source, target), asked)
    count, share = sum(len(pair.links) for pair in pairs), _share(pairs)
    tell(f"attention is guided by {count:,} links of {len(pairs):,} pairs; {share:.0f} % of the target words have one")
    assert source.tokenizer is not None
    if asked.unlinked != "free":
        pairs = [replace(pair, links=_followed(pair)) for pair in pairs]
    return _of_tokens(pairs, len(learn.corpus), source.tokenizer, target, end=config.model.attention.end)


def save(links: GivenLinks, directory: Path) -> None:
    """Write the links for the other workers, completely or not at all."""
    content = io.BytesIO()
    np.savez(content, starts=links.starts, sources=links.sources, targets=links.targets)
    directory.mkdir(parents=True, exist_ok=True)
    write_whole(directory / FILE, content.getvalue())


def load(directory: Path) -> GivenLinks:
    """What `save` wrote."""
    with np.load(directory / FILE) as content:
        return GivenLinks(content["starts"], content["sources"], content["targets"])


def _linked(files: PairFiles, learn: Subset, ids: Ids, asked: GuidedAlignmentConfig) -> list[Linked]:
    if asked.links is not None:
        return _pairs(files, learn, ids, word_spans, _given(asked.links))
    if files.joining is not None:
        return _of_joined(_pairs(files, learn, ids, _parts), files, asked)
    pairs = _pairs(files, learn, ids, _parts, most=asked.most_pairs)
    found = LEARNED[asked.unlinked]([(_words(*pair.source), _words(*pair.target)) for pair in pairs])
    return [replace(pair, links=links) for pair, links in zip(pairs, found, strict=True)]


def _of_joined(pairs: Sequence[Linked], files: PairFiles, asked: GuidedAlignmentConfig) -> list[Linked]:
    """Links are learned of the first single pairs. Those of a joined pair are the links of its parts, if all have some;
    else it is free."""
    lines = islice(replace(files, joining=None).records(), asked.most_pairs)
    single = [line for line in lines if not isinstance(line, BadLine) and line.source.strip() and line.target]
    sides = [_sides([pair]) for pair in single]
    found = LEARNED[asked.unlinked]([(_words(*source), _words(*target)) for source, target in sides])
    known = {(pair.file, pair.line): links for pair, links in zip(single, found, strict=True)}
    return [_with_links(pair, known) for pair in pairs]


def _with_links(pair: Linked, known: Mapping[tuple[str, int], Links]) -> Linked:
    """The pair with the links of its parts, by the file and the line of each."""
    parts = pair.record.parts or (pair.record,)
    source, target = _sides(parts)
    links: set[tuple[int, int]] = set()
    left = right = 0
    for part in parts:
        own = known.get((part.file, part.line), NOTHING)
        if not own:
            return replace(pair, source=source, target=target, links=NOTHING)
        links.update((left + one, right + other) for one, other in own)
        left, right = left + len(_parts(part.source)), right + len(_parts(part.target or ""))
    return replace(pair, source=source, target=target, links=frozenset(links))


def _sides(parts: Sequence[Example]) -> tuple[tuple[str, list[Span]], tuple[str, list[Span]]]:
    """Both texts of a joined pair, each with where the words of its parts are."""
    return _side([part.source for part in parts]), _side([part.target or "" for part in parts])


def _side(texts: Sequence[str]) -> tuple[str, list[Span]]:
    whole, starts = joined(texts)
    return whole, [
        (at + start, at + end) for at, text in zip(starts, texts, strict=True) for start, end in _parts(text)
    ]


def _parts(text: str) -> list[Span]:
    return [match.span() for match in PART.finditer(text)]


def _words(text: str, spans: Sequence[Span]) -> list[str]:
    return [text[start:end].casefold() for start, end in spans]


def _given(path: str) -> list[Links]:
    with opened(path) as stream:
        lines = list(texts(stream, path))
    for line in lines:
        if isinstance(line, BadLine):
            raise DataError(f"{line}. Correct it.")
    return [parse_links(str(line), path, number) for number, line in enumerate(lines, 1)]


def _pairs(
    files: PairFiles,
    learn: Subset,
    ids: Ids,
    spans: Callable[[str], list[Span]],
    links: Sequence[Links] | None = None,
    most: int | None = None,
) -> list[Linked]:
    """The pairs to learn from, or the first so many, as they stand in the files, with the links of their lines where
    there are some."""
    wanted, corpus = iter(learn.first(most or len(learn))), learn.corpus
    row, found, lines = next(wanted, None), list[Linked](), 0
    for lines, record in enumerate(files.records(), 1):
        if row is None and links is None:
            break
        if isinstance(record, BadLine):
            continue
        # A line of a manifest can have several pairs, and the corpus only some of them.
        target = record.target or ""
        if (
            row is not None
            and corpus.origin(row) == (record.file, record.line)
            and list(ids(record.source, target)) == corpus.target[row].tolist()
        ):
            given = links[lines - 1] if links is not None and lines <= len(links) else NOTHING
            sides = [(text, spans(text)) for text in (record.source, target)]
            _check(given, (len(sides[0][1]), len(sides[1][1])), record.file, record.line)
            found.append(Linked(row, record, sides[0], sides[1], given))
            row = next(wanted, None)
    if links is not None and len(links) != lines:
        raise DataError(
            f"training.guided_alignment.links has {len(links):,} lines, and {' and '.join(files.paths)} {lines:,}. "
            "Give one line of links for each line of the pairs, an empty one where there are none."
        )
    if row is not None:
        raise DataError(f"{' and '.join(files.paths)}: changed while it was read. Leave it as it is, and start anew.")
    return found


def _check(links: Links, sizes: tuple[int, int], file: str, line: int) -> None:
    for link in sorted(links):
        if link[0] >= sizes[0] or link[1] >= sizes[1]:
            raise DataError(
                f"{file}, line {line}: its links join word {link[0]} with word {link[1]}, counted from 0, but the pair "
                f"has {sizes[0]} and {sizes[1]} words between white space. Give the links of these pairs."
            )


def _share(pairs: Sequence[Linked]) -> float:
    """Of all target words those with a link, in per cent."""
    linked = sum(len({target for _, target in pair.links}) for pair in pairs)
    return 100 * linked / max(1, sum(len(pair.target[1]) for pair in pairs))


def _followed(pair: Linked) -> Links:
    """The links of a pair, with those of the word before for each target word without any."""
    sources: list[list[int]] = [[] for _ in pair.target[1]]
    for word, other in pair.links:
        sources[other].append(word)
    for before, own in pairwise(sources):
        own += [] if own else before
    return frozenset((word, other) for other, own in enumerate(sources) for word in own)


def _of_tokens(pairs: Sequence[Linked], rows: int, source: Tokenizer, target: Tokenizer, *, end: bool) -> GivenLinks:
    """The links between words as links between tokens."""
    counts, ahead, back = np.zeros(rows, np.int64), list[int](), list[int]()
    for pair in pairs:
        if not pair.links:  # nothing is known of it
            continue
        left, right = _tokens_of_words(*pair.source, source), _tokens_of_words(*pair.target, target)
        at_end = [sum(map(len, left))] if end else []
        sources: list[list[int]] = [[] for _ in right]
        for word, other in sorted(pair.links):
            sources[other] += left[word]
        looks = [(token, sources[word] or at_end) for word, tokens in enumerate(right) for token in tokens]
        looks.append((sum(map(len, right)), at_end))
        for token, positions in looks:
            back += [token] * len(positions)
            ahead += positions
            counts[pair.row] += len(positions)
    return GivenLinks(np.concatenate([[0], counts.cumsum()]), np.array(ahead, np.int32), np.array(back, np.int32))


def _tokens_of_words(text: str, words: Sequence[Span], tokenizer: Tokenizer) -> list[list[int]]:
    """The tokens of each word, by their first character that is no white space; one of white space alone is the next
    word's, or the last one's."""
    found: list[list[int]] = [[] for _ in words]
    word = 0
    for token, (start, stop) in enumerate(tokenizer.encode(text).spans):
        first = start + len(text[start:stop]) - len(text[start:stop].lstrip())
        while word + 1 < len(words) and words[word][1] <= first:
            word += 1
        if words:
            found[word].append(token)
    return found
