"""The command line as it was given, put together again."""

from collections.abc import Collection

import typer


def given(context: typer.Context, without: Collection[str] = ()) -> list[str]:
    """Arguments and options of a command, as words; what the user left out is left out.

    Args:
        context: of the command under way.
        without: names of parameters that are not wanted.
    """
    words: list[str] = []
    arguments: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name in without or source is None or source.name != "COMMANDLINE":
            continue
        value = context.params[name]
        values = [str(each) for each in (value if isinstance(value, list | tuple) else [value])]
        if parameter.param_type_name == "argument":
            arguments += values
        elif getattr(parameter, "is_flag", False):
            words.append(max(parameter.opts if value else parameter.secondary_opts, key=len))
        else:
            option = max(parameter.opts, key=len)
            for each in values:
                # A value that begins with a dash would be read as an option.
                words += [f"{option}={each}"] if each.startswith("-") and each != "-" else [option, each]
    dashed = any(each.startswith("-") and each != "-" for each in arguments)
    return [*words, "--", *arguments] if dashed else [*arguments, *words]
