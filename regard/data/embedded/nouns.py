"""Who and what the sentences speak of. Tags say which verbs, adjectives and determiners a noun goes with."""

from typing import NamedTuple


class Noun(NamedTuple):
    """A noun that is counted with its measure word, or a mass noun: no plural, portions instead."""

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
    """A personal pronoun; `agreement` is the pronoun whose verb form it takes: I, he, they."""

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

# kin: always somebody's. free: nobody's. laid: lies about on tables and under trees.
PEOPLE = (
    _count("father", "", "父亲", "位", "person adult kin"),
    _count("mother", "", "母亲", "位", "person adult kin"),
    _count("sister", "sisters", "妹妹", "个", "person kin"),
    _count("friend", "friends", "朋友", "个", "person kin"),
    _count("teacher", "teachers", "老师", "位", "person adult job"),
    _count("doctor", "doctors", "医生", "位", "person adult job"),
    _count("student", "students", "学生", "个", "person job"),
    _count("farmer", "farmers", "农民", "个", "person adult job free"),
    _count("policeman", "policemen", "警察", "个", "person adult police job free"),
    _count("thief", "thieves", "小偷", "个", "person thief free"),
    _count("boy", "boys", "男孩", "个", "person young free"),
    _count("girl", "girls", "女孩", "个", "person young free"),
    _count("man", "men", "男人", "个", "person adult free"),
    _count("woman", "women", "女人", "个", "person adult free"),
    _count("child", "children", "孩子", "个", "person young"),
)

ANIMALS = (
    _count("cat", "cats", "猫", "只", "animal pet laid"),
    _count("dog", "dogs", "狗", "条", "animal pet biter laid"),
    _count("mouse", "mice", "老鼠", "只", "animal free"),
    _count("horse", "horses", "马", "匹", "animal ridden"),
    _count("bird", "birds", "鸟", "只", "animal"),
    _count("tiger", "tigers", "老虎", "只", "animal biter free"),
)

THINGS = (
    _count("apple", "apples", "苹果", "个", "food fruit goods laid"),
    _count("cake", "cakes", "蛋糕", "块", "food goods laid"),
    _mass("bread", "面包", "food goods mass piece laid"),
    _mass("rice", "米饭", "food mass bowl"),
    _mass("tea", "茶", "drink goods mass cup laid"),
    _mass("coffee", "咖啡", "drink goods mass cup laid"),
    _mass("milk", "牛奶", "drink goods mass cup laid"),
    _mass("water", "水", "drink mass cup laid"),
    _count("book", "books", "书", "本", "text written goods gift lost laid"),
    _count("letter", "letters", "信", "封", "text written gift laid"),
    _count("story", "stories", "故事", "个", "text written free"),
    _count("song", "songs", "歌", "首", "sung free"),
    _count("picture", "pictures", "画", "幅", "goods gift painted laid"),
    _count("flower", "flowers", "花", "朵", "goods gift grown laid"),
    _count("tree", "trees", "树", "棵", "grown"),
    _count("door", "doors", "门", "扇", "opened"),
    _count("window", "windows", "窗户", "扇", "opened fragile"),
    _count("box", "boxes", "盒子", "个", "opened heavy goods"),
    _count("key", "keys", "钥匙", "把", "lost laid"),
    _count("pen", "pens", "钢笔", "支", "goods gift lost laid"),
    _count("phone", "phones", "手机", "部", "goods gift lost device laid"),
    _count("car", "cars", "汽车", "辆", "goods vehicle device washed"),
    _count("bicycle", "bicycles", "自行车", "辆", "goods gift vehicle ridden device washed"),
    _count("chair", "chairs", "椅子", "把", "goods device heavy washed"),
    _count("table", "tables", "桌子", "张", "goods device heavy washed"),
    _count("cup", "cups", "杯子", "个", "goods gift fragile washed laid"),
    _count("shirt", "shirts", "衬衫", "件", "goods gift clothes washed laid"),
    _count("hat", "hats", "帽子", "顶", "goods gift clothes lost washed laid"),
    _count("room", "rooms", "房间", "个", "cleaned"),
    _count("office", "offices", "办公室", "间", "cleaned"),
)

NOUNS = (*PEOPLE, *ANIMALS, *THINGS)

PORTIONS = {"cup": ("cup", "cups", "杯"), "piece": ("piece", "pieces", "块"), "bowl": ("bowl", "bowls", "碗")}

NUMERALS = {
    "two": "两",
    "three": "三",
    "four": "四",
    "five": "五",
    "six": "六",
    "seven": "七",
    "eight": "八",
    "nine": "九",
    "ten": "十",
}
