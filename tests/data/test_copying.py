"""What each source token is as a token of the target, and target texts with words that the vocabulary does not have."""

import numpy as np
import pytest

from regard.data.batch import END, PAD
from regard.data.batches import collate
from regard.data.copying import CopySource, copied_from
from regard.data.example import Example
from regard.data.several import SeveralTexts
from regard.data.shards import encode
from regard.data.text import TextSource
from regard.data.tokenizer import Tokenizer
from regard.marks import UNKNOWN

TEXTS = ["the dog saw the cat", "a cat sees dogs", "Straße — ö"]


def copying(kind: str, source: list[str], target: list[str] | None = None, size: int = 300) -> CopySource:
    """A source of this kind; with a joint vocabulary where no texts of the target are given."""
    tokenizer = Tokenizer.train(kind, source, size)
    return CopySource(TextSource(tokenizer), tokenizer if target is None else Tokenizer.train(kind, target, size))


def test_an_unknown_symbol_has_the_number_of_its_first_place_and_comes_out_as_itself() -> None:
    made = copying("symbols", ["a b c"], ["b a x"])
    values = made.encode("Ada a  Bob Ada c b")
    size = made.target.size
    numbers = made.target.ids("b a")
    assert values[:, 1].tolist() == [size, numbers[1], size + 2, size, size + 4, numbers[0]]
    tokens = made.target_of("Ada a  Bob Ada c b", values)
    encoded = tokens.encode("x Bob Eve c Ada")
    assert encoded.ids == [*made.target.ids("x"), size + 2, UNKNOWN, size + 4, size]
    assert tokens.ids("x Bob Eve c Ada") == encoded.ids
    spelled = tokens.spell([*encoded.ids, END])
    assert spelled.text == "x Bob <unk> c Ada" == tokens.decode(encoded.ids)
    assert [spelled.text[start:end] for start, end in spelled.spans] == ["x", "Bob", "<unk>", "c", "Ada", ""]
    assert tokens.tokens(encoded.ids) == ["x", "Bob", "<unk>", "c", "Ada"]
    assert made.target_of("a b", made.encode("a b")).own == {}


@pytest.mark.parametrize("kind", ["bpe", "characters", "symbols"])
def test_a_joint_vocabulary_copies_its_own_tokens(kind: str) -> None:
    made = copying(kind, TEXTS)
    for text in TEXTS:
        values = made.encode(text)
        assert values[:, 0].tolist() == values[:, 1].tolist() == made.tokenizer.ids(text)
    if kind != "symbols":  # a character never seen is copied byte for byte
        assert made.encode("Ж")[:, 1].tolist() == made.target.ids("Ж")


@pytest.mark.parametrize("text", ["ö Straße", "öö", "dog ö — ö cat", "Ж ö", ""])
def test_a_character_that_the_target_writes_as_bytes_is_copied_as_a_whole(text: str) -> None:
    made = copying("characters", TEXTS, ["the dog saw a cat"])
    values, size = made.encode(text), made.target.size
    tokens = made.target_of(text, values)
    ids = tokens.ids(text)
    assert ids == values[:, 1].tolist() == tokens.encode(text).ids
    for place, (character, number) in enumerate(zip(text, ids, strict=False)):
        if "Ж" not in text and character not in "the dog saw a cat":
            assert number == size + text.index(character) <= size + place
    spelled = tokens.spell(ids)
    assert spelled.text == text
    assert spelled.spans == tokens.encode(text).spans == [(place, place + 1) for place in places_of(text, made)]


def places_of(text: str, made: CopySource) -> list[int]:
    """The character of each token: a character that no side knows has several."""
    return [place for place, character in enumerate(text) for _ in made.tokenizer.ids(character)]


def test_pieces_that_both_sides_have_are_the_same_and_others_keep_their_text() -> None:
    made = copying("bpe", ["lower lowest lower low"] * 3, ["low lower ower"] * 3, 270)
    text = "low lowest"
    values = made.encode(text)
    tokens = made.target_of(text, values)
    assert tokens.decode(values[:, 1].tolist()) == text
    known = values[:, 1] < made.target.size
    for number, target in values[known].tolist():
        assert made.tokenizer.texts[number] == made.target.texts[target] or number < 260


def test_tags_are_not_copied_as_letters() -> None:
    source = Tokenizer.train("inflection", ["N;SG Nase", "V;PST sagen"], 300)
    made = CopySource(TextSource(source), Tokenizer.train("characters", ["Nasen", "sagte"], 300))
    text = "N;SG;NEW Nag"
    values = made.encode(text)
    assert values[:3, 1].tolist() == [UNKNOWN] * 3
    assert made.target.decode(values[3:, 1].tolist()) == "Nag"


def test_symbols_and_pieces_are_not_mixed() -> None:
    symbols, pieces = Tokenizer.train("symbols", TEXTS, 300), Tokenizer.train("bpe", TEXTS, 300)
    with pytest.raises(
        ValueError, match=r"^CopySource: the source is of symbols and the target of bpe; expected symbols"
    ):
        CopySource(TextSource(symbols), pieces)


def test_the_digest_depends_on_both_sides() -> None:
    one, other = copying("symbols", ["a b"], ["a"]), copying("symbols", ["a b"], ["b"])
    assert len({one.digest, other.digest, one.source.digest, copied_from(one.source, one.target).digest}) == 3


def test_a_batch_has_both_numbers_and_targets_beyond_the_vocabulary() -> None:
    made = copying("symbols", ["a b c"], ["a b"])
    pairs = [("Ada saw a", "a Ada"), ("b", "b"), ("a Bob b c", "c Bob Eve")]
    examples = [Example(source, target, "file", line) for line, (source, target) in enumerate(pairs, 1)]
    corpus = encode(examples, made, made.target, max_length=9)
    batch = collate(corpus, np.arange(3))
    size = made.target.size
    assert batch.source.shape == (3, 5, 2)
    assert batch.source[1, :, 0].tolist() == [made.tokenizer.ids("b")[0], END, PAD, PAD, PAD]
    assert batch.source[0, :, 1].tolist() == [size, size + 1, made.target.ids("a")[0], UNKNOWN, PAD]  # no end is copied
    assert batch.targets[0].tolist() == [made.target.ids("a")[0], size, END, PAD]
    assert batch.targets[2].tolist() == [size + 3, size + 1, UNKNOWN, END]
    assert batch.source_mask.sum(1).tolist() == [4, 2, 5]


def test_of_several_texts_the_first_is_copied() -> None:
    letters, tags, other = (Tokenizer.train(kind, ["ab a"], 300) for kind in ("characters", "tags", "symbols"))
    made = copied_from(SeveralTexts({"lemma": letters, "tags": tags, "other": other}), letters)
    assert isinstance(made, CopySource)
    values = made.encode("bya\ta;b\tab Ada")
    assert values[:, 1].tolist() == [*letters.ids("bya"), *[UNKNOWN] * (len(values) - len(letters.ids("bya")))]
    assert made.target_of("bya\ta\tx", made.encode("bya\ta\tx")).own == {}
    known = copied_from(SeveralTexts({"lemma": Tokenizer.train("characters", ["ay"], 300), "tags": tags}), letters)
    assert isinstance(known, CopySource)
    assert known.encode("aya\ta")[:, 1].tolist() == [*letters.ids("a"), letters.size + 1, *letters.ids("a"), 3, 3]
