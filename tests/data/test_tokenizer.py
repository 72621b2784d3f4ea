"""Tokenisers: any text comes back, every span points into it, and the same texts give the same vocabulary."""

import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regard.data.bpe import MAX_PIECE_CHARACTERS
from regard.data.pieces import FIRST_BYTE, FIRST_PIECE
from regard.data.tokenizer import TOKENIZERS, Tokenizer, drawn
from regard.errors import CheckpointError, RegardError
from regard.marks import BEGIN, END, PAD, UNKNOWN

SENTENCES = [
    "Tom chases Jerry, and Jerry chases the cheese.",
    "The cat doesn't chase the dog </s> <0x41><0x41><0x41> <pad><pad>.",
    "汤姆追逐杰瑞。杰瑞追逐奶酪。",
    "▁▁the▁cat  the cat",
]
TRICKY = [
    "</s>",
    "<pad>",
    "<unk>",
    "<0x41>",
    "▁",
    " ",
    "  ",
    "\t",
    "\n",
    "\0",
    "\x1b[31m",
    "😀",
    "👨‍👩‍👧",
    "שלום",
    "\u202e",
    "\u2028",
]
TRICKY += ["é", "e\u0301", "﷽", "\ufeff", "☃\ufffd", "\U0010ffff", "the", "Tom", "追逐", "。"]
ANYTHING = st.text(st.characters(exclude_categories=("Cs",)), max_size=23)
TEXT = st.lists(st.one_of(ANYTHING, st.sampled_from(TRICKY)), max_size=7).map("".join)
LOSSLESS = ("bpe", "spaced_bpe", "characters")


@cache
def trained(kind: str) -> Tokenizer:
    return Tokenizer.train(kind, SENTENCES * 3, 331)


@pytest.mark.parametrize("kind", LOSSLESS)
@settings(deadline=None)  # the machine may be busy
@given(text=TEXT)
def test_any_text_comes_back(kind: str, text: str) -> None:
    tokenizer = trained(kind)
    assert tokenizer.decode(tokenizer.ids(text)) == text


@pytest.mark.parametrize("kind", LOSSLESS)
@settings(deadline=None)  # the machine may be busy
@given(text=TEXT)
def test_spans_partition_the_text_but_for_bytes(kind: str, text: str) -> None:
    tokenizer = trained(kind)
    encoded = tokenizer.encode(text)
    assert len(encoded.spans) == len(encoded.ids)
    position, shared = 0, 0
    for place, (number, (start, end)) in enumerate(zip(encoded.ids, encoded.spans, strict=True)):
        if start != position:  # a further byte of the character before, or what the space before a text is put before
            spaced = kind == "spaced_bpe" and place == 1 and encoded.spans[0] == (start, end)
            assert FIRST_BYTE <= number < FIRST_PIECE or spaced
            assert (start, end) == (position - 1, position) or spaced
            shared += 1
        assert start < end
        position = end
    assert position == len(text)
    assert shared == len(encoded.ids) - len(set(encoded.spans))


@pytest.mark.parametrize("kind", TOKENIZERS)
@settings(deadline=None)  # the machine may be busy
@given(text=TEXT)
def test_user_text_never_becomes_a_mark(kind: str, text: str) -> None:
    ids = trained(kind).ids(text)
    assert not {PAD, BEGIN, END} & set(ids)
    assert all(UNKNOWN <= number < trained(kind).size for number in ids)


@pytest.mark.parametrize("kind", ["symbols", "inflection"])
@settings(deadline=None)  # the machine may be busy
@given(text=TEXT)
def test_spans_of_symbols_lie_in_order_and_do_not_overlap(kind: str, text: str) -> None:
    encoded = trained(kind).encode(text)
    assert len(encoded.spans) == len(encoded.ids)
    distinct = list(dict.fromkeys(encoded.spans))
    assert all(0 <= start < end <= len(text) for start, end in distinct)
    assert all(left[1] <= right[0] for left, right in pairwise(distinct))


