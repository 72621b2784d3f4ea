"""What the sentences say of people and things: verbs and adjectives, with what they go with."""

from typing import NamedTuple


class Verb(NamedTuple):
    """A verb, its five English forms, and the tags of its subjects and objects.

    `split` is the part of a Chinese verb that follows 了: 睡觉, 睡了觉. Traits:
    passive: 被 sounds natural. stative: a state, in the present only. instant: no progressive. bare: no 了 in the past.
    """

    base: str
    third: str
    past: str
    participle: str
    gerund: str
    particle: str
    chinese: str
    split: str
    subjects: frozenset[str]
    objects: frozenset[str]
    traits: frozenset[str]
    manners: tuple[str, ...]


def _verb(forms: str, chinese: str, subjects: str, objects: str = "", traits: str = "", manners: str = "") -> Verb:
    """`forms`: base, third person, past, participle, gerund, and a particle if any. `chinese`: 唱-歌 splits before 了."""
    base, third, past, participle, gerund, *particle = forms.split()
    whole, _, split = chinese.partition("-")
    sets = (frozenset(words.split()) for words in (subjects, objects, traits))
    return Verb(base, third, past, participle, gerund, " ".join(particle), whole, split, *sets, tuple(manners.split()))


TRANSITIVE = (
    _verb("chase chases chased chased chasing", "追逐", "person animal", "person animal", "", "happily"),
    _verb("see sees saw seen seeing", "看见", "person animal", "person animal vehicle", "passive instant"),
    _verb("find finds found found finding", "找到", "person", "goods lost animal", "passive instant"),
    _verb("look looks looked looked looking for", "寻找", "person animal", "lost pet person", "bare"),
    _verb("buy buys bought bought buying", "买", "person", "goods", "", "happily"),
    _verb("sell sells sold sold selling", "卖", "adult", "goods", "passive"),
    _verb("eat eats ate eaten eating", "吃", "person", "food", "passive", "slowly quickly happily quietly"),
    _verb("drink drinks drank drunk drinking", "喝", "person", "drink", "", "slowly quickly quietly"),
    _verb("read reads read read reading", "读", "person", "text", "", "slowly carefully quietly loudly"),
    _verb("write writes wrote written writing", "写", "person", "sent told", "", "slowly carefully quickly"),
    _verb(
        "open opens opened opened opening", "打开", "person", "openable", "passive", "slowly quickly quietly carefully"
    ),
    _verb(
        "close closes closed closed closing", "关上", "person", "openable", "passive instant", "slowly quickly quietly"
    ),
    _verb(
        "wash washes washed washed washing", "洗", "person", "dirty pet fruit", "passive", "carefully quickly slowly"
    ),
    _verb(
        "repair repairs repaired repaired repairing", "修理", "person", "device", "passive", "carefully quickly slowly"
    ),
    _verb("steal steals stole stolen stealing", "偷", "thief monkey", "goods", "passive", "quietly quickly"),
    _verb("break breaks broke broken breaking", "打破", "person pet", "fragile", "passive instant", "angrily"),
    _verb(
        "paint paints painted painted painting", "画", "person", "animal flower grown", "", "carefully happily slowly"
    ),
    _verb("sing sings sang sung singing", "唱", "person", "sung", "", "loudly happily quietly"),
    _verb("help helps helped helped helping", "帮助", "person", "person", "", "happily"),
    _verb("like likes liked liked liking", "喜欢", "person", "person animal drink food text sung clothes", "stative"),
    _verb("hate hates hated hated hating", "讨厌", "person", "person small drink food sung", "stative"),
    _verb("need needs needed needed needing", "需要", "person", "goods lost", "stative"),
    _verb("know knows knew known knowing", "认识", "person", "person", "stative"),
    _verb("invite invites invited invited inviting", "邀请", "person", "person", "passive", "happily"),
    _verb("praise praises praised praised praising", "表扬", "adult", "person", "passive", "happily loudly"),
    _verb(
        "criticize criticizes criticized criticized criticizing", "批评", "adult", "person", "passive", "angrily loudly"
    ),
    _verb("bite bites bit bitten biting", "咬", "biter", "person animal", "passive instant"),
    _verb("catch catches caught caught catching", "抓住", "police", "thief", "passive instant", "quickly"),
    _verb("save saves saved saved saving", "救", "person", "person animal", "passive instant", "quickly"),
    _verb("carry carries carried carried carrying", "搬", "person", "carried", "", "slowly carefully quietly"),
    _verb("clean cleans cleaned cleaned cleaning", "打扫", "person", "room", "passive", "carefully slowly quickly"),
    _verb("borrow borrows borrowed borrowed borrowing", "借", "person", "borrowed", "instant"),
    _verb("lose loses lost lost losing", "弄丢", "person", "lost", "passive instant"),
    _verb("ride rides rode ridden riding", "骑", "person", "ridden", "", "slowly happily quickly"),
    _verb("drive drives drove driven driving", "开", "adult", "driven", "", "slowly carefully quickly"),
    _verb("plant plants planted planted planting", "种", "person", "grown", "", "carefully happily"),
    _verb("feed feeds fed fed feeding", "喂", "person", "animal", "", "carefully happily"),
    _verb(
        "answer answers answered answered answering", "回答", "person", "asked", "", "slowly carefully quickly loudly"
    ),
    _verb("make makes made made making", "做", "person", "made", "", "quickly happily"),
)

