import re
import subprocess
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import get_data_path
from matplotlib.image import imread
from rich.cells import cell_len
from view_samples import HOSTILE, aligned, long_one, tom, with_ends

from regard.data import embedded
from regard.errors import RegardError, UsageError
from regard.views import fonts
from regard.views.curves import _apart, save_curves
from regard.views.figure import cell_inches, save_figure
from regard.views.heading import wrap
from regard.views.panel import APART, label_points, measure

POINTS = {"汤姆 $x$": [(4, 97.5, 120), (9.5, 93, 41)], "uniform": [(4, 60.25, 120), (9.5, 31, 41)]}


def texts(path):
    root = ElementTree.parse(path).getroot()
    return [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]


def is_whole(path):
    content = path.read_bytes()
    if path.suffix == ".png":
        return imread(path).std() > 0.01
    if path.suffix == ".svg":
        return ElementTree.fromstring(content).tag.endswith("svg")
    return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_every_format_is_whole_and_quiet(ending, tmp_path, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure([tom(), aligned([], ["x"])], tmp_path / f"a.{ending}")
        save_curves(POINTS, str(tmp_path / f"b.{ending}"), "汤姆", "length $n$", "BLEU")
    assert is_whole(tmp_path / f"a.{ending}")
    assert is_whole(tmp_path / f"b.{ending}")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a.{ending}", f"b.{ending}"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore:No font here")
def test_svg_keeps_words_as_text(tmp_path):
    save_figure([tom(), aligned(["$x^2$", "\\alpha", "a_b", "w" * 70], ["b"])], tmp_path / "a.svg")
    written = texts(tmp_path / "a.svg")
    assert {"Tom", "chases", "Jerry", "汤姆", "追逐", "杰瑞", "$x^2$", "\\alpha", "a_b", "w" * 23 + "…"} <= set(written)
    assert "href" not in re.sub(r'href="#', "", (tmp_path / "a.svg").read_text())
    save_curves(POINTS, tmp_path / "b.svg", "one_$two$", "length", "BLEU")
    assert {"汤姆 $x$", "uniform", "one_$two$", "length", "BLEU", "120", "41"} <= set(texts(tmp_path / "b.svg"))


@pytest.mark.filterwarnings("ignore:No font here")
def test_hostile_text_gives_a_well_formed_file(tmp_path):
    save_figure(aligned(HOSTILE, HOSTILE[:5]), tmp_path / "a.svg")
    assert "\\x1b[31mred" in texts(tmp_path / "a.svg")


@pytest.mark.filterwarnings("ignore:No font here")
def test_size_grows_with_the_units_and_the_same_input_gives_the_same_file(tmp_path):
    sizes = []
    for alignment in (tom(), long_one(31, 17), long_one(61, 59)):
        save_figure(alignment, tmp_path / "a.svg")
        first = (tmp_path / "a.svg").read_bytes()
        save_figure(alignment, tmp_path / "a.svg")
        assert (tmp_path / "a.svg").read_bytes() == first
        root = ElementTree.fromstring(first)
        sizes.append([float(root.get(side).removesuffix("pt")) for side in ("width", "height")])
    assert (np.diff(sizes, axis=0) > 0).all()
    assert max(sizes[-1]) < 72 * 20


@given(st.integers(1, 400))
def test_a_picture_grows_before_its_labels_shrink(units):
    cell = cell_inches(units)
    assert cell_inches(units + 1) <= cell
    assert units < 2 or units * cell >= (units - 1) * cell_inches(units - 1) - 1e-9
    assert label_points(cell) >= 11 or units > 100
    assert label_points(cell) >= 6


def test_a_picture_has_title_sentences_score_and_numbers(tmp_path):
    save_figure([with_ends(), tom()], tmp_path / "a.svg", title="run $x$", numbers=True)
    written = texts(tmp_path / "a.svg")
    assert {"run $x$", "1. Tom chases Jerry", "汤逐瑞", "2. Tom chases Jerry .", "log-probability −1.50"} <= set(
        written
    )
    assert "On the end of the sentence: 逐 62 %" in written
    assert written.count("end") == 2
    assert {"75", "12", "38", "62", "88", "100"} <= set(written)
    save_figure([tom()], tmp_path / "b.svg")
    assert not {"end", "1. Tom chases Jerry .", "100"} & set(texts(tmp_path / "b.svg"))


def test_the_end_mark_is_hatched_and_apart(tmp_path):
    save_figure(with_ends(), tmp_path / "a.svg")
    assert "<pattern" in (tmp_path / "a.svg").read_text()
    save_figure(tom(), tmp_path / "b.svg")
    assert "<pattern" not in (tmp_path / "b.svg").read_text()
    panel = measure(with_ends(), "", 0.36, fonts.fonts_for("汤逐瑞")[0], False)
    assert (panel.across, panel.down) == (4 + APART, 4 + APART)


def test_nothing_but_the_end_gives_a_sentence_instead_of_a_map(tmp_path):
    save_figure(aligned(["a"], ["b"], np.zeros((1, 1), np.float32), source_end=[1.0]), tmp_path / "a.svg")
    written = " ".join(texts(tmp_path / "a.svg"))
    assert "no word of the source was looked at, only the end of the sentence" in written


@given(st.text(st.characters(blacklist_categories=["C", "Z", "M"]) | st.just(" "), max_size=60), st.floats(2, 30))
def test_wrapped_text_is_whole_and_fits(text, room):
    lines = wrap(text, room)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cell_len(line) <= room for line in lines)


