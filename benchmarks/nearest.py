"""The answer of the nearest training source: what a rule reaches that learns nothing.

    python benchmarks/nearest.py TRAIN.tsv TEST.tsv [--columns SOURCE TARGET] [--last "<turn>"] > outputs.txt
    regard evaluate --outputs outputs.txt TEST.tsv --metric bleu

For each source of TEST, the target of the source of TRAIN with the largest cosine, over words weighted by their rarity
(tf-idf); the first of equals. With `--last` what stands behind the last such mark is compared, the last turn of a
dialogue. Columns count from 1. Files may be gzipped.
"""

import argparse
import gzip
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

Words = list[str]


def rows(path: Path, columns: Sequence[int], last: str | None) -> list[tuple[Words, str]]:
    """The words of each source that are compared, and its target."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    fields = [line.split("\t") for line in text.splitlines()]
    sources = [row[columns[0] - 1] for row in fields]
    seen = [source.rpartition(last)[2] if last else source for source in sources]
    return [(words.lower().split(), row[columns[1] - 1]) for words, row in zip(seen, fields, strict=True)]


def nearest(train: Sequence[tuple[Words, str]], tests: Sequence[Words]) -> list[str]:
    """The target of the nearest source, for each test; that of the first where no word is known."""
    known = Counter(word for words, _ in train for word in set(words))
    rarity = {word: math.log(len(train) / count) for word, count in known.items()}

    def vector(words: Words) -> dict[str, float]:
        weights = {word: count * rarity[word] for word, count in Counter(words).items() if word in rarity}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {word: weight / length for word, weight in weights.items()}

    places: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for number, (words, _) in enumerate(train):
        for word, weight in vector(words).items():
            places[word].append((number, weight))
    found = []
    for words in tests:
        cosines: dict[int, float] = defaultdict(float)
        for word, weight in vector(words).items():
            for number, other in places[word]:
                cosines[number] += weight * other
        best = max(cosines, key=lambda number: (cosines[number], -number), default=0)
        found.append(train[best][1])
    return found


def main() -> None:
    """Print a line for each source of TEST."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--columns", type=int, nargs=2, default=(1, 2), metavar=("SOURCE", "TARGET"))
    parser.add_argument("--last", metavar="MARK")
    given = parser.parse_args()
    train, test = (rows(path, given.columns, given.last) for path in (given.train, given.test))
    print("\n".join(nearest(train, [words for words, _ in test])))


if __name__ == "__main__":
    main()
