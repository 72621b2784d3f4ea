"""The recipes that come with Regard, each for a published task."""

from difflib import get_close_matches
from pathlib import Path

from regard.errors import UsageError

FOLDER = Path(__file__).parents[1] / "recipes"
ENDINGS = (".yaml", ".yml")


def names() -> list[str]:
    """Their names, in order of the alphabet."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def text(name: str) -> str:
    """The YAML of one of them. Raises UsageError, with the nearest name, where there is none of that name."""
    if name not in names():
        raise _unknown(name)
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def about(name: str) -> str:
    """What it is for, in one line: the comment that it begins with."""
    return text(name).splitlines()[0].removeprefix("#").strip()


def names_recipe(given: str) -> bool:
    """Whether this names a recipe, rather than a file of pairs: one that comes with Regard, or a file of YAML."""
    return given in names() or given.endswith(ENDINGS)


def find(given: str) -> Path:
    """The file of a recipe: of one that comes with Regard, by its name, else the path itself.

    Raises UsageError, with the nearest name, for what is neither a name nor there.
    """
    if given in names():
        return FOLDER / f"{given}.yaml"
    if not given.endswith(ENDINGS) and not Path(given).exists():
        raise _unknown(given)
    return Path(given)


def _unknown(name: str) -> UsageError:
    near = get_close_matches(name, names(), 1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return UsageError(f"recipe is {name!r}; expected one of {', '.join(names())}, or the path of a YAML file.{hint}")
