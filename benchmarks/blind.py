"""Does a model use its source? Its loss with the right source and with another's, and what a constant text reaches.

    python benchmarks/blind.py RUN TEST.tsv --train TRAIN.tsv --dev DEV.tsv --metric bleu [--threads 1]

The loss of each target is computed with its own source, then with the source of another pair: sources are given in a
cycle, each to the next. Printed are both means in nats per token, the mean over sources of the difference with its 95 %
interval (1.96 standard errors), and the share of sources that fit their own texts better.

A constant text is the same for every source: of some targets of TRAIN.tsv, drawn with a fixed seed, the one whose score
on DEV.tsv is best. Its score on TEST.tsv stands beside that of the model's outputs. All targets of one source are its
references.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch

from regard.analysis.evaluate import Segments, segments
from regard.data.readers import PairFiles
from regard.metrics import METRICS
from regard.metrics.score import References, Score
from regard.run.directory import Run
from regard.translator import Translator


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("test")
    parser.add_argument("--train", required=True)
    parser.add_argument("--dev", required=True)
    parser.add_argument("--metric", default="bleu", choices=list(METRICS))
    parser.add_argument("--candidates", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    run = Run(given.run)
    translator = run.load()
    train, dev, test = (read(run, path) for path in (given.train, given.dev, given.test))
    print("| source | nats a token |\n| --- | --- |")
    right, other = (costs(translator, test, shift) for shift in (0, 1))
    tokens = sum(len(translator.target_tokenizer.ids(text)) + 1 for texts in test.references for text in texts)
    for name, found in (("right", right), ("another", other)):
        print(f"| {name} | {found.sum() / tokens:.3f} |")
    each = (other - right) / [len(texts) for texts in test.references]
    error = 1.96 * each.std(ddof=1) / np.sqrt(len(each))
    print(
        f"\nwith the right source a text costs {each.mean():.3f} ± {error:.3f} nats less (95 % interval over "
        f"{len(each)} sources); {100 * (each > 0).mean():.1f} % of the sources fit their own texts better\n"
    )
    metric = METRICS[given.metric]
    constant = best_constant(metric, train, dev, given.candidates)
    outputs = [best.target_text for best, *_ in translator.outputs(test.sources)]
    same = metric([constant] * len(test.sources), test.references)
    found = metric(outputs, test.references)
    print(f"| text | {found.name} |\n| --- | --- |")
    print(f"| the model's | {found.value:.2f} |\n| always {constant!r} | {same.value:.2f} |")
    print(f"\n{found.signature}; {len(set(outputs))} different outputs for {len(outputs)} sources")


def read(run: Run, path: str) -> Segments:
    """Each source once, with all of its targets."""
    data = run.config.data
    files = PairFiles((path,), columns=data.columns or (), locate=data.source.locate)
    return segments(list(files.read()), group=True)


def costs(translator: Translator, pairs: Segments, shift: int) -> np.ndarray:
    """Nats for all texts of each source, given the source so many places behind its own."""
    moved = pairs.sources[shift:] + pairs.sources[:shift]
    sources = [source for source, texts in zip(moved, pairs.references, strict=True) for _ in texts]
    targets = [text for texts in pairs.references for text in texts]
    scores = iter(translator.score(sources, targets))
    return np.array([-sum(next(scores).score for _ in texts) for texts in pairs.references])


def best_constant(
    metric: Callable[[Sequence[str], References], Score], train: Segments, dev: Segments, count: int
) -> str:
    """The target of training that scores best on the development pairs as the output for all of them."""
    targets = sorted({text for texts in train.references for text in texts})
    drawn: Sequence[str] = Random(1).sample(targets, min(count, len(targets)))

    def worth(text: str) -> float:
        score = metric([text] * len(dev.sources), dev.references)
        return score.value if score.higher_is_better else -score.value

    return max(drawn, key=worth)


if __name__ == "__main__":
    main()
