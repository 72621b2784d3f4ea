"""What people and things do: verbs, and who does what, to what, how and where, so that sentences make sense."""

from typing import NamedTuple


class Verb(NamedTuple):
    """A verb, its five English forms, and the tags of its subjects, objects and places.

    `split` is the part of a Chinese verb that follows 了: 睡觉, 睡了觉. Traits:

    - passive: 被 sounds natural
    - state: no action; in the present only
    - instant: no progressive
    - plain: no 了 in the past
    - chance: nobody means to; harm: nobody ought to
    - gift: may be done for somebody, 给玛丽
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
    places: tuple[str, ...]


def _verb(
    forms: str, chinese: str, subjects: str, objects: str = "", *, traits: str = "", manners: str = "", places: str = ""
) -> Verb:
    """`forms`: base, third person, past, participle, gerund, a particle if any. `chinese`: 睡-觉 splits before 了."""
    base, third, past, participle, gerund, *particle = forms.split()
    whole, _, split = chinese.partition("-")
    who, whom, kind = (frozenset(words.split()) for words in (subjects, objects, traits))
    how, where = tuple(manners.split()), tuple(places.split())
    return Verb(base, third, past, participle, gerund, " ".join(particle), whole, split, who, whom, kind, how, where)


# fmt: off
TRANSITIVE = (
    _verb("chase chases chased chased chasing", "追逐", "person animal", "person animal", places="outside"),
    _verb("see sees saw seen seeing", "看见", "person", "person animal vehicle", traits="passive instant chance",
          places="outside shop city"),
    _verb("find finds found found finding", "找到", "person", "lost animal thief", traits="passive instant chance",
          places="outside home desk"),
    _verb("look looks looked looked looking for", "寻找", "person", "lost pet person", traits="plain",
          places="outside desk city"),
    _verb("buy buys bought bought buying", "买", "person", "goods", traits="gift", places="shop city"),
    _verb("sell sells sold sold selling", "卖", "adult", "goods", traits="passive", places="shop city"),
    _verb("eat eats ate eaten eating", "吃", "person", "food", traits="passive", manners="slowly quickly happily",
          places="home outside"),
    _verb("drink drinks drank drunk drinking", "喝", "person", "drink", traits="passive", manners="slowly quickly",
          places="home desk"),
    _verb("read reads read read reading", "读", "person", "text", manners="slowly carefully quietly loudly",
          places="home desk outside"),
    _verb("write writes wrote written writing", "写", "person", "written", traits="gift",
          manners="slowly carefully quickly", places="home desk"),
    _verb("open opens opened opened opening", "打开", "person", "opened", traits="passive",
          manners="slowly quickly quietly"),
    _verb("close closes closed closed closing", "关上", "person", "opened", traits="passive instant",
          manners="slowly quickly quietly"),
    _verb("wash washes washed washed washing", "洗", "person", "washed pet fruit", traits="passive",
          manners="carefully quickly slowly", places="green water"),
    _verb("repair repairs repaired repaired repairing", "修理", "person", "device", traits="passive",
          manners="carefully quickly slowly", places="home street"),
    _verb("steal steals stole stolen stealing", "偷", "thief", "goods", traits="passive harm",
          manners="quietly quickly", places="shop city"),
    _verb("break breaks broke broken breaking", "打破", "person", "fragile", traits="passive instant chance harm",
          places="home desk"),
    _verb("paint paints painted painted painting", "画", "person", "animal grown", traits="gift",
          manners="carefully happily slowly", places="outside desk"),
    _verb("sing sings sang sung singing", "唱", "person", "sung", traits="gift", manners="loudly happily quietly",
          places="outside home desk"),
    _verb("help helps helped helped helping", "帮助", "person", "person", manners="happily", places="desk city"),
    _verb("like likes liked liked liking", "喜欢", "person", "person animal food drink text sung clothes",
          traits="state"),
    _verb("have has had had having", "有", "person", "goods pet", traits="state"),
    _verb("know knows knew known knowing", "认识", "person", "person", traits="state"),
    _verb("invite invites invited invited inviting", "邀请", "person", "person", traits="passive instant"),
    _verb("praise praises praised praised praising", "表扬", "adult", "person", traits="passive", manners="loudly",
          places="desk"),
    _verb("bite bites bit bitten biting", "咬", "biter", "person animal", traits="passive instant harm",
          places="outside"),
    _verb("catch catches caught caught catching", "抓住", "police", "thief", traits="passive instant",
          manners="quickly", places="outside shop"),
    _verb("clean cleans cleaned cleaned cleaning", "打扫", "person", "cleaned", traits="passive",
          manners="carefully slowly quickly"),
    _verb("lose loses lost lost losing", "弄丢", "person", "lost", traits="passive instant chance harm",
          places="outside city"),
)

INTRANSITIVE = (
    _verb("sleep sleeps slept slept sleeping", "睡-觉", "person animal", manners="quietly", places="home green"),
    _verb("work works worked worked working", "工作", "adult", manners="quietly happily slowly", places="desk city"),
    _verb("swim swims swam swum swimming", "游-泳", "person", manners="slowly happily", places="river"),
    _verb("run runs ran run running", "跑-步", "person", manners="quickly slowly happily", places="outside"),
    _verb("dance dances danced danced dancing", "跳-舞", "person", manners="happily slowly", places="outside home"),
    _verb("cry cries cried cried crying", "哭", "person", manners="loudly quietly", places="home outside"),
    _verb("laugh laughs laughed laughed laughing", "笑", "person", manners="loudly happily", places="home outside"),
)

MOTION = (
    _verb("go goes went gone going to", "去", "person", traits="instant"),
    _verb("come comes came come coming to", "来到", "person", traits="instant"),
    _verb("leave leaves left left leaving", "离开", "person", traits="instant", manners="quickly quietly"),
)

DITRANSITIVE = (
    _verb("give gives gave given giving", "给", "person", "gift", traits="instant"),
    _verb("send sends sent sent sending", "寄给", "person", "gift", traits="instant"),
)

CLAUSAL = (
    _verb("say says said said saying", "说", "person", traits="plain"),
    _verb("know knows knew known knowing", "知道", "person", traits="state"),
    _verb("hope hopes hoped hoped hoping", "希望", "person", traits="state"),
)

INFINITIVAL = (
    _verb("want wants wanted wanted wanting", "想", "person", traits="plain"),
    _verb("like likes liked liked liking", "喜欢", "person", traits="state"),
    _verb("need needs needed needed needing", "需要", "person", traits="plain"),
)

CAUSATIVE = (_verb("ask asks asked asked asking", "请", "person", traits="plain"),)
# fmt: on
