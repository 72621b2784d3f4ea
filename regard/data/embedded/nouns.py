"""Who and what the sentences speak of. Tags say which verbs and adjectives a thing goes with."""

from typing import NamedTuple


class Noun(NamedTuple):
    """A noun that can be counted (with its measure word), or a mass noun (no plural, no measure word of its own)."""

    singular: str
    plural: str
    chinese: str
    measure: str
    tags: frozenset[str]


class Name(NamedTuple):
    """The name of a person."""

    english: str
    chinese: str


class Pronoun(NamedTuple):
    """A personal pronoun; `agreement` says which form of the verb it takes."""

    subject: str
    object: str
    possessive: str
    chinese: str
    agreement: str


def _count(singular: str, plural: str, chinese: str, measure: str, tags: str) -> Noun:
    return Noun(singular, plural, chinese, measure, frozenset(tags.split()))


def _mass(english: str, chinese: str, tags: str) -> Noun:
    return Noun(english, "", chinese, "", frozenset(tags.split()))


NAMES = (
    Name("Tom", "汤姆"),
    Name("Jerry", "杰瑞"),
    Name("Mary", "玛丽"),
    Name("John", "约翰"),
    Name("Lucy", "露西"),
    Name("Peter", "彼得"),
    Name("Anna", "安娜"),
    Name("David", "大卫"),
)

PRONOUNS = (
    Pronoun("I", "me", "my", "我", "I"),
    Pronoun("you", "you", "your", "你", "they"),
    Pronoun("he", "him", "his", "他", "he"),
    Pronoun("she", "her", "her", "她", "he"),
    Pronoun("we", "us", "our", "我们", "they"),
    Pronoun("they", "them", "their", "他们", "they"),
)

RELATIVES = (
    _count("father", "fathers", "父亲", "位", "relative person adult"),
    _count("mother", "mothers", "母亲", "位", "relative person adult"),
    _count("brother", "brothers", "哥哥", "个", "relative person"),
    _count("sister", "sisters", "妹妹", "个", "relative person"),
)

