"""Small runs for the commands."""

from pathlib import Path

import pytest
from toy import Make, pairs, recipe, untrained

from regard.data.readers import PairFiles
from regard.run.fit import fit


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of pairs: train.tsv, test.tsv, test.src, test.tgt, test.gold."""
    directory = tmp_path_factory.mktemp("pairs")
    train, test = pairs(400), pairs(17, seed=1)
    (directory / "train.tsv").write_text("".join(f"{source}\t{target}\n" for source, target, _ in train))
    (directory / "test.tsv").write_text("".join(f"{source}\t{target}\n" for source, target, _ in test))
    for place, ending in enumerate(("src", "tgt", "gold")):
        (directory / f"test.{ending}").write_text("".join(f"{pair[place]}\n" for pair in test))
    return directory


@pytest.fixture(scope="session")
def run(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learnt the toy language."""
    out = tmp_path_factory.mktemp("runs") / "toy"
    side = {"tokenizer": "bpe", "vocab_size": 340}
    config = recipe(
        data={"source": side, "target": side, "batch_size": 200}, training={"max_epochs": 9, "learning_rate": 0.01}
    )
    fit(config, PairFiles((str(files / "train.tsv"),)), None, out)
    return out


@pytest.fixture(scope="session")
def random_run(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes runs of random weights: `random_run("bpe", "characters")`; each pair of kinds is made once."""
    made: dict[tuple[str, str], Path] = {}

    def make(source: str, target: str) -> Path:
        if (source, target) not in made:
            config = recipe(data={"source": {"tokenizer": source}, "target": {"tokenizer": target}})
            texts = [text for pair in pairs(50) for text in pair[:2]]
            path = tmp_path_factory.mktemp("random") / f"{source}-{target}"
            made[source, target] = untrained(path, source, target, config, texts)
        return made[source, target]

    return make
