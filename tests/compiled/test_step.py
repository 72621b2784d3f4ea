"""A program step by step gives what the loop over all steps gives."""

from dataclasses import replace

import pytest
import torch
from test_recurrent_loop import PROGRAMS, given
from torch import Tensor

from regard.compiled import step as steps
from regard.compiled.records import StepSource
from regard.compiled.step import Steps, exp_keys
from regard.recurrent.hoist import from_state, hoisted
from regard.recurrent.program import Gru, Linear, Program, Tensors, inputs, starts
from regard.recurrent.reference import plain

EACH = pytest.mark.parametrize("name", PROGRAMS)


pytestmark = pytest.mark.usefixtures("step_engine")


def made(name: str, batch: int) -> tuple[Steps, Tensors, StepSource, Tensors]:
    """The steps, their first registers, and what they look at; and the weights."""
    program, outputs = PROGRAMS[name]
    tensors, mask = given(name, 1, batch)
    tensors = {key: tensor.detach() for key, tensor in tensors.items()}
    keys = tensors.pop("keys")
    source = StepSource(keys, tensors.pop("values"), mask, torch.arange(batch), exp_keys(keys))
    registers = {key: tensors.pop(key) for key in starts(program)}
    registers["inputs"] = tensors.pop("inputs").squeeze(0)
    return Steps(program, tensors, outputs), registers, source, tensors


def expected(name: str, weights: Tensors, registers: Tensors, source: StepSource) -> Tensors:
    """The same by autograd's definition; each row with a source of its own."""
    program, outputs = PROGRAMS[name]
    rows = source.sources
    tensors = weights | {"keys": source.keys[rows], "values": source.values[rows]}
    tensors |= {key: part.unsqueeze(0) if key in inputs(program) else part for key, part in registers.items()}
    return {
        key: tensor.squeeze(0) for key, tensor in plain(program, tensors, source.mask[rows]).items() if key in outputs
    }


@EACH
@pytest.mark.parametrize("sources", [[0], [0, 1], [*range(29)], [3, 3, 0, 4, 3]], ids=["one", "two", "many", "shared"])
def test_a_step_is_that_of_the_loop(name: str, sources: list[int]) -> None:
    """Also where rows look at the same source."""
    step, registers, source, weights = made(name, len(sources))
    source = replace(source, sources=torch.tensor(sources))
    found = step(registers, source)
    for key, tensor in expected(name, weights, registers, source).items():
        torch.testing.assert_close(found[key], tensor, rtol=0, atol=2e-6)


@EACH
def test_avx2_and_avx512_give_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = steps.kernels()
    if newest.fast < 2:
        pytest.skip("AVX-512 is not in use")
    step, registers, source, _ = made(name, 29)
    found = step(registers, source)
    with monkeypatch.context() as patch:
        patch.setattr(steps, "kernels", lambda: replace(newest, fast=1))
        other = step(registers, replace(source, exp_keys=exp_keys(source.keys)))
    for key, tensor in found.items():
        assert torch.equal(tensor, other[key])


@EACH
def test_company_and_threads_change_nothing(name: str) -> None:
    step, registers, source, _ = made(name, 37)
    together, threads = step(registers, source), torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        several = step(registers, source)
    finally:
        torch.set_num_threads(threads)
    for key in PROGRAMS[name][1]:
        assert torch.equal(together[key], several[key])
    for row in range(37):
        chosen = {key: register[row : row + 1] for key, register in registers.items()}
        alone = step(chosen, replace(source, sources=torch.tensor([row])))
        assert all(torch.equal(alone[key][0], together[key][row]) for key in PROGRAMS[name][1])


def test_steps_take_nothing_that_wants_a_gradient() -> None:
    step, registers, *_ = made("luong", 2)
    given_: Tensor = registers["inputs"]
    assert not step.takes(given_)
    with torch.no_grad():
        assert step.takes(given_)
        assert not step.takes(given_.double())


def test_a_register_of_another_width_is_refused() -> None:
    step, registers, source, _ = made("luong", 2)
    registers["fed-"] = registers["fed-"][:, 1:]
    with pytest.raises(ValueError, match=r"Steps: fed- is \(2, 9\); expected \(2, 10\)"):
        step(registers, source)


def test_too_long_a_program_is_refused() -> None:
    program, _ = PROGRAMS["luong"]
    with pytest.raises(ValueError, match=r"Steps: the program has 72 operations; expected at most 64"):
        Steps(program * 9, {}, [])