@settings(deadline=None)  # the machine may be busy
@given(text=TEXT)
def test_names_of_pieces_are_what_they_cover(text: str) -> None:
    tokenizer = trained("bpe")
    encoded = tokenizer.encode(text)
    for number, name, (start, end) in zip(encoded.ids, tokenizer.tokens(encoded.ids), encoded.spans, strict=True):
        assert name == text[start:end] if number >= FIRST_PIECE else name.startswith("<0x")


@settings(deadline=None)  # the machine may be busy
@given(ids=st.lists(st.integers(0, 300), max_size=11))
def test_any_numbers_decode_and_marks_are_ignored(ids: list[int]) -> None:
    tokenizer = trained("bpe")
    text = tokenizer.decode(ids)
    text.encode()
    assert tokenizer.decode([BEGIN, *ids, END, PAD, PAD]) == text


@pytest.mark.parametrize("kind", [*LOSSLESS, "symbols"])
@settings(deadline=None)  # the machine may be busy
@given(data=st.data())
def test_every_number_that_a_model_may_put_out_has_a_span(kind: str, data: st.DataObject) -> None:
    tokenizer = trained(kind)
    ids = data.draw(st.lists(st.integers(0, tokenizer.size - 1), max_size=11))
    spelled = tokenizer.spell(ids)
    assert spelled.text == tokenizer.decode(ids)
    assert len(spelled.spans) == len(ids)
    assert all(0 <= start <= end <= len(spelled.text) for start, end in spelled.spans)
    assert all(left[0] <= right[0] for left, right in pairwise(spelled.spans))
    silent = [number < UNKNOWN or number == tokenizer.unspelt for number in ids]
    heard = {span for span, quiet in zip(spelled.spans, silent, strict=True) if not quiet}
    for (start, end), quiet in zip(spelled.spans, silent, strict=True):
        assert start == end or not quiet or (start, end) in heard  # the last where it stands between bytes


def test_the_unknown_token_is_spelt_by_symbols_alone() -> None:
    assert {kind: trained(kind).unspelt for kind in ("bpe", "characters", "symbols")} == {
        "bpe": UNKNOWN,
        "characters": UNKNOWN,
        "symbols": None,
    }


def test_bytes_that_are_no_character_are_shown_as_such() -> None:
    tokenizer = trained("characters")
    assert tokenizer.decode([FIRST_BYTE + 0xE6, FIRST_BYTE + 0x41]) == "\ufffdA"


def test_bpe_cuts_where_a_reader_would() -> None:
    tokenizer = trained("bpe")
    assert tokenizer.tokens(tokenizer.ids("the cat")) == ["the", " cat"]
    assert tokenizer.tokens(tokenizer.ids("cheese."))[-1] == "."
    assert tokenizer.tokens(tokenizer.ids("追逐")) == ["追逐"]
    assert tokenizer.tokens(tokenizer.ids("☃")) == ["<0xE2>", "<0x98>", "<0x83>"]
    assert tokenizer.encode("a☃").spans == [(0, 1), (1, 2), (1, 2), (1, 2)]


def test_no_piece_of_bpe_spells_a_byte_or_is_a_phrase() -> None:
    texts = ["<0x41>" * 5 + "x" * 97 + "<pad></s>"] * 7
    tokenizer = Tokenizer.train("bpe", texts, 1009)
    pieces = tokenizer.tokens(range(FIRST_PIECE, tokenizer.size))
    assert "xx" in pieces
    assert max(map(len, pieces)) <= MAX_PIECE_CHARACTERS
    assert all("<" not in piece[:-1] for piece in pieces)
    assert tokenizer.decode(tokenizer.ids(texts[0])) == texts[0]


