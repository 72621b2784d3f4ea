"""Make an environment of its own for each of the other systems.

    python benchmarks/peers/setup.py --into DIR [--only joeynmt opennmt tensorflow]

JoeyNMT and OpenNMT-py use the torch of the environment that runs this, so that all have the same build of it; whatever
else they lack and it has, they take from there, too. An environment that is whole is left as it is. About 2.3 GB, of
which 1.6 are TensorFlow, and three minutes with a fast line.
"""

import argparse
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from peers.systems import PEERS, Peer

NEEDED_BYTES = 4_000_000_000


def make(peer: Peer, into: Path) -> None:
    """Make the environment of one system; subprocess.CalledProcessError where pip fails."""
    if peer.whole(into).exists():
        return
    venv.create(into / peer.name, clear=True, with_pip=True)
    python = str(peer.python(into))
    if peer.shares_torch:
        own = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
        # Read after the environment's own packages, which therefore come first.
        (Path(own.decode().strip()) / "zz_shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for packages in peer.installs:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    peer.whole(into).touch()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, required=True, metavar="DIR")
    names = [peer.name for peer in PEERS]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(options.into).free
    if free < NEEDED_BYTES:
        parser.error(f"{options.into} has {free / 1e9:.1f} GB free; expected {NEEDED_BYTES / 1e9:.0f}. Name another.")
    failed = []
    for peer in PEERS:
        if peer.name in options.only:
            print(f"{peer.name} …", file=sys.stderr, flush=True)
            try:
                make(peer, options.into)
            except subprocess.CalledProcessError as error:
                failed.append(peer.name)
                print(f"{peer.name}: {error}", file=sys.stderr)
    if failed:
        sys.exit(f"not made: {', '.join(failed)}; see above")


if __name__ == "__main__":
    main()
