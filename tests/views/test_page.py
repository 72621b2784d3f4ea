import re
from dataclasses import replace
from html import unescape
from importlib.resources import files

import numpy as np
import pytest
from browser import dump, embedded, needs_chromium, told
from hypothesis import given, settings
from view_samples import HOSTILE, aligned, long_one, parts, tom, whole

from regard.alignment.alignment import Alignment, Prediction, Unit
from regard.errors import RegardError, UsageError
from regard.views.page import SCRIPTS, inert_json, page, pieces, save_page

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


# --- the file


def test_weights_and_words_are_in_the_file():
    alignment = aligned(["Tom", "sees", "<it>"], ["汤姆", "看见"])
    (sentence,) = embedded(page(alignment, "t"))
    assert np.abs(np.array(sentence["weights"]) - alignment.weights).max() <= 5e-5
    assert sentence["source"] == [["Tom", 0], [" ", -1], ["sees", 1], [" ", -1], ["<it>", 2]]
    assert sentence["targetLabels"] == ["汤姆", "看见"]
    assert (sentence["score"], sentence["nothing"]) == (-1.5, None)


def test_what_was_looked_at_on_the_ends_is_in_the_file():
    alignment = whole()
    (sentence,) = embedded(page(alignment))
    weights = np.array(sentence["weights"])
    assert weights.shape == (3, 4)
    np.testing.assert_allclose(weights.sum(1), 1, atol=3e-4)
    np.testing.assert_allclose(weights[:2, 3], alignment.source_end, atol=5e-5)
    np.testing.assert_allclose(weights[2], alignment.target_end, atol=5e-5)
    assert (sentence["sourceEnd"], sentence["targetEnd"], sentence["cut"]) == (True, True, False)
    cut = embedded(page(replace(alignment, target_end=None)))[0]
    assert (len(cut["weights"]), cut["targetEnd"], cut["cut"]) == (2, False, True)
    bare = embedded(page(tom()))[0]  # nothing is known of its ends
    assert (bare["sourceEnd"], bare["targetEnd"], bare["cut"], bare["predictions"]) == (False, False, False, None)


def test_predictions_stand_with_their_unit():
    alignment = replace(whole(), predictions=(*whole().predictions, Prediction("  <b>\x00", 2, 1e-9, ())))
    (sentence,) = embedded(page(alignment))
    assert sentence["predictions"] == [
        [["w0", 0.5, [["w0", 0.5], ["other", 0.25]]]],
        [["w", 0.5, [["w", 0.5], ["other", 0.25]]], ["1", 0.5, [["1", 0.5], ["other", 0.25]]]],
        [["", 0.125, [["other", 0.75]]], ["␣␣<b>\\x00", 1e-9, []]],
    ]


def test_ends_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="some are NaN or infinite; expected numbers from 0 to 1"):
        page(replace(whole(), target_end=np.full(4, np.nan, np.float32)))


