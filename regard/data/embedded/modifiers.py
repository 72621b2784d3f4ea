"""How, when, where, and what somebody or something is like: adjectives, adverbs, times and places."""

from typing import NamedTuple


class Adjective(NamedTuple):
    """An adjective: before a noun, after `be`, and compared; an empty string where it is never used so.

    `tags` are of the nouns it stands before, `described` of those it is said of.
    """

    english: str
    attribute: str
    predicate: str
    comparative: str
    tags: frozenset[str]
    described: frozenset[str]


def _adjective(
    english: str, attribute: str, predicate: str, tags: str, described: str, comparative: str = ""
) -> Adjective:
    return Adjective(
        english, attribute, predicate, comparative, frozenset(tags.split()), frozenset((described or tags).split())
    )


ADJECTIVES = (
    _adjective("new", "新", "新", "goods device vehicle clothes", "device vehicle clothes"),
    _adjective("old", "旧", "旧", "device vehicle clothes lost", "device vehicle clothes"),
    _adjective("big", "大", "大", "animal fruit heavy cleaned", "animal heavy cleaned", "bigger"),
    _adjective("small", "小", "小", "animal fruit heavy cleaned", "animal heavy cleaned", "smaller"),
    _adjective("red", "红色 的", "红色 的", "clothes vehicle grown", ""),
    _adjective("black", "黑色 的", "黑色 的", "clothes vehicle pet ridden", ""),
    _adjective("white", "白色 的", "白色 的", "clothes vehicle pet ridden", ""),
    _adjective("expensive", "昂贵 的", "昂贵", "goods", "", "more expensive"),
    _adjective("cheap", "便宜 的", "便宜", "goods", "", "cheaper"),
    _adjective("heavy", "沉重 的", "重", "heavy", "", "heavier"),
    _adjective("dirty", "脏", "脏", "washed", "washed cleaned"),
    _adjective("clean", "干净 的", "干净", "washed cleaned", ""),
    _adjective("interesting", "有趣 的", "有趣", "text", "", "more interesting"),
    _adjective("beautiful", "漂亮 的", "漂亮", "grown clothes painted", "", "more beautiful"),
    _adjective("clever", "聪明 的", "聪明", "young job pet", "person pet"),
    _adjective("young", "年轻 的", "年轻", "adult", "", "younger"),
    _adjective("tall", "高大 的", "高", "grown police", "person", "taller"),
    _adjective("strong", "强壮 的", "强壮", "adult ridden", "person", "stronger"),
    _adjective("kind", "善良 的", "善良", "adult young kin", ""),
    _adjective("happy", "快乐 的", "高兴", "young", "person"),
    _adjective("tired", "", "累", "", "person animal"),
    _adjective("hungry", "饥饿 的", "饿", "animal", "person animal"),
    _adjective("busy", "", "忙", "", "person"),
    _adjective("delicious", "好吃 的", "好吃", "food", "", "more delicious"),
    _adjective("hot", "热", "热", "drink", ""),
    _adjective("cold", "冷", "冷", "drink", "drink cleaned"),
)

PASSING = ("tired", "hungry", "busy", "happy", "dirty", "cold")  # true of one day, so a cause of things

MANNERS = {
    "slowly": "慢慢 地",
    "quickly": "很快 地",
    "quietly": "悄悄 地",
    "carefully": "仔细 地",
    "happily": "高兴 地",
    "loudly": "大声 地",
}

FREQUENCIES = (
    ("often", "经常"),
    ("always", "总是"),
    ("sometimes", "有时候"),
    ("usually", "通常"),
    ("never", "从来 不"),
)

WEEKDAYS = (("on Monday", "星期一/Monday~on"), ("on Friday", "星期五/Friday~on"), ("on Sunday", "星期天/Sunday~on"))
PAST = (
    ("yesterday", "昨天"),
    ("last week", "上个/last 星期/week"),
    ("last year", "去年/year~last"),
    ("last night", "昨天/last 晚上/night"),
    ("yesterday morning", "昨天/yesterday 早上/morning"),
    *WEEKDAYS,
)
FUTURE = (
    ("tomorrow", "明天"),
    ("next week", "下个/next 星期/week"),
    ("next year", "明年/year~next"),
    ("tomorrow morning", "明天/tomorrow 早上/morning"),
    *WEEKDAYS,
)
HABIT = (
    ("every day", "每天/day~every"),
    ("every morning", "每天/every 早上/morning"),
    ("in the morning", "早上/morning~in+the"),
    ("in the evening", "晚上/evening~in+the"),
)
NOW = (("now", "现在"),)
TIMES = {"past": PAST, "future": FUTURE, "present": HABIT, "progressive": NOW, "must": FUTURE, "should": FUTURE}

UNITS = (("days", "天", ""), ("weeks", "星期", "个"), ("months", "月", "个"), ("years", "年", ""))

CONVEYANCES = (
    ("by bus", "坐/by 公共汽车/bus"),
    ("by train", "坐/by 火车/train"),
    ("by bicycle", "骑/by 自行车/bicycle"),
    ("on foot", "走路/foot~on"),
)


class Place(NamedTuple):
    """`in the park`, 在公园里. `locative` is the Chinese word behind the noun, if it takes one."""

    preposition: str
    noun: str
    chinese: str
    locative: str
    tags: frozenset[str]


def _place(preposition: str, noun: str, chinese: str, locative: str, tags: str) -> Place:
    return Place(preposition, noun, chinese, locative, frozenset(tags.split()))


# goal: one goes there. spot: things lie there. owned: may be somebody's. bare: without article.
PLACES = (
    _place("in", "park", "公园", "里", "outside green goal"),
    _place("in", "garden", "花园", "里", "outside green home owned"),
    _place("in", "street", "街", "上", "outside street"),
    _place("in", "village", "村子", "里", "outside green goal"),
    _place("in", "kitchen", "厨房", "里", "home owned"),
    _place("in", "room", "房间", "里", "home owned"),
    _place("in", "office", "办公室", "里", "desk owned goal"),
    _place("in", "library", "图书馆", "里", "desk goal"),
    _place("at", "school", "学校", "", "desk bare goal"),
    _place("in", "hospital", "医院", "里", "desk goal"),
    _place("in", "shop", "商店", "里", "shop goal"),
    _place("at", "station", "车站", "", "street goal"),
    _place("near", "station", "车站", "附近", "outside street"),
    _place("near", "school", "学校", "附近", "outside bare"),
    _place("in", "Beijing", "北京", "", "city bare goal"),
    _place("in", "Shanghai", "上海", "", "city bare goal"),
    _place("in", "river", "河", "里", "river"),
    _place("by", "river", "河", "边", "outside water"),
    _place("on", "table", "桌子", "上", "spot"),
    _place("on", "chair", "椅子", "上", "spot"),
    _place("under", "table", "桌子", "下面", "spot"),
    _place("under", "tree", "树", "下面", "spot green"),
    _place("behind", "door", "门", "后面", "spot"),
    _place("in", "box", "盒子", "里", "spot"),
)
