"""Recordings and pictures in the terminal, in figures and in notebooks: what is drawn stands where it belongs."""

import io
import re
import wave
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread
from media_samples import cells_of, heard, of_pixels, seen, words_of
from rich.cells import cell_len

from regard.alignment.alignment import Alignment, Unit
from regard.data.media import Picture, Recording
from regard.errors import UsageError
from regard.views.binning import over_pixels, over_seconds, shares
from regard.views.figure import save_figure
from regard.views.media import envelope, png, reduced, wav
from regard.views.notebook import html
from regard.views.ramp import HUE
from regard.views.seconds import marks
from regard.views.spectrum import spectrogram
from regard.views.terminal import NARROWEST, heatmap

SVG = "{http://www.w3.org/2000/svg}"
BLACK = np.zeros((48, 96, 3), np.uint8)  # height 48, width 96: cells of 16 by 16 are GRID
GRID = 3, 6
MODES = [(True, False), (False, False), (False, True)]


def one_cell(pixels: np.ndarray, grid: tuple[int, int], cell: tuple[int, int]) -> Alignment:
    """One word that looks at one cell."""
    units = cells_of(pixels.shape[:2], grid)
    weights = np.zeros((1, len(units)), np.float32)
    weights[0, cell[0] * grid[1] + cell[1]] = 0.5
    return Alignment("p", "w", units, words_of("w"), weights, 0.0, source_kind="image", medium=Picture(pixels))


def one_stretch(start: float, end: float, seconds: float = 4.0) -> Alignment:
    """One word that looks at one stretch of a recording of silence."""
    bounds = [0.0, start, end, seconds]
    units = tuple(Unit("s", a, b) for a, b in pairwise(bounds))
    medium = Recording(np.zeros(int(seconds * 8000), np.float32), 8000)
    weights = np.array([[0, 1, 0]], np.float32)
    return Alignment("r", "w", units, words_of("w"), weights, 0.0, source_kind="speech", medium=medium)


def hued(path) -> np.ndarray:
    """Bool, per pixel of a PNG: as near to the full hue as a file of 8 bits shows it."""
    pixels = imread(path)[:, :, :3] * 255
    return np.abs(pixels - np.array(HUE)).max(axis=2) < 2


def bounds(shown: np.ndarray) -> tuple[int, int, int, int]:
    """First and last row and column of what is True, which has to be a full rectangle."""
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    box = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    assert shown[box[0] : box[1], box[2] : box[3]].all()
    return box


# --- sums


@given(
    st.lists(st.tuples(st.floats(-1, 12), st.floats(-1, 12)), min_size=1, max_size=17),
    st.integers(1, 23),
    st.floats(0.01, 10),
)
def test_every_stretch_lies_somewhere_as_a_whole(stretches, bins, length):
    starts, ends = np.sort(np.array(stretches), axis=1).T
    parts = shares(starts, ends, bins, length)
    assert (parts >= 0).all()
    np.testing.assert_allclose(parts.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("bins", [1, 7, 84, 500])
def test_columns_and_pixels_sum_to_what_the_alignment_has(bins):
    said, drawn = heard(), seen()
    rows = over_seconds(said.weights, said.source, bins, said.medium.seconds)
    np.testing.assert_allclose(rows.sum(axis=1), said.weights.sum(axis=1), rtol=1e-5)
    grids = over_pixels(drawn.weights, drawn.source, (bins, 5), drawn.medium.pixels.shape[:2])
    np.testing.assert_allclose(grids.sum(axis=(1, 2)), drawn.weights.sum(axis=1), rtol=1e-5)


def test_a_stretch_is_divided_by_its_length():
    np.testing.assert_allclose(shares(np.array([0.5]), np.array([2.0]), 4, 4.0), [[1 / 3, 2 / 3, 0, 0]])


# --- files


def test_sound_is_the_samples_to_16_bits():
    recording = heard().medium
    with wave.open(io.BytesIO(wav(recording))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (recording.rate, 1, 2)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    np.testing.assert_array_equal(samples, recording.samples)  # the corpus is on the grid of such a file
    loud = wav(Recording(np.array([-2, -1, 0.5, 1, np.nan], np.float32), 8000))
    assert np.frombuffer(loud[44:], "<i2").tolist() == [-32768, -32768, 16384, 32767, 0]
    assert len(wav(recording, 1.0)) == 44 + 2 * recording.rate


def test_a_png_is_the_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 11, 3), np.uint8)
    np.testing.assert_array_equal(np.rint(imread(io.BytesIO(png(pixels))) * 255), pixels)


