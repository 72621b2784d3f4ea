"""Options that come together, taken by a command as one record."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from typing import Any

import typer


class Chosen(dict[str, str]):
    """The options that were given on the command line: the name of the parameter, and how it is written."""


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """The command as the command line sees it: every field of its records an option of its own.

    A parameter whose type is a dataclass is such a record; its fields have the types and defaults of options. One of
    the type `Chosen` is no option: it is told which of them were given.
    """
    parameters = inspect.signature(command).parameters
    records: dict[str, Any] = {
        name: given.annotation for name, given in parameters.items() if is_dataclass(given.annotation)
    }
    options = []
    for name, parameter in parameters.items():
        if parameter.annotation is Chosen:
            options.append(inspect.Parameter(name, _NAMED, annotation=typer.Context))
            continue
        record = records.get(name)
        options += [_option(field) for field in fields(record)] if record else [parameter.replace(kind=_NAMED)]

    @wraps(command)
    def run(**given: Any) -> None:
        for name, record in records.items():
            given[name] = record(**{field.name: given.pop(field.name) for field in fields(record)})
        for name in (name for name, parameter in parameters.items() if parameter.annotation is Chosen):
            given[name] = _chosen(given[name])
        command(**given)

    run.__dict__["__signature__"] = inspect.Signature(options)
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _chosen(context: Any) -> Chosen:
    """What the context of a command says of its options."""
    sources = {each.name: context.get_parameter_source(each.name) for each in context.command.params}
    written = {each.name: max(each.opts, key=len) for each in context.command.params if each.opts}
    return Chosen({name: written[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"})


_NAMED = inspect.Parameter.KEYWORD_ONLY


def _option(field: "Field[Any]") -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is MISSING else field.default
    return inspect.Parameter(field.name, _NAMED, default=default, annotation=field.type)
