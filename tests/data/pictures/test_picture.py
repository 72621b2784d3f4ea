"""Pictures as sources: files become pixels, cells become boxes of the picture as the user has it, faults are named."""

import io
import json
import struct
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from regard.config import parse
from regard.data.embedded.drawn import picture
from regard.data.media import Picture
from regard.data.pictures.files import SIDE, read
from regard.data.pictures.picture import PictureSource
from regard.data.pictures.scale import fitted, scaled
from regard.data.sources import UnusableSource, batch_of
from regard.errors import CheckpointError, RegardError, UsageError

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
RED, BLUE = (200, 30, 20), (10, 40, 220)


@pytest.fixture
def source() -> PictureSource:
    return PictureSource(16)


def halves(height: int = 24, width: int = 40) -> np.ndarray:
    """Red above, blue below."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[: height // 2], pixels[height // 2 :] = RED, BLUE
    return pixels


def saved(path: Path, image: object, **options: object) -> str:
    image.save(path, **options)  # type: ignore[attr-defined]
    return str(path)


def real(values: np.ndarray) -> np.ndarray:
    """The pixels without padding, (rows, columns, 3)."""
    return values[:, values[0, :, 3] == 255, :3]


def test_the_embedded_corpus_and_its_file_are_the_same_and_pixels_stay_as_they_are(tmp_path: Path) -> None:
    whole = PictureSource(64)
    drawn = picture("dev", 3).pixels
    np.testing.assert_array_equal(real(whole.encode("drawn:dev/3")), drawn)
    path = saved(tmp_path / "a.png", Image.fromarray(drawn))
    np.testing.assert_array_equal(whole.encode(path), whole.encode("drawn:dev/3"))
    smaller = PictureSource(16)  # four to a side: means of 16 pixels
    np.testing.assert_array_equal(
        real(smaller.encode(path)), np.rint(drawn.reshape(16, 4, 16, 4, 3).mean((1, 3))).astype(np.uint8)
    )


@pytest.mark.parametrize("size", [(24, 40), (40, 24), (1, 7), (3, 1000), (1000, 1), (5, 5), (2000, 1500)], ids=str)
def test_a_picture_keeps_its_aspect_ratio_and_its_mean(size: tuple[int, int]) -> None:
    height, width = fitted(*size, 16)
    assert max(height, width) == 16
    assert min(height, width) == max(1, round(min(size) * 16 / max(size)))
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    np.testing.assert_allclose(scaled(pixels, height, width).mean((0, 1)), pixels.mean((0, 1)), atol=0.6)
    assert (scaled(np.full_like(pixels, 77), height, width) == 77).all()


MODES = ["RGB", "L", "P", "RGBA", "LA", "CMYK", "1", "I;16"]


@pytest.mark.parametrize("mode", MODES)
def test_whatever_a_file_holds_becomes_colours(mode: str, source: PictureSource, tmp_path: Path) -> None:
    image = Image.fromarray(halves())
    name = "a.jpg" if mode == "CMYK" else "a.png"
    if mode == "I;16":
        grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
        path = saved(tmp_path / name, Image.fromarray(grey))
    else:
        path = saved(
            tmp_path / name, image.convert(mode, dither=Image.Dither.NONE, palette=Image.Palette.ADAPTIVE, colors=4)
        )
    expected = np.asarray((image.convert("1", dither=Image.Dither.NONE) if mode == "1" else image).convert("RGB"))
    if mode in ("L", "LA", "I;16"):
        expected = np.asarray(image.convert("L").convert("RGB"))
    found = real(source.encode(path)).astype(int)
    top, bottom = expected[0, 0].astype(int), expected[-1, 0].astype(int)
    assert abs(found[1, 3] - top).max() <= 12  # JPEG
    assert abs(found[-2, 3] - bottom).max() <= 12


def test_what_is_transparent_shows_white(source: PictureSource, tmp_path: Path) -> None:
    pixels = np.concatenate([halves(), np.full((24, 40, 1), 255, np.uint8)], 2)
    pixels[:12, :, 3] = 0
    palette = Image.fromarray(halves()).convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    index = palette.getpixel((0, 0))
    for path in (
        saved(tmp_path / "a.png", Image.fromarray(pixels)),
        saved(tmp_path / "b.png", palette, transparency=index),
    ):
        found = real(source.encode(path)).astype(int)
        assert (found[0] == 255).all()
        assert abs(found[-1] - BLUE).max() <= 3


ORIENTATIONS = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
    8: lambda p: np.rot90(p, -1),
}
"""How a picture lies in the file that says it is turned so, from how it is shown."""


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_picture_stands_upright_and_so_do_its_boxes(orientation: int, ending: str, tmp_path: Path) -> None:
    source = PictureSource(16)
    lying = Image.fromarray(np.ascontiguousarray(ORIENTATIONS[orientation](halves(24, 40))))
    exif = Image.Exif()
    exif[0x0112] = orientation
    quality = {"quality": 95} if ending == "jpg" else {}
    path = saved(tmp_path / f"a.{ending}", lying, exif=exif, **quality)
    values = source.encode(path)
    upright = real(values).astype(int)
    assert upright.shape == (10, 16, 3)
    assert abs(upright[1, 2] - RED).max() <= 8
    assert abs(upright[-2, 2] - BLUE).max() <= 8
    boxes = source.spans(path, values, np.array([[0, 0, 16, 5], [0, 5, 16, 10]]))
    np.testing.assert_allclose(boxes, [[0, 0, 40, 12], [0, 12, 40, 24]])
    drawn = source.draw(path, boxes)
    assert isinstance(drawn.medium, Picture)
    assert (drawn.medium.height, drawn.medium.width) == (24, 40)
    assert drawn.units == ("0,0–40,12", "0,12–40,24")


def test_of_a_large_picture_a_copy_is_kept_and_boxes_stay_in_its_own_pixels(tmp_path: Path) -> None:
    source = PictureSource(16)
    for name in ("a.png", "a.jpg"):
        path = saved(tmp_path / name, Image.fromarray(halves(2400, 4001)))
        shot = read(path)
        assert max(shot.pixels.shape) == SIDE
        assert (shot.height, shot.width) == (2400, 4001)
        values = source.encode(path)
        boxes = source.spans(path, values, np.array([[0, 0, 8, 5], [8, 5, 16, 10]]))
        np.testing.assert_allclose(boxes, [[0, 0, 2000.5, 1200], [2000.5, 1200, 4001, 2400]])
        medium = source.draw(path, boxes).medium
        assert isinstance(medium, Picture)
        assert (medium.height, medium.width, max(medium.pixels.shape)) == (2400, 4001, SIDE)


def test_pixels_do_not_depend_on_the_batch_and_padding_is_right_and_below(tmp_path: Path) -> None:
    source = PictureSource(16)
    names = [
        saved(tmp_path / f"{number}.png", Image.fromarray(halves(*size)))
        for number, size in enumerate([(24, 40), (40, 24), (4, 400), (20, 20)])
    ]
    together, mask = batch_of(source, [source.encode(name) for name in names])
    assert together.shape == (4, 16, 16, 3)
    for number, name in enumerate(names):
        alone, whole = batch_of(source, [source.encode(name)])
        assert whole.all()
        _, height, width, _ = alone.shape
        assert torch.equal(together[number, :height, :width], alone[0])
        assert mask[number].sum() == height * width == mask[number, :height, :width].sum()
        assert not together[number][~mask[number]].any()
    narrow, _ = batch_of(source, [source.encode(names[1])])
    assert narrow.shape == (1, 16, 10, 3)  # no wider than the widest


def bomb() -> bytes:
    """A PNG file that says that it has 30,000 × 30,000 pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def content_of(kind: str) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    shape = pixels[:1, :1] if kind == "one pixel" else pixels
    Image.fromarray(shape).save(file, "JPEG" if kind == "cut jpeg" else "GIF" if kind == "gif" else "PNG")
    whole = file.getvalue()
    return whole[: len(whole) // 2] if kind.startswith("cut") else whole


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "names no file that is there"),
        ("folder", "names no file that is there"),
        ("empty", "no JPEG or PNG picture, or a damaged one"),
        ("text", "no JPEG or PNG picture, or a damaged one"),
        ("gif", "no JPEG or PNG picture, or a damaged one"),
        ("cut jpeg", "no JPEG or PNG picture, or a damaged one"),
        ("cut png", "no JPEG or PNG picture, or a damaged one"),
        ("one pixel", "names a picture of one pixel, in which nothing can be seen"),
        ("bomb", "names a picture of more than 80 million pixels, the most that are read"),
    ],
)
def test_what_is_no_picture_is_named(
    kind: str, message: str, source: PictureSource, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    path = tmp_path / "a.png"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        given = {"empty": b"", "text": b"hello", "bomb": bomb()}
        path.write_bytes(given[kind] if kind in given else content_of(kind))
    with pytest.raises(UnusableSource, match=message):
        source.encode(str(path))
    assert not recwarn.list


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_damage_anywhere_is_named_or_read_and_never_a_traceback(kind: str, tmp_path: Path) -> None:
    """Bytes of the file are changed by chance; it is read, or refused."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(halves()).save(file, kind.upper(), exif=exif)
    rng, path = np.random.default_rng(0), tmp_path / "a"
    for _ in range(150):
        content = np.frombuffer(file.getvalue(), np.uint8).copy()
        content[rng.integers(len(content), size=3)] = rng.integers(256, size=3)
        path.write_bytes(content.tobytes())
        with suppress(UnusableSource):
            assert read(str(path)).pixels.ndim == 3


@pytest.mark.parametrize("name", ["drawn:nowhere/1", "drawn:train/x", "drawn:train/-1", "drawn:"])
def test_a_name_of_the_embedded_corpus_must_be_one(source: PictureSource, name: str) -> None:
    with pytest.raises(UnusableSource, match="names no picture of the embedded corpus"):
        source.encode(name)


def test_without_pillow_a_file_says_what_to_install_and_the_embedded_corpus_needs_nothing(
    source: PictureSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(halves()))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(RegardError, match=r"to read files of pictures, install regard\[image\]"):
        source.encode(path)
    assert source.encode("drawn:train/1").shape == (16, 16, 4)


def test_a_file_that_is_written_anew_is_read_anew(source: PictureSource, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(halves()))
    before = source.encode(path)
    saved(tmp_path / "a.png", Image.fromarray(halves()[::-1].copy()), compress_level=0)
    np.testing.assert_array_equal(source.encode(path)[::-1], before)


def test_what_a_run_keeps_of_it_comes_back(source: PictureSource, tmp_path: Path) -> None:
    source.save(tmp_path / "source.json")
    loaded = PictureSource.load(tmp_path / "source.json")
    assert (loaded.digest, loaded.shape) == (source.digest, source.shape)
    (tmp_path / "source.json").write_text(json.dumps({"format": "regard picture", "size": 0}))
    with pytest.raises(CheckpointError, match="does not say what the pictures of this run are"):
        PictureSource.load(tmp_path / "source.json")


def test_a_relative_name_is_relative_to_the_file_that_names_it(tmp_path: Path) -> None:
    config = parse(
        {"data": {"source": {"kind": "picture"}}, "model": {"encoder": {"kind": "grid"}}}, "test"
    ).data.source
    path = saved(tmp_path / "a.png", Image.fromarray(halves()))
    assert config.locate("a.png", str(tmp_path / "pairs.tsv")) == path
    assert config.locate("drawn:train/1", "pairs.tsv") == "drawn:train/1"
    with pytest.raises(UnusableSource, match=r"names no file that is there \(b.png\)"):
        config.locate("b.png", str(tmp_path / "pairs.tsv"))
    assert config.limit(10) == 64  # rows


@pytest.mark.parametrize(
    ("source", "encoder", "fitting"),
    [
        ("text", "grid", "recurrent or transformer or blstmp or vgg_blstmp or pyramidal"),
        ("recording", "grid", "recurrent or transformer or blstmp or vgg_blstmp or pyramidal"),
        ("recording", "bag", "recurrent or transformer or blstmp or vgg_blstmp or pyramidal"),
        ("features", "bag", "recurrent or transformer or blstmp or vgg_blstmp or pyramidal"),
        ("picture", "blstmp", "grid"),
        ("picture", "recurrent", "grid"),
    ],
)
def test_an_encoder_that_cannot_read_the_source_is_refused_where_the_recipe_is_read(
    source: str, encoder: str, fitting: str
) -> None:
    message = f"model.encoder.kind is {encoder}, which cannot read data.source.kind {source}; expected {fitting}"
    with pytest.raises(UsageError, match=message):
        parse({"data": {"source": {"kind": source}}, "model": {"encoder": {"kind": encoder}}}, "test")


def test_ctc_needs_an_order_of_the_positions() -> None:
    values = {"data": {"source": {"kind": "picture"}}, "model": {"encoder": {"kind": "grid"}}, "training": {"ctc": 0.3}}
    with pytest.raises(UsageError, match=r"training.ctc is 0\.3; expected 0 for data.source.kind picture"):
        parse(values, "test")
