"""A page of alignments as a browser has it."""

import json
import re
import shutil
import subprocess
from html import escape, unescape

import numpy as np
import pytest
from matplotlib.image import imread

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome in PATH")


def embedded(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)[1])


COPY = """<script>
onload = () => {
  const inner = document.querySelector('iframe').contentDocument.documentElement;
  document.documentElement.setAttribute('data-told', inner.getAttribute('data-told'));
};
</script>"""


def dump(html, tmp_path, address="", extra_script="", guarded=True, width=1280, still=False, milliseconds=0):
    """The page as Chromium has it after its scripts ran; unguarded, the policy is taken out and a script put in.

    milliseconds: that pass before, for what comes later.
    """
    if extra_script:
        html = html.replace("</body>", f"<script>{extra_script}</script></body>")
    if not guarded:
        html = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>', "", html)
    if width < 500:  # no window of Chromium is as narrow as a telephone, but a frame in it is
        html = f'<iframe width={width} height=800 style="border: 0" srcdoc="{escape(html)}"></iframe>{COPY}'
    options = ["--force-prefers-reduced-motion"] if still else []
    options += [f"--virtual-time-budget={milliseconds}"] if milliseconds else []
    return visited(html, tmp_path, address, [*options, f"--window-size={width},800", "--dump-dom"])


def screenshot(html, tmp_path, address=""):
    """(height, width, 3): the page as it is seen, on light ground, with nothing that moves."""
    file = tmp_path / "page.png"
    options = ["--force-prefers-reduced-motion", "--hide-scrollbars", "--window-size=1280,1000", f"--screenshot={file}"]
    visited(html, tmp_path, address, options)
    return np.rint(imread(file)[:, :, :3] * 255)


def visited(html, tmp_path, address, options):
    """What Chromium prints of the page."""
    file = tmp_path / "page.html"
    file.write_bytes(html.encode())
    quiet = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-sync", *quiet.split()]
    command += [f"--user-data-dir={tmp_path / 'profile'}", *options, f"{file.as_uri()}{address}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def told(dom):
    """What a script wrote down, without the spaces that keep a number and its sign on one line."""
    return unescape(re.search('data-told="(.*?)"', dom)[1]).replace("\xa0", " ").split("|")
