"""The corpus of labels: one cue in each text, at the place that is given; nothing else tells the labels apart."""

from itertools import islice

import pytest

from regard.data.embedded.cues import (
    CUES,
    LENGTHS,
    NOISE,
    SENTENCES,
    SIZES,
    cued_document,
    cued_documents,
    cued_text,
    cued_texts,
)
from regard.data.sentences import PUNCTUATION, sentence_spans

CUE_LABELS = {cue: label for label, cues in CUES.items() for cue in cues}


def test_no_word_belongs_to_two_labels_or_to_the_noise() -> None:
    assert len(CUE_LABELS) == sum(map(len, CUES.values()))
    assert not CUE_LABELS.keys() & set(NOISE)


@pytest.mark.parametrize("split", SIZES)
def test_the_place_is_that_of_the_one_cue(split: str) -> None:
    fewest, most = LENGTHS[split]
    for found in islice(cued_texts(split), 50):
        words = found.text.split()
        assert fewest <= len(words) <= most
        assert [CUE_LABELS[word] for word in words if word in CUE_LABELS] == [found.label]
        start, end = found.place
        assert CUE_LABELS[found.text[start:end]] == found.label


def test_a_text_is_the_same_everywhere_and_depends_on_split_seed_and_number_alone() -> None:
    assert cued_text("dev", 3).text == "during old yesterday that came word violin later soon"
    assert cued_text("dev", 3) == list(islice(cued_texts("dev"), 4))[3]
    others = [cued_text("dev", 3), cued_text("dev", 4), cued_text("train", 3), cued_text("dev", 3, seed=7)]
    assert len({found.text for found in others}) == 4
    with pytest.raises(ValueError, match=r"cued_texts: split is 'tests'; expected one of train, dev, ordinary, long"):
        cued_texts("tests")


@pytest.mark.parametrize("split", SIZES)
def test_one_sentence_of_a_document_has_the_cue(split: str) -> None:
    fewest, most = SENTENCES[split]
    for found in islice(cued_documents(split), 50):
        sentences = [found.text[start:end] for start, end in sentence_spans(found.text, PUNCTUATION)]
        assert fewest <= len(sentences) <= most
        assert found.text[slice(*found.sentence)] in sentences
        words = [word.rstrip(".") for word in found.text.split()]
        assert [CUE_LABELS[word] for word in words if word in CUE_LABELS] == [found.label]
        assert CUE_LABELS[found.text[slice(*found.place)].rstrip(".")] == found.label
        assert found.text[slice(*found.place)] in found.text[slice(*found.sentence)].split()
    assert cued_document(split, 2) == list(islice(cued_documents(split), 3))[2]
