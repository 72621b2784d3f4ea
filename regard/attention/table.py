"""A table of names that costs nothing to read: each class is imported when it is first asked for."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any


class Table(Mapping[str, Any]):
    """Names of one kind of part, and where each is.

    Args:
        kind: what the names are, for messages: "score", "decoder".
        package: the package that the places are relative to.
        places: name → "module:attribute".
    """

    def __init__(self, kind: str, package: str, places: dict[str, str]) -> None:
        self.kind = kind
        self.package = package
        self.places = places

    def __getitem__(self, name: str) -> Any:
        module, attribute = self.places[name].split(":")
        return getattr(import_module(f"{self.package}.{module}"), attribute)

    def __contains__(self, name: object) -> bool:
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def choose(self, name: str) -> Any:
        """The part of that name. Raises ValueError with the choices and the nearest one."""
        if name not in self.places:
            near = get_close_matches(name, self.places, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{self.kind} is {name!r}; expected one of {', '.join(self.places)}.{hint}")
        return self[name]
