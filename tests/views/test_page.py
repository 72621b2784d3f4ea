import json
import re
import shutil
import subprocess
from html import unescape
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from view_samples import HOSTILE, aligned, long_one, parts, tom

from regard.alignment.alignment import Alignment, Unit
from regard.errors import RegardError, UsageError
from regard.views.page import inert_json, page, pieces, save_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome in PATH")

PWN = "document.documentElement.setAttribute('data-pwned',1)"
PAYLOADS = [
    f"<script>{PWN}</script>",
    f"</script><script>{PWN}</script>",
    f"</ScRiPt ><sCrIpT>{PWN}//",
    f"<img src=x onerror={PWN}>",
    f"<img src=x onerror={PWN}//",
    f"'\"><img src=x onerror={PWN}>",
    f"<svg onload={PWN}>",
    f"<svg/onload={PWN}>",
    f"<svg><script>{PWN}</script></svg>",
    f"<svg><animate onbegin={PWN} attributeName=x dur=1s>",
    f"<svg><set onbegin={PWN} attributename=x dur=1s>",
    f"<body onload={PWN}>",
    f"<body onpageshow={PWN}>",
    f"<input autofocus onfocus={PWN}>",
    f"<select autofocus onfocus={PWN}>",
    f"<textarea autofocus onfocus={PWN}>",
    f"<details open ontoggle={PWN}>",
    f"<video><source onerror={PWN}>",
    f"<audio src=x onerror={PWN}>",
    f"<marquee onstart={PWN}>",
    f"<iframe srcdoc=\"<script>parent.{PWN}</script>\">",
    f"<iframe src=\"javascript:parent.{PWN}\">",
    f"<object data=\"javascript:{PWN}\">",
    f"<embed src=\"javascript:{PWN}\">",
    f"<a href=\"javascript:{PWN}\" id=x>x</a>",
    f"<form action=\"javascript:{PWN}\"><button>x</button></form>",
    f"<math><mtext></form><form><mglyph><style></math><img src onerror={PWN}>",
    f"<table background=\"javascript:{PWN}\">",
    f"<meta http-equiv=refresh content=\"0;url=javascript:{PWN}\">",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/'>",
    "<base href=http://127.0.0.1:9/>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css>",
    "<style>@import 'http://127.0.0.1:9/x.css';</style>",
    "</style><style>*{background:url(http://127.0.0.1:9/)}",
    f"</title><script>{PWN}</script>",
    f"</textarea><script>{PWN}</script>",
    f"</noscript><script>{PWN}</script>",
    f"<!--<script>{PWN}</script>",
    f"--><script>{PWN}</script>",
    f"]]><script>{PWN}</script>",
    f"\"}};{PWN};//",
    f"'];{PWN};//",
    f"\u2028{PWN}\u2029",
    f"\\u003cscript\\u003e{PWN}\\u003c/script\\u003e",
    f"&lt;script&gt;{PWN}&lt;/script&gt;",
    f"&#60;img src=x onerror={PWN}&#62;",
    f"{{{{script}}}}{{{{data}}}}${{{PWN}}}",
    f"<scr\x00ipt>{PWN}</scr\x00ipt>",
    f"\" onmouseover=\"{PWN}\" style=\"position:fixed;inset:0",
    f"' onpointerover='{PWN}' autofocus onfocus='{PWN}",
]  # fmt: skip


def embedded(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)[1])


def dump(html, tmp_path, address="", extra_script="", guarded=True):
    """The page as Chromium has it after its scripts ran; unguarded, the policy is taken out and a script put in."""
    if extra_script:
        html = html.replace("</body>", f"<script>{extra_script}</script></body>")
    if not guarded:
        html = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', "", html)
    file = tmp_path / "page.html"
    file.write_bytes(html.encode())
    quiet = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-sync", *quiet.split()]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"{file.as_uri()}{address}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


# --- the file


def test_weights_and_words_are_in_the_file():
    alignment = aligned(["Tom", "sees", "<it>"], ["汤姆", "看见"])
    (sentence,) = embedded(page(alignment, "t"))
    assert np.abs(np.array(sentence["weights"]) - alignment.weights).max() <= 5e-5
    assert sentence["source"] == [["Tom", 0], [" ", -1], ["sees", 1], [" ", -1], ["<it>", 2]]
    assert sentence["targetLabels"] == ["汤姆", "看见"]
    assert (sentence["score"], sentence["nothing"]) == (-1.5, None)