@pytest.fixture
def bare(monkeypatch):
    """A machine with no font but those that come with matplotlib."""
    manager = fonts.font_manager.fontManager
    monkeypatch.setattr(manager, "ttflist", [e for e in manager.ttflist if e.fname.startswith(get_data_path())])
    monkeypatch.setattr(fonts.font_manager, "findSystemFonts", list)
    fonts._installed.cache_clear()
    fonts._warn_once.cache_clear()
    yield
    fonts._installed.cache_clear()


def test_common_chinese_is_drawn_without_any_chinese_font(tmp_path, bare):
    grammar = (Path(embedded.__file__).parent).glob("*.py")
    signs = set(re.findall("[\u4e00-\u9fff]", "".join(file.read_text(encoding="utf-8") for file in grammar)))
    assert len(signs) > 300
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fonts.fonts_for("".join(signs) + "，。、？！：；“”《》…")[1:] == ("",)
        save_figure(tom(), tmp_path / "a.pdf")
    assert b"RegardHanzi" in (tmp_path / "a.pdf").read_bytes()
    assert fonts.font_for("汤姆追逐杰瑞") == fonts.OWN


def test_the_font_is_small_and_its_licence_comes_along():
    folder = Path(fonts.OWN_FILE).parent
    assert Path(fonts.OWN_FILE).stat().st_size <= 300_000
    assert "SIL OPEN FONT LICENSE Version 1.1" in (folder / "OFL.txt").read_text()
    assert fonts.font_manager.get_font(fonts.OWN_FILE).family_name == fonts.OWN  # Noto is a name of others


def test_what_no_font_has_falls_back_sign_by_sign_and_is_named_once(tmp_path, bare, capfd):
    rare = aligned(["Tom", "㐀"], ["汤姆㐀"])  # the last sign is in none of these fonts
    with pytest.warns(UserWarning, match=r"No font here has 㐀: .* Install one.*fonts-noto-cjk or fonts-wqy-zenhei"):
        save_figure(rare, tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(rare, tmp_path / "a.svg")
    assert is_whole(tmp_path / "a.png")
    assert fonts.fonts_for("Tom 汤姆㐀") == (["DejaVu Sans", fonts.OWN, "sans-serif"], "㐀")
    assert capfd.readouterr() == ("", "")


def test_a_font_that_was_installed_after_matplotlib_looked_is_found(tmp_path, bare, monkeypatch):
    """The advice to install one cures, though matplotlib keeps its list of fonts."""
    assert fonts.fonts_for("㐀")[1] == "㐀"
    font = TTFont(fonts.OWN_FILE)
    for table in font["cmap"].tables:
        table.cmap = {0x3400: table.cmap[ord("汤")]}
    font["name"].setName("Later", 1, 3, 1, 0x409)
    font.save(tmp_path / "later.ttf")
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    found = [str(tmp_path / "broken.ttf"), str(tmp_path / "later.ttf")]
    monkeypatch.setattr(fonts.font_manager, "findSystemFonts", lambda: found)
    assert fonts.fonts_for("㐀") == (["DejaVu Sans", "Later", "sans-serif"], "")


def test_fonts_cover_what_they_say():
    families, missing = fonts.fonts_for("Tom é Ω")
    assert missing == ""
    assert families[-1] == "sans-serif"
    assert fonts.font_for("Tom") == families[0]
    assert fonts.fonts_for("\U0010ffff")[1] == "\U0010ffff"
    assert fonts.font_for("\U0010ffff") is None


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"'a.jpg'; expected a name that ends in .png, .svg or .pdf"):
        save_figure(tom(), tmp_path / "a.jpg")
    with pytest.raises(UsageError, match=r"holds 1 to 40 alignments; 41 were given. Draw some of them"):
        save_figure([tom()] * 41, tmp_path / "a.png")
    with pytest.raises(UsageError, match="no series has a point"):
        save_curves({"a": []}, tmp_path / "a.png", "", "", "")
    with pytest.raises(RegardError, match=r"a.svg cannot be written \(No such file or directory\); nothing was left"):
        save_figure(aligned(["a"], ["b"]), tmp_path / "nowhere" / "a.svg")


def test_names_at_the_ends_of_lines_do_not_touch():
    placed = _apart([5.0, 80.0, 5.5, 4.0, 81.0], 3.0)
    assert (np.diff(np.sort(placed)) >= 3.0 - 1e-9).all()
    assert list(np.argsort(placed)) == [3, 0, 2, 1, 4]
    assert list(_apart([1.0, 9.0], 3.0)) == [1.0, 9.0]


def run(code, *arguments):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def test_neither_pyplot_nor_torch_is_imported(tmp_path):
    code = (
        "import sys, numpy; from regard.alignment.alignment import Alignment, Unit; import regard.views as views\n"
        "assert 'rich' not in sys.modules and 'matplotlib' not in sys.modules\n"
        "one = (Unit('a', 0.0, 1.0),); it = Alignment('a', 'a', one, one, numpy.ones((1, 1), 'float32'), 0.0)\n"
        "views.save_figure(it, sys.argv[1]); views.heatmap(it, width=80, color=True, ascii=False)\n"
        "print(sorted({'torch', 'matplotlib.pyplot', 'tkinter'} & set(sys.modules)))"
    )
    done = run(code, str(tmp_path / "a.png"))
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_without_matplotlib_one_sentence_says_what_to_install():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from regard.errors import RegardError\n"
        "try:\n    from regard.views.figure import save_figure\n"
        "except RegardError as error:\n    print(error)"
    )
    done = run(code)
    assert done.stdout == (
        "Pictures need matplotlib, which is not installed. Install it with: pip install 'regard[plot]'\n"
    )
