"""Tables of names. An entry is imported when it is first used, so reading the names is fast.

A package of your own adds entries by entry points of the group that a table names; its `pyproject.toml` says

    [project.entry-points."regard.scores"]
    euclidean = "my_package.euclidean:EuclideanScore"

and the name is in the table if that package is installed. Names come from the metadata of installed packages, read once
per process; the package itself is imported when one of its entries is first used.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from regard.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "regard."


class Table(Mapping[str, Any]):
    """Names of one kind of part, and where each entry is.

    Args:
        kind: what the names are, for messages: "score", "decoder".
        package: the package that the places are relative to.
        places: name → "module:attribute", of Regard's own entries.
        group: entry points of this group are also entries.
    """

    def __init__(self, kind: str, package: str, places: dict[str, str], group: str | None = None) -> None:
        self.kind = kind
        self.package = package
        self.places = places
        self.group = group

    @property
    def added(self) -> Mapping[str, tuple["EntryPoint", ...]]:
        """The entries of other packages, by name; more than one where packages claim the same name."""
        return {} if self.group is None else installed().get(self.group, {})

    def __getitem__(self, name: str) -> Any:
        self.check(name)
        if name in self.places or name not in self.added:
            return self.own(name)
        return self._load(self.added[name][0])

    def __contains__(self, name: object) -> bool:
        return name in self.places or name in self.added

    def __iter__(self) -> Iterator[str]:
        yield from self.places
        yield from (name for name in self.added if name not in self.places)

    def __len__(self) -> int:
        return len({*self.places, *self.added})

    def choose(self, name: str) -> Any:
        """The part of that name. Raises ValueError with the choices and the nearest one."""
        if name not in self:
            near = get_close_matches(name, list(self), 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{self.kind} is {name!r}; expected one of {', '.join(self)}.{hint}")
        return self[name]

    def own(self, name: str) -> Any:
        """Regard's own part of that name, even if another package claims the name."""
        module, attribute = self.places[name].split(":")
        return getattr(import_module(f"{self.package}.{module}"), attribute)

    def check(self, name: str) -> None:
        """Raises UsageError if the name is claimed more than once."""
        claims = ["Regard itself"] if name in self.places else []
        claims += [_named(point) for point in self.added.get(name, ())]
        if len(claims) > 1:
            raise UsageError(
                f"{self.kind} {name!r} is claimed by {' and by '.join(claims)}; expected one entry of that name. "
                "Rename or uninstall the other."
            )

    def _load(self, point: "EntryPoint") -> Any:
        try:
            return point.load()
        except Exception as error:  # code of another package may raise anything
            raise UsageError(
                f"{self.kind} {point.name!r} of {_named(point)} cannot be imported: {type(error).__name__}: {error}. "
                "Mend or uninstall that package."
            ) from error


@cache
def installed() -> Mapping[str, Mapping[str, tuple["EntryPoint", ...]]]:
    """Group → name → entry points, of all installed packages that add to a table of Regard. If a package is on
    the path twice, the first one counts."""
    from importlib.metadata import distributions  # slow to import

    found: dict[str, dict[str, tuple[EntryPoint, ...]]] = {}
    seen = set()
    for package in distributions():
        points = [point for point in package.entry_points if point.group.startswith(GROUP)]
        if points and package.name not in seen:  # reading a name is slower than reading entry points
            seen.add(package.name)
            for point in points:
                group = found.setdefault(point.group, {})
                group[point.name] = (*group.get(point.name, ()), point)
    return found


def _named(point: "EntryPoint") -> str:
    package = point.dist.name if point.dist is not None else "a package"
    return f"{package} ({point.value})"
