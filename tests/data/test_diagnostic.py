"""The two diagnostic tasks: the target is what the source says, no text stands twice, and a seed gives the same."""

from pathlib import Path
from random import Random

import pytest

from regard.data.diagnostic import GAP, OFFSET, TASKS, make_task, write_task

SIZES = {"train": 397, "dev": 31, "test": 53}


@pytest.mark.parametrize("name", TASKS)
def test_no_source_stands_twice(name: str) -> None:
    task = make_task(name, **SIZES)
    splits = (task.train, task.dev, task.test)
    assert [len(split) for split in splits] == list(SIZES.values())
    sources = [source for split in splits for source, _ in split]
    assert len(set(sources)) == sum(SIZES.values())


@pytest.mark.parametrize("name", TASKS)
def test_a_seed_gives_the_same_task_and_another_seed_another(name: str) -> None:
    assert make_task(name, seed=3, **SIZES) == make_task(name, seed=3, **SIZES)
    assert not set(make_task(name, seed=3, **SIZES).test) & set(make_task(name, seed=5, **SIZES).test)


@pytest.mark.parametrize("name", TASKS)
def test_more_training_pairs_leave_the_held_out_ones(name: str) -> None:
    few, many = make_task(name, train=7, dev=5, test=11), make_task(name, train=29, dev=5, test=11)
    assert (few.dev, few.test) == (many.dev, many.test)
    assert few.train == many.train[:7]


def test_reverse_is_the_symbols_backwards() -> None:
    for source, target in make_task("reverse", **SIZES).train:
        symbols = [symbol for symbol in source.split() if symbol != GAP]
        assert target.split() == symbols[::-1]
        assert len(set(symbols)) == len(symbols), "the symbol before must tell which comes next"
        assert 5 <= len(symbols) <= 15


def test_the_place_of_a_symbol_of_reverse_follows_from_nothing_that_can_be_counted() -> None:
    """Sources of one length and targets of one length still differ in where the second, the third … symbol stands."""
    places: dict[tuple[int, int, int], list[int]] = {}
    for source, target in make_task("reverse", train=2003, dev=1, test=1).train:
        for step, symbol in enumerate(target.split()):
            key = (len(source.split()), len(target.split()), step)
            places.setdefault(key, []).append(source.split().index(symbol))
    gapped = [found for (length, count, step), found in places.items() if count < length < 2 * count and step]
    several = [len(set(found)) > 1 for found in gapped if len(found) > 19]
    assert len(several) > 99
    assert sum(several) > 0.95 * len(several)


def test_shifted_copy_is_at_the_step_plus_the_offset() -> None:
    for source, target in make_task("shifted_copy", **SIZES).train:
        assert target.split() == source.split()[OFFSET:]
        assert len(target.split()) > 4, "with four symbols, one must stand twice: what was written tells no place"


def test_files_hold_what_the_task_holds(tmp_path: Path) -> None:
    task = make_task("reverse", **SIZES)
    write_task(task, tmp_path / "new")
    for name, pairs in (("train", task.train), ("dev", task.dev), ("test", task.test)):
        lines = (tmp_path / "new" / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
        assert [tuple(line.split("\t")) for line in lines] == list(pairs)


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(ValueError, match=r"make_task: name is 'copy'; expected one of reverse, shifted_copy"):
        make_task("copy")


@pytest.mark.parametrize("name", TASKS)
def test_a_draw_is_a_function_of_its_generator(name: str) -> None:
    assert TASKS[name](Random(7)) == TASKS[name](Random(7))