def test_a_long_word_is_the_same_with_and_without_the_table_of_words() -> None:
    text = "chases" * 31
    tokenizer = trained("bpe")
    assert tokenizer.ids(text) == tokenizer.ids(text)
    assert tokenizer.ids("chases chases") == Tokenizer.train("bpe", SENTENCES * 3, 331).ids("chases chases")


def test_symbols_stand_between_white_space() -> None:
    tokenizer = Tokenizer.train("symbols", ["AA R D EH", "AA R <unk>"], 11)
    encoded = tokenizer.encode("  R  AA\tXX <unk>")
    assert tokenizer.tokens(encoded.ids) == ["R", "AA", "<unk>", "<unk>"]
    assert [number == UNKNOWN for number in encoded.ids] == [False, False, True, False]
    assert encoded.spans == [(2, 3), (5, 7), (8, 10), (11, 16)]
    assert tokenizer.decode([BEGIN, *encoded.ids, END]) == "R AA <unk> <unk>"


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.sampled_from(["AA", "R", "</s>", "<unk>", "汤"]), max_size=7))
def test_known_symbols_come_back(symbols: list[str]) -> None:
    tokenizer = Tokenizer.train("symbols", ["AA R </s> <unk> 汤"], 13)
    assert tokenizer.decode(tokenizer.ids(" ".join(symbols))) == " ".join(symbols)


def test_a_label_is_the_whole_text_and_nothing_else() -> None:
    tokenizer = Tokenizer.train(
        "label", ["Sci/Tech news", " Sports ", "Sports", "Sci/Tech  news", "", " \t", "World"], 7
    )
    assert tokenizer.tokens(range(4, tokenizer.size)) == ["Sci/Tech news", "Sports", "World"]
    assert tokenizer.ids("  Sci/Tech news") == tokenizer.ids("Sci/Tech\tnews ") == [4]
    assert tokenizer.encode("  Sci/Tech news ").spans == [(2, 15)]
    assert [tokenizer.ids(text) for text in ("sports", "", "  ", "Sports World")] == [[UNKNOWN]] * 4
    assert tokenizer.encode("  ").spans == [(0, 0)]
    assert tokenizer.spell([4, END]).text == "Sci/Tech news"
    assert tokenizer.decode([UNKNOWN, END]) == ""
    assert tokenizer.unspelt == UNKNOWN


@settings(deadline=None)  # the machine may be busy
@given(text=TEXT)
def test_any_text_is_one_label(text: str) -> None:
    encoded = trained("label").encode(text)
    assert len(encoded.ids) == len(encoded.spans) == 1
    ((start, end),) = encoded.spans
    assert text[start:end] == text.strip()


def test_inflection_spells_the_lemma_and_keeps_the_tags() -> None:
    tokenizer = Tokenizer.train("inflection", ["N;SG Nest", "V;PST take off"], 401)
    encoded = tokenizer.encode("V;SG;X;N off N😀")
    assert tokenizer.tokens(encoded.ids)[:9] == ["V", "SG", "<unk>", "N", "o", "f", "f", " ", "N"]
    assert encoded.spans[:9] == [(0, 1), (2, 4), (5, 6), (7, 8), (9, 10), (10, 11), (11, 12), (12, 13), (13, 14)]
    assert encoded.spans[9:] == [(14, 15)] * 4
    tag, letter = encoded.ids[3], encoded.ids[8]
    assert tag != letter
    assert tokenizer.decode(tokenizer.ids("V;SG take  off")) == "V;SG take  off"


