"""The measured process of OpenNMT-py 3.5.1: `onmt.bin.train.train`, and the engine behind `onmt_translate`.

    python -m peers.opennmt FOLDER MODE THREADS        MODE: train, greedy or beam

Its decoder with input feeding and `mlp` attention is R, but for a linear attentional vector and two more biases.
"""

# mypy: disable-error-code="import-not-found"

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

# Transforms that are not used here want these at import time.
for unused in ("spacy", "fasttext"):
    sys.modules.setdefault(unused, ModuleType(unused))

import onmt.train_single  # noqa: E402
from onmt.bin import train as training  # noqa: E402
from onmt.bin import translate as translation  # noqa: E402
from onmt.inference_engine import InferenceEnginePY  # noqa: E402
from onmt.utils.parse import ArgumentParser  # noqa: E402
from timing.link import Gate, Link, timed  # noqa: E402

BATCH, LONGEST_OUTPUT, NEVER = 64, 100, 10**9
MODEL = (
    "-encoder_type brnn -decoder_type rnn -rnn_type GRU -layers 1 -word_vec_size 256 -hidden_size 512 "
    "-global_attention mlp -input_feed 1 -bridge -dropout 0 -attention_dropout 0"
)
TRAINING = (
    f"-batch_size {BATCH} -batch_type sents -normalization tokens -optim adam -learning_rate 0.001 -max_grad_norm 5 "
    f"-train_steps {NEVER} -save_checkpoint_steps {NEVER} -valid_steps {NEVER} -num_workers 0 -report_every 50 "
    "-bucket_size 32768"  # all pairs; the default would read them nine times before the first step
)


def run_training(link: Link, folder: Path) -> None:
    """Train until there are no more orders."""
    home = folder / "opennmt"
    corpus = f"data: {{train: {{path_src: {folder}/train.src, path_tgt: {folder}/train.tgt}}}}\n"
    (home / "data.yaml").write_text(corpus)
    words = [f"-config {home}/data.yaml -save_model {home}/R", MODEL, TRAINING]
    words += [f"-src_vocab {home}/vocabulary.txt -tgt_vocab {home}/vocabulary.txt"]
    options = training._get_parser().parse_args(" ".join(words).split())
    trainers: list[Any] = []

    def save() -> None:
        saver = trainers[0].model_saver
        saver.save(trainers[0].optim.training_step)
        newest = max(home.glob("R_step_*.pt"), key=lambda path: path.stat().st_mtime)
        newest.rename(home / "weights.pt")

    gate = Gate(link, lambda batch: int(batch[0]["tgt"][:, 1:, 0].ne(1).sum()), save)
    build_trainer, build_batches = onmt.train_single.build_trainer, onmt.train_single.build_dynamic_dataset_iter

    def kept(*args: Any, **kwargs: Any) -> Any:
        trainers.append(build_trainer(*args, **kwargs))
        return trainers[0]

    def held(*args: Any, **kwargs: Any) -> Any:
        batches = build_batches(*args, **kwargs)
        return batches and gate.through(batches)  # there are none for validation

    onmt.train_single.build_trainer, onmt.train_single.build_dynamic_dataset_iter = kept, held
    training.train(options)


def run_translation(link: Link, folder: Path, beam_size: int) -> None:
    """Translate some sentences, in batches or one by one, until there are no more orders."""
    sentences = (folder / "test.src").read_text().splitlines()
    engines: dict[int, InferenceEnginePY] = {}

    def engine(batch: int) -> InferenceEnginePY:
        files = f"-model {folder}/opennmt/weights.pt -src {folder}/test.src -output {folder}/opennmt/out.txt"
        sizes = f"-beam_size {beam_size} -batch_size {batch} -batch_type sents -max_length {LONGEST_OUTPUT}"
        words = f"{files} {sizes} -length_penalty avg -gpu -1"
        opt = translation._get_parser().parse_args(words.split())
        ArgumentParser.validate_translate_opts(opt)
        ArgumentParser._get_all_transform_translate(opt)
        ArgumentParser._validate_transforms_opts(opt)
        ArgumentParser.validate_translate_opts_dynamic(opt)
        return InferenceEnginePY(opt)

    def work(chosen: list[str], batch: int) -> int:
        _, found = engines[batch].infer_list(chosen)
        return sum(len(outputs[0].split()) + 1 for outputs in found)

    def translate(first: int, count: int, batch: int) -> dict[str, Any]:
        if batch not in engines:
            engines[batch] = engine(batch)
        return timed(lambda: work(sentences[first : first + count], batch))

    link.serve(translate=translate)


def main(folder: Path, mode: str, threads: int) -> None:
    torch.set_num_threads(threads)
    link = Link()
    home = folder / "opennmt"
    home.mkdir(exist_ok=True)
    size = int((folder / "vocabulary.txt").read_text())
    (home / "vocabulary.txt").write_text("".join(f"{number}\t1\n" for number in range(4, size)))
    if mode == "train":
        run_training(link, folder)
    else:
        run_translation(link, folder, 5 if mode == "beam" else 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