@settings(max_examples=40, deadline=None)
@given(parts())
def test_no_text_reaches_the_markup(given_parts):
    html = page(aligned(*given_parts), "".join(given_parts[0]))
    assert html.count("<script") == html.count("</script") == 2
    assert html.count("<style") == html.count("</style") == 1
    data = re.search(r'id="data">(.*?)</script>', html, re.S)[1]
    assert not re.search("[<>&\u2028\u2029]", data)
    (sentence,) = embedded(html)
    assert len(sentence["weights"]) == len(given_parts[1])
    assert [index for _, index in sentence["source"] if index >= 0] == list(range(len(given_parts[0])))
    html.encode()


def test_a_text_is_cut_at_its_units():
    def unit(start, end):
        return Unit("ab"[: end - start] or "x", float(start), float(end))

    assert pieces("ab, c", [unit(0, 2), unit(4, 5)]) == [("ab", 0), (", ", -1), ("c", 1)]
    assert pieces("ab c ", [unit(0, 2)]) == [("ab", 0), (" c ", -1)]
    assert pieces("abc", [unit(0, 2), unit(1, 3), unit(1, 1)]) == [("ab", 0), ("c", 1), ("x", 2)]  # never twice
    assert pieces("", [Unit("one", 0.0, 0.5), Unit("two", 0.5, 1.2)]) == [("one", 0), (" ", -1), ("two", 1), (" ", -1)]


def test_the_title_is_escaped():
    html = page(tom(), "<b>&\"' {{data}}")
    assert "<title>&lt;b&gt;&amp;&quot;&#x27; {{data}}</title>" in html
    assert unescape(re.search("<h1.*?>(.*?)</h1>", html)[1]) == "<b>&\"' {{data}}"


def test_nothing_is_fetched():
    html = page(tom(), "t")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)">', html)[1]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; script-src 'sha256-[\w+/]{43}='; "
        r"base-uri 'none'; form-action 'none'",
        policy,
    )
    names = ("page.html", "page.css", "page-draw.js", "page-events.js")
    assets = "".join(files("regard.views").joinpath(name).read_text(encoding="utf-8") for name in names)
    assets = assets.replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert not re.search(r"//\w|src=|href=|url\(|@import|import\(|fetch\(|XMLHttp|innerHTML|outerHTML|eval\(", assets)


def test_json_with_numbers_that_json_has_not_is_refused():
    with pytest.raises(ValueError, match="Out of range float"):
        inert_json([float("nan")])
    alignment = tom()
    endless = Alignment(alignment.source_text, "", alignment.source, (), np.zeros((0, 4), np.float32), float("-inf"))
    assert embedded(page(endless, "t"))[0]["score"] is None


def test_what_cannot_be_shown_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no alignments were given. Give the page at least one"):
        page([], "t")
    with pytest.raises(RegardError, match=r"cannot be written \(No such file or directory\)"):
        save_page(tom(), tmp_path / "nowhere" / "a.html", "t")
    save_page([tom(), tom()], tmp_path / "a.html", "t")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == page([tom(), tom()], "t")


# --- the page in a browser

VISIT_ALL = """
const count = JSON.parse(document.getElementById('data').textContent).length;
for (let k = 0; k < count; k++) {
  document.getElementById('sentence').value = k;
  document.getElementById('sentence').dispatchEvent(new Event('change'));
  for (const node of document.querySelectorAll('.unit, td[data-s]')) {
    node.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
    node.click();
  }
}
const foreign = 'img,iframe,object,embed,base,form,link,a,video,audio,marquee,details,math,textarea,animate,set,'
  + '[style*=fixed]';
const report = [
  count,
  document.querySelectorAll(foreign).length,
  [...document.querySelectorAll('*')].filter((n) => [...n.attributes].some((a) => a.name.startsWith('on'))).length,
  document.scripts.length,
  performance.getEntriesByType('resource').length,
];
document.documentElement.setAttribute('data-report', report.join(' '));
"""


def hostile_pages():
    assert len(PAYLOADS) == 50
    chosen = [aligned([payload, "b"], ["c", payload], np.full((2, 2), 0.5, np.float32)) for payload in PAYLOADS]
    return page(chosen, " ".join(PAYLOADS))


