"""YAML that others wrote, read with bounds: its depth and its size are known before anything is made of it."""

from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where PyYAML has it
MOST_DEPTH = 20
MOST_VALUES = 10_000


def read_yaml(text: str) -> Any:
    """The values in a YAML text. Raises ValueError with a clause that follows the name of the text."""
    try:
        _measure(text)
        return yaml.load(text, LOADER)
    except yaml.YAMLError as error:
        raise ValueError(f"is not YAML: {' '.join(str(error).split())}") from error
    except _TooMuch as error:
        raise ValueError(str(error)) from error
    except Exception as error:  # of the constructors of scalars: 2001-13-45, 0x_, !!int x
        reason = " ".join(str(error).split())[:80]
        raise ValueError(f"is not YAML: one of its values is not of its type ({reason})") from error


class _TooMuch(Exception):
    """What is read would be too deep or too large."""


def _measure(text: str) -> None:
    """Go through the text without making anything, an alias counted as all that it stands for."""
    counts, names, sizes = [0], [""], dict[str, int]()
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            if event.anchor:
                sizes.pop(event.anchor, None)
            counts.append(1)
            names.append(event.anchor or "")
        elif isinstance(event, yaml.CollectionEndEvent):
            size, name = counts.pop(), names.pop()
            sizes[name] = size
            counts[-1] += size
        elif isinstance(event, yaml.ScalarEvent):
            sizes[event.anchor or ""] = 1
            counts[-1] += 1
        elif isinstance(event, yaml.AliasEvent):
            counts[-1] += sizes.get(event.anchor or "", 0)
            if event.anchor in names:
                raise _TooMuch(f"holds itself, by the alias {str(event.anchor)[:40]!r}")
        if len(counts) > MOST_DEPTH:
            raise _TooMuch(f"is nested more than {MOST_DEPTH - 1} deep")
        if sum(counts) > MOST_VALUES:
            raise _TooMuch(f"holds more than {MOST_VALUES} values")
