"""`regard doctor`: what is installed here, and what would help."""

from regard.cli.errors import reported
from regard.cli.options import Json


@reported
def command(json: Json = False) -> None:
    """Say what is installed, and what would help.

    Example: regard doctor
    """
    from dataclasses import asdict

    from regard.cli.health import findings
    from regard.cli.stdout import aligned_columns, json_line, put

    found = findings()
    if json:
        put([json_line({"findings": [asdict(one) for one in found]})])
        return
    table = aligned_columns([["ok" if one.fine else "!!", one.about, one.is_so] for one in found], "lll")
    advice = [f"{one.about}: {one.advice}" for one in found if one.advice]
    put([*table, *([""] if advice else []), *advice])