def entering(name: str, width: int) -> tuple[Program, Tensors]:
    """The program from a token on, as decoders have it, and the weights that this takes."""
    program, _ = PROGRAMS[name]
    size = given(name, 1, 1)[0]["inputs"].size(-1)
    return (Linear("token", "enter", "inputs", bias="enter_bias"), *program), {
        "enter": torch.randn(size, width),
        "enter_bias": torch.randn(size),
    }


@EACH
def test_rows_that_continue_the_same_one_are_computed_as_if_alone(name: str) -> None:
    """To the last bit, whatever is shared."""
    _, registers, source, weights = made(name, 5)
    program, more = entering(name, 7)
    step = Steps(program, weights | more, PROGRAMS[name][1])
    del registers["inputs"]
    parents, tokens = torch.tensor([0, 0, 2, 1, 2, 4, 3, 3, 3]), torch.randn(9, 7)
    together = step(registers | {"token": tokens}, replace(source, sources=parents), parents)
    apart = {key: part[parents] for key, part in registers.items()}
    alone = step(apart | {"token": tokens}, replace(source, sources=parents))
    for key in PROGRAMS[name][1]:
        assert together[key].shape == alone[key].shape
        assert torch.equal(together[key], alone[key])


@EACH
@pytest.mark.parametrize("parents", [None, [0, 0, 2, 1, 2, 4, 3, 3, 3]], ids=["apart", "shared"])
def test_what_is_picked_from_a_table_is_what_is_given(name: str, parents: list[int] | None) -> None:
    _, registers, source, weights = made(name, 9 if parents is None else 5)
    program, outputs = PROGRAMS[name]
    table, picks = torch.randn(4, registers.pop("inputs").size(1)), torch.tensor([3, 1, 1, 0, 3, 2, 2, 3, 0])
    own = torch.arange(9) if parents is None else torch.tensor(parents)
    step = Steps(program, weights, outputs, ["inputs"])
    found = step(registers | {"inputs": table}, replace(source, sources=own), None if parents is None else own, picks)
    apart = {key: part[own] for key, part in registers.items()} | {"inputs": table[picks]}
    for key, expected_ in Steps(program, weights, outputs)(apart, replace(source, sources=own)).items():
        torch.testing.assert_close(found[key], expected_, rtol=0, atol=2e-6)


@EACH
def test_a_sum_that_begins_with_the_state_is_the_same_sum(name: str) -> None:
    program, more = entering(name, 7)
    tensors, mask = given(name, 4, 3)
    inputs_ = tensors.pop("inputs")
    tensors |= more | {"token": torch.randn(4, 3, 7)}
    before, after = (plain(each, tensors, mask) for each in (program, hoisted(program)))
    for key in PROGRAMS[name][1]:
        torch.testing.assert_close(after[key], before[key])
    tensors["inputs"] = inputs_
    before, after = (plain(each, tensors, mask) for each in (program[1:], hoisted(program[1:], ["inputs"])))
    for key in PROGRAMS[name][1]:
        torch.testing.assert_close(after[key], before[key])


def test_what_is_computed_from_the_state_alone() -> None:
    """Of the loop of Luong et al., the products with what was fed and with the state."""
    program = hoisted(entering("luong", 7)[0])
    assert from_state(program) == {"fed-", "state-", "gates.state", "moved"}
    assert Linear("token", "enter", "gates", bias="enter_bias", plus="gates.state") in program


def test_a_cell_adds_what_is_picked() -> None:
    """So that the sum to which it belonged is computed from the state alone."""
    program = hoisted(PROGRAMS["luong"][0], ["inputs"])
    assert from_state(program) == {"fed-", "state-", "gates", "moved"}
    assert Gru("gates", "moved", "state-", "state", plus="inputs") in program


def test_steps_keep_what_they_read() -> None:
    """Weights that nobody else holds."""
    step, registers, source, weights = made("luong", 3)
    program, outputs = PROGRAMS["luong"]
    copied = Steps(program, {name: each.clone() for name, each in weights.items()}, outputs)
    filled = [torch.full_like(each, torch.nan) for each in weights.values() for _ in range(9)]
    assert all(torch.equal(found, copied(registers, source)[name]) for name, found in step(registers, source).items())
    del filled
