"""`regard demo`: the main job on the embedded corpus."""

from regard.cli.report import reported


@reported
def command() -> None:
    """Train on the embedded corpus, translate, and show the alignment."""
