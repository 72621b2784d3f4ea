"""A package beside Regard adds an entry to each table by entry points; nothing of Regard is touched."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import models
import pytest
import torch

from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.attention.build import build_attention
from regard.config import dump, parse
from regard.decoders import DECODERS, OUTPUTS
from regard.encoders import ENCODERS
from regard.errors import UsageError
from regard.metrics import METRICS
from regard.model.build import build_model
from regard.registry import Table, installed

HERE = Path(__file__).parent
ADDED = [
    (SCORES, "distance"),
    (SELECTIONS, "sharp"),
    (WINDOWS, "halved"),
    (ENCODERS, "convolutional"),
    (DECODERS, "cell"),
    (OUTPUTS, "mixture"),
    (METRICS, "first_letters"),
]
PARTS = {"score": "distance", "select": "sharp", "window": "halved"}
RECIPE = """
data: {source: {tokenizer: characters}, target: {tokenizer: characters}}
model:
  embedding_size: 5
  encoder: {kind: convolutional, hidden_size: 6, width: 5}
  decoder: {kind: cell, cell: lstm, hidden_size: 7}
  output: {kind: mixture, components: 3}
  attention: {score: distance, select: sharp, window: halved, options: {distance: {scale: 0.5}}}
training: {max_steps: 2, metric: first_letters}
search: {max_extra: 3}
"""


def entry_points() -> dict[str, dict[str, str]]:
    """Those that CONTRIBUTING.md shows."""
    text = (HERE.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert shown is not None
    return tomllib.loads(shown[1])["project"]["entry-points"]


def install(site: Path, package: str, points: dict[str, dict[str, str]]) -> None:
    """What an installer leaves behind."""
    info = site / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in each.items())
        for group, each in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages with `beside`."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(HERE / "beside.py", site)
    install(site, "beside", entry_points())
    return site


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A path that the test may add folders to."""
    installed.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    installed.cache_clear()
    for name in ("beside", "broken"):
        sys.modules.pop(name, None)


@pytest.fixture
def _beside(site: Path, path: pytest.MonkeyPatch) -> None:
    path.syspath_prepend(str(site))


@pytest.mark.usefixtures("_beside")
@pytest.mark.parametrize(("table", "name"), ADDED, ids=[name for _, name in ADDED])
def test_names_are_read_without_importing_the_package(table: Table, name: str) -> None:
    assert name in table
    assert list(table)[-1] == name
    assert len(table) == len(table.places) + 1
    assert "beside" not in sys.modules
    assert table[name].__module__ == "beside"


@pytest.mark.parametrize(("stage", "table"), [("encoder", ENCODERS), ("decoder", DECODERS)])
def test_a_name_that_is_listed_builds_the_module_of_that_name(stage: str, table: Table) -> None:
    for kind in table.places:
        config = parse({"model": {"embedding_size": 5, stage: {"kind": kind, "hidden_size": 16}}}, "test")
        built = getattr(build_model(config.model, 11, 13), stage)
        assert type(built).__name__ == f"{kind.title()}{stage.title()}"


def test_a_package_that_is_not_installed_adds_nothing(path: pytest.MonkeyPatch) -> None:
    for table, name in ADDED:
        assert name not in table
        assert list(table) == list(table.places)
    with pytest.raises(UsageError, match=r"model.encoder: encoder is 'convolutional'; expected one of recurrent"):
        parse({"model": {"encoder": {"kind": "convolutional"}}}, "test")


@pytest.mark.usefixtures("_beside")
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_recipe_builds_them_and_steps_agree_with_teacher_forcing(cell: str) -> None:
    encoder = {"kind": "convolutional", "hidden_size": 6, "width": 5}
    attention = PARTS | {"options": {"distance": {"scale": 0.5}}}
    output = {"kind": "mixture", "components": 3}
    config = models.recipe({"kind": "cell", "cell": cell}, encoder=encoder, attention=attention, output=output)
    assert parse({"model": config.model.model_dump()}, "test").model == config.model
    assert parse({"model": config.model.model_dump(exclude_defaults=True)}, "test").model == config.model
    assert "width: 5" in dump(config)
    model, batch = models.small_model(config), models.batch_of([(3, 4), (5, 2)])
    assert type(model.encoder).__module__ == type(model.decoder).__module__ == "beside"
    assert model.decoder.attention.score.scale == 0.5
    assert len(model.tokens.output.parts) == 3
    source, state = model.begin(model.encode(batch.source, batch.source_mask))
    unrolled = model.decoder(batch.inputs, source, state)
    for position, tokens in enumerate(batch.inputs.unbind(1)):
        step = model.step(tokens, state, source)
        state = step.state
        torch.testing.assert_close(step.weights, unrolled.weights[:, position])
        torch.testing.assert_close(step.logits, model.logits(unrolled)[:, position])


