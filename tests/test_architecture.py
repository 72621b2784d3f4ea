"""The tree is the architecture: a stage imports only from its left, and what must be light is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import regard

PACKAGE = Path(regard.__file__).parent
ORDER = [
    "errors",
    "registry",
    "files",
    "check",
    "marks",
    "kernels",
    "attention",
    "data",
    "recurrent",
    "encoders",
    "decoders",
    "metrics",
    "config",
    "model",
    "search",
    "alignment",
    "compiled",
    "alignments",
    "translator",
    "training",
    "views",
    "exporting",
    "serving",
    "run",
    "analysis",
    "api",
    "cli",
]
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Modules of Regard that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            assert not node.level, f"{path}: relative import"
            if node.module == "regard":
                names = [f"regard.{alias.name}" for alias in node.names]
        found |= {name for name in names if name.startswith("regard.")}
    return found


def imported_rooms(path: Path) -> set[str]:
    """Their rooms."""
    return {name.split(".")[1] for name in imported(path)} - {"__version__"}


def test_every_room_is_in_the_order() -> None:
    rooms = {room(path) for path in FILES} - {"__init__", "__main__"}
    assert rooms <= set(ORDER), rooms - set(ORDER)


def test_every_folder_of_code_is_a_package() -> None:
    """What reads the code without importing it, as the site does, finds no module in another folder."""
    assert [folder for folder in {path.parent for path in FILES} if not (folder / "__init__.py").exists()] == []


def test_no_public_name_is_a_module_too() -> None:
    """Python puts an imported module in the place of the name, as it happened to `from_keras`."""
    assert {room(path) for path in FILES} & set(regard.__all__) == set()


@pytest.mark.parametrize("path", [path for path in FILES if room(path) in ORDER], ids=str)
def test_a_stage_imports_only_from_its_left(path: Path) -> None:
    here = ORDER.index(room(path))
    right = {name for name in imported_rooms(path) if ORDER.index(name) > here}
    assert not right, f"{path} imports {right}, which stand to its right"


def test_attention_imports_of_regard_the_ground_and_the_kernels_alone() -> None:
    for path in (PACKAGE / "attention").rglob("*.py"):
        assert imported_rooms(path) <= {"attention", "kernels", "check", "registry"}, path


def test_compiled_code_has_one_room_and_one_door() -> None:
    assert {path.parent.name for path in PACKAGE.rglob("*.[ch]")} == {"c"}
    assert all(path.parents[1].name == "kernels" for path in PACKAGE.rglob("*.[ch]"))
    loaders = [path.name for path in FILES if "CDLL(str(" in path.read_text(encoding="utf-8")]
    assert loaders == ["library.py"]


DOORS = {"regard.compiled.freeze": {"translator.py"}, "regard.compiled.training": {"loop.py", "validation_loss.py"}}
"""What may be imported of compiled/, and by which files: a search's door, and the door of training."""


def test_what_makes_a_model_fast_has_two_doors() -> None:
    for path in FILES:
        doors = {name for name in imported(path) if name.startswith("regard.compiled")}
        if room(path) != "compiled":
            assert all(path.name in DOORS.get(door, ()) for door in doors), f"{path} imports {doors}"


def test_search_and_views_know_no_model() -> None:
    for path in (PACKAGE / "search").rglob("*.py"):
        rooms = {"search", "decoders", "kernels", "data", "marks", "errors"}
        assert imported_rooms(path) <= rooms, path
    for path in (PACKAGE / "views").rglob("*.py"):
        assert imported_rooms(path) <= {"views", "alignment", "files", "errors", "data"}, path
        of_data = {name for name in imported(path) if name.startswith("regard.data")}
        assert of_data <= {"regard.data.media"}, path  # the records that an Alignment carries of what is no text


LIGHT = ["regard.attention", "regard.cli", "regard.config", "regard.decoders", "regard.encoders", "regard.metrics"]


@pytest.mark.parametrize("module", ["regard", "regard.registry", *LIGHT])
def test_names_come_without_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'matplotlib')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_exist() -> None:
    for name in regard.__all__:
        assert getattr(regard, name) is not None
    with pytest.raises(AttributeError, match="expected one of"):
        regard.nothing  # noqa: B018


def test_nothing_is_pickled() -> None:
    words = ("pickle", "torch.save", "torch.load", "allow_pickle=True")
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        code = "\n".join(line.split("#")[0] for line in text.split("\n"))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute | ast.Name | ast.Import | ast.ImportFrom):
                assert not any(word in ast.unparse(node) for word in words), path
        assert "allow_pickle=True" not in code