def test_a_reduced_picture_is_the_mean_of_squares():
    pixels = np.arange(7 * 5 * 3).reshape(7, 5, 3).astype(np.uint8)
    small, covers = reduced(Picture(pixels), 3)
    assert (small.shape, covers) == ((3, 2, 3), (6, 9))
    np.testing.assert_array_equal(small[1, 0], np.rint(pixels[3:6, :3].mean(axis=(0, 1))))
    whole, covers = reduced(Picture(pixels, (70, 100)), 7)  # a copy of a larger picture
    assert whole is pixels
    assert covers == (100, 70)


def test_the_envelope_holds_every_sample():
    samples = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    ends = envelope(samples, 37)
    assert ends.min() == pytest.approx(samples.min() / np.abs(samples).max())
    assert np.abs(ends).max() == pytest.approx(1)
    assert envelope(np.zeros(0, np.float32), 5).tolist() == [[0, 0]] * 5
    assert envelope(samples[:3], 9).shape == (9, 2)


@given(st.floats(0.01, 20_000), st.floats(1, 30))
def test_marks_of_seconds_are_few_and_inside(seconds, most):
    places = [place for place, _ in marks(seconds, most)]
    assert places[0] == 0
    assert places[-1] <= seconds + 1e-6
    assert len(places) <= most + 2


@pytest.mark.parametrize("hertz", [500, 1000, 3000])
def test_a_tone_is_at_its_frequency_while_it_sounds(hertz):
    time = np.arange(16000) / 8000
    samples = np.sin(2 * np.pi * hertz * time) * (time >= 1.0)
    loud, seconds, step = spectrogram(Recording(samples.astype(np.float32), 8000))
    at = int(loud.max(axis=1).argmax())
    assert abs(at * step - hertz) <= step
    middles = (np.arange(loud.shape[1]) + 0.5) * seconds
    assert loud[:, middles < 0.98].max() == 0
    assert (loud[at, middles > 1.02] > 0.9).all()
    assert len(spectrogram(Recording(np.zeros(0, np.float32), 8000))[0])


# --- terminal


@pytest.mark.parametrize(("color", "ascii"), MODES)
@pytest.mark.parametrize("width", [1, 33, 80, 131])
def test_lines_fit_and_are_equally_wide(color, ascii, width):
    ends = np.array([0.1, 0.2], np.float32)
    for alignment in (heard(), seen(), heard(source_end=ends), of_pixels(BLACK[:1, :1], "汤姆", [None], (1, 1))):
        text = heatmap(alignment, width=width, color=color, ascii=ascii).plain
        lines = text.split("\n")
        assert len({cell_len(line) for line in lines}) == 1
        assert cell_len(lines[0]) <= max(width, NARROWEST)
        assert not ascii or text.isascii()


def test_a_stretch_is_in_its_column_of_the_terminal():
    lines = heatmap(one_stretch(1.0, 2.0), width=42, color=False, ascii=False).plain.split("\n")
    axis, row = lines[3], lines[4]
    assert row == "w " + "·" * 10 + "█" * 10 + "·" * 20
    assert axis.index("│1") == 12
    assert axis.index("│2") == 22


def test_percents_of_a_row_sum_to_hundred_in_ascii():
    row = heatmap(one_stretch(1.0, 2.0), width=42, color=False, ascii=True).plain.split("\n")[4]
    assert sum(map(int, re.findall(r"\d+", row))) == pytest.approx(100, abs=4)