@pytest.mark.parametrize("kind", TOKENIZERS)
@pytest.mark.parametrize("vocab_size", [269, 331, 1009])
def test_vocabulary_keeps_to_its_size(kind: str, vocab_size: int) -> None:
    texts = [*SENTENCES, "".join(map(chr, range(0x4E00, 0x4E00 + 997)))]
    tokenizer = Tokenizer.train(kind, texts, vocab_size)
    assert tokenizer.size <= vocab_size
    assert len(set(tokenizer.tokens(range(4, tokenizer.size)))) == tokenizer.size - 4 or kind == "inflection"


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_training_is_the_same_in_every_process(kind: str) -> None:
    # Many characters that are equally frequent, and room for only some: the case in which a hash table would decide.
    program = (
        "from regard.data.tokenizer import Tokenizer\n"
        "texts = [' '.join(chr(0x4E00 + (7 * i + j) % 997) + 'ab' for j in range(11)) for i in range(89)]\n"
        f"print(Tokenizer.train({kind!r}, iter(texts), 307).digest)"
    )
    digests = {subprocess.check_output([sys.executable, "-c", program]) for _ in range(2)}
    assert len(digests) == 1


def test_a_stream_of_many_texts_is_sampled_evenly_and_always_the_same() -> None:
    texts = [str(number) for number in range(10007)]
    sample = drawn(iter(texts), 101)
    assert sample == drawn(iter(texts), 101)
    assert len(set(sample)) == 101
    assert 0.3 < sum(int(text) < 5003 for text in sample) / 101 < 0.7
    assert drawn(iter(texts[:7]), 101) == texts[:7]


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_save_and_load_give_the_same_tokeniser(tmp_path: Path, kind: str) -> None:
    tokenizer = trained(kind)
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    assert (loaded.kind, loaded.size, loaded.digest) == (kind, tokenizer.size, tokenizer.digest)
    for text in [*SENTENCES, *TRICKY]:
        assert loaded.encode(text) == tokenizer.encode(text)
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tokenizer.json"
    trained("bpe").save(path)
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RegardError, match=r"tokenizer\.json cannot be written \(No space left on device\)"):
        trained("characters").save(path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def damaged(content: bytes) -> dict[str, tuple[bytes, str]]:
    record = json.loads(content)
    return {
        "cut short": (content[: len(content) // 2], "is cut short or no tokeniser"),
        "empty": (b"", "is cut short or no tokeniser"),
        "garbage": (bytes(range(256)), "is cut short or no tokeniser"),
        "deep": (b"[" * 100_003, "is cut short or no tokeniser"),
        "another file": (b'{"model": 1}', "is no tokeniser of Regard"),
        "flipped": (content.replace(b"chases", b"chaser"), "is damaged: its content does not fit its checksum"),
        "newer": (json.dumps(record | {"version": 2}).encode(), "is from another version of Regard"),
        "no state": (json.dumps(record | {"state": None}).encode(), "is damaged"),
        "unknown kind": (json.dumps(record | {"kind": ["bpe"]}).encode(), "is damaged"),
    }


@pytest.mark.parametrize("name", damaged(b'{"state": "chases"}'))
def test_what_is_no_tokeniser_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / "tokenizer.json"
    trained("bpe").save(path)
    content, message = damaged(path.read_bytes())[name]
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"tokenizer\.json {message}.*\.$"):
        Tokenizer.load(path)


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizer = trained("bpe")
    tokenizer.save(path)
    content = path.read_bytes()
    for place in range(0, len(content), 37):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            loaded = Tokenizer.load(path)
        except CheckpointError:
            continue
        assert loaded.digest == tokenizer.digest  # a space between two fields


def test_hand_made_content_with_a_right_checksum(tmp_path: Path) -> None:
    from regard.data.tokenizer import FORMAT, VERSION, _digest

    state = {"pieces": ["a"], "merges": [["a", "b"]]}
    record = {"format": FORMAT, "version": VERSION, "kind": "bpe", "state": state, "sha256": _digest("bpe", state)}
    (tmp_path / "tokenizer.json").write_text(json.dumps(record))
    with pytest.raises(CheckpointError, match="holds no vocabulary of kind 'bpe'"):
        Tokenizer.load(tmp_path / "tokenizer.json")


def test_a_missing_and_a_huge_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckpointError, match=r"cannot be read \(No such file"):
        Tokenizer.load(tmp_path / "gone.json")
    trained("bpe").save(tmp_path / "tokenizer.json")
    monkeypatch.setattr("regard.data.tokenizer.MAX_FILE_BYTES", 101)
    with pytest.raises(CheckpointError, match=r"cannot be read \(has more than 101 bytes\)"):
        Tokenizer.load(tmp_path / "tokenizer.json")


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"tokeniser is 'bqe'; expected one of bpe, .*Did you mean 'bpe'"):
        Tokenizer.train("bqe", SENTENCES, 331)
    with pytest.raises(ValueError, match="vocab_size is 260; expected at least 261 for 'bpe'"):
        Tokenizer.train("bpe", SENTENCES, 260)
    with pytest.raises(ValueError, match="ids range from 3 to 100003; expected 0 to"):
        trained("bpe").decode([3, 100_003])
    with pytest.raises(ValueError, match="ids range from -1 to -1"):
        trained("symbols").tokens([-1])


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_lone_surrogate_is_a_value_error(kind: str) -> None:
    for text in ("a\ud800", "N;\ud800 a", "a \udfff b"):
        with pytest.raises(ValueError, match="Tokenizer: text holds a lone surrogate; expected valid Unicode"):
            trained(kind).encode(text)
        with pytest.raises(ValueError, match=r"Tokenizer.train: text holds a lone surrogate"):
            Tokenizer.train(kind, [*SENTENCES, text], 300)


