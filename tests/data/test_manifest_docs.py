"""docs/manifests.md: every example of a file is read, and all of them say the same."""

import re
from pathlib import Path

import numpy as np
import pytest

from regard.config import parse
from regard.data.media_files import named
from regard.run.pairs import pair_files

PAGE = Path(__file__).parents[2] / "docs" / "manifests.md"
EXAMPLES = dict(re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', PAGE.read_text(encoding="utf-8"), re.DOTALL))
GIVEN = ["train.tsv", "train.jsonl", "captions.jsonl", "parts.jsonl", "metadata.csv", "wav.scp", "coco.json"]
GIVEN += ["dataset.json:train", "features.tsv"]


def test_every_example_is_read() -> None:
    assert {name.split(":")[0] for name in GIVEN} == set(EXAMPLES) - {"text", "segments"}


@pytest.mark.parametrize("given", GIVEN)
def test_the_examples_say_what_the_page_says(given: str, tmp_path: Path) -> None:
    for name, content in EXAMPLES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "sounds").mkdir()
    for name in ("1", "2", "3", "long"):
        (tmp_path / f"sounds/{name}.flac").touch()
    np.savez(tmp_path / "features.npz", **{"talk-1": np.ones((3, 2)), "talk-2": np.ones((4, 2))})
    kind = "features" if given == "features.tsv" else "recording"
    data = parse({"data": {"source": {"kind": kind}}}, "test").data
    found = list(pair_files([str(tmp_path / given)], data).read())
    assert [one.target for one in found] == ["seven three", "one"]
    sources = [named(one.source) for one in found]
    names = [source.path.removeprefix(f"{tmp_path}/") for source in sources]
    if kind == "features":
        assert names == ["features.npz/talk-1", "features.npz/talk-2"]
    elif names == ["sounds/long.flac"] * 2:
        assert [(source.offset, source.duration) for source in sources] == [(0.0, 1.2), (1.2, pytest.approx(0.5))]
    else:
        assert names == ["sounds/1.flac", "sounds/2.flac"]
