"""How many files of Regard one has to read to follow one step, with `REGARD_KERNELS=off`.

    python benchmarks/files_of_a_step.py

Greedy step: one turn of the loop of greedy search with a prepared model, from the call of its step function to the next
call. Training step: from the call of the objective to the end of the optimiser's step: forward, loss, backward,
clipping, optimiser. A file counts if any of its functions runs in between; the functions are printed beside it.
"""

import os

os.environ["REGARD_KERNELS"] = "off"

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import torch

import regard
from regard.compiled.freeze import prepare
from regard.config import Config, parse
from regard.data.batch import BEGIN, END, Batch
from regard.data.text import Vocabulary
from regard.model.build import build_model
from regard.run.training_parts import build_learner
from regard.search.greedy import greedy
from regard.search.length_limit import LengthLimit
from regard.training.loop import update
from regard.training.progress import Progress

PACKAGE = str(Path(regard.__file__).parent) + os.sep
KINDS = ("luong", "bahdanau", "conditional")
VOCABULARY, SENTENCES, LENGTH = 50, 3, 7
MOST = {"greedy step": 12, "training step": 15}

Files = dict[str, set[str]]


class Recorder:
    """The files and functions that run between `start` and `stop`."""

    def __init__(self) -> None:
        self.files: Files = {}

    def start(self) -> None:
        """From here on; the functions that are running already count."""
        frame: FrameType | None = sys._getframe()
        while frame := frame.f_back:
            self._note(frame, "call", None)
        sys.setprofile(self._note)

    def stop(self) -> None:
        """To here."""
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(PACKAGE):
            self.files.setdefault(name.removeprefix(PACKAGE), set()).add(frame.f_code.co_name)


def recipe(kind: str) -> Config:
    """The default recipe with this decoder, and small."""
    sizes = {"embedding_size": 8, "encoder": {"hidden_size": 8}, "decoder": {"kind": kind, "hidden_size": 8}}
    return parse({"model": sizes}, "files_of_a_step")


def batch() -> Batch:
    """Sentences of one length."""
    source, target = (torch.randint(END + 2, VOCABULARY, (SENTENCES, LENGTH)) for _ in range(2))
    source[:, -1] = target[:, -1] = END
    inputs = target.roll(1, 1)
    inputs[:, 0] = BEGIN
    real = torch.ones_like(source, dtype=torch.bool)
    return Batch(source, real, inputs, target, real, torch.arange(SENTENCES))


def greedy_step(kind: str) -> Files:
    """What runs between the second call of the step function and the third."""
    model = build_model(recipe(kind).model, Vocabulary(VOCABULARY), VOCABULARY).eval()
    with torch.no_grad():
        model.tokens.output.bias[END] = -1e9  # no sentence ends
    given = batch()
    started = next(prepare([model]).read(given.source, given.source_mask, SENTENCES))
    recorder, calls = Recorder(), 0

    def step(tokens: torch.Tensor, state: Any) -> Any:
        nonlocal calls
        calls += 1
        recorder.stop()
        if calls == 2:
            recorder.start()
        return started.step(tokens, state)

    with torch.inference_mode():
        greedy(step, started.state, started.lengths, limit=LengthLimit(0.0, 4))
    return recorder.files


def training_step(kind: str) -> Files:
    """What runs from the objective to the end of the optimiser's step, at the second update."""
    config = recipe(kind)
    model = build_model(config.model, Vocabulary(VOCABULARY), VOCABULARY).train()
    learner, given = build_learner(config.training, model, total_steps=10), batch()
    update(learner, [given], Progress())
    recorder = Recorder()
    learner.objective.register_forward_pre_hook(lambda *_: recorder.start())
    learner.optimizer.register_step_post_hook(lambda *_: recorder.stop())
    update(learner, [given], Progress())
    return recorder.files


def main() -> None:
    """Print the files of each step, and whether they are few enough."""
    steps: dict[str, Callable[[str], Files]] = {"greedy step": greedy_step, "training step": training_step}
    too_many = False
    for what, record in steps.items():
        for kind in KINDS:
            files = record(kind)
            too_many |= len(files) > MOST[what]
            print(f"{what}, {kind}: {len(files)} files (at most {MOST[what]})")
            for name, functions in sorted(files.items()):
                print(f"    {name:36} {', '.join(sorted(functions - {'<genexpr>', '<listcomp>', '<dictcomp>'}))}")
    sys.exit(too_many)


if __name__ == "__main__":
    main()
