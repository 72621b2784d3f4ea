"""Options that come together, taken by a command as one record."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from typing import Any


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """The command as the command line sees it: every field of its records an option of its own.

    A parameter whose type is a dataclass is such a record; its fields have the types and defaults of options.
    """
    parameters = inspect.signature(command).parameters
    records: dict[str, Any] = {
        name: given.annotation for name, given in parameters.items() if is_dataclass(given.annotation)
    }
    options = []
    for name, parameter in parameters.items():
        record = records.get(name)
        options += [_option(field) for field in fields(record)] if record else [parameter.replace(kind=_NAMED)]

    @wraps(command)
    def run(**given: Any) -> None:
        for name, record in records.items():
            given[name] = record(**{field.name: given.pop(field.name) for field in fields(record)})
        command(**given)

    run.__dict__["__signature__"] = inspect.Signature(options)
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


_NAMED = inspect.Parameter.KEYWORD_ONLY


def _option(field: "Field[Any]") -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, _NAMED, default=default, annotation=field.type)
