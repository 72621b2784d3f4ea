"""The other systems: what each needs in its environment, and how its measured process is started."""

from dataclasses import dataclass
from pathlib import Path

from timing.workers import System


@dataclass(frozen=True)
class Peer:
    """A system that is not ours.

    Args:
        name: of its folder, and for `--only`.
        title: for the table.
        distribution: what is asked for its version.
        module: its measured process.
        installs: arguments of `pip install`, one call each.
        shares_torch: takes torch and all else that it does not bring from the environment that runs the setup.
        modes: what it can do.
        environment: variables that it needs.
    """

    name: str
    title: str
    distribution: str
    module: str
    installs: tuple[tuple[str, ...], ...]
    shares_torch: bool
    modes: tuple[str, ...] = ("train", "greedy", "beam")
    environment: tuple[tuple[str, str], ...] = ()

    def whole(self, into: Path) -> Path:
        """What stands in its environment once all is installed."""
        return into / self.name / "whole"

    def python(self, into: Path) -> Path:
        """The interpreter of its environment."""
        return into / self.name / "bin" / "python"

    def system(self, into: Path) -> System:
        """How it is started."""
        return System(self.title, self.python(into), self.module, self.modes, self.environment)


PEERS = (
    Peer(
        "joeynmt",
        "JoeyNMT",
        "joeynmt",
        "peers.joey",
        (("joeynmt==2.3.0", "importlib_metadata"),),  # it imports the second and does not ask for it
        shares_torch=True,
    ),
    Peer(
        "opennmt",
        "OpenNMT-py",
        "OpenNMT-py",
        "peers.opennmt",
        (
            # It asks for torch < 2.3.
            ("--no-deps", "OpenNMT-py==3.5.1"),
            ("configargparse", "pyonmttok", "sacrebleu", "rapidfuzz", "pyahocorasick", "tensorboard", "six", "pyyaml"),
        ),
        shares_torch=True,
        environment=(("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1"),),  # its checkpoints are pickles
    ),
    Peer(
        "tensorflow",
        "TensorFlow",
        "tensorflow-cpu",
        "peers.keras_loop",
        (("tensorflow-cpu==2.21.0",),),
        shares_torch=False,
        modes=("train", "greedy"),
    ),
)
