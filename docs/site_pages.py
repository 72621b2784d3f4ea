"""Writes the pages of the site to build/pages, from which zensical makes it: `make site`.

The site has the repository's layout, so a link such as `../regard/attention/dot.py` is right in both. Added are what
only a site needs: a page for every file of code that a page links, the notebook as a page, and the reference, whose
entries mkdocstrings fills from the docstrings.
"""

import json
import re
import shutil
from pathlib import Path

import regard

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "build" / "pages"
CODE = re.compile(r"\]\(((?:\.\./)?(?:regard|recipes)/[\w/-]+\.(?:py|yaml|[ch]))\)")

REFERENCE = {
    "train": ("Train, evaluate, align", ["train", "evaluate", "align", "load", "Run", "Evaluation", "Aligned"]),
    "model": ("Models and attention", ["Translator", "EncoderDecoder", "Attention", "Hypothesis", "RegardError"]),
    "show": ("Alignments and pictures", ["Alignment", "heatmap", "show", "save_figure", "save_page"]),
    "keras": ("Models from Keras", ["from_keras", "KerasLayers", "KerasWords"]),
}
"""Page: its title and the public names of `regard` that it documents."""


def write(pages: Path = PAGES) -> None:
    """All pages, anew."""
    shutil.rmtree(pages, ignore_errors=True)
    (pages / "docs").mkdir(parents=True)
    texts = {
        "index.md": (ROOT / "README.md").read_text(encoding="utf-8"),
        "README.zh.md": (ROOT / "README.zh.md").read_text(encoding="utf-8"),
        "CONTRIBUTING.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
        "docs/first-hour.md": notebook_page(ROOT / "docs" / "first-hour.ipynb"),
    }
    texts |= {f"docs/{path.name}": path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
    texts |= {f"reference/{name}.md": reference_page(*entry) for name, entry in REFERENCE.items()}
    code: set[str] = set()
    for name, text in texts.items():
        code |= {link.removeprefix("../") for link in CODE.findall(text)}
        _write(pages / name, _for_site(text))
    for name in sorted(code):
        _write(pages / f"{name}.md", code_page(name))
    for picture in (ROOT / "docs").glob("*.png"):
        shutil.copy(picture, pages / "docs")


def reference_page(title: str, names: list[str]) -> str:
    """A heading and, for each public name, where mkdocstrings finds it."""
    entries = (f"::: {regard._PLACES[name]}.{name}\n    options:\n      heading: regard.{name}\n" for name in names)
    return f"# {title}\n\n" + "\n".join(entries)


def code_page(name: str) -> str:
    """A file of the repository, as it is."""
    language = {".py": "python", ".yaml": "yaml", ".c": "c", ".h": "c"}[Path(name).suffix]
    return f"# {name}\n\n~~~~{language}\n{(ROOT / name).read_text(encoding='utf-8')}~~~~\n"


def notebook_page(path: Path) -> str:
    """Its texts, and its cells of code."""
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        parts.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def _for_site(text: str) -> str:
    """As the site wants it: links to the pages for a file of code, the notebook and the README; bars in tables bare."""
    text = re.sub(r"(?m)^\|.*", lambda row: re.sub(r"`[^`]+`", lambda code: code[0].replace("\\|", "|"), row[0]), text)
    text = CODE.sub(r"](\1.md)", text).replace("first-hour.ipynb)", "first-hour.md)")
    return re.sub(r"\]\(((?:\.\./)?)README\.md", r"](\1index.md", text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