@pytest.mark.parametrize("cell", [(0, 0), (1, 3), (2, 1)])
def test_a_lit_cell_lights_its_pixels_in_the_terminal(cell):
    drawn = heatmap(one_cell(BLACK, GRID, cell), width=60, color=False, ascii=False).plain
    copy = np.array([list(line[26:50]) for line in drawn.split("\n")[1:7]])
    down, across = bounds(copy == "█")[:2], bounds(copy == "█")[2:]
    assert down == (2 * cell[0], 2 * cell[0] + 2)
    assert across == (4 * cell[1], 4 * cell[1] + 4)


def test_a_look_at_everything_looks_like_one_in_the_terminal():
    drawn = of_pixels(BLACK, "all one", [None, (0, 0, 16, 16)], GRID)
    lines = heatmap(drawn, width=100, color=False, ascii=False).plain.split("\n")[1:7]
    assert len({sign for line in lines for sign in line[26:50]}) == 1


def test_thousands_of_places_are_something_to_draw():
    many = one_stretch(1, 2)
    units = tuple(Unit("s", k / 1000, (k + 1) / 1000) for k in range(4000))
    alignment = replace(many, source=units, weights=np.full((1, 4000), 1 / 4000, np.float32))
    assert "Nothing to draw" not in heatmap(alignment, width=80).plain
    dark = replace(alignment, weights=alignment.weights * 0)
    assert heatmap(dark, width=80).plain == "Nothing to draw: no place of the source was looked at."


# --- figures


def lit_box(path) -> np.ndarray:
    """Of the grey copy in a PNG: first and last row and column of what is lit, in pixels of the 48 by 96 picture."""
    pixels = np.rint(imread(path)[:-225, :, :3] * 255)  # without the scale
    lit, grey = np.abs(pixels - np.array(HUE)).max(axis=2) < 2, (pixels == 90).all(axis=2)
    top, bottom, left, right = bounds(lit | grey)
    assert (right - left) / (bottom - top) == pytest.approx(2, abs=0.03)  # never squashed
    return (np.array(bounds(lit)) - [top, top, left, left]) * 48 / (bottom - top)


@pytest.mark.parametrize("cell", [(0, 0), (1, 3), (2, 5)])
def test_a_lit_cell_lights_its_pixels_in_png_and_svg(tmp_path, cell):
    alignment = one_cell(BLACK, GRID, cell)
    save_figure(alignment, tmp_path / "a.png")
    expected = 16 * np.array([cell[0], cell[0] + 1, cell[1], cell[1] + 1])
    np.testing.assert_allclose(lit_box(tmp_path / "a.png"), expected, atol=0.5)
    save_figure(alignment, tmp_path / "a.svg")
    paths = [
        node for node in ElementTree.parse(tmp_path / "a.svg").iter(f"{SVG}path") if hexed() in node.get("style", "")
    ]
    lit = next(node.get("d") for node in paths if "opacity" not in node.get("style"))  # the scale comes last
    x, y = np.array(re.findall(r"-?[\d.]+", lit), float).reshape(-1, 2).T
    rows, columns = np.nonzero(np.abs(imread(tmp_path / "a.png")[:-225, :, :3] * 255 - np.array(HUE)).max(axis=2) < 2)
    drawn = np.array([rows.min(), rows.max() + 1, columns.min(), columns.max() + 1]) * 72 / 200
    np.testing.assert_allclose([y.min(), y.max(), x.min(), x.max()], drawn, atol=0.4)


def hexed() -> str:
    return "#{:02x}{:02x}{:02x}".format(*HUE)


@pytest.mark.parametrize(("start", "end"), [(1.2, 1.3), (0.0, 0.5), (3.5, 4.0)])
def test_a_unit_is_drawn_at_its_seconds_to_the_pixel(tmp_path, start, end):
    save_figure(one_stretch(start, end), tmp_path / "a.png", gold=[[]])
    shown = hued(tmp_path / "a.png")
    row = np.flatnonzero(shown.sum(axis=1))[0]
    columns = np.flatnonzero(shown[row + 4])
    per_second = 1.6 * 200  # inches for a second, dots for an inch
    left = (0.25 + 0.62) * 200  # margin, and the room of the labels
    assert columns[0] == pytest.approx(left + start * per_second, abs=1)
    assert columns[-1] + 1 == pytest.approx(left + end * per_second, abs=1)


