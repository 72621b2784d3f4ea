"""Pages of files are given back, and come back as they are; nothing else is touched."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from regard.run.memory import give_back, mapped
from regard.training.weights import adopt, places

NUMBERS = 1 << 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_file({"a": torch.arange(NUMBERS).float(), "b": torch.ones(3)}, tmp_path / "a file.safetensors")
    return tmp_path / "a file.safetensors"


@pytest.fixture
def tensors(path: Path) -> dict[str, Tensor]:
    found = load_file(path)
    if not mapped(path, places(found.values())):
        pytest.skip("here files are not mapped, or the system does not tell")
    return found


def resident() -> int:
    """Bytes of files that this process holds."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(fields["RssFile"].split()[0]) * 1024


def test_pages_are_given_back_and_read_again(path: Path, tensors: dict[str, Tensor]) -> None:
    tensors["a"].sum()
    before = resident()
    give_back(path, places(tensors.values()))
    assert before - resident() > 2 * NUMBERS  # of 4 bytes each; whole pages alone are given back
    assert torch.equal(tensors["a"], torch.arange(NUMBERS).float())
    assert torch.equal(tensors["b"], torch.ones(3))


def test_what_lies_elsewhere_stays(path: Path, tensors: dict[str, Tensor]) -> None:
    """Memory of its own would come back as zeros."""
    elsewhere = torch.arange(NUMBERS).float()
    give_back(path, places([elsewhere]))
    give_back(path, places([elsewhere, *tensors.values()]))
    assert torch.equal(elsewhere, torch.arange(NUMBERS).float())
    assert not mapped(path, places([elsewhere]))
    assert not mapped(path.with_name("another"), places(tensors.values()))


def test_a_file_that_was_replaced_is_not_the_one_that_is_mapped(path: Path, tensors: dict[str, Tensor]) -> None:
    save_file({"a": torch.zeros(NUMBERS)}, path.with_name("new"))
    path.with_name("new").replace(path)
    assert not mapped(path, places(tensors.values()))
    give_back(path, places(tensors.values()))
    assert torch.equal(tensors["a"], torch.arange(NUMBERS).float())


def test_a_model_adopts_tensors_themselves() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    tensors = {name: torch.full_like(each, 2.0).float() for name, each in model.state_dict().items()}
    tensors["1.num_batches_tracked"] = torch.tensor(7)
    adopt(model, tensors)
    for name, parameter in model.named_parameters():
        assert parameter.data_ptr() == tensors[name].data_ptr()
        assert parameter.requires_grad
    assert torch.equal(model[1].running_mean, torch.full((2,), 2.0))
    assert int(model[1].num_batches_tracked) == 7
