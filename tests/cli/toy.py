"""A toy language, small recipes and runs, and a way to call the commands."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from typer.testing import CliRunner

from regard.cli.app import app
from regard.config import Config, parse
from regard.data.text import TextSource, Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.model.build import build_model
from regard.run.directory import Run
from regard.training.tensorfile import Contents
from regard.training.weights import weights_of

Make = Callable[..., Path]

WORDS = {"the": "le", "red": "rouge", "old": "vieux", "dog": "chien", "cat": "chat", "sees": "voit", "hears": "ouït"}
MODEL = {"embedding_size": 23, "encoder": {"hidden_size": 29}, "decoder": {"kind": "bahdanau", "hidden_size": 31}}
SEARCH = {"beam_size": 3, "max_ratio": 2.0, "max_extra": 7}


def recipe(**sections: object) -> Config:
    """A recipe of a small model."""
    return parse({"model": MODEL, "search": SEARCH, **sections}, "recipe of a test")


def pairs(count: int, seed: int = 0) -> list[tuple[str, str, str]]:
    """Sentences of a toy language: source, target, and gold links; the adjective moves behind its noun."""
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        source: list[str] = []
        target: list[str] = []
        links: list[str] = []
        for part in ("noun", "verb", "noun"):
            start = len(source)
            if part == "verb":
                source.append(chance.choice(["sees", "hears"]))
                order = [0]
            else:
                adjective = chance.choice([[], ["red"], ["old"]])
                source += ["the", *adjective, chance.choice(["dog", "cat"])]
                order = [0, 2, 1] if adjective else [0, 1]
            for place in order:
                links.append(f"{start + place}-{len(target)}")
                target.append(WORDS[source[start + place]])
        made.append((" ".join(source), " ".join(target), " ".join(links)))
    return made


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Of standard output."""
        assert self.out == "" or self.out.endswith("\n")
        return self.out.split("\n")[:-1]


def regard(*arguments: object, stdin: str | bytes = "") -> Result:
    """Call a command in this process. No traceback is ever right."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
    assert "Traceback" not in result.output
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Result(result.exit_code, result.stdout, result.stderr)


def untrained(path: Path, source: str, target: str, config: Config, texts: list[str]) -> Path:
    """A run of random weights, made without training."""
    run = Run(path)
    sides = [Tokenizer.train(kind, iter(texts), 300) for kind in (source, target)]
    run.create(config, TextSource(sides[0]), sides[1])
    torch.manual_seed(0)
    model = build_model(config.model, Vocabulary(sides[0].size), sides[1].size)
    run.publish(Contents(weights_of(model), {}))
    return path
