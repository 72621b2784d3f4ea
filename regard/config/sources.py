"""The sections of Regard's own kinds of source, and of the target."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from regard.config.section import Section
from regard.config.stage import SourceConfig

if TYPE_CHECKING:
    import numpy as np

    from regard.data.batches import Vary
    from regard.data.pictures.picture import PictureSource
    from regard.data.speech.arrays import FeaturesSource
    from regard.data.speech.recording import RecordingSource
    from regard.data.text import TextSource
    from regard.data.turns import Turns

TokenizerName = Annotated[
    Literal["bpe", "spaced_bpe", "characters", "symbols", "inflection", "label", "tags"],
    Field(
        description="bpe: learned pieces; spaced_bpe: the same, with a space before the text, so that its first word "
        "is written as elsewhere; characters; symbols: between spaces; inflection: tags, then letters; label: the "
        "whole text is one; tags: between spaces and semicolons"
    ),
]
VocabSize = Annotated[int, Field(ge=5, le=1_000_000, description="most entries that the tokeniser may learn")]


class SideConfig(Section):
    """How the text of one side becomes tokens."""

    tokenizer: TokenizerName = "bpe"
    vocab_size: VocabSize = 8000


class TextConfig(SourceConfig):
    """The keys of a source that is a text."""

    file: ClassVar[str] = "tokenizer.source.json"
    is_text: ClassVar[bool] = True

    tokenizer: TokenizerName = "bpe"
    vocab_size: VocabSize = 8000
    turn_mark: str = Field(
        "", max_length=100, description="texts are histories of a dialogue, and this stands between turns: <turn>"
    )
    history_tokens: int = Field(
        200, ge=1, le=100_000, description="with turn_mark: of a longer history the first turns are not read"
    )
    sentences: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        None,
        description="for an encoder that reads sentences, how they are known: `punctuation`, or the mark that stands "
        "between two, such as <s>; null: a text is one",
    )

    @field_validator("turn_mark")
    @classmethod
    def _without_blanks(cls, mark: str) -> str:
        if any(map(str.isspace, mark)):
            raise ValueError(f"turn_mark is {mark!r}; expected no blank in it: one is put on either side")
        return mark

    @property
    def turns(self) -> "Turns | None":
        """How histories are cut; None for other texts."""
        from regard.data.turns import Turns

        return Turns(self.turn_mark, self.history_tokens) if self.turn_mark else None

    def learn(self, sources: Callable[[], Iterable[str]]) -> "TextSource":
        """A tokeniser, learned from the texts."""
        from regard.data.sentences import sentence_spans
        from regard.data.text import TextSource
        from regard.data.tokenizer import Tokenizer

        texts, between = sources(), self.sentences
        if between is not None:
            texts = (text[start:end] for text in texts for start, end in sentence_spans(text, between))
        return TextSource(Tokenizer.train(self.tokenizer, texts, self.vocab_size), between, self.turns)

    def load(self, path: Path) -> "TextSource":
        """The tokeniser in a file."""
        from regard.data.text import TextSource
        from regard.data.tokenizer import Tokenizer

        return TextSource(Tokenizer.load(path), self.sentences, self.turns)


class AugmentConfig(Section):
    """How frames are varied for training, anew in each epoch; nothing is by default."""

    speeds: tuple[Annotated[float, Field(ge=0.5, le=2.0)], ...] = Field(
        (), max_length=100, description="one of these is drawn: 0.9 is slower and longer; such as [0.9, 1.0, 1.1]"
    )
    time_masks: int = Field(0, ge=0, le=100, description="stretches of time that are hidden, as SpecAugment does")
    time_width: int = Field(40, ge=0, le=10_000, description="most frames of one; never above a fifth of the recording")
    frequency_masks: int = Field(0, ge=0, le=100, description="bands of neighbouring features that are hidden")
    frequency_width: int = Field(8, ge=0, le=10_000, description="most features of one")

    def variation(self) -> "Vary | None":
        """Another speed, then masks."""
        if not (self.speeds or self.time_masks or self.frequency_masks):
            return None
        from regard.data.speech.augment import change_speed, spec_augment

        masks = self.model_dump(exclude={"speeds"})

        def vary(frames: "np.ndarray", generator: "np.random.Generator") -> "np.ndarray":
            if self.speeds:
                frames = change_speed(frames, float(generator.choice(self.speeds)))
            return spec_augment(frames, generator, **masks)

        return vary


class RecordingConfig(SourceConfig):
    """The keys of a source that is a recording."""

    rate: int = Field(16_000, ge=1_000, le=200_000, description="samples per second; other files are resampled")
    mels: int = Field(40, ge=1, le=1_000, description="features of a frame: log energies of so many mel bands")
    window_seconds: float = Field(0.025, gt=0, le=1, description="length of a frame")
    shift_seconds: float = Field(0.010, gt=0, le=1, description="from one frame to the next")
    max_seconds: float = Field(30.0, gt=0, le=100_000, description="longer recordings are left out of training")
    augment: AugmentConfig = AugmentConfig()

    def variation(self) -> "Vary | None":
        """As `augment` says."""
        return self.augment.variation()

    def locate(self, said: str, path: str) -> str:
        """The file; a relative name is relative to the folder of the file that names it."""
        from regard.data.speech.recording import SPLIT

        return _file(said, path, SPLIT)

    def limit(self, max_length: int) -> int:
        """In frames."""
        return max(1, round(self.max_seconds / self.shift_seconds))

    def learn(self, sources: Callable[[], Iterable[str]]) -> "RecordingSource":
        """Nothing is learned: frames depend on the keys alone."""
        from regard.data.speech.recording import RecordingSource

        return RecordingSource(self.rate, self.mels, self.window_seconds, self.shift_seconds)

    def load(self, path: Path) -> "RecordingSource":
        """What a run was trained with."""
        from regard.data.speech.recording import RecordingSource

        return RecordingSource.load(path)


class FeaturesConfig(SourceConfig):
    """The keys of a source that is frames which another program computed."""

    archives: tuple[str, ...] = Field(
        (),
        max_length=1000,
        description=".npz files, or folders of .npy files, that hold the ids of a file of pairs, in its folder; by "
        "default the one of its name: train.npz for train.tsv",
    )
    shift_seconds: float = Field(0.010, gt=0, le=100, description="from one frame to the next")
    deltas: int = Field(0, ge=0, le=2, description="orders of differences over time that are added: 2 for Δ and ΔΔ")
    normalized: bool = Field(True, description="each feature has mean 0 and variance 1 over the sequence")
    max_seconds: float = Field(30.0, gt=0, le=100_000, description="longer sequences are left out of training")
    augment: AugmentConfig = AugmentConfig()

    def variation(self) -> "Vary | None":
        """As `augment` says."""
        return self.augment.variation()

    def locate(self, said: str, path: str) -> str:
        """The file, or the id in an archive; relative names are relative to the folder of the file that names them."""
        from regard.data.archives import archives_of
        from regard.data.lines import STDIN
        from regard.data.media_files import Named, inside, named
        from regard.data.speech.arrays import find

        found, folder = named(said), Path() if path == STDIN else Path(path).parent
        name = found.path if path == STDIN else inside(found.path)
        whole = find(name, folder, archives_of(path, self.archives))
        return str(Named(whole, found.offset, found.duration))

    def limit(self, max_length: int) -> int:
        """In frames."""
        return max(1, round(self.max_seconds / self.shift_seconds))

    def learn(self, sources: Callable[[], Iterable[str]]) -> "FeaturesSource":
        """How many features a frame has, from the first that can be read."""
        from regard.data.speech.arrays import FeaturesSource, size_of

        return FeaturesSource(size_of(sources()), self.shift_seconds, self.deltas, self.normalized)

    def load(self, path: Path) -> "FeaturesSource":
        """What a run was trained with."""
        from regard.data.speech.arrays import FeaturesSource

        return FeaturesSource.load(path)


class PictureConfig(SourceConfig):
    """The keys of a source that is a picture."""

    axes: ClassVar[int] = 2

    size: int = Field(64, ge=2, le=1_024, description="pixels of the longer side, which pictures are scaled to")

    def locate(self, said: str, path: str) -> str:
        """The file; a relative name is relative to the folder of the file that names it."""
        from regard.data.pictures.picture import SPLIT

        return _file(said, path, SPLIT)

    def limit(self, max_length: int) -> int:
        """In rows: all that a picture may have."""
        return self.size

    def learn(self, sources: Callable[[], Iterable[str]]) -> "PictureSource":
        """Nothing is learned: pixels depend on the keys alone."""
        from regard.data.pictures.picture import PictureSource

        return PictureSource(self.size)

    def load(self, path: Path) -> "PictureSource":
        """What a run was trained with."""
        from regard.data.pictures.picture import PictureSource

        return PictureSource.load(path)


def _file(said: str, path: str, embedded: str) -> str:
    """What a file of pairs names; what begins like a name of an embedded corpus is one."""
    from regard.data.media_files import located, named

    return str(named(said) if named(said).path.startswith(embedded) else located(said, path))
