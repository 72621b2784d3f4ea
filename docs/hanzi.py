"""Make regard/views/font/regard-hanzi.ttf, the Chinese signs that pictures have on a machine without a Chinese font.

    python docs/hanzi.py NotoSansCJK-Regular.ttc dict.txt regard/views/font/regard-hanzi.ttf

The first file is of Debian's fonts-noto-cjk 1:20220127+repack1-1, the second of jieba 0.42.1 (lines `word count …`,
from which the commonest signs are counted). Every sign of the embedded corpus and the punctuation come first.
"""

import re
import sys
from collections import Counter
from pathlib import Path

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont, newTable

import regard

ERROR = 2.0  # of a thousandth of the size, by which the curves may differ

SIGNS = 1330  # as many as 300 kB hold
MARKS = "、。〈〉《》「」『』【】·“”‘’…—！（），．：；？～％￥０１２３４５６７８９"
HAN = re.compile("[\u4e00-\u9fff]")
FAMILY = "Regard Hanzi"


def chosen(words: Path) -> set[str]:
    """The signs, by need."""
    sources = (Path(regard.__file__).parent / "data" / "embedded").glob("*.py")
    own = set(HAN.findall("".join(source.read_text(encoding="utf-8") for source in sources)))
    counts: Counter[str] = Counter()
    for line in words.read_text(encoding="utf-8").splitlines():
        word, count, *_ = line.split()
        for sign in HAN.findall(word):
            counts[sign] += int(count)
    common = [sign for sign, _ in counts.most_common() if sign not in own]
    first = own | set(MARKS)
    return first | set(common[: SIGNS - len(first)])


def named(font: TTFont) -> TTFont:
    """The font under a name of its own: Noto is a trademark, and this is no longer Noto."""
    names, script = font["name"], FAMILY.replace(" ", "") + "-Regular"
    names.names = [entry for entry in names.names if entry.platformID == 3 and entry.nameID in (0, 5, 13, 14)]
    own = {1: FAMILY, 2: "Regular", 3: f"{FAMILY} 1", 4: FAMILY, 6: script}
    own[10] = "A subset of Noto Sans CJK SC 2.004, with another name."
    for number, text in own.items():
        names.setName(text, number, 3, 1, 0x409)
    font.recalcTimestamp = False
    return font


def with_quadratic_curves(font: TTFont) -> TTFont:
    """The font with TrueType outlines: the others are not drawn in matplotlib's PDF."""
    order, glyphs = font.getGlyphOrder(), font.getGlyphSet()
    outlines = {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(Cu2QuPen(pen, ERROR, reverse_direction=True))
        outlines[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, outlines
    font["hmtx"].metrics = {
        name: (width, getattr(outlines[name], "xMin", 0)) for name, (width, _) in font["hmtx"].metrics.items()
    }
    most = font["maxp"]
    most.tableVersion = 0x00010000
    for field in ("TwilightPoints", "Storage", "FunctionDefs", "InstructionDefs", "StackElements"):
        setattr(most, f"max{field}", 0)
    most.maxSizeOfInstructions = most.maxComponentElements = 0
    most.maxZones = 1
    font["post"].formatType, font["post"].extraNames, font["post"].mapping = 3.0, [], {}
    del font["CFF "]
    font.sfntVersion = "\x00\x01\x00\x00"
    return font


def main(collection: str, words: str, out: str) -> None:
    """Subset, name, write."""
    fonts = TTCollection(collection).fonts
    font = next(font for font in fonts if font["name"].getDebugName(1) == "Noto Sans CJK SC")
    options = Options(hinting=False, notdef_outline=True, glyph_names=False, layout_features=[])
    options.name_IDs, options.name_languages = ["*"], [0x409]
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE", "GPOS", "GSUB", "GDEF"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[ord(sign) for sign in chosen(Path(words))])
    subsetter.subset(font)
    named(with_quadratic_curves(font)).save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
