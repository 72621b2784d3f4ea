"""The recipe that is chosen from pairs: what is a token, how large the model is, how long it learns."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from regard.config import Config, load_recipe, parse
from regard.config.recipes import find
from regard.data.example import Example
from regard.data.readers import PairFiles
from regard.data.report import Report
from regard.run import choose as module
from regard.run.choose import SIZES, choose
from regard.run.given import given
from regard.run.pairs import pair_files

PHONEMES = ("AA", "AE", "AH", "B", "CH", "D", "EH", "F", "G", "HH", "IH", "K", "L", "M", "N", "OW", "P", "R", "S", "T")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
HAN = [chr(0x4E00 + number) for number in range(600)]


def words(rng: Random, count: int, letters: str = LETTERS) -> list[str]:
    return ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(count)]


def texts(kind: str, rng: Random) -> str:
    if kind == "word":
        return words(rng, 1)[0]
    if kind == "phonemes":
        return " ".join(rng.choices(PHONEMES, k=rng.randint(2, 9)))
    if kind == "Chinese":
        return "".join(rng.choices(HAN, k=rng.randint(3, 15))) + "。"
    letters = "абвгдежзиклмнопрстуф" if kind == "Russian" else LETTERS
    return " ".join(words(rng, rng.randint(3, 12), letters)) + "."


def corpus(path: Path, source: str, target: str, count: int) -> PairFiles:
    rng = Random(1)
    path.write_text("".join(f"{texts(source, rng)}\t{texts(target, rng)}\n" for _ in range(count)))
    return PairFiles((str(path),))


@pytest.mark.parametrize(
    ("source", "target", "kinds", "joint", "metric"),
    [
        ("word", "phonemes", ("characters", "symbols"), False, "word_error"),
        ("phonemes", "word", ("symbols", "characters"), False, "word_error"),
        ("sentence", "sentence", ("bpe", "bpe"), True, "bleu"),
        ("sentence", "Russian", ("bpe", "bpe"), False, "bleu"),
        ("sentence", "Chinese", ("bpe", "characters"), False, "bleu_char"),
    ],
)
def test_what_is_a_token(
    tmp_path: Path, source: str, target: str, kinds: tuple[str, str], joint: bool, metric: str
) -> None:
    choice = choose(corpus(tmp_path / "pairs.tsv", source, target, 2_500))
    config = parse(choice.values, "test")
    assert (config.data.source.tokenizer, config.data.target.tokenizer) == kinds
    assert config.data.joint == joint
    assert config.training.metric == metric
    assert choice.reasons[0].startswith(f"source: {kinds[0]} (")
    assert choice.reasons[1].startswith(f"target: {kinds[1]} (")


def test_a_table_of_inflections_is_known(tmp_path: Path) -> None:
    rng = Random(1)
    path = tmp_path / "forms.tsv"
    path.write_text("".join(f"{lemma}\t{lemma}en\tN;PL;{rng.choice(['NOM', 'ACC'])}\n" for lemma in words(rng, 600)))
    config = parse(choose(PairFiles((str(path),))).values, "test")
    assert config.data.columns == ("lemma", "form", "tags")
    assert ([*config.data.source.parts], config.data.target_column) == (["lemma", "tags"], "form")  # type: ignore[attr-defined]
    assert config.model.output.kind == "copy"


def table_of_forms(path: Path, count: int, ending: str = "en") -> PairFiles:
    rng = Random(1)
    path.write_text("".join(f"{lemma}\t{lemma}{ending}\tN;PL\n" for lemma in words(rng, count)))
    return PairFiles((str(path),))


def test_a_small_table_of_forms_gets_the_recipe_for_it(tmp_path: Path) -> None:
    values = choose(table_of_forms(tmp_path / "forms.tsv", 600)).values
    assert parse(values | {"name": "inflection-copy"}, "test") == load_recipe(find("inflection-copy"))


@pytest.mark.parametrize("count", [100, 600])
def test_a_table_of_forms_is_read_as_its_recipe_says(tmp_path: Path, count: int) -> None:
    """The recipe names the columns, and joins lemma and tags to one source."""
    path = table_of_forms(tmp_path / "forms.tsv", count).paths[0]
    changes = ["training.max_steps=3", "training.seed=5"]
    task = given(None, changes, lambda data: pair_files([path], data), folder=tmp_path, out=tmp_path / "run")
    assert task.reasons[-1] == "  of these you changed: training.max_steps, training.seed"
    first = next(iter(task.files.read(Report())))
    lemma, form, tags = Path(path).read_text().splitlines()[0].split("\t")
    assert (first.source, first.target) == (f"{lemma}\t{tags}", form)
    assert task.files == pair_files([path], task.config.data)


def test_more_forms_get_a_bigger_model_and_fewer_made_up_pairs(tmp_path: Path) -> None:
    few, many = (
        parse(choose(table_of_forms(tmp_path / f"{count}.tsv", count)).values, "test") for count in (600, 2_500)
    )
    assert many.model.decoder.hidden_size > few.model.decoder.hidden_size
    assert many.data.hallucinate.share < few.data.hallucinate.share
    assert (many.training.max_steps or 0) > (few.training.max_steps or 0)


def test_few_forms_are_edited(tmp_path: Path) -> None:
    config = parse(choose(table_of_forms(tmp_path / "forms.tsv", 100)).values, "test")
    assert config.model.decoder.kind == "edit_transducer"
    assert config.training.validate_every == config.training.max_steps


def test_forms_in_other_letters_than_the_lemma_are_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "forms.tsv"
    path.write_text("".join(f"{lemma}\tабвгд\tN;PL\n" for lemma in words(Random(1), 200)))
    choice = choose(PairFiles((str(path),)))
    config = parse(choice.values, "test")
    assert (config.model.output.kind, config.data.hallucinate.share) == ("linear", 0.0)
    assert "other letters than the lemma" in choice.reasons[1]


def test_few_pairs_get_a_small_model_that_learns_long(tmp_path: Path) -> None:
    config = parse(choose(corpus(tmp_path / "pairs.tsv", "word", "phonemes", 300)).values, "test")
    assert config.model.encoder.hidden_size <= 64
    assert config.model.dropout.output == 0.3
    assert config.training.max_epochs >= 50
    assert config.training.metric == "loss"  # six pairs are held out: a metric of text would be chance


class Many(PairFiles):
    """A corpus that is larger than a test may write."""

    def read(self, report: Report | None = None) -> Iterator[Example]:
        assert report is not None
        sample = list(super().read(Report()))
        report.pairs = 1_000_000
        yield from sample


def test_more_pairs_get_a_bigger_model_and_fewer_epochs(tmp_path: Path) -> None:
    few = corpus(tmp_path / "pairs.tsv", "sentence", "sentence", 300)
    small, large = (parse(choose(files).values, "test") for files in (few, Many(few.paths)))
    assert large.model.encoder.hidden_size > small.model.encoder.hidden_size
    assert large.model.decoder.hidden_size > small.model.decoder.hidden_size
    assert large.data.source.vocab_size > small.data.source.vocab_size
    assert large.training.max_epochs < small.training.max_epochs
    assert large.model.dropout.output < small.model.dropout.output
    assert [size.encoder for size in SIZES] == sorted(size.encoder for size in SIZES)


def test_the_same_pairs_give_the_same_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE_PAIRS", 100)
    files = corpus(tmp_path / "pairs.tsv", "sentence", "Chinese", 400)
    assert choose(files) == choose(files)


def test_long_texts_are_not_left_out(tmp_path: Path) -> None:
    rng = Random(1)
    path = tmp_path / "long.tsv"
    path.write_text("".join(f"{' '.join(words(rng, 350))}\t{' '.join(words(rng, 9))}\n" for _ in range(50)))
    config: Config = parse(choose(PairFiles((str(path),))).values, "test")
    assert config.data.max_length >= 1.4 * 350
