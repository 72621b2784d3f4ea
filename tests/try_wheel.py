"""Try a wheel as a user has it: installed in a fresh virtual environment, outside the checkout.

    python tests/try_wheel.py dist/regard-0.1.0-….whl

The environment sees the packages of this one (torch and the rest) through a .pth file, so that nothing is downloaded.
The wheel's `regard` comes first. Three commands run there: `doctor` must find the compiled code, `recipes` the data
files, and `demo --small` trains, translates and writes the page. The first fault ends it with one sentence.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path


def install(wheel: Path, place: Path) -> Path:
    """The Python of a new environment with this wheel."""
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", wheel.resolve()], check=True)
    where = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(where, check=True, capture_output=True, text=True).stdout.strip())
    shared = sysconfig.get_path("purelib")  # `addsitedir` reads the .pth files of that folder, too
    (packages / "beside.pth").write_text(f"import site; site.addsitedir({shared!r})\n", encoding="utf-8")
    return python


def regard(python: Path, folder: Path, *arguments: str) -> str:
    """The standard output of a command of the wheel, in a folder without a checkout."""
    command, environment = [str(python.with_name("regard")), *arguments], os.environ.copy()
    environment.pop("PYTHONPATH", None)
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"regard {' '.join(arguments)} ended with exit code {result.returncode}: {result.stderr}")
    return result.stdout


def main(wheel: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="regard-wheel-") as name:
        folder = Path(name)
        python = install(wheel, folder / "environment")
        where = [str(python), "-c", "import regard; print(regard.__file__)"]
        found = subprocess.run(where, cwd=folder, check=True, capture_output=True, text=True).stdout
        if not found.startswith(str(folder)):
            raise SystemExit(f"{wheel}: Python imports {found.strip()}, which is not the wheel's.")
        findings = {one["about"]: one for one in json.loads(regard(python, folder, "doctor", "--json"))["findings"]}
        compiled = findings["compiled code"]
        if not compiled["fine"]:
            raise SystemExit(f"{wheel}: {compiled['is_so']}. {compiled['advice']}")
        if "tatoeba-en-zh" not in regard(python, folder, "recipes"):
            raise SystemExit(f"{wheel}: a recipe is missing.")
        regard(python, folder, "demo", "--small", "--quiet", "--out", "demo")
        if not (folder / "demo" / "alignment.html").is_file():
            raise SystemExit(f"{wheel}: `regard demo` wrote no page.")
        print(f"{wheel.name} works outside the checkout: {compiled['is_so']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