def test_a_rotated_picture_rotates_its_boxes(tmp_path):
    """By a quarter, against the clock: what was at the right end is at the top."""
    pixels, units = BLACK, cells_of((48, 96), GRID)
    turned = tuple(unit._replace(box=(unit.box[1], 96 - unit.box[2], unit.box[3], 96 - unit.box[0])) for unit in units)
    alignment = one_cell(pixels, GRID, (0, 4))
    other = replace(alignment, source=turned, medium=Picture(np.rot90(pixels)))
    looks = [
        over_pixels(one.weights, one.source, one.medium.pixels.shape[:2], one.medium.pixels.shape[:2])[0]
        for one in (alignment, other)
    ]
    np.testing.assert_allclose(np.rot90(looks[0]), looks[1], atol=1e-7)
    save_figure(other, tmp_path / "a.png")
    shown = np.rint(imread(tmp_path / "a.png")[:-225, :, :3] * 255)
    lit, grey = np.abs(shown - np.array(HUE)).max(axis=2) < 2, (shown == 90).all(axis=2)
    top, bottom, left, right = bounds(lit | grey)
    assert (bottom - top) / (right - left) == pytest.approx(2, abs=0.03)
    box = (np.array(bounds(lit)) - [top, top, left, left]) * 96 / (bottom - top)
    np.testing.assert_allclose(box, [16, 32, 0, 16], atol=0.5)


def test_opacity_is_relative_to_the_sentence_and_uniform_is_uniform(tmp_path):
    alignment = of_pixels(BLACK, "all one", [None, (0, 0, 16, 16)], GRID)
    save_figure(alignment, tmp_path / "a.svg")
    styles = [node.get("style", "") for node in ElementTree.parse(tmp_path / "a.svg").iter(f"{SVG}path")]
    opacities = [float(re.search(r"fill-opacity: ([\d.]+)", s)[1]) for s in styles if hexed() in s and "opacity" in s]
    expected = alignment.weights[0, 0] / alignment.weights.max()
    np.testing.assert_allclose(opacities[:18], expected, atol=1e-5)
    texts = [node.text for node in ElementTree.parse(tmp_path / "a.svg").iter(f"{SVG}text")]
    assert f"{alignment.weights.max():.2g}, the largest" in texts


def test_a_figure_of_all_kinds_says_seconds_hertz_and_ends(tmp_path):
    said = heard(source_end=np.array([0.1, 0.25], np.float32))
    end = np.full(len(said.source) + 1, 1 / (len(said.source) + 1), np.float32)
    save_figure([replace(said, target_end=end), seen()], tmp_path / "a.svg", gold=[[1.0, 2.0], []])
    texts = [node.text for node in ElementTree.parse(tmp_path / "a.svg").iter(f"{SVG}text")]
    assert {"Hz", "1 000", "0.5", "end", "end 10 %", "end 25 %", "three", "triangle"} <= set(texts)
    with pytest.raises(UsageError, match=r"gold has 1 entries for 2 alignments\. Give a list of seconds for each"):
        save_figure([heard(), seen()], tmp_path / "b.svg", gold=[[]])


def test_a_picture_whose_units_have_no_box_is_refused(tmp_path):
    bare = replace(seen(), source=tuple(unit._replace(box=None) for unit in seen().source))
    with pytest.raises(ValueError, match=r"unit 0 of a picture has box None; expected \(left, top, right, bottom\)"):
        save_figure(bare, tmp_path / "a.png")


# --- notebook


def test_a_notebook_shows_the_picture_and_plays_the_sound(monkeypatch):
    assert re.search('<img .*src="data:image/png;base64,.*<audio controls src="data:audio/wav;base64,', html(heard()))
    assert "<audio" not in html(seen())
    monkeypatch.setattr("regard.views.notebook.png", lambda _: None)
    assert "█" in html(heard())
