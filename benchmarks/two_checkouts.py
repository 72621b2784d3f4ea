"""Is one checkout of Regard as fast as another? Both run the same commands in turn, and the ratios are compared.

    python benchmarks/two_checkouts.py OLD NEW --pairs 15

OLD and NEW are folders with a checkout each, whose kernels are built (`python hatch_build.py`). OLD trains a model on
the embedded corpus for a few steps. Each pair of measurements then runs `regard train` for some steps, and `regard
translate` with a beam of 1 and of 5, once with each checkout, in alternating order. Measured is the processor time of
the command on one thread, start-up included; a ratio above 1 says that NEW is faster. The exit code is 1 if a median is
below 0.97.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

LEAST = 0.97
RECIPE = """
data: {source: {tokenizer: characters}, target: {tokenizer: characters}, batch_size: 2000}
model:
  embedding_size: 256
  encoder: {hidden_size: 256}
  decoder: {kind: luong, hidden_size: 512, input_feeding: true}
  attention: {score: additive}
training: {max_steps: 20, metric: loss, learning_rate: 0.002}
"""
WRITE = """
import sys
from regard.data.embedded.corpus import write_corpus
write_corpus(sys.argv[1])
"""


def seconds(checkout: Path, arguments: Sequence[str], place: Path) -> float:
    """Processor time of one command. Raises CalledProcessError where it fails."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(place / "input.txt", "rb") as given:
        command = [sys.executable, "-m", "regard", *arguments]
        subprocess.run(command, cwd=place, env=environment, stdin=given, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commands(place: Path, number: int) -> Mapping[str, Sequence[str]]:
    """What is measured; a training writes into a folder of its own."""
    return {
        "train": ("train", "recipe.yaml", "train.tsv", "--out", f"run-{number}", "--threads", "1", "--quiet"),
        "greedy": ("translate", "run", "--beam", "1", "--threads", "1"),
        "beam of 5": ("translate", "run", "--beam", "5", "--threads", "1"),
    }


def prepare(old: Path, place: Path, sentences: int) -> None:
    """The corpus, the recipe, the sentences, and a model that the old checkout trained."""
    environment = os.environ | {"PYTHONPATH": str(old)}
    subprocess.run([sys.executable, "-c", WRITE, str(place)], cwd=place, env=environment, check=True)
    (place / "recipe.yaml").write_text(RECIPE)
    sources = [line.split("\t")[0] for line in (place / "train.tsv").read_text(encoding="utf-8").splitlines()]
    (place / "input.txt").write_text("\n".join(sources[:sentences]) + "\n", encoding="utf-8")
    seconds(old, ["train", "recipe.yaml", "train.tsv", "--out", "run", "--set", "training.max_steps=200"], place)


def main() -> None:
    """Measure in turn, and print the median ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--sentences", type=int, default=2000)
    options = parser.parse_args()
    sides = {"old": options.old.resolve(), "new": options.new.resolve()}
    ratios: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        prepare(sides["old"], place, options.sentences)
        for pair in range(options.pairs):
            order = list(sides) if pair % 2 else list(reversed(sides))
            for name in commands(place, 0):
                took = {
                    side: seconds(sides[side], commands(place, 2 * pair + (side == "new"))[name], place)
                    for side in order
                }
                ratios.setdefault(name, []).append(took["old"] / took["new"])
                print(
                    f"pair {pair + 1}, {name}: {took['old']:.2f} s and {took['new']:.2f} s", file=sys.stderr, flush=True
                )
    for name, found in ratios.items():
        low, _, high = statistics.quantiles(found, n=4)
        print(f"{name}: median ratio {statistics.median(found):.3f} (middle half {low:.3f} to {high:.3f})")
    sys.exit(any(statistics.median(found) < LEAST for found in ratios.values()))


if __name__ == "__main__":
    main()