@needs_chromium
def test_no_payload_runs_even_without_the_policy(tmp_path):
    dom = dump(hostile_pages(), tmp_path, extra_script=VISIT_ALL, guarded=False)
    assert 'data-report="50 0 0 3 0"' in dom  # 50 sentences; no foreign element, handler, script or request
    assert "data-pwned" not in re.search("<html.*?>", dom)[0]


@needs_chromium
def test_the_policy_admits_the_page_and_nobody_else(tmp_path):
    dom = dump(hostile_pages(), tmp_path, "#s=50&t=1", PWN)
    assert "data-pwned" not in re.search("<html.*?>", dom)[0]
    assert len(re.findall("<option", dom)) == 50
    assert 'aria-current="step"' in dom


@needs_chromium
def test_the_address_chooses_sentence_and_step(tmp_path):
    alignment = aligned(["a", "b", "c"], list("汤姆追逐杰"))
    dom = dump(page([tom(), alignment], "t"), tmp_path, "#s=2&t=3")
    rows = re.findall(r"<tr(.*?)>(.*?)</tr>", dom, re.S)[1:]
    assert ["active" in attributes for attributes, _ in rows] == [False, False, True, False, False]
    assert ["ahead" in attributes for attributes, _ in rows] == [False, False, False, True, True]
    assert "step 3 of 5" in dom
    lit = re.findall(
        r'<span class="unit([^"]*)"[^>]*style="--w: ([\d.]+);"', re.search('id="source".*?</div>', dom, re.S)[0]
    )
    expected = np.round(alignment.weights[2].astype(float), 4)
    assert [float(weight) for _, weight in lit] == [weight if weight >= 0.02 else 0 for weight in expected]
    cells = [[float(weight) for weight in re.findall(r"--w: ([\d.e-]+)", row)] for _, row in rows]
    np.testing.assert_allclose(cells, alignment.weights, atol=5e-5)


DRIVE = """
const at = (id) => document.getElementById(id);
const told = [];
const count = () => told.push(`${at('count').textContent}, ${document.querySelectorAll('.unit.ahead').length} ahead`);
const key = (node, key) => node.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
count();
for (const name of ['ArrowRight', 'ArrowRight', 'ArrowLeft']) { key(document.body, name); count(); }
at('forth').click(); count();
at('play').click(); told.push(at('play').getAttribute('aria-label'));
key(document.body, ' '); told.push(at('play').getAttribute('aria-label'));
key(document.body, 'Escape'); count();
const first = document.querySelector('#target .unit');
first.focus(); told.push(at('readout').textContent);
key(first, 'ArrowRight'); told.push(document.activeElement.textContent);
document.querySelector('#source .unit').dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
told.push(at('readout').textContent);
document.querySelector('td[data-s="1"]').dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
told.push(at('readout').textContent);
const start = performance.now();
at('later').click();
for (let k = 0; k < 60; k++) key(document.body, 'ArrowRight');
document.documentElement.setAttribute('data-slow', performance.now() - start);
told.push(document.querySelectorAll('td[data-s]').length);
count();
document.documentElement.setAttribute('data-told', told.join('|'));
"""


@needs_chromium
def test_keys_and_buttons_and_a_long_sentence(tmp_path):
    alignment = aligned(["Tom", "sees"], ["汤姆", "看见"], np.array([[0.75, 0.25], [0, 1]], np.float32))
    dom = dump(page([alignment, long_one(60, 60)], "t"), tmp_path, extra_script=DRIVE, guarded=False)
    assert unescape(re.search('data-told="(.*?)"', dom)[1]).split("|") == [
        "all 2 shown, 0 ahead",
        "step 1 of 2, 1 ahead",
        "step 2 of 2, 0 ahead",
        "step 1 of 2, 1 ahead",
        "step 2 of 2, 0 ahead",
        "Pause",
        "Play",
        "all 2 shown, 0 ahead",
        "汤姆 looks at Tom 75 %, sees 25 %",
        "看见",
        "Tom is looked at by 汤姆 75 %",
        "汤姆 looks at sees 25 %",
        "3600",
        "step 60 of 60, 0 ahead",
    ]
    assert float(re.search('data-slow="(.*?)"', dom)[1]) < 5000  # milliseconds for building the map and sixty steps


@needs_chromium
def test_an_empty_side_says_so(tmp_path):
    dom = dump(page([aligned([], ["x"]), aligned(HOSTILE, HOSTILE)], "t"), tmp_path)
    assert "Nothing to draw: the source has no words." in dom
    assert re.search('<section class="player"[^>]* hidden=""', dom)