NOUNS = (
    _count("teacher", "teachers", "老师", "位", "person adult job"),
    _count("doctor", "doctors", "医生", "位", "person adult job"),
    _count("student", "students", "学生", "个", "person job"),
    _count("farmer", "farmers", "农民", "个", "person adult job"),
    _count("driver", "drivers", "司机", "个", "person adult job"),
    _count("nurse", "nurses", "护士", "个", "person adult job"),
    _count("policeman", "policemen", "警察", "个", "person adult police job"),
    _count("thief", "thieves", "小偷", "个", "person adult thief"),
    _count("friend", "friends", "朋友", "个", "person"),
    _count("boy", "boys", "男孩", "个", "person"),
    _count("girl", "girls", "女孩", "个", "person"),
    _count("man", "men", "男人", "个", "person adult"),
    _count("woman", "women", "女人", "个", "person adult"),
    _count("child", "children", "孩子", "个", "person"),
    _count("cat", "cats", "猫", "只", "animal pet biter"),
    _count("dog", "dogs", "狗", "条", "animal pet biter"),
    _count("mouse", "mice", "老鼠", "只", "animal small"),
    _count("horse", "horses", "马", "匹", "animal ridden"),
    _count("rabbit", "rabbits", "兔子", "只", "animal pet small"),
    _count("monkey", "monkeys", "猴子", "只", "animal biter"),
    _count("cow", "cows", "牛", "头", "animal"),
    _count("tiger", "tigers", "老虎", "只", "animal biter"),
    _count("bird", "birds", "鸟", "只", "animal small pet"),
    _count("apple", "apples", "苹果", "个", "food fruit goods"),
    _count("banana", "bananas", "香蕉", "根", "food fruit goods"),
    _count("egg", "eggs", "鸡蛋", "个", "food goods"),
    _count("cake", "cakes", "蛋糕", "块", "food made goods"),
    _mass("bread", "面包", "food piece goods mass"),
    _mass("meat", "肉", "food piece goods mass"),
    _mass("rice", "米饭", "food bowl made mass"),
    _mass("tea", "茶", "drink hot cup goods mass"),
    _mass("coffee", "咖啡", "drink hot cup goods mass"),
    _mass("milk", "牛奶", "drink hot cup goods mass animaldrink"),
    _mass("water", "水", "drink hot cup mass animaldrink"),
    _count("book", "books", "书", "本", "text written goods gift borrowed thing"),
    _count("letter", "letters", "信", "封", "text written sent"),
    _count("newspaper", "newspapers", "报纸", "份", "text goods borrowed"),
    _count("story", "stories", "故事", "个", "text written told"),
    _count("door", "doors", "门", "扇", "openable thing"),
    _count("window", "windows", "窗户", "扇", "openable fragile"),
    _count("box", "boxes", "盒子", "个", "openable goods carried heavy thing"),
    _count("key", "keys", "钥匙", "把", "lost thing small"),
    _count("knife", "knives", "刀", "把", "goods lost tool thing"),
    _count("umbrella", "umbrellas", "雨伞", "把", "goods gift lost borrowed thing"),
    _count("pen", "pens", "钢笔", "支", "goods gift lost borrowed tool thing"),
    _count("phone", "phones", "手机", "部", "goods gift lost device thing"),
    _count("computer", "computers", "电脑", "台", "goods device borrowed heavy thing"),
    _count("car", "cars", "汽车", "辆", "goods vehicle driven device dirty thing"),
    _count("bicycle", "bicycles", "自行车", "辆", "goods gift vehicle ridden device borrowed dirty thing"),
    _count("chair", "chairs", "椅子", "把", "goods device carried heavy thing"),
    _count("table", "tables", "桌子", "张", "goods device carried heavy dirty thing"),
    _count("cup", "cups", "杯子", "个", "goods gift fragile dirty thing"),
    _count("shirt", "shirts", "衬衫", "件", "goods gift clothes dirty thing"),
    _count("hat", "hats", "帽子", "顶", "goods gift clothes lost dirty thing"),
    _count("picture", "pictures", "画", "幅", "goods gift written"),
    _count("flower", "flowers", "花", "朵", "goods gift grown"),
    _count("tree", "trees", "树", "棵", "grown tall"),
    _count("song", "songs", "歌", "首", "sung"),
    _count("question", "questions", "问题", "个", "asked"),
    _count("kitchen", "kitchens", "厨房", "间", "room"),
    _count("room", "rooms", "房间", "个", "room"),
    _count("office", "offices", "办公室", "间", "room"),
)


class Place(NamedTuple):
    """Where something happens: `in the park`, 在公园里. `locative` is the Chinese word behind the noun, if it takes one."""

    preposition: str
    noun: str
    chinese: str
    locative: str
    tags: frozenset[str]


def _place(preposition: str, noun: str, chinese: str, locative: str, tags: str) -> Place:
    return Place(preposition, noun, chinese, locative, frozenset(tags.split()))


PLACES = (
    _place("in", "park", "公园", "里", "goal outside"),
    _place("in", "garden", "花园", "里", "outside owned"),
    _place("in", "street", "街", "上", "outside"),
    _place("in", "village", "村子", "里", "outside goal"),
    _place("in", "kitchen", "厨房", "里", "inside owned"),
    _place("in", "room", "房间", "里", "inside owned"),
    _place("in", "office", "办公室", "里", "inside owned goal"),
    _place("in", "library", "图书馆", "里", "inside goal"),
    _place("in", "hospital", "医院", "里", "inside goal"),
    _place("in", "shop", "商店", "里", "inside goal"),
    _place("at", "station", "车站", "", "goal"),
    _place("at", "school", "学校", "", "goal bare"),
    _place("in", "Beijing", "北京", "", "goal bare"),
    _place("in", "Shanghai", "上海", "", "goal bare"),
    _place("near", "river", "河", "附近", "outside"),
    _place("near", "station", "车站", "附近", "outside"),
    _place("on", "table", "桌子", "上", "spot"),
    _place("on", "chair", "椅子", "上", "spot"),
    _place("under", "table", "桌子", "下面", "spot"),
    _place("under", "tree", "树", "下面", "spot outside"),
    _place("behind", "door", "门", "后面", "spot"),
    _place("in", "box", "盒子", "里", "spot"),
)
