"""Grids as sources: by file, by id, of a picture; three layouts; boxes in pixels or in cells; what is none is named."""

import json
from pathlib import Path

import numpy as np
import pytest

from regard.config import parse
from regard.config.stage import SourceConfig
from regard.data.lines import STDIN
from regard.data.media import Picture
from regard.data.media_files import content_of, named, state_of
from regard.data.pictures.grids import GridSource
from regard.data.sources import UnusableSource, batch_of
from regard.errors import CheckpointError, DataError
from regard.run.pairs import pair_files

GRIDS = {f"{n}": np.random.default_rng(n).normal(size=(3 + n, 5 - n, 7)).astype(np.float32) for n in range(3)}
PHOTO = (40, 60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.savez(tmp_path / "train.npz", **GRIDS)
    (tmp_path / "grids").mkdir()
    np.save(tmp_path / "grids/3.npy", GRIDS["1"])
    (tmp_path / "photos").mkdir()
    for number in range(4):
        (tmp_path / f"photos/{number}.png").touch()
    return tmp_path


def section(**keys: object) -> SourceConfig:
    values = {"data": {"source": {"kind": "grid", **keys}}, "model": {"encoder": {"kind": "linear"}}}
    return parse(values, "test").data.source


def source(**facts: object) -> GridSource:
    return GridSource(**{"size": 7, "channels_first": False, "class_tokens": 0, "crop": None} | facts)


def test_a_file_and_an_id_give_its_cells_row_by_row(folder: Path) -> None:
    cells = source().encode(f"{folder}/train.npz/1")
    np.testing.assert_array_equal(cells[:, :7], GRIDS["1"].reshape(16, 7))
    assert set(cells[:, 7]) == {4}  # columns
    np.testing.assert_array_equal(source().encode(f"{folder}/grids/3.npy"), cells)


@pytest.mark.parametrize(
    ("facts", "array"),
    [
        ({"channels_first": True}, lambda grid: np.moveaxis(grid, 2, 0)),
        ({}, lambda grid: grid.reshape(16, 7)),
        ({"class_tokens": 2}, lambda grid: np.concatenate([np.full((2, 7), 99.0), grid.reshape(16, 7)])),
        ({"channels_first": True, "class_tokens": 1}, lambda grid: np.moveaxis(grid, 2, 0).astype(np.float16)),
    ],
)
def test_every_layout_gives_the_same_cells(facts: dict[str, object], array: object, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", array(GRIDS["1"]))
    learned = section(**facts).learn(lambda: [str(tmp_path / "a.npy")])
    assert learned.facts == source(**facts).facts
    np.testing.assert_allclose(learned.encode(f"{tmp_path}/a.npy")[:, :7], GRIDS["1"].reshape(16, 7), atol=2e-3)


def test_grids_do_not_depend_on_the_batch_and_padding_is_right_and_below(folder: Path) -> None:
    names = [f"{folder}/train.npz/{number}" for number in (2, 0, 1)]
    values, mask = batch_of(source(), [source().encode(name) for name in names])
    assert values.shape == (3, 5, 5, 7)
    for row, number in enumerate((2, 0, 1)):
        high, wide = GRIDS[f"{number}"].shape[:2]
        np.testing.assert_array_equal(values[row, :high, :wide], GRIDS[f"{number}"])
        assert mask[row, :high, :wide].all()
        assert mask[row].sum() == high * wide
        assert (values[row][~mask[row]] == 0).all()
    none = source().collate(np.zeros((0, 8), np.float32), np.zeros(0, np.int64))
    assert [each.shape for each in none] == [(0, 1, 1, 7), (0, 1, 1)]


def test_a_file_of_pairs_names_grids_ids_or_pictures(folder: Path) -> None:
    (folder / "train.tsv").write_text("0\ta\nphotos/1.png\tb\ngrids/3.npy\tc\ntrain.npz/2\td\n")

    def read(**keys: object) -> list[tuple[str, str | None]]:
        data = parse(
            {"data": {"source": {"kind": "grid", **keys}}, "model": {"encoder": {"kind": "linear"}}}, "test"
        ).data
        found = [named(one.source) for one in pair_files([str(folder / "train.tsv")], data).read()]
        near = f"{folder}/"
        return [(one.path.removeprefix(near), one.picture and one.picture.removeprefix(near)) for one in found]

    alone = [("train.npz/0", None), ("train.npz/1", "photos/1.png"), ("grids/3.npy", None), ("train.npz/2", None)]
    assert read() == alone
    with_folder = [(grid, f"photos/{number}.png") for (grid, _), number in zip(alone, (0, 1, 3, 2), strict=True)]
    assert read(pictures="photos") == with_folder


def test_a_folder_of_files_is_an_archive_and_a_record_names_both(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = section(archives=["no.npz", "grids"])
    monkeypatch.chdir(folder)
    assert named(given.locate("photos/3.png", STDIN)).picture == "photos/3.png"
    assert named(given.locate("photos/3.png", STDIN)).path == "grids/3.npy"
    record = json.dumps({"file_name": "train.npz/0", "picture": "photos/3.png"})
    found = section().locate(record, f"{folder}/a.jsonl")
    assert (named(found).path, named(found).picture) == (f"{folder}/train.npz/0", f"{folder}/photos/3.png")
    np.testing.assert_array_equal(source().encode(found), source().encode(f"{folder}/train.npz/0"))
    assert content_of(found) == content_of(f"{folder}/train.npz/0") != content_of(f"{folder}/train.npz/1")


def test_an_id_with_a_folder_in_it_has_the_state_of_its_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **{"photos/1.png": GRIDS["0"]})
    assert state_of(f"{tmp_path}/a.npz/photos/1.png") == state_of(f"{tmp_path}/a.npz") is not None
    assert named(section().locate("photos/1.png", f"{tmp_path}/a.tsv")).path == f"{tmp_path}/a.npz/photos/1.png"


def test_a_name_that_is_no_grid_or_leads_elsewhere_is_refused(folder: Path) -> None:
    where = f"{folder}/train.tsv"
    for said, message in {
        "7": r"names no grid that is there \(7; also no id of .*train.npz\)",
        "photos/3.png": r"names no grid that is there \(photos/3.png",
        "../a.npy": "outside the folder of the file that names it",
        '{"file_name": "0", "picture": "no.png"}': r"names no file that is there \(no.png\)",
        '{"file_name": "0", "picture": "../a.png"}': "outside the folder",
        '{"file_name": "0", "offset": 1}': "names a part by its offset or duration",
    }.items():
        with pytest.raises(UnusableSource, match=message):
            section().locate(said, where)
    with pytest.raises(UnusableSource, match="also no id of an archive"):
        section().locate("0", STDIN)
    with pytest.raises(UnusableSource, match=r"names an id that train.npz has not \(7\)"):
        source().encode(section().locate("train.npz/7", where))


BAD = {
    "NaN": (
        np.where(np.arange(84).reshape(3, 4, 7) == 53, np.nan, 1.0),
        "NaN or infinite, first in row 1, column 3, feature 4",
    ),
    "infinity": (np.full((4, 7), np.inf, np.float32), "NaN or infinite, first in position 0, feature 0"),
    "four axes": (
        np.zeros((1, 3, 4, 7)),
        r"shape \(1, 3, 4, 7\) .* expected the axes rows, columns, features, or positions, features",
    ),
    "no cell": (np.zeros((0, 4, 7)), r"shape \(0, 4, 7\)"),
    "words": (np.array([[["a"] * 7]]), "type <U1"),
    "other size": (np.zeros((3, 4, 5)), "names a grid of 5 features, not 7"),
    "no square": (
        np.zeros((17, 7)),
        "17 positions; expected a square number of them, such as 49 or 196 .of ViT, data.source.class_tokens",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_grid_is_named(name: str, tmp_path: Path) -> None:
    array, message = BAD[name]
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UnusableSource, match=message):
        source().encode(f"{tmp_path}/a.npy")


def test_no_cell_is_left_behind_the_class_tokens(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 7)))
    for count in (4, 5):
        with pytest.raises(UnusableSource, match=f"behind {count} that data.source.class_tokens leaves out"):
            source(class_tokens=count).encode(f"{tmp_path}/a.npy")
    with pytest.raises(ValueError, match=r"no grid can be read; of the first pair the line names an array of 4 pos"):
        section(class_tokens=5).learn(lambda: [f"{tmp_path}/a.npy"])


def test_boxes_are_pixels_of_a_known_picture_and_cells_elsewhere(folder: Path) -> None:
    grid = f"{folder}/train.npz/1"  # 4 rows and columns
    cells = source().encode(grid)
    memory = np.array([[0, 0, 1, 1], [3, 2, 4, 3]])
    assert source().spans(grid, cells, memory) == [(0, 0, 1, 1), (3, 2, 4, 3)]
    drawn = source().draw(grid, source().spans(grid, cells, memory))
    assert (drawn.text, drawn.units) == ("1", ("0,0–1,1", "3,2–4,3"))
    assert isinstance(drawn.medium, Picture)
    assert (drawn.medium.height, drawn.medium.width) == (4, 4)
    known = json.dumps({"file_name": grid, "picture": "drawn:train/3"})  # 64 pixels
    assert source().spans(known, cells, memory) == [(0, 0, 16, 16), (48, 32, 64, 48)]
    drawn = source().draw(known, [])
    assert (drawn.text, drawn.medium.height) == ("drawn:train/3", 64)


def test_a_crop_is_the_square_in_the_middle_of_the_picture(folder: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    image.new("RGB", (60, 40)).save(folder / "photos/1.png")
    name = section().locate("photos/1.png", f"{folder}/train.tsv")
    cells, memory = source().encode(name), np.array([[0, 0, 4, 4], [3, 0, 4, 1]])
    assert source().spans(name, cells, memory)[0] == (0, 0, 60, 40)
    assert source(crop=0.8).spans(name, cells, memory) == [(14, 4, 46, 36), (38, 4, 46, 12)]
    (folder / "photos/1.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="the picture of a grid names a file that is no JPEG or PNG picture"):
        source().spans(name, cells, memory)


def test_what_a_run_keeps_of_it_comes_back(tmp_path: Path) -> None:
    kept = source(crop=0.5, class_tokens=1)
    kept.save(tmp_path / "source.json")
    assert section().load(tmp_path / "source.json").digest == kept.digest != source().digest
    (tmp_path / "source.json").write_text("{}")
    with pytest.raises(CheckpointError, match="does not say what the grids of this run are"):
        GridSource.load(tmp_path / "source.json")