@pytest.mark.usefixtures("_beside")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"encoder": {"kind": "convolutionl"}},
            "expected one of recurrent, transformer, convolutional .did you mean c",
        ),
        ({"encoder": {"kind": "convolutional", "widht": 3}}, "unknown key model.encoder.widht; did you mean width?"),
        ({"encoder": {"kind": "convolutional", "width": 4}}, "model.encoder.width is 4: input should be 1, 3 or 5"),
        (
            {"encoder": {"kind": "convolutional", "num_heads": 2}},
            "num_heads belongs to the transformer encoder; expected",
        ),
        ({"decoder": {"kind": "cell", "cell": "lstn"}}, "did you mean lstm?"),
        ({"decoder": {"kind": "cell", "hidden_size": 0}}, "model.decoder.hidden_size is 0: input should be greater"),
        ({"attention": {"score": "distanse"}}, "did you mean distance?"),
        ({"output": {"kind": "mixtur"}}, "expected one of linear, mixture .did you mean mixture?"),
        ({"output": {"kind": "linear", "components": 3}}, "unknown key model.output.components"),
    ],
)
def test_slips_in_their_keys_are_mended(model: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        parse({"model": model}, "test")


@pytest.mark.usefixtures("_beside")
def test_what_their_constructors_refuse_and_what_they_lack_is_a_sentence(path: pytest.MonkeyPatch) -> None:
    config = parse({"model": {"decoder": {"kind": "cell", "hidden_size": 13}}}, "test")
    with pytest.raises(UsageError, match=r"^model\.decoder: CellDecoder: hidden_size is 13; expected a luckier number"):
        build_model(config.model, 11, 13)
    config = parse({"model": {"decoder": {"kind": "cell"}}}, "test")
    with pytest.raises(UsageError, match=r"^model\.output: MixtureOutput: tied is an embedding; expected none, since"):
        build_model(parse({"model": {"output": {"kind": "mixture"}, "tie": "two_way"}}, "test").model, 11, 13)
    path.delattr("beside.CellDecoder.carries")
    with pytest.raises(
        UsageError,
        match=r"^model\.decoder: cell builds a CellDecoder without carries; expected all that "
        r"regard\.decoders\.decoder\.Decoder lists\.$",
    ):
        build_model(config.model, 11, 13)
    with pytest.raises(ValueError, match=r"score 'distance' has no option 'skale'; .* Did you mean 'scale'"):
        build_attention(3, 3, score="distance", options={"distance": {"skale": 2.0}})


def test_a_name_that_is_there_already_is_refused_when_it_is_used(tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    install(tmp_path, "one", {"regard.scores": {"dot": "one:Dot", "near": "one:Near"}})
    install(tmp_path, "two", {"regard.scores": {"near": "two:Near"}})
    path.syspath_prepend(str(tmp_path))
    assert list(SCORES) == [*SCORES.places, "near"]
    with pytest.raises(
        UsageError, match=r"score 'dot' is claimed by Regard itself and by one \(one:Dot\); expected one"
    ):
        parse({"model": {"attention": {"score": "dot"}}}, "test")
    with pytest.raises(
        UsageError, match=r"'near' is claimed by \w+ \(\w+:Near\) and by \w+ \(\w+:Near\); expected one"
    ):
        SCORES.choose("near")
    parse({"model": {"attention": {"score": "general"}}}, "test")


def test_a_claimed_name_harms_no_other(tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    install(tmp_path, "one", {"regard.decoders": {"luong": "one:Luong"}})
    path.syspath_prepend(str(tmp_path))
    parse({"model": {"decoder": {"kind": "fixed", "input_feeding": False}}}, "test")
    with pytest.raises(UsageError, match=r"input_feeding belongs to the luong decoder; expected no such key for fixed"):
        parse({"model": {"decoder": {"kind": "fixed", "input_feeding": True}}}, "test")
    with pytest.raises(UsageError, match=r"decoder 'luong' is claimed by Regard itself and by one"):
        parse({"model": {"decoder": {}}}, "test")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (
            "broken:Part",
            r"'odd' of broken \(broken:Part\) cannot be imported: ZeroDivisionError: division by zero. Mend",
        ),
        ("absent:Part", r"cannot be imported: ModuleNotFoundError: No module named 'absent'"),
        (
            "os:getcwd",
            r"encoder 'odd' is <built-in .*>; expected a section, a class that inherits from regard.config.Enc",
        ),
    ],
)
def test_a_broken_package_is_named(tmp_path: Path, path: pytest.MonkeyPatch, place: str, message: str) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    install(tmp_path, "broken", {"regard.encoders": {"odd": place}})
    path.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match=message):
        parse({"model": {"encoder": {"kind": "odd"}}}, "test")
    parse({}, "test")


def command(site: Path | None, folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A command, with the packages of that folder."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(site or "")}
    given = [sys.executable, "-m", "regard", *arguments]
    return subprocess.run(given, cwd=folder, env=environment, input=stdin, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_command_line_trains_with_them_and_translates(site: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "pairs.tsv").write_text("".join(f"{'ab' * n}\t{'ba' * n}\n" for n in range(1, 60)))
    trained = command(site, tmp_path, "train", "recipe.yaml", "pairs.tsv", "--out", "run", "--threads", "1")
    assert trained.returncode == 0, trained.stderr
    card = (tmp_path / "run/card.md").read_text(encoding="utf-8")
    assert "| decoder | cell (lstm), distance score, sharp selection |" in card
    assert "| output layer | mixture |" in card
    assert "| first_letters |" in card
    translated = command(site, tmp_path, "translate", "run", "--align", stdin="abab\n")
    assert (translated.returncode, translated.stdout.count("\n")) == (0, 1), translated.stderr
    alone = command(None, tmp_path, "translate", "run", stdin="abab\n")
    assert alone.returncode == 4
    said = " ".join(alone.stderr.split())
    assert "encoder is 'convolutional'; expected one of recurrent, transformer" in said
    assert "or need a package that is not installed here" in said
