"""Recordings and pictures on the page: the file holds them, and every word lights what it was written from."""

import io
import re
import wave
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
from browser import dump, embedded, needs_chromium, screenshot, told
from matplotlib.image import imread
from media_samples import heard, of_pixels, seen
from view_samples import tom

from regard.data.media import Picture, Recording
from regard.views import page_media
from regard.views.page import page
from regard.views.ramp import HUE


def test_the_file_holds_the_sound_to_16_bits_and_the_seconds_of_every_unit():
    alignment = heard()
    (sentence,) = embedded(page(alignment))
    medium = sentence["medium"]
    with wave.open(io.BytesIO(b64decode(medium["audio"]))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert file.getframerate() == alignment.medium.rate
    np.testing.assert_array_equal(samples / 32768, alignment.medium.samples)
    np.testing.assert_allclose(medium["spans"], [(unit.start, unit.end) for unit in alignment.source], atol=1e-6)
    assert medium["seconds"] == medium["heard"] == alignment.medium.seconds
    assert sentence["source"] == [["three.wav", -1]]


def test_the_file_holds_the_picture_and_the_box_of_every_unit():
    alignment = seen()
    medium = embedded(page(alignment))[0]["medium"]
    pixels = np.rint(imread(io.BytesIO(b64decode(medium["file"]))) * 255)
    np.testing.assert_array_equal(pixels, alignment.medium.pixels)
    np.testing.assert_allclose(medium["boxes"], [unit.box for unit in alignment.source])
    large = replace(alignment, medium=Picture(np.zeros((1500, 2500, 3), np.uint8)))
    medium = embedded(page(large))[0]["medium"]
    assert imread(io.BytesIO(b64decode(medium["file"]))).shape[:2] == (500, 834)
    assert (medium["width"], medium["height"], medium["covers"]) == (2500, 1500, [2502, 1500])


@pytest.mark.parametrize("alignment", [heard(), seen(), heard(source_end=np.array([0.1, 0.2], np.float32))])
def test_weights_sum_to_what_the_alignment_has(alignment):
    shown = np.array(embedded(page(alignment))[0]["weights"])[:, : len(alignment.source)]
    np.testing.assert_allclose(shown.sum(axis=1), alignment.weights.sum(axis=1), rtol=5e-5)  # five digits
    thin = replace(alignment, weights=np.full_like(alignment.weights, 1e-5))
    thin.weights[0, 0] = 0.5
    np.testing.assert_allclose(embedded(page(thin))[0]["weights"][1][:3], 1e-5)  # not rounded away


def test_the_policy_allows_what_the_page_holds_and_no_more():
    def policy(*alignments):
        return page(list(alignments)).split('Security-Policy" content="')[1].split('">')[0]

    assert "img-src data:;" in policy(seen())
    assert "media-src" not in policy(seen())
    assert "media-src blob:;" in policy(tom(), heard())
    assert "img-src" not in policy(heard())
    assert "data:" not in policy(tom())


def test_of_a_long_recording_the_beginning_is_held(monkeypatch):
    monkeypatch.setattr(page_media, "MOST_SECONDS", 1.5)
    medium = embedded(page(heard()))[0]["medium"]
    assert len(b64decode(medium["audio"])) == 44 + 2 * 12_000
    assert (medium["heard"], medium["seconds"] > 3) == (1.5, True)


def test_a_recording_without_a_place_says_so():
    empty = replace(
        heard(), source=(), weights=np.zeros((2, 0), np.float32), medium=Recording(np.zeros(0, np.float32), 8000)
    )
    (sentence,) = embedded(page(empty))
    assert sentence["nothing"] == "Nothing to draw: the source has no places that could be looked at."
    assert sentence["medium"] is None


SOUND = """
const at = (id) => document.getElementById(id);
const told = [];
const box = (node) => node.getBoundingClientRect();
const key = (name) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true }));
const frame = document.querySelector('#medium .frame');
const audio = document.querySelector('audio');
const calls = [];
audio.play = () => { calls.push('play'); return Promise.resolve(); };
audio.pause = () => calls.push('pause');
const data = JSON.parse(at('data').textContent)[0];
const { spans, seconds, largest } = data.medium;
const place = (node) => (box(node).left - box(frame).left) / box(frame).width * seconds;
const wrong = () => [...document.querySelectorAll('#medium .looks rect:not(.pointed)')].filter((rect) => {
  const [start, end] = spans[rect.dataset.s];
  const pixel = seconds / box(frame).width;
  return Math.abs(place(rect) - start) > pixel || Math.abs(place(rect) + box(rect).width * pixel - end) > pixel;
}).length;
const lit = (t) => [...document.querySelectorAll('#medium .looks rect:not(.pointed)')].every((rect) =>
  Math.abs(Number(rect.getAttribute('fill-opacity')) - data.weights[t][rect.dataset.s] / largest) < 1e-3);
key('ArrowRight');
told.push(at('count').textContent, wrong(), lit(0), document.querySelectorAll('#medium .looks rect').length > 3);
told.push(at('readout').textContent);
const words = [...document.querySelectorAll('#target .unit')];
calls.length = 0;
words[0].click();
const head = place(document.querySelector('.head'));
told.push(calls.join(), audio.currentTime.toFixed(2), Math.abs(head - audio.currentTime) < 0.02);
key('Escape');
calls.length = 0;
at('play').click();
const sounding = () => words.map((word) => Number(word.classList.contains('sounding'))).join('');
const hear = (time) => {
  audio.currentTime = time;
  audio.dispatchEvent(new Event('timeupdate'));
  told.push(`${at('count').textContent} ${sounding()}`);
};
told.push(calls.at(-1), at('play').getAttribute('aria-label'));
for (const time of [0.5, 1.2, 2.0, 2.35, 3.0]) hear(time);
told.push(wrong());
audio.dispatchEvent(new Event('ended'));
told.push(at('play').getAttribute('aria-label'), sounding());
at('speed').value = '2'; at('speed').dispatchEvent(new Event('change'));
at('play').click(); told.push(audio.playbackRate);
document.documentElement.setAttribute('data-told', told.join('|'));
"""


@pytest.mark.slow
@needs_chromium
def test_a_recording_plays_in_step_and_a_word_lights_and_plays_its_stretch(tmp_path):
    dom = dump(page(heard()), tmp_path, extra_script=SOUND, guarded=False)
    row = heard().weights[0].astype(float)
    runs = [(last - first, first, last) for first in range(len(row)) for last in range(first, len(row))]
    _, first, last = min(run for run in runs if row[run[1] : run[2] + 1].sum() >= row.sum() / 2)
    start, end = heard().source[first].start, heard().source[last].end
    assert told(dom) == [
        *("step 1 of 2", "0", "true", "true"),
        f"three looks at {start:.2f}–{end:.2f} s {100 * row[first : last + 1].sum():.0f} %",
        *("pause,play", f"{start:.2f}", "true"),
        *("play", "Pause"),
        *("step 0 of 2 00", "step 1 of 2 10", "step 1 of 2 00", "step 2 of 2 01", "step 2 of 2 00"),
        "0",
        *("Play", "00"),
        "2",
    ]


CELLS = """
const at = (id) => document.getElementById(id);
const told = [];
const box = (node) => node.getBoundingClientRect();
const key = (name) => document.body.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true }));
const data = JSON.parse(at('data').textContent)[0];
const { boxes, width, height, largest } = data.medium;
const right = (frame, t) => {
  const whole = box(frame);
  if (Math.abs(whole.width / whole.height - width / height) > 0.02) return 'squashed';
  const rects = [...frame.querySelectorAll('.looks rect:not(.pointed)')];
  const good = rects.filter((rect) => {
    const [left, top, toRight, bottom] = boxes[rect.dataset.s];
    const it = box(rect);
    const near = (seen, said, size, pixels) => Math.abs(seen - said / size * pixels) < 0.6;
    return near(it.left - whole.left, left, width, whole.width) && near(it.top - whole.top, top, height, whole.height)
      && near(it.width, toRight - left, width, whole.width) && near(it.height, bottom - top, height, whole.height)
      && Math.abs(Number(rect.getAttribute('fill-opacity')) - data.weights[t][rect.dataset.s] / largest) < 1e-3;
  });
  return `${good.length} of ${rects.length}`;
};
const frame = document.querySelector('#medium .frame');
key('ArrowRight'); told.push(right(frame, 0));
key('ArrowRight'); told.push(right(frame, 1));
told.push(right(document.querySelectorAll('.copy .frame')[1], 1));
const whole = box(frame);
const [clientX, clientY] = [whole.left + 95 / width * whole.width, whole.top + 3 / height * whole.height];
frame.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX, clientY }));
told.push(at('readout').textContent.split(' is')[0], document.querySelectorAll('.pointed').length);
document.documentElement.setAttribute('data-told', told.join('|'));
"""


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("width", [1280, 390])
def test_a_lit_cell_lights_its_pixels_on_the_page_in_any_aspect_ratio(tmp_path, width):
    pixels = np.random.default_rng(0).integers(0, 256, (48, 96, 3), np.uint8)
    alignment = of_pixels(pixels, "all corner", [None, (80, 0, 96, 16)], (3, 6))
    dom = dump(page(alignment), tmp_path, extra_script=CELLS, guarded=False, width=width, still=True)
    assert told(dom) == ["18 of 18", "18 of 18", "18 of 18", "row 1, column 6", "1"]


LOADED = """
const refused = [];
document.addEventListener('securitypolicyviolation', (event) => refused.push(event.violatedDirective));
for (const id of ['later', 'earlier']) document.getElementById(id).click(); // so that the sound is made once more
const audio = document.querySelector('audio');
audio.addEventListener('loadedmetadata', () => {
  const { seconds } = JSON.parse(document.getElementById('data').textContent)[0].medium;
  const whole = Math.abs(audio.duration - seconds) < 0.01;
  document.documentElement.setAttribute('data-told', `${whole}|${refused.length}`);
});
"""


@pytest.mark.slow
@needs_chromium
def test_the_policy_lets_the_sound_of_the_page_be_heard(tmp_path):
    html = re.sub(r"script-src 'sha256-[^']*'", "script-src 'unsafe-inline'", page([heard(), seen()]))
    assert told(dump(html, tmp_path, extra_script=LOADED, milliseconds=4000)) == ["true", "0"]


@pytest.mark.slow
@needs_chromium
def test_the_policy_lets_the_picture_be_seen_and_a_word_lights_its_cells(tmp_path):
    pixels = np.zeros((48, 96, 3), np.uint8) + np.array([0, 200, 0], np.uint8)
    alignment = of_pixels(pixels, "all corner", [None, (80, 0, 96, 16)], (3, 6))
    rest = screenshot(page(alignment), tmp_path)
    green = (np.abs(rest - [0, 200, 0]) < 3).all(axis=2)
    lit = screenshot(page(alignment), tmp_path, "#s=1&t=2")
    rows, columns = np.nonzero(green)
    down, across = np.nonzero((np.abs(lit - np.array(HUE)) < 4).all(axis=2) & green)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert width / height == pytest.approx(2, abs=0.02)
    seen_box = [(down.min() - rows.min()) / height, (down.max() + 1 - rows.min()) / height]
    seen_box += [(across.min() - columns.min()) / width, (across.max() + 1 - columns.min()) / width]
    np.testing.assert_allclose(seen_box, [0, 1 / 3, 5 / 6, 1], atol=0.01)
