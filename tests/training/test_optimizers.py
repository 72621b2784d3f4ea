import pytest
import torch
from small_run import make_model

from regard.training import OPTIMIZERS
from regard.training.loop import clip


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_decay_spares_vectors_and_embeddings(name: str) -> None:
    model = make_model()
    optimizer = OPTIMIZERS[name](model, learning_rate=0.1, weight_decay=0.3)
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert len(decay) == len(list(model.parameters()))
    for parameter_name, parameter in model.named_parameters():
        spared = parameter.dim() == 1 or "embedding" in parameter_name
        assert decay[id(parameter)] == (0.0 if spared else 0.3), parameter_name
    assert decay[id(model.decoder.tokens.output.weight)] == 0.0  # tied


@pytest.mark.parametrize(("name", "reference"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_a_step_is_that_of_torch(name: str, reference: type[torch.optim.Optimizer]) -> None:
    ours, theirs = torch.nn.Linear(3, 2, bias=False), torch.nn.Linear(3, 2, bias=False)
    theirs.load_state_dict(ours.state_dict())
    steps = (
        (ours, OPTIMIZERS[name](ours, learning_rate=0.1, weight_decay=0.2)),
        (theirs, reference(theirs.parameters(), lr=0.1, weight_decay=0.2, fused=False)),
    )
    for module, optimizer in steps:
        for _ in range(3):
            optimizer.zero_grad()
            module(torch.tensor([1.0, -2.0, 3.0])).square().sum().backward()
            optimizer.step()
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_parameters_that_are_not_trained_are_left_out() -> None:
    model = torch.nn.Linear(3, 2)
    model.weight.requires_grad_(False)
    (group,) = OPTIMIZERS["adam"](model).param_groups
    assert group["params"] == [model.bias]


@pytest.mark.parametrize(("limit", "expected"), [(None, 13.0), (26.0, 13.0), (6.5, 6.5)])
def test_clipping_shortens_the_whole_gradient(limit: float | None, expected: float) -> None:
    parameters = [torch.zeros(1, requires_grad=True), torch.zeros(2, requires_grad=True)]
    parameters[0].grad, parameters[1].grad = torch.tensor([3.0]), torch.tensor([4.0, 12.0])
    assert float(clip(parameters, limit)) == pytest.approx(13.0)
    length = torch.cat([parameter.grad for parameter in parameters if parameter.grad is not None]).norm()
    assert float(length) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("limit", [None, 5.1])
def test_a_short_gradient_is_not_written(limit: float | None) -> None:
    parameter = torch.zeros(2, requires_grad=True)
    parameter.grad = torch.tensor([3.0, 4.0])
    before = parameter.grad._version
    clip([parameter, torch.zeros(3, requires_grad=True)], limit)
    assert parameter.grad._version == before


def test_what_is_not_finite_is_told() -> None:
    parameter = torch.zeros(2, requires_grad=True)
    parameter.grad = torch.tensor([3.0, float("nan")])
    assert clip([parameter], 1.0).isnan()
    assert float(clip([torch.zeros(3, requires_grad=True)], 1.0)) == 0.0
