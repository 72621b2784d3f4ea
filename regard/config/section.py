"""What every part of a recipe shares."""

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A frozen part of a recipe; an unknown key is a fault, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def check_name(table: Any, name: str) -> None:
    """Refuse a name that a table does not have, with the nearest that it has."""
    if name not in table:
        near = get_close_matches(name, list(table), 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"{table.kind} is {name!r}; expected one of {', '.join(table)}{hint}")
