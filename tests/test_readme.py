"""The READMEs and the how-to pages say what is true: their commands, names, files and code."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

import regard
from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.cli.app import app
from regard.cli.pairs import recipe_and_pairs
from regard.config import adapted, load_recipe, parse
from regard.config.recipes import find, names
from regard.decoders import DECODERS, OUTPUTS
from regard.encoders import ENCODERS
from regard.metrics import METRICS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HOW_TO = (
    "demo",
    "recipes",
    "own-text",
    "inflection",
    "labels",
    "questions",
    "copy",
    "word-alignment",
    "using",
    "shortlist",
    "several-machines",
    "from-keras",
)
PAGES = ("README.md", "README.zh.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
every_page = pytest.mark.parametrize("page", PAGES)


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "heading"), [("README.md", "## Commands"), ("README.zh.md", "## 命令")])
def test_every_command_is_there(page: str, heading: str) -> None:
    table = text(page).split(heading)[1].split("## ")[0]
    assert set(re.findall(r"\| `regard (\w+)", table)) == set(get_command(app).commands)  # type: ignore[attr-defined]


@every_page
def test_no_other_command_is_there(page: str) -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = re.findall(r"(?:^|`|-m )regard (\w+)", text(page), re.MULTILINE)
    assert set(named) <= commands


@pytest.mark.parametrize(
    "table", [ENCODERS, DECODERS, OUTPUTS, SCORES, SELECTIONS, WINDOWS], ids=lambda table: table.kind
)
def test_every_choice_is_named(table) -> None:
    choices = README.split("| choice | entries |")[1].split("\n\n")[0]
    assert [name for name in table if f"`{name}`" not in choices] == []


@every_page
def test_every_option_is_there(page: str) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name, line in re.findall(r"regard (\w+)([^\n]*)", text(page)):
        known = (
            {option for parameter in commands[name].params for option in parameter.opts} if name in commands else None
        )
        for option in re.findall(r"(?<![\w-])--[a-z]+[a-z-]*", line.split(" # ")[0]):
            assert known is None or option in known, f"regard {name} {option}"


def command_lines(found: str) -> list[list[str]]:
    """The words behind `regard` of each line that begins with it; one that is not to be typed has a …"""
    lines = re.findall(r"^(?: {4}|\$ |[^`\n]*\| )?regard (.*)", found.replace("\\\n", " "), re.MULTILINE)
    cut = [re.split(r"\s[|<>]\s|\s&&\s", line.replace("$'", "'"))[0] for line in lines]
    words = [shlex.split(line, comments=True) for line in cut]
    return [each for each in words if not any("…" in word for word in each)]


@every_page
def test_every_command_line_is_understood(page: str) -> None:
    """Options, values and recipes, as the commands read them; files and runs are not looked for."""
    understood(command_lines(text(page)))


def test_every_example_of_the_help_is_understood() -> None:
    commands = get_command(app).commands.values()  # type: ignore[attr-defined]
    examples = [example for each in commands for example in re.findall(r"Example: (?=regard)(.*)", each.help)]
    assert len(examples) == len(commands)
    understood(command_lines("\n".join(examples)))


def understood(lines: Sequence[Sequence[str]]) -> None:
    """Raises what the command would print."""
    for name, *words in lines:
        given = get_command(app).commands[name].make_context(name, [*words]).params  # type: ignore[attr-defined]
        assert set(given.get("metric") or ()) <= set(METRICS), words
        if name == "train":
            recipe, _ = recipe_and_pairs(given["arguments"], given["recipe"])
            changes = given["sets"] or []
            if recipe in names():
                load_recipe(find(recipe), changes)
            else:
                adapted({}, changes, "test")


@every_page
def test_every_recipe_is_one(page: str) -> None:
    for recipe in re.findall(r"^```yaml[^\n]*\n(.*?)^```", text(page), re.DOTALL | re.MULTILINE):
        parse(yaml.safe_load(recipe), page)


@pytest.mark.parametrize("page", ["README.md", "README.zh.md", *(f"docs/{name}.md" for name in HOW_TO)])
def test_every_file_is_there(page: str) -> None:
    for path in re.findall(r"(?<![\w/.])(recipes/[\w-]+\.yaml)", text(page)):
        assert (ROOT / path).is_file(), path
    for path in re.findall(r"`(?:regard/)?((?:\w+/)*\w+\.py)`", text(page)):
        assert (ROOT / "regard" / path).is_file(), path
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text(page)):
        assert "://" in link or (ROOT / page).parent.joinpath(link).exists(), link


def test_the_chinese_readme_has_the_figures_of_the_english_one() -> None:
    for row in re.findall(r"^\|.*\d\.\d.*$|^\|.*\d,\d{3}.*$", text("README.zh.md"), re.MULTILINE):
        for figure in re.findall(r"\d+(?:[.,]\d+)+(?: ± \d\.\d)?", row):
            assert figure in README, row


@every_page
def test_every_public_name_is_there(page: str) -> None:
    for block in re.findall(r"```python\n(.*?)```", text(page), re.DOTALL):
        assert set(re.findall(r"\bregard\.(\w+)\(", block)) <= set(regard.__all__)


def test_the_recipe_that_copies_is_one() -> None:
    (recipe,) = re.findall(r"```yaml\n(.*?)```", text("docs/copy.md"), re.DOTALL)
    config = parse(yaml.safe_load(recipe), "recipe")
    assert config.model.output.copies
    assert config.training.coverage.from_step == 2000


def test_the_recipe_for_inflection_is_one() -> None:
    recipe = re.findall(r"```yaml\n(.*?)```", text("docs/inflection.md"), re.DOTALL)
    data = parse(yaml.safe_load(recipe[0]), "recipe").data
    assert data.source.tokenizer == "inflection"


def test_the_recipe_for_labels_is_one() -> None:
    recipe = re.findall(r"```yaml\n(.*?)```", text("docs/labels.md"), re.DOTALL)
    assert [parse(yaml.safe_load(each), "recipe").model.decoder.kind for each in recipe] == ["pooling", "pooling"]


def test_every_metric_has_its_line() -> None:
    page = text("docs/labels.md").split("## Which metric")[1]
    assert [name for name in METRICS if f"`{name}`" not in page] == []


@pytest.mark.parametrize("recipe", re.findall(r"```yaml\n(.*?)```", text("docs/questions.md"), re.DOTALL))
def test_the_recipes_for_sentences_are_some(recipe: str) -> None:
    config = parse(yaml.safe_load(recipe), "recipe")
    assert config.model.encoder.kind == "hierarchical"


def test_no_figure_is_left_open() -> None:
    assert "@@" not in README


def test_the_attention_example_runs() -> None:
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "build_attention" in block)
    names: dict = {}
    exec(code, names)
    weights = names["attended"].weights[0, 0]
    assert weights[0] > 0.999
    assert weights.sum().item() == pytest.approx(1)
