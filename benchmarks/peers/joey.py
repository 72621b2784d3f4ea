"""The measured process of JoeyNMT 2.3.0: `TrainManager.train_and_validate`, and `predict` as its `translate` calls it.

    python -m peers.joey FOLDER MODE THREADS        MODE: train, greedy or beam

Its recurrent decoder with input feeding and Bahdanau attention is R, but for a bias of the attentional vector and none
of the output layer. Its data loader does not put sentences of like length together.
"""

# mypy: disable-error-code="import-not-found"

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from joeynmt.config import parse_global_args
from joeynmt.prediction import predict, prepare
from joeynmt.training import TrainManager
from timing.link import Gate, Link, timed

BATCH, LONGEST_OUTPUT, NEVER = 64, 100, 10**9


def configuration(folder: Path, beam_size: int) -> dict[str, Any]:
    """R as JoeyNMT writes it."""
    side = {"level": "word", "voc_file": str(folder / "joeynmt" / "vocabulary.txt")}
    embeddings = {"embedding_dim": 256, "scale": False, "dropout": 0.0}
    recurrent = {"type": "recurrent", "rnn_type": "gru", "num_layers": 1, "embeddings": embeddings, "dropout": 0.0}
    return {
        "name": "R",
        "model_dir": str(folder / "joeynmt"),
        "use_cuda": False,
        "data": {
            "train": str(folder / "train"),
            "dev": str(folder / "test"),
            "dataset_type": "plain",
            "src": {"lang": "src", **side},
            "trg": {"lang": "tgt", **side},
        },
        "model": {
            "encoder": {**recurrent, "hidden_size": 256, "bidirectional": True},
            "decoder": {
                **recurrent,
                "hidden_size": 512,
                "attention": "bahdanau",
                "input_feeding": True,
                "init_hidden": "bridge",
                "hidden_dropout": 0.0,
            },
        },
        "training": {
            "optimizer": "adam",
            "learning_rate": 0.001,
            "scheduling": "exponential",  # its default, plateau, gives torch an argument that was removed
            "decrease_factor": 1.0,
            "clip_grad_norm": 5.0,
            "batch_size": BATCH,
            "batch_type": "sentence",
            "normalization": "tokens",
            "epochs": NEVER,
            "logging_freq": 100,
            "validation_freq": NEVER - NEVER % 100,
        },
        "testing": {
            "batch_size": BATCH,
            "beam_size": beam_size,
            "beam_alpha": 1.0,
            "max_output_length": LONGEST_OUTPUT,
            "load_model": None if not (latest := folder / "joeynmt" / "latest.ckpt").exists() else str(latest),
        },
    }


class Loader:
    """JoeyNMT's loader of batches, held at a gate."""

    def __init__(self, loader: Any, gate: Gate) -> None:
        self.loader = loader
        self.gate = gate
        self.batch_sampler = loader.batch_sampler

    def __iter__(self) -> Iterator[Any]:
        return self.gate.through(self.loader)


def run_training(link: Link, folder: Path) -> None:
    """Train until there are no more orders."""
    args = parse_global_args(configuration(folder, 1), mode="train")
    model, train, dev, _ = prepare(args, rank=0, mode="train")
    trainer = TrainManager(
        rank=0,
        model=model,
        model_dir=args.model_dir,
        device=args.device,
        autocast=args.autocast,
        seed=args.seed,
        train_args=args.train,
        dev_args=args.test,
    )
    save = trainer._save_checkpoint
    gate = Gate(link, lambda batch: int(batch.ntokens), lambda: save(False, float("nan")))
    trainer._save_checkpoint = lambda *_: None  # it would save once more when it ends
    make_iter = train.make_iter
    train.make_iter = lambda **options: Loader(make_iter(**options), gate)
    trainer.train_and_validate(train_data=train, valid_data=dev)


def run_translation(link: Link, folder: Path, beam_size: int) -> None:
    """Translate some sentences, in batches or one by one, until there are no more orders."""
    args = parse_global_args(configuration(folder, beam_size), mode="translate")
    model, _, _, stream = prepare(args, rank=0, mode="translate")
    sentences = (folder / "test.src").read_text().splitlines()

    def work(chosen: list[str], batch: int) -> int:
        stream.cache = []
        for sentence in chosen:
            stream.set_item(sentence)
        options = args.test._replace(batch_size=batch)
        with torch.no_grad():
            found = predict(model, stream, args.device, args.n_gpu, args=options, autocast=args.autocast)
        return sum(len(tokens) for tokens in found[3])  # each with its end mark

    def translate(first: int, count: int, batch: int) -> dict[str, Any]:
        return timed(lambda: work(sentences[first : first + count], batch))

    link.serve(translate=translate)


def main(folder: Path, mode: str, threads: int) -> None:
    torch.set_num_threads(threads)
    link = Link()
    home = folder / "joeynmt"
    home.mkdir(exist_ok=True)
    if not (home / "vocabulary.txt").exists():
        size = int((folder / "vocabulary.txt").read_text())
        (home / "vocabulary.txt").write_text("".join(f"{number}\n" for number in range(4, size)))
    if mode == "train":
        run_training(link, folder)
    else:
        run_translation(link, folder, 5 if mode == "beam" else 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
