import re
import subprocess
import sys
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.image import imread
from view_samples import HOSTILE, aligned, long_one, tom

from regard.errors import RegardError, UsageError
from regard.views import fonts
from regard.views.curves import _apart, save_curves
from regard.views.figure import save_figure

needs_chinese = pytest.mark.skipif(
    fonts.font_for("汤姆追逐杰瑞") is None, reason="no installed font draws Chinese (apt install fonts-wqy-zenhei)"
)
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


@needs_chinese
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


@pytest.mark.filterwarnings("ignore:No installed font")
def test_svg_keeps_words_as_text(tmp_path):
    save_figure([tom(), aligned(["$x^2$", "\\alpha", "a_b", "w" * 70], ["b"])], tmp_path / "a.svg")
    written = texts(tmp_path / "a.svg")
    assert {"Tom", "chases", "Jerry", "汤姆", "追逐", "杰瑞", "$x^2$", "\\alpha", "a_b", "w" * 23 + "…"} <= set(written)
    assert "href" not in re.sub(r'href="#', "", (tmp_path / "a.svg").read_text())
    save_curves(POINTS, tmp_path / "b.svg", "one_$two$", "length", "BLEU")
    assert {"汤姆 $x$", "uniform", "one_$two$", "length", "BLEU", "120", "41"} <= set(texts(tmp_path / "b.svg"))


@pytest.mark.filterwarnings("ignore:No installed font")
def test_hostile_text_gives_a_well_formed_file(tmp_path):
    save_figure(aligned(HOSTILE, HOSTILE[:5]), tmp_path / "a.svg")
    assert "\\x1b[31mred" in texts(tmp_path / "a.svg")


@pytest.mark.filterwarnings("ignore:No installed font")
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


def test_a_missing_font_is_named_once_and_the_file_is_written(tmp_path, monkeypatch, capfd):
    installed = {"DejaVu Sans": fonts._installed()["DejaVu Sans"]}
    monkeypatch.setattr(fonts, "_installed", lambda: installed)
    with pytest.warns(UserWarning, match="fonts-noto-cjk or fonts-wqy-zenhei") as caught:
        save_figure(tom(), tmp_path / "a.png")
    assert len(caught) == 1
    assert re.search(
        r"No installed font has .*汤.*apt install fonts-noto-cjk or fonts-wqy-zenhei", str(caught[0].message)
    )
    assert is_whole(tmp_path / "a.png")
    assert capfd.readouterr() == ("", "")


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
