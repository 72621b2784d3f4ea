"""The embedded English → Chinese corpus, written by this project as a small grammar, with gold word alignment."""

from regard.data.embedded.corpus import Corpus, english_chinese, write_corpus
from regard.data.embedded.gold import GoldPair

__all__ = ["Corpus", "GoldPair", "english_chinese", "write_corpus"]
