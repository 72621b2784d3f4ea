"""Word alignment of real text: the diagonal, fast_align, eflomal, links that two Markov models agree on, and attention.

    python -m venv ENV; ENV/bin/pip install eflomal systran-align jieba
    python benchmarks/links.py prepare --data DATA --environment ENV --out DIR      the texts, tokenised as the gold is
    python benchmarks/links.py others --environment ENV --out DIR                   fast_align and eflomal
    regard train links DIR/enfr.tsv --dev DIR/enfr.gold.tsv --out DIR/enfr.run --threads 1
    regard train links DIR/fren.tsv --dev DIR/fren.gold.tsv --out DIR/fren.run --threads 1
    regard train links DIR/enfr.tsv --dev DIR/enfr.gold.tsv --out DIR/enfr.run.plain --threads 1 \\
        --set training.guided_alignment.weight=0                                    the same without guidance
    python benchmarks/links.py judge --data DATA --out DIR --part dev [--record]

DATA has `tatoeba-fra-eng`, `tatoeba-cmn-eng` (train.tsv.gz) and `alignment-gold` (enfr, zhen: texts and links by line).
Training text are the first 20,000 French pairs and all Chinese ones. Every system also reads the texts of the gold
pairs, never their links. The odd lines of the gold files are `dev`, the even ones `test`: choose by dev, and look at
test once. The other systems run as processes of their own, and are no part of this project.

Alignment error is that of Och & Ney 2003, in per cent. For both directions of a system: each of them, then joined by
intersection, grow-diag and grow-diag-final-and, and by the weights of both (`--symmetrize agreement`).
"""

import argparse
import gzip
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import results

import regard
from regard.alignment import SYMMETRIZATIONS, alignment_errors, parse_gold, parse_links, reverse
from regard.alignment.agreement import agreed_links
from regard.alignment.linking import Links
from regard.alignment.table import AGREEMENT

HERE = Path(__file__).resolve().parent
JOINED = ("intersection", "grow-diag", "grow-diag-final-and")
Words = list[str]


@dataclass(frozen=True)
class Corpus:
    """Pairs to learn from, and those with gold links.

    Args:
        name, turned: of the files; of those with both sides exchanged.
        pairs: the file in DATA; beside it is `test.tsv`, of which the BLEU of the runs is.
        most: how many of its lines are used.
        columns: of the file, which is the first language of the gold links and which the second.
        title, about: for the page of results.
    """

    name: str
    turned: str
    pairs: str
    most: int
    columns: tuple[int, int]
    title: str
    about: str


CORPORA = (
    Corpus(
        *("enfr", "fren", "tatoeba-fra-eng/train.tsv.gz", 20_000, (0, 1), "English and French"),
        "20,000 pairs of Tatoeba, and the texts of 224 pairs of the Hansards with gold links, half of which are judged",
    ),
    Corpus(
        *("zhen", "enzh", "tatoeba-cmn-eng/train.tsv.gz", 10**9, (1, 0), "Chinese and English"),
        "29,527 pairs of Tatoeba, and the texts of 225 pairs of news with gold links, half of which are judged",
    ),
)

FULL = {
    f"{short}'": f"{short}e"
    for short in ("l", "d", "s", "n", "c", "j", "t", "m", "qu", "quelqu", "lorsqu", "puisqu", "jusqu")
}
JOINT = {"du": "de le", "des": "de les", "au": "à le", "aux": "à les"}
WIDE = str.maketrans("，！？：；（）", ",!?:;()")


def english(text: str) -> Words:
    """As the gold of Hansards has it: `do not`, `Bryce 's`, hyphens apart."""
    text = text.lower().replace("’", "'").replace("can't", "cannot").replace("won't", "will not")
    text = re.sub(r"'(s|re|ve|ll|d|m)\b", r" '\1", re.sub(r"(\w)n't\b", r"\1 not", text))
    return re.findall(r"'(?:s|re|ve|ll|d|m)\b|\w+|[^\w\s]", text)


def french(text: str) -> Words:
    """As the gold of Hansards has it: `le Orateur`, `de le pays`, hyphens apart."""
    words = re.findall(r"\w+'|\w+|[^\w\s]", text.lower().replace("’", "'"))
    return [part for word in words for part in JOINT.get(word, FULL.get(word, word)).split()]


def chinese(python: Path) -> Callable[[Sequence[str]], list[Words]]:
    """The words that jieba finds; it runs in the environment."""
    code = "import sys, jieba; jieba.setLogLevel(60)\nfor line in sys.stdin: print(' '.join(jieba.lcut(line.strip())))"

    def cut(texts: Sequence[str]) -> list[Words]:
        lines = "\n".join(text.lower().translate(WIDE) for text in texts)
        done = subprocess.run([python, "-c", code], input=lines, capture_output=True, text=True, check=True)
        return [line.split() for line in done.stdout.splitlines()]

    return cut


