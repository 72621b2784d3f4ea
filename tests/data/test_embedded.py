"""The embedded corpus keeps what it promises: distinct, split without leaks, exactly aligned, the same everywhere."""

import os
import pickle
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from regard.alignment.pharaoh import parse_gold
from regard.data.embedded import Corpus, GoldPair, english_chinese, write_corpus
from regard.data.embedded import corpus as embedded
from regard.data.embedded.gold import write_pair
from regard.data.embedded.phrase import read
from regard.data.embedded.sentences import sentence

__all__ = ["conflicts", "english_chinese", "with_test_seed"]  # what `elsewhere` uses

SPLITS = ("train", "dev", "ordinary", "combinations", "long")


def elsewhere(expression: str, seed: int) -> Any:
    """What an expression gives in a process of its own: with another hash seed, and without type checks at run time."""
    code = (
        f"import pickle, sys; from {Path(__file__).stem} import *; sys.stdout.buffer.write(pickle.dumps({expression}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(Path(__file__).parent)}
    return pickle.loads(subprocess.run([sys.executable, "-c", code], env=environment, stdout=-1, check=True).stdout)


@cache
def corpus() -> Corpus:
    return elsewhere("english_chinese()", seed=1)


def split(name: str) -> tuple[GoldPair, ...]:
    return {"train": corpus().train, "dev": corpus().dev, **corpus().test}[name]


def everything() -> list[GoldPair]:
    return [pair for name in SPLITS for pair in split(name)]


def source_words(pair: GoldPair) -> list[str]:
    return [pair.source[start:end] for start, end in pair.source_spans]


def target_words(pair: GoldPair) -> list[str]:
    return [pair.target[start:end] for start, end in pair.target_spans]


def with_test_seed(seed: int) -> Corpus:
    """The corpus with other tests."""
    embedded.TEST_SEED = seed
    return english_chinese()


def test_sizes():
    assert {name: len(split(name)) for name in SPLITS} == {
        "train": 12_000,
        "dev": 300,
        "ordinary": 500,
        "combinations": 300,
        "long": 300,
    }


def test_every_text_occurs_once_so_nothing_leaks_and_translation_is_a_function():
    pairs = everything()
    assert len({pair.source for pair in pairs}) == len({pair.target for pair in pairs}) == len(pairs)


@pytest.mark.parametrize(("name", "least", "most"), [(name, 3, 30) for name in SPLITS[:-1]] + [("long", 31, 60)])
def test_lengths(name: str, least: int, most: int):
    lengths = [len(pair.source_spans) for pair in split(name)]
    assert least <= min(lengths) <= max(lengths) <= most


def test_training_reaches_the_longest_length_that_it_may():
    lengths = Counter(len(pair.source_spans) for pair in split("train"))
    assert all(lengths[length] >= 10 for length in range(3, 31))


@pytest.mark.parametrize("name", SPLITS)
def test_spans_cover_the_text_once(name: str):
    for pair in split(name):
        for text, spans in ((pair.source, pair.source_spans), (pair.target, pair.target_spans)):
            assert list(spans) == sorted(spans)
            assert "".join(text[start:end] for start, end in spans) == text.replace(" ", "")
            assert all(start < end and " " not in text[start:end] for start, end in spans)
            assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_words_are_words():
    for pair in everything():
        assert all(re.fullmatch(r"[A-Za-z]+|o'clock|'s|[.,?]", word) for word in source_words(pair)), pair.source
        assert all(re.fullmatch(r"[\u4e00-\u9fff]+|[。，？]", word) for word in target_words(pair)), pair.target
        assert pair.source[0].isupper()


@pytest.mark.parametrize("name", SPLITS)
def test_links_are_in_range(name: str):
    for pair in split(name):
        assert pair.sure <= pair.possible
        assert all(0 <= s < len(pair.source_spans) and 0 <= t < len(pair.target_spans) for s, t in pair.possible)


@pytest.mark.parametrize("name", SPLITS)
def test_a_chinese_word_has_one_sure_link(name: str):
    counts = Counter()
    for pair in split(name):
        linked = Counter(target for _, target in pair.sure)
        counts.update(linked[target] for target in range(len(pair.target_spans)))
    assert set(counts) <= {0, 1}
    assert counts[1] / counts.total() >= 0.99


@pytest.mark.parametrize("name", SPLITS)
def test_punctuation_is_linked_to_punctuation(name: str):
    marks = {".": "。", "?": "？"}
    for pair in split(name):
        source, target = source_words(pair), target_words(pair)
        assert (source[-1] in marks) == (target[-1] in marks.values())
        if source[-1] in marks:
            assert marks[source[-1]] == target[-1]
            assert (len(source) - 1, len(target) - 1) in pair.sure


def test_a_comparison_is_linked_to_than():
    """It was linked to what follows than, while both had one label."""
    found = [(pair, place) for pair in everything() for place, word in enumerate(target_words(pair)) if word == "比"]
    assert len(found) > 300
    for pair, place in found:
        assert [source_words(pair)[source] for source, target in pair.sure if target == place] == ["than"]


def test_a_quarter_of_the_statements_have_no_full_stop():
    statements = [pair for pair in split("train") if not pair.source.endswith("?")]
    bare = sum(not pair.source.endswith(".") for pair in statements) / len(statements)
    assert 0.2 < bare < 0.3
    assert 0.7 < sum(pair.source[-1] in ".?" for pair in split("train")) / len(split("train")) < 0.8


def test_the_alignment_is_not_a_diagonal():
    """Share of sentences in which two sure links cross: the order of the words differs between the languages."""
    crossed = 0
    for pair in split("train"):
        sources = [source for _, source in sorted((target, source) for source, target in pair.sure)]
        crossed += sources != sorted(sources)
    assert crossed / len(split("train")) >= 0.6


def test_vocabularies_are_a_few_hundred_words():
    english = {word.lower() for pair in split("train") for word in source_words(pair)}
    chinese = {word for pair in split("train") for word in target_words(pair)}
    assert 250 <= len(english) <= 450
    assert 200 <= len(chinese) <= 400


@pytest.mark.parametrize("name", SPLITS[1:])
def test_every_word_of_a_test_is_in_training(name: str):
    for words in (source_words, target_words):
        known = Counter(word for pair in split("train") for word in words(pair))
        unknown = {word for pair in split(name) for word in words(pair) if known[word] < 2}
        assert not unknown


def test_links_of_a_worked_example():
    """Tom's dog, that is not diagonal: every link of one sentence, by hand."""
    pair = next(p for p in everything() if p.source == "Tom chases Jerry.")
    assert pair.target == "汤姆追逐杰瑞。"
    assert pair.source_spans == ((0, 3), (4, 10), (11, 16), (16, 17))
    assert pair.target_spans == ((0, 2), (2, 4), (4, 6), (6, 7))
    assert pair.sure == pair.possible == {(0, 0), (1, 1), (2, 2), (3, 3)}
    assert pair.pharaoh() == "0-0 1-1 2-2 3-3"


def test_tom_chases_jerry_is_held_out():
    new = {pair.source: pair.target for pair in split("combinations")}
    assert new["Tom chases Jerry"] == "汤姆追逐杰瑞"
    assert new["Tom chases Jerry."] == "汤姆追逐杰瑞。"
    known = " ".join(pair.source for name in ("train", "dev", "ordinary", "long") for pair in split(name))
    assert not re.search(r"chas\w+ Jerry\b(?! 's|'s)", known)
    assert re.search(r"\bTom chase[sd] ", known)


HELD_OUT_TEXTS = {
    "passive:wash": r"\b(be|been|being|is|are|was|were)( not)? washed\b",
    "passive:invite": r"\b(be|being|was|were)( not)? invited\b",
    "passive:find": r"\b(be|being|was|were)( not)? found\b",
    "past negation:buy": r"\bdid not buy\b",
    "past negation:help": r"\bdid not help\b",
    "numeral:horse": r"\b(two|three|four|five|six|seven|eight|nine|ten) (\w+ )?horses\b",
    "numeral:letter": r"\b(two|three|four|five|six|seven|eight|nine|ten) (\w+ )?letters\b",
    "numeral:chair": r"\b(two|three|four|five|six|seven|eight|nine|ten) (\w+ )?chairs\b",
    "infinitive:repair": r"\bto repair\b",
    "subject relative:open": r"\bwho (opens?|opened|(is|are) opening)\b",
    "possessor:David": r"\bDavid's\b",
    "red:car": r"\bred cars?\b",
    "clever:girl": r"\bclever girls?\b",
}


@pytest.mark.parametrize(("combination", "text"), HELD_OUT_TEXTS.items())
def test_held_out_combinations_are_only_in_their_split(combination: str, text: str):
    pattern = re.compile(text, re.IGNORECASE)
    assert any(pattern.search(pair.source) for pair in split("combinations"))
    for name in ("train", "dev", "ordinary", "long"):
        questions = "Who " if combination.startswith("subject relative") else "?"
        assert not [p.source for p in split(name) if pattern.search(p.source) and not p.source.startswith(questions)]


CONSTRUCTIONS = {
    "present": (r"^Tom \w+s ", "汤姆"),
    "past": (r"^(Tom|He|She|They|I) ate ", "吃了"),
    "future": (r"\bwill\b", "会"),
    "progressive": (r"\b(am|is|are) (read|eat|wash)ing\b", "正在"),
    "past progressive": (r"\b(was|were) \w+ing\b.*\bwhen\b", "的时候，.*正在"),
    "can": (r"\bcan\b", "能"),
    "must": (r"\bmust\b", "必须"),
    "should": (r"\bshould\b", "应该"),
    "present negation": (r"\b(do|does) not\b", "不|没有"),
    "past negation": (r"\bdid not\b", "没"),
    "future negation": (r"\bwill not\b", "不会"),
    "progressive negation": (r"\b(am|is|are) not (read|eat|wash)ing\b", "没在"),
    "yes-no question": (r"^(Do|Does|Did) ", "吗？"),
    "who": ("^Who ", "谁"),
    "what": ("^What ", "什么"),
    "where": ("^Where ", "在哪里"),
    "when, asked": ("^When (will|can) ", "什么时候"),
    "why": ("^Why ", "为什么"),
    "which": ("^Which ", "哪"),
    "how many": ("^How many ", "多少"),
    "adjective": (r"\bred (hats?|shirts?) ", "红色的(帽子|衬衫)"),
    "description": (r"\bis very \w+", "非常"),
    "possessive pronoun": (r"\bmy\b", "我的"),
    "possessive name": ("Tom's", "汤姆的"),
    "numeral": (r"\bthree (\w+ )?books\b", "三本"),
    "two": (r"\btwo (\w+ )?(books|hats|cars)\b", "两(本|顶|辆)"),
    "article": (r"\ba (\w+ )?letter\b", "一封"),
    "portion": (r"\ba cup of tea\b", "一杯茶"),
    "every": (r"\bevery (boy|girl|man|woman)\b", "每个.*都"),
    "time last": (r" yesterday\.$", "昨天"),
    "time first": (r"^Yesterday ", "^昨天"),
    "ago": (r"\bdays ago\b", "天以前"),
    "clock": (r"o'clock", "点"),
    "frequency": (r"\boften\b", "经常"),
    "place": (r" in the park\b", "在公园里"),
    "manner": (r" slowly\b", "慢慢地"),
    "company": (r"\bwith (Tom|Mary)\b", "和(汤姆|玛丽)一起"),
    "benefit": (
        r"\b(bought|sang|wrote) (?:(?! then |,).)* for (Tom|Mary|Lucy|him|her|them)\b",
        "给(汤姆|玛丽|露西|他|她|他们)(买|唱|写)",
    ),
    "conveyance": (r"\bby train\b", "坐火车"),
    "subject relative": (r"\bwho (bought|sold|wrote)\b", "(买了|卖了|写了).*的"),
    "object relative": (r"^The \w+ that \w+ (bought|wrote)\b", "(买|写)的"),
    "noun coordination": (r"^(Tom|Mary) and ", "(汤姆|玛丽)和"),
    "verb coordination": (r"\band then\b", "，然后"),
    "clause coordination": (", but ", "，但是"),
    "passive": (r"\bstolen by\b", "被.*偷"),
    "passive without agent": (r"\b(was|were) (stolen|sold|broken)\.", "被(偷|卖|打破)了"),
    "progressive passive": (r"\bbeing (opened|repaired)\b", "正在被"),
    "because": ("^Because ", "^因为.*，所以"),
    "because, turned round": ("^[^B,]* because ", "^因为.*，所以"),
    "although": (r"\balthough ", "虽然.*，但是"),
    "when": ("^When .*, ", "的时候，"),
    "when, turned round": ("^[^,]+ when ", "的时候，"),
    "after": (r"\bafter ", "以后，"),
    "before": (r"\bbefore ", "以前，"),
    "if": ("^If ", "^如果"),
    "if, turned round": ("^[^,]+ if ", "^如果"),
    "so": (", so ", "，所以"),
    "two objects": (r"\b(gave|sent) (Tom|Mary|Lucy|us|me) an? ", "(给|寄给)了(汤姆|玛丽|露西|我们|我)一"),
    "moved object": (r"\bgave the \w+ to (Tom|Mary)\b", "把.*给了(汤姆|玛丽)"),
    "comparison": (r"\btaller than\b", "比.*高"),
    "comparison with more": (r"\bmore expensive than\b", "比.*更昂贵"),
    "equality": (r"\bas tall as\b", "和.*一样高"),
    "identity": (r"\b(is|am) a doctor\b", "是一位医生"),
    "location": (r"\b(is|are) (on|under) the table\b", "在桌子(上|下面)"),
    "existence": (r"^There (is|are)\b[^,]* on the table\b", "桌子上有"),
    "infinitive": (r"\bwants? to\b", "想"),
    "request": (r"\basked \w+ to\b", "请"),
    "report": (r"\b(knows|said) that (he|she|Tom|Mary)\b", "知道|说"),
    "weather": (r"\bit rained\b", "下雨了"),
}


@pytest.mark.parametrize(("english", "chinese"), CONSTRUCTIONS.values(), ids=CONSTRUCTIONS)
def test_every_construction_is_in_training(english: str, chinese: str):
    found = [pair for pair in split("train") if re.search(english, pair.source)]
    assert len(found) >= 4
    assert not [pair for pair in found if not re.search(chinese, pair.target)]


def test_every_process_makes_the_same_corpus():
    assert elsewhere("english_chinese()", seed=2) == corpus()


def test_tests_can_be_drawn_anew_and_what_is_learned_from_stays():
    other = elsewhere("with_test_seed(7)", seed=1)
    assert (other.train, other.dev) == (corpus().train, corpus().dev)
    old, new = ({pair.source for pairs in c.test.values() for pair in pairs} for c in (corpus(), other))
    assert old & new == {"Tom chases Jerry", "Tom chases Jerry."}
    seen = {pair.source for pair in (*other.train, *other.dev)} | {pair.target for pair in (*other.train, *other.dev)}
    assert not [p for pairs in other.test.values() for p in pairs if p.source in seen or p.target in seen]


class FewWords(random.Random):
    """Chooses between the first two of any long list, so that the same English comes up often by different ways."""

    def choice(self, seq: Sequence[Any]) -> Any:
        return super().choice(seq[:2] if len(seq) > 3 else seq)


def conflicts(count: int) -> list[tuple[str, str, str]]:
    """Sentences that the grammar translates in two ways, among so many made of few words."""
    rng = FewWords(11)
    known: dict[str, str] = {}
    found = []
    for _ in range(count):
        pair = write_pair(read(sentence(rng)))
        if known.setdefault(pair.source, pair.target) != pair.target:
            found.append((pair.source, pair.target, known[pair.source]))
    assert len(known) < 0.9 * count, "too few repetitions to prove anything"
    return found


def test_english_decides_the_chinese():
    assert elsewhere("conflicts(20_000)", seed=3) == []


def test_written_files_say_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("regard.data.embedded.corpus.english_chinese", corpus)
    write_corpus(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.{kind}"
        for name in ("train", "dev", "test-ordinary", "test-combinations", "test-long")
        for kind in ("tsv", "words.tsv", "gold")
    }
    pairs = split("dev")
    lines = (tmp_path / "dev.tsv").read_text(encoding="utf-8").split("\n")
    assert lines == [f"{pair.source}\t{pair.target}" for pair in pairs] + [""]
    words = (tmp_path / "dev.words.tsv").read_text(encoding="utf-8").split("\n")
    assert words == ["\t".join((" ".join(source_words(p)), " ".join(target_words(p)))) for p in pairs] + [""]
    for pair, line in zip(pairs, (tmp_path / "dev.gold").read_text(encoding="utf-8").splitlines(), strict=True):
        gold = parse_gold(line, "dev.gold", 1)
        assert (gold.sure, gold.possible) == (pair.sure, pair.possible)
