"""What every part of a recipe shares."""

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict

MOST_FEATURES = 65_536
"""Of one layer; a number beyond it is a slip of the pen, and would be found only when there is no memory."""
MOST_STEPS = 10**12


class Section(BaseModel):
    """A frozen part of a recipe; an unknown key is a fault, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def check_name(table: Any, name: str) -> None:
    """Refuse a name that a table does not have, with the nearest that it has, and one that is claimed twice."""
    if name not in table:
        near = get_close_matches(name[:60], list(table), 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(f"{table.kind} is {name[:60]!r}; expected one of {', '.join(table)}{hint}")
    table.check(name)