def prepare(given: argparse.Namespace) -> None:
    """Write the pairs of each corpus in both directions, and those with gold links apart."""
    given.out.mkdir(parents=True, exist_ok=True)
    cut = {
        "en": lambda texts: [english(text) for text in texts],
        "fr": lambda texts: [french(text) for text in texts],
        "zh": chinese(given.environment / "bin/python"),
    }
    for corpus in CORPORA:
        lines = gzip.decompress((given.data / corpus.pairs).read_bytes()).decode().splitlines()[: corpus.most]
        languages = corpus.name[:2], corpus.name[2:]

        sides_of = list(zip(languages, corpus.columns, strict=True))

        def tokenised(lines: Sequence[str], sides_of: list[tuple[str, int]] = sides_of) -> list[tuple[str, str]]:
            rows = [line.split("\t") for line in lines]
            sides = [cut[name]([row[at] for row in rows]) for name, at in sides_of]
            return [(" ".join(left), " ".join(right)) for left, right in zip(*sides, strict=True) if left and right]

        pairs = tokenised(lines)
        test = tokenised((given.data / corpus.pairs).with_name("test.tsv").read_text(encoding="utf-8").splitlines())
        files = [given.data / "alignment-gold" / corpus.name / f"{corpus.name}.{name}" for name in languages]
        gold = list(zip(*(file.read_text(encoding="utf-8").lower().splitlines() for file in files), strict=True))
        for name, rows_of in ((corpus.name, lambda pair: pair), (corpus.turned, lambda pair: pair[::-1])):
            _write(given.out / f"{name}.tsv", map(rows_of, [*pairs, *gold]))
            _write(given.out / f"{name}.gold.tsv", map(rows_of, gold))
            _write(given.out / f"{name}.test.tsv", map(rows_of, test))
        print(f"{corpus.name}: {len(pairs):,} pairs to learn from, {len(gold)} with gold links")


def _write(path: Path, pairs: "map[tuple[str, str]]") -> None:
    path.write_text("".join(f"{left.strip()}\t{right.strip()}\n" for left, right in pairs), encoding="utf-8")


FAST_ALIGN = """
import sys, systran_align as s
name = sys.argv[1]
pairs = [line.rstrip("\\n").split("\\t") for line in open(name + ".tsv", encoding="utf-8")]
both = name + ".both"
open(both, "w", encoding="utf-8").writelines(f"{left} ||| {right}\\n" for left, right in pairs)
options = dict(favor_diagonal=True, optimize_tension=True, variational_bayes=True)  # -d -o -v
s.generate_alignment_probabilities(both, name + ".ahead", name + ".back", **options)
sides = [[text.split() for text in side] for side in zip(*pairs)]
found = s.Aligner(name + ".ahead", name + ".back").align_batch(*sides)
open(name + ".fast_align", "w").writelines(" ".join(f"{i}-{j}" for i, j in one["alignments"]) + "\\n" for one in found)
"""


def others(given: argparse.Namespace) -> None:
    """Let fast_align and eflomal align all pairs."""
    binaries = given.environment / "bin"
    for corpus in CORPORA:
        name = str(given.out / corpus.name)
        sides = list(zip(*_pairs(Path(f"{name}.tsv")), strict=True))
        for side, texts in zip("lr", sides, strict=True):
            Path(f"{name}.{side}").write_text("\n".join(texts) + "\n", encoding="utf-8")
        start = time.perf_counter()
        subprocess.run([binaries / "python", "-c", FAST_ALIGN, name], check=True)
        middle = time.perf_counter()
        files = ["-s", f"{name}.l", "-t", f"{name}.r", "-f", f"{name}.eflomal.f", "-r", f"{name}.eflomal.b"]
        subprocess.run([binaries / "eflomal-align", *files, "--overwrite"], check=True)
        print(f"{corpus.name}: fast_align {middle - start:.1f} s, eflomal {time.perf_counter() - middle:.1f} s")


def _pairs(path: Path) -> list[tuple[str, str]]:
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [(left, right) for left, right in rows]


