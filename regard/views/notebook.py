"""An Alignment as the result of a notebook's cell: a table with coloured cells, and a picture.

IPython has a table from the names of types to functions that display them. So `Alignment` needs no code for display,
and this file is imported only when there is one to show.
"""

from base64 import b64encode
from html import escape
from typing import Any

from regard.alignment.alignment import Alignment
from regard.data.media import Recording
from regard.errors import RegardError
from regard.views.labels import (
    END,
    SHOWN_FROM,
    WITHIN,
    cells,
    checked_inside,
    label,
    nothing_to_draw,
    part_starts,
    remarks,
    source_line,
    visible,
    warnings,
)
from regard.views.media import wav
from regard.views.ramp import hexadecimal
from regard.views.terminal import heatmap

NAME = (Alignment.__module__, Alignment.__qualname__)
MOST_SECONDS = 60.0  # of sound, which is kept in the notebook
DARK = 0.45  # from this weight on a number is white
APART = '<tr><td style="height:4px;padding:0"></td></tr>'
PART = ";border-left:2px solid"
HATCHED = "repeating-linear-gradient(135deg,#8886 0 1px,#0000 1px 6px)"


def register(shell: Any) -> None:
    """Tell a running IPython how alignments are shown: as HTML, and as PNG where matplotlib is installed."""
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type_by_name(*NAME, html)
    formatters["image/png"].for_type_by_name(*NAME, png)


def html(alignment: Alignment) -> str:
    """One table, weights in percent, the end marks separate; below it the words of sentences that were made of them. A
    recording or a picture instead of the table: it itself with the weights, as `png` and as `heatmap` draw them, and
    the sound of a recording.

    Raises ValueError for weights that are NaN or infinite.
    """
    source, target = (escape(text) for text in (source_line(alignment), visible(alignment.target_text)))
    said = f"<div>{source}<br>{target}<br><small>log-probability {alignment.score:z.2f}</small></div>"
    sentence = nothing_to_draw(alignment)
    if sentence:
        return f"{said}<div>{sentence}</div>"
    if alignment.medium is not None:
        return said + _medium(alignment)
    against = "".join(f"<div>{escape(text)}</div>" for text in warnings([alignment]))
    tables = "".join(f"<div>{escape(visible(name))}</div>{_table(one)}" for name, one in alignment.each_layer)
    return said + tables + _inside(alignment) + against


def _table(alignment: Alignment) -> str:
    columns = [label(unit) for unit in alignment.source] + [END] * (alignment.source_end is not None)
    rows = [label(unit) for unit in alignment.target] + [END] * (alignment.target_end is not None)
    starts = part_starts(alignment)
    head = "".join(
        f'<th style="text-align:center{PART * (s in starts)}">{escape(column)}</th>' for s, column in enumerate(columns)
    )
    body = "".join(
        (APART if t >= len(alignment.target) else "")
        + f'<tr><th style="text-align:right">{escape(row)}</th>'
        + "".join(_cell(float(weight), s >= len(alignment.source)) for s, weight in enumerate(looks))
        + "</tr>"
        for t, (row, looks) in enumerate(zip(rows, cells(alignment), strict=True))
    )
    foot = "".join(f"<div><small>{escape(remark)}</small></div>" for remark in remarks(alignment))
    return f'<div style="overflow-x:auto"><table><tr><th></th>{head}</tr>{body}</table></div>{foot}'


def _inside(alignment: Alignment) -> str:
    """The sentences that were made of words, each word on the colour of its weight within; nothing without such."""
    if not alignment.inside:
        return ""
    lines: dict[int, str] = {}
    for word, weight in zip(alignment.inside, checked_inside(alignment), strict=True):
        color = "#fff" if weight >= DARK else "#2a2733"
        style = f"padding:0 0.3em;background:{hexadecimal(weight)};color:{color}"
        start = lines.get(word.unit, f"<small>{word.unit + 1}</small>")
        lines[word.unit] = f'{start} <span style="{style}" title="{100 * weight:.0f} %">{escape(label(word))}</span>'
    return f"<div>{WITHIN}</div>" + "".join(f'<div style="line-height:1.8">{line}</div>' for line in lines.values())


def png(alignment: Alignment) -> bytes | None:
    """The picture of `save_figure`; None without matplotlib."""
    try:
        from regard.views.figure import picture
    except RegardError:
        return None
    return picture([alignment], "png")


def _medium(alignment: Alignment) -> str:
    """The picture where there is matplotlib, else the map of a terminal; and the sound, its first minute."""
    drawn = png(alignment)
    if drawn is None:
        shown = f"<pre>{escape(heatmap(alignment, width=100, ascii=False).plain)}</pre>"
    else:
        shown = f'<img style="max-width:100%" src="data:image/png;base64,{b64encode(drawn).decode()}">'
    if isinstance(alignment.medium, Recording):
        sound = b64encode(wav(alignment.medium, MOST_SECONDS)).decode()
        shown += f'<div><audio controls src="data:audio/wav;base64,{sound}"></audio></div>'
    return shown


def _cell(weight: float, ending: bool) -> str:
    color = "#fff" if weight >= DARK else "#2a2733"
    paper = f"{HATCHED},{hexadecimal(weight)}" if ending else hexadecimal(weight)
    percent = f"{100 * weight:.0f}" if weight >= SHOWN_FROM else ""
    wall = "border-left:6px solid #0000;background-clip:padding-box;" if ending else ""
    style = f"text-align:center;min-width:2em;background:{paper};color:{color};{wall}"
    return f'<td style="{style}">{percent}</td>'