@pytest.mark.parametrize(
    "state",
    [
        {"symbols": "abc"},
        {"symbols": [1, 2]},
        {"symbols": [["a", "b"], "c"]},
        {"symbols": ["\ud800"]},
        {"symbols": {"a": 1}},
        {"symbols": ["a", "a"]},
        {},
        [],
        None,
        "symbols",
    ],
)
def test_a_signed_state_of_another_type_is_refused(tmp_path: Path, state: object) -> None:
    content = {"format": "regard tokenizer", "version": 1, "kind": "symbols", "state": state}
    signed = hashlib.sha256(json.dumps(["symbols", state], sort_keys=True).encode()).hexdigest()
    (tmp_path / "t.json").write_text(json.dumps(content | {"sha256": signed}))
    with pytest.raises(CheckpointError, match="holds no vocabulary of kind 'symbols'"):
        Tokenizer.load(tmp_path / "t.json")


def test_a_file_that_would_become_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text("[" + "[]," * 5_000_000 + "0]")
    with pytest.raises(CheckpointError, match="is no tokeniser of Regard"):
        Tokenizer.load(path)
    os.truncate(path, 2**40)
    with pytest.raises(CheckpointError, match=r"cannot be read \(has more than"):
        Tokenizer.load(path)


def test_data_room_starts_without_torch() -> None:
    program = (
        "import sys, regard.data\n"
        "from regard.data import Corpus, Example, PairFiles, Tokenizer, encode, prepare, read_lines\n"
        "Tokenizer.train('bpe', ['ab ab'], 300)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_first_word_of_spaced_bpe_has_the_pieces_that_it_has_elsewhere() -> None:
    spaced, plain = trained("spaced_bpe"), trained("bpe")
    for word in ("Tom", "chases", "☃snow", "unheard"):
        alone, behind = spaced.ids(word), spaced.ids(f"a {word}")
        assert behind[-len(alone) :] == alone
        assert spaced.decode(alone) == word
        assert spaced.spell(alone).spans[-1][1] == len(word)
        assert spaced.inner_ids(word) == spaced.ids(f"a{word}")[1:] or word == "unheard"
    assert plain.ids("a Tom")[-1:] != plain.ids("Tom")
    assert (spaced.ids(""), spaced.ids(" ")) != ([], [])
    assert spaced.spell(spaced.inner_ids("Tom")).spans[0][0] == 0  # as a model may write it