def test_where_only_the_end_was_looked_at_the_map_is_there_and_the_page_says_so():
    alignment = aligned(["a", "b"], ["c"], np.zeros((1, 2), np.float32), source_end=[1.0])
    (sentence,) = embedded(page(alignment))
    assert (sentence["weights"], sentence["nothing"]) == ([[0, 0, 1]], None)
    assert sentence["note"] == "no word of the source was looked at, only the end of the sentence."


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
    names = ("page.html", "page.css", *SCRIPTS)
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
    save_page(tom(), tmp_path / "b.html")
    assert "<title>What the model looked at</title>" in (tmp_path / "b.html").read_text(encoding="utf-8")


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
    assert len(re.findall("<option", re.search('<select id="sentence".*?</select>', dom, re.S)[0])) == 50
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
    assert told(dom) == [
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


SPEAK = """
const at = (id) => document.getElementById(id);
const told = [];
const key = (name) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true }));
const find = (query) => document.querySelector(query);
const point = (query) => find(query).dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
const words = (node) => [...node.children].map((part) => part.textContent).concat(node.className || []).join(' ');
const say = () => told.push(at('readout').textContent);
const choices = () => {
  told.push(at('choices-name').textContent, [...document.querySelectorAll('#tokens li')].map(words).join(', '));
};
say(); told.push(document.querySelectorAll('#links path').length);
key('ArrowRight'); key('ArrowRight'); say(); choices();
key('ArrowRight'); told.push(at('count').textContent); say(); choices();
point('#source .end'); say();
point('td.end'); say();
key('ArrowDown'); told.push(at('sentence').value, document.querySelectorAll('#target .end').length);
told.push(find('.cut').textContent);
key('ArrowDown'); key('ArrowUp'); told.push(at('sentence').value);
at('speed').value = '4'; at('speed').dispatchEvent(new Event('change'));
const set = window.setInterval; let pace = 0;
window.setInterval = (f, time) => { pace = time; return set(f, time); };
at('play').click(); told.push(pace, at('readout').getAttribute('aria-live'));
at('play').click(); told.push(at('readout').getAttribute('aria-live'));
document.documentElement.setAttribute('data-told', told.join('|'));
"""


@needs_chromium
def test_the_ends_and_the_choices_of_a_step_are_shown_and_said(tmp_path):
    weights = [[0.5, 0.125, 0.25], [0, 0.375, 0.25], [0.0625, 0.25, 0.625]]
    rows = np.array([[*row, 0] for row in weights], np.float32)
    rows[:, 3] = 1 - rows.sum(1)
    alignment = whole()
    alignment = replace(alignment, weights=rows[:2, :3], source_end=rows[:2, 3], target_end=rows[2])
    cut = replace(alignment, target_end=None, predictions=())
    dom = dump(page([alignment, cut]), tmp_path, extra_script=SPEAK, guarded=False)
    assert told(dom) == [
        "Point at a word to see its look. On average 19 % of a look is on the end of the sentence.",
        "3",  # of each row its strongest, the end of the output too
        "w1 looks at word1 38 %, word2 25 %; 38 % on the end of the sentence",
        "Probability of w1: 25 % = 50 % × 50 %",
        "w 50 % own, other 25 %, all others 25 % rest, 1 50 % own, other 25 %, all others 25 % rest",
        "step 3 of 3",
        "The end of the output looks at word2 63 %, word1 25 %, word0 6.3 %; 6.3 % on the end of the sentence",
        "Probability of the end of the output: 13 %",
        "other 75 %, end 13 % own, all others 13 % rest",
        "The end of the sentence is looked at by w1 38 %, w0 13 %, the end of the output 6.3 %",
        "w0 puts 13 % on the end of the sentence",
        "1",
        "0",
        " cut before its end",
        "0",
        "225",
        "off",
        "polite",
    ]


LAYOUT = """
const at = (id) => document.getElementById(id);
const key = (name) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true }));
const box = (node) => node.getBoundingClientRect();
const within = (one, frame) => one.left >= frame.left - 1 && one.right <= frame.right + 1
  && one.top >= frame.top - 1 && one.bottom <= frame.bottom + 1;
const told = [];
const beside = () => box(at('map-section')).left >= box(at('texts')).right;
told.push(beside());
at('later').click();
told.push(beside(), document.documentElement.scrollWidth <= innerWidth, at('texts').classList.contains('ruled'));
const lines = (side) => [...document.querySelectorAll(`#${side} .unit`)].map(box);
const above = Math.max(...lines('source').map((b) => b.bottom));
const below = Math.min(...lines('target').map((b) => b.top));
const links = [...document.querySelectorAll('#links path')].map(box);
told.push(links.length, links.every((b) => b.top >= above && b.bottom <= below));
told.push(innerWidth);
told.push([...document.querySelectorAll('.ruler')].every((ruler) => box(ruler.lastChild).right <= innerWidth));
const frame = box(at('scroll'));
const count = JSON.parse(at('data').textContent)[1].weights.length;
const look = () => {
  const cells = [...document.querySelectorAll('tr.active td[data-s]')];
  const end = cells.pop();
  const weight = (cell) => Number(cell.style.getPropertyValue('--w'));
  const best = cells.reduce((one, other) => (weight(other) > weight(one) ? other : one));
  const names = document.querySelector('thead');
  return within(box(best), frame) && within(box(end), frame) && box(best).right <= box(end).left + 9
    && box(best).top >= box(names).bottom - 1;
};
window.requestAnimationFrame = (act) => act(); // without a screen, frames are rare
let seen = 0;
for (let step = 0; step < count; step++) {
  key('ArrowRight');
  seen += look();
}
told.push(seen, count);
document.documentElement.setAttribute('data-told', told.join('|'));
"""


@needs_chromium
@pytest.mark.parametrize("width", [1280, 390])
def test_a_long_sentence_is_in_view_at_every_step(tmp_path, width):
    html = page([whole(1, 4, 4), whole(2, 63, 41)])
    assert len(html.encode()) < 120_000
    dom = dump(html, tmp_path, extra_script=LAYOUT, guarded=False, width=width, still=True)
    wide = "true" if width > 1000 else "false"
    assert told(dom) == [wide, "false", "true", "true", "42", "true", str(width), "true", "42", "42"]