def judge(given: argparse.Namespace) -> None:
    """Print the alignment errors of everything that is there."""
    for corpus in CORPORA:
        folder = given.data / "alignment-gold" / corpus.name
        gold = [parse_gold(line, "gold", 1) for line in (folder / f"{corpus.name}.gold").read_text().splitlines()]
        part = slice(0, None, 2) if given.part == "dev" else slice(1, None, 2)

        def error(links: Sequence[Links], gold: list = gold, part: slice = part) -> float:
            return 100 * alignment_errors(links[-len(gold) :][part], gold[part]).error_rate

        pairs, judged = (_pairs(given.out / f"{corpus.name}.{end}") for end in ("tsv", "gold.tsv"))
        others = {"diagonal": {"forward": error([_diagonal(*pair) for pair in judged])}}
        if (fast := given.out / f"{corpus.name}.fast_align").exists():
            others["fast_align"] = {"grow-diag-final-and": error(_read(fast))}
        if (given.out / f"{corpus.name}.eflomal.f").exists():
            others["eflomal"] = _both(error, *(_read(given.out / f"{corpus.name}.eflomal.{way}") for way in "fb"))
        found = agreed_links([(left.split(), right.split()) for left, right in pairs])
        others["two Markov models that agree"] = {AGREEMENT: error(found)}
        runs = [
            (ahead, back)
            for ahead in sorted(given.out.glob(f"{corpus.name}.run*"))
            if (back := given.out / ahead.name.replace(corpus.name, corpus.turned)).exists()
        ]
        rows = {ahead.name: _attention(error, str(ahead), str(back), judged) for ahead, back in runs}
        _table(corpus.name, given.part, others | rows)
        if given.record and runs:
            record = _record(corpus, given, runs, list(rows.values()), others)
            path = HERE / "results" / f"links-{corpus.name}.json"
            path.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _record(
    corpus: Corpus,
    given: argparse.Namespace,
    runs: Sequence[tuple[Path, Path]],
    errors: Sequence[dict[str, float]],
    others: dict[str, dict[str, float]],
) -> dict[str, Any]:
    """For benchmarks/results.py, which writes docs/results.md."""
    rows = []
    for (ahead, back), found in zip(runs, errors, strict=True):
        scores = [
            results.evaluated(run, str(given.out / f"{name}.test.tsv"), ["--metric", "bleu", "--threads", "1"])[
                "scores"
            ][0]
            for run, name in ((ahead, corpus.name), (back, corpus.turned))
        ]
        bleu = {"BLEU forward": scores[0]["value"], "BLEU backward": scores[1]["value"]}
        weight = results.Run(ahead).config.training.guided_alignment.weight
        name = "attention, guided by the links of the two Markov models" if weight else "attention as it learns alone"
        count = len(range(given.part == "test", len(_pairs(given.out / f"{corpus.name}.gold.tsv")), 2))
        signatures = [scores[0]["signature"]]
        rows.append(
            {"name": name, "options": "", "scores": [found | bleu], "segments": count, "signatures": signatures}
        )
    commands = [
        f"regard train links DIR/{name}.tsv --dev DIR/{name}.gold.tsv --out DIR/{name}.run --threads 1"
        for name in (corpus.name, corpus.turned)
    ]
    return {
        "title": f"Word alignment of real text, {corpus.title}",
        "recipe": "links",
        "corpus": corpus.about,
        "date": date.today().isoformat(),
        "machine": results.MACHINE,
        "revision": results.revision(),
        "runs": [results.described(runs[0][0])],
        "commands": [*commands, "python benchmarks/links.py judge --data DATA --out DIR --part test --record"],
        "rows": rows,
        "floors": [
            f"{name}: {' '.join(f'{column}={value:.1f}' for column, value in found.items())}"
            for name, found in others.items()
        ],
        "notes": [
            "Alignment error (Och & Ney 2003) in per cent: less is better. BLEU is that of the runs on 1,000 test "
            "pairs of Tatoeba. `python benchmarks/links.py --help` says how texts and links of the others are made."
        ],
    }


def _diagonal(source: str, target: str) -> Links:
    left, right = len(source.split()), len(target.split())
    return frozenset((min(left - 1, int((place + 0.5) * left / right)), place) for place in range(right))


def _read(path: Path) -> list[Links]:
    return [parse_links(line, path.name, number) for number, line in enumerate(path.read_text().splitlines(), 1)]


def _attention(
    error: Callable[[Sequence[Links]], float], ahead: str, back: str, pairs: Sequence[tuple[str, str]]
) -> dict[str, float]:
    turned = [(right, left) for left, right in pairs]
    found = {
        "forward": [each.links for each in regard.align(ahead, pairs)],
        "backward": [reverse(each.links) for each in regard.align(back, turned)],
        **{
            how: [each.links for each in regard.align(ahead, pairs, reverse=back, symmetrize=how)]
            for how in (*JOINED, AGREEMENT)
        },
    }
    return {name: error(links) for name, links in found.items()}


def _both(error: Callable[[Sequence[Links]], float], ahead: Sequence[Links], back: Sequence[Links]) -> dict[str, float]:
    ahead, back = ahead[-len(back) :], back[-len(ahead) :]
    joined = {how: [SYMMETRIZATIONS[how](*both) for both in zip(ahead, back, strict=True)] for how in JOINED}
    return {name: error(links) for name, links in {"forward": ahead, "backward": back, **joined}.items()}


def _table(name: str, part: str, rows: dict[str, dict[str, float]]) -> None:
    columns = ("forward", "backward", *JOINED, AGREEMENT)
    print(f"\n| {name}, {part} | {' | '.join(columns)} |\n|{' --- |' * (1 + len(columns))}")
    for system, errors in rows.items():
        print(f"| {system} | {' | '.join(f'{errors[each]:.1f}' if each in errors else '' for each in columns)} |")


def main() -> None:
    """One of the three parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part_of_the_work", choices=["prepare", "others", "judge"], metavar="prepare|others|judge")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--environment", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--part", choices=["dev", "test"], default="dev")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/links-*.json")
    given = parser.parse_args()
    needed = {"prepare": ("data", "environment"), "others": ("environment",), "judge": ("data",)}
    for name in needed[given.part_of_the_work]:
        if getattr(given, name) is None:
            parser.error(f"{given.part_of_the_work} needs --{name}.")
    {"prepare": prepare, "others": others, "judge": judge}[given.part_of_the_work](given)


if __name__ == "__main__":
    sys.exit(main())
