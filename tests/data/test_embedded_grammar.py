"""The grammar under the embedded corpus: links fall out of the rules, and English decides the Chinese."""

import pytest

from regard.data.embedded.gold import write_pair
from regard.data.embedded.phrase import chinese_of, echo, english_of, lexical, read, rule


def test_a_passive_by_hand():
    verb = lexical("stolen", "偷")
    told = rule(
        "{what} was {verb} by {who}",
        "{what} 被/by~was {who} {verb} {le}",
        what=rule("the {noun}", "{noun}", noun=lexical("car", "汽车")),
        verb=verb,
        who=lexical("Tom", "汤姆"),
        le=echo("了", verb),
    )
    reading = read(told)
    assert reading.source == ["the", "car", "was", "stolen", "by", "Tom"]
    assert reading.target == ["汽车", "被", "汤姆", "偷", "了"]
    assert reading.sure == {(1, 0), (4, 1), (5, 2), (3, 3), (3, 4)}
    assert reading.possible == reading.sure | {(2, 1)}


def test_the_head_is_sure_and_the_particle_possible():
    reading = read(lexical("looked for", "寻找"))
    assert (reading.sure, reading.possible) == ({(0, 0)}, {(0, 0), (1, 0)})


def test_a_word_that_stands_twice_is_told_apart_by_its_label():
    reading = read(
        rule("as {q} as:than {n}", "和/than {n} 一样/as {q}", q=lexical("tall", "高"), n=lexical("Tom", "汤姆"))
    )
    assert reading.sure == {(2, 0), (3, 1), (0, 2), (1, 3)}


def test_the_same_entry_twice_is_two_words():
    reading = read(rule("{a} and {b}", "{a} 和/and {b}", a=lexical("Tom", "汤姆"), b=lexical("Tom", "汤姆")))
    assert reading.sure == {(0, 0), (1, 1), (2, 2)}


def test_the_halves_of_a_phrase_stay_linked_in_different_places():
    what = lexical("what", "什么")
    reading = read(rule("{front} eats", "吃/eats {object}", front=english_of(what), object=chinese_of(what)))
    assert (reading.source, reading.target) == (["what", "eats"], ["吃", "什么"])
    assert reading.sure == {(1, 0), (0, 1)}


def test_a_label_that_names_nothing_is_an_error():
    with pytest.raises(KeyError, match="nothing"):
        read(rule("a", "一/nothing"))


def test_two_parts_with_the_same_label_are_an_error():
    with pytest.raises(ValueError, match="two parts have the same label"):
        read(rule("more than {than}", "比/than {than}", than=lexical("Tom", "汤姆")))


def test_marks_are_gathered_from_the_whole_tree():
    assert read(rule("{a}", "{a}", a=lexical("a", "一").marked("inner")).marked("outer")).marks == {"inner", "outer"}


def test_writing_puts_spaces_in_english_and_none_in_chinese():
    pair = write_pair(read(rule("tom 's dog , yes .", "汤姆/tom 的/'s 狗/dog ，/, 是/yes 。/.")))
    assert (pair.source, pair.target) == ("Tom's dog, yes.", "汤姆的狗，是。")
    assert [pair.source[start:end] for start, end in pair.source_spans] == ["Tom", "'s", "dog", ",", "yes", "."]