INTRANSITIVE = (
    _verb("sleep sleeps slept slept sleeping", "睡-觉", "person animal", "", "", "quietly"),
    _verb("work works worked worked working", "工作", "adult", "", "", "quietly happily slowly"),
    _verb("swim swims swam swum swimming", "游-泳", "person", "", "", "slowly happily"),
    _verb("run runs ran run running", "跑-步", "person", "", "", "quickly slowly happily"),
    _verb("dance dances danced danced dancing", "跳-舞", "person", "", "", "happily slowly quietly"),
    _verb("cry cries cried cried crying", "哭", "person", "", "", "loudly quietly"),
    _verb("laugh laughs laughed laughed laughing", "笑", "person", "", "", "loudly happily"),
    _verb("rest rests rested rested resting", "休息", "person animal", "", "", "quietly"),
)

MOTION = (
    _verb("go goes went gone going to", "去", "person", "goal", "instant", "quickly"),
    _verb("come comes came come coming to", "来", "person", "goal", "instant"),
    _verb("return returns returned returned returning to", "回到", "person", "goal", "instant"),
    _verb("leave leaves left left leaving", "离开", "person", "goal", "instant", "quickly quietly"),
    _verb("visit visits visited visited visiting", "参观", "person", "goal", "", "happily"),
)

DITRANSITIVE = (
    _verb("give gives gave given giving", "给", "person", "gift", "instant"),
    _verb("send sends sent sent sending", "寄给", "person", "sent gift", "instant"),
    _verb("lend lends lent lent lending", "借给", "person", "borrowed", "instant"),
)

CLAUSAL = (
    _verb("say says said said saying", "说", "person", "", "bare"),
    _verb("know knows knew known knowing", "知道", "person", "", "stative"),
    _verb("think thinks thought thought thinking", "认为", "person", "", "bare"),
    _verb("hope hopes hoped hoped hoping", "希望", "person", "", "stative"),
)

INFINITIVAL = (
    _verb("want wants wanted wanted wanting", "想", "person", "", "bare"),
    _verb("like likes liked liked liking", "喜欢", "person", "", "stative"),
    _verb("need needs needed needed needing", "需要", "person", "", "stative"),
    _verb("decide decides decided decided deciding", "决定", "person", "", "bare"),
    _verb("forget forgets forgot forgotten forgetting", "忘记", "person", "", "bare"),
)

CAUSATIVE = (
    _verb("ask asks asked asked asking", "请", "person", "", "bare"),
    _verb("tell tells told told telling", "让", "person", "", "bare"),
)

MANNERS = {
    "slowly": "慢慢 地",
    "quickly": "很快 地",
    "quietly": "悄悄 地",
    "carefully": "仔细 地",
    "happily": "高兴 地",
    "angrily": "生气 地",
    "loudly": "大声 地",
}


class Adjective(NamedTuple):
    """An adjective: before a noun (`attribute`), after `be` (`predicate`), and compared (an empty string: never)."""

    english: str
    predicate: str
    attribute: str
    comparative: str
    tags: frozenset[str]


def _adjective(english: str, chinese: str, tags: str, comparative: str = "", de: bool = True) -> Adjective:
    return Adjective(english, chinese, chinese + (" 的" if de else ""), comparative, frozenset(tags.split()))


ADJECTIVES = (
    _adjective("new", "新", "thing text clothes", de=False),
    _adjective("old", "旧", "thing clothes", de=False),
    _adjective("big", "大", "animal fruit openable carried room", "bigger", de=False),
    _adjective("small", "小", "animal fruit openable carried room", "smaller", de=False),
    _adjective("red", "红色", "clothes vehicle flower grown"),
    _adjective("black", "黑色", "clothes vehicle pet ridden"),
    _adjective("white", "白色", "clothes vehicle pet"),
    _adjective("expensive", "昂贵", "goods", "more expensive"),
    _adjective("cheap", "便宜", "goods", "cheaper"),
    _adjective("heavy", "重", "heavy", "heavier"),
    _adjective("dirty", "脏", "dirty room"),
    _adjective("clean", "干净", "dirty room"),
    _adjective("interesting", "有趣", "text asked", "more interesting"),
    _adjective("beautiful", "漂亮", "flower clothes pet", "more beautiful"),
    _adjective("clever", "聪明", "person pet", "cleverer"),
    _adjective("young", "年轻", "person", "younger"),
    _adjective("tall", "高", "person tall", "taller"),
    _adjective("strong", "强壮", "person ridden", "stronger"),
    _adjective("kind", "善良", "person", "kinder"),
    _adjective("happy", "高兴", "person", "happier"),
    _adjective("tired", "累", "person"),
    _adjective("hungry", "饿", "person animal"),
    _adjective("busy", "忙", "person", "busier"),
    _adjective("delicious", "好吃", "food", "more delicious"),
    _adjective("hot", "热", "hot", de=False),
    _adjective("cold", "冷", "hot room"),
)
