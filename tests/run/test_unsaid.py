"""What no output can say is named before training."""

from pathlib import Path

from regard.data.readers import PairFiles
from regard.data.tokenizer import Tokenizer
from regard.run.unsaid import unsaid

TARGET = Tokenizer.train("symbols", ["kitchen", "garden"], 20)


def pairs(folder: Path, *answers: str) -> PairFiles:
    path = folder / "dev.tsv"
    path.write_text("".join(f"Where?\t{answer}\n" for answer in answers), encoding="utf-8")
    return PairFiles((str(path),))


def test_an_answer_outside_the_vocabulary_is_named(tmp_path: Path) -> None:
    said = unsaid(pairs(tmp_path, "kitchen", "garden attic", "cellar"), TARGET)
    assert said is not None
    assert said.startswith("2 pairs to validate on have a target that the model cannot write")
    assert said.endswith("first 'attic' in dev.tsv, line 2") or said.endswith(f"{tmp_path}/dev.tsv, line 2")
    assert unsaid(pairs(tmp_path, "kitchen", "garden"), TARGET) is None


def test_a_tokeniser_that_spells_any_text_has_none(tmp_path: Path) -> None:
    assert unsaid(pairs(tmp_path, "attic"), Tokenizer.train("characters", ["kitchen"], 300)) is None
