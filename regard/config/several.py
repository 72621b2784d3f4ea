"""The sections of a source of several parts and of its encoder, and the short forms that stand for both."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import Field, SerializeAsAny, WrapValidator, model_validator

from regard.config.sources import TextConfig
from regard.config.stage import EncoderConfig, EncoderParts, SourceConfig, chosen
from regard.data.sources import SOURCES
from regard.encoders.table import ENCODERS

if TYPE_CHECKING:
    from torch import nn

    from regard.data.several import SeveralTexts
    from regard.data.several_sources import SeveralSources

MOST_PARTS = 100
PartName = Annotated[str, Field(coerce_numbers_to_str=True, min_length=1, max_length=200, pattern=r"^[^\t]*$")]
PartSource = Annotated[SerializeAsAny[SourceConfig], WrapValidator(partial(chosen, SOURCES, "text", SourceConfig))]
PartEncoder = Annotated[
    SerializeAsAny[EncoderConfig], WrapValidator(partial(chosen, ENCODERS, "recurrent", EncoderConfig))
]


class SeveralConfig(SourceConfig):
    """The keys of a source of several parts, which one line holds with a tab between two."""

    parts: dict[PartName, PartSource] = Field(
        min_length=2,
        max_length=MOST_PARTS,
        description="what each part is, with the keys of its kind, by the column of a table, or the key, that the part "
        "is read from; a text where no kind is given",
    )

    @model_validator(mode="after")
    def _single(self) -> "SeveralConfig":
        for name, part in self.parts.items():
            if isinstance(part, SeveralConfig):
                raise ValueError(f"parts.{name}.kind is several; expected a part of one kind")
            if part.variation() is not None:
                raise ValueError(f"parts.{name}.augment is given; expected none for one of several")
            for key in ("turn_mark", "sentences"):
                if getattr(part, key, None):
                    raise ValueError(f"parts.{name}.{key} is {getattr(part, key)!r}; expected none for one of several")
        return self

    @property
    def is_text(self) -> bool:  # type: ignore[override]
        """Whether all parts are texts."""
        return all(part.is_text for part in self.parts.values())

    def column(self, given: str) -> str:
        """The columns of all parts."""
        return "\t".join(self.parts)

    def locate(self, said: str, path: str) -> str:
        """The parts, each as its kind finds it."""
        from regard.data.rows import BETWEEN
        from regard.data.several import parts_of
        from regard.data.several_sources import in_part
        from regard.data.sources import UnusableSource

        found = []
        for (name, part), text in zip(self.parts.items(), parts_of(said, [*self.parts]), strict=True):
            try:
                if not part.is_text and not text.strip():
                    raise UnusableSource(f"has nothing; expected what names a source of kind {part.kind}")
                found.append(part.locate(text, path))
            except UnusableSource as error:
                raise in_part(name, error) from error
        return BETWEEN.join(found)

    def limit(self, max_length: int) -> int | tuple[int, ...]:
        """Of texts all together; else of each part, as its kind has it."""
        return max_length if self.is_text else tuple(cast(int, part.limit(max_length)) for part in self.parts.values())

    def learn(self, sources: Callable[[], Iterable[str]]) -> "SeveralTexts | SeveralSources":
        """What each part learns from its own sources."""
        from regard.data.several import SeveralTexts, parts_of
        from regard.data.several_sources import SeveralSources
        from regard.data.sources import UnusableSource
        from regard.data.tokenizer import Tokenizer

        names = [*self.parts]

        def texts(number: int) -> Iterator[str]:
            for source in sources():
                try:
                    yield parts_of(source, names)[number]
                except UnusableSource:  # named when it is encoded
                    continue

        if self.is_text:
            sides = [(name, cast(TextConfig, part)) for name, part in self.parts.items()]
            return SeveralTexts(
                {
                    name: Tokenizer.train(part.tokenizer, texts(number), part.vocab_size)
                    for number, (name, part) in enumerate(sides)
                }
            )
        found = {}
        for number, (name, part) in enumerate(self.parts.items()):
            try:
                found[name] = part.learn(partial(texts, number))
            except ValueError as error:
                raise ValueError(f"parts.{name}: {error}") from error
        return SeveralSources(found)

    def load(self, path: Path) -> "SeveralTexts | SeveralSources":
        """What a run was trained with."""
        from regard.data.several import SeveralTexts
        from regard.data.several_sources import SeveralSources

        if self.is_text:
            return SeveralTexts.load(path)
        return SeveralSources.load(path, {name: part.load for name, part in self.parts.items()})


class SeveralEncoderConfig(EncoderConfig):
    """The keys of `SeveralEncoder`, which reads each part of a source with an encoder of its own."""

    parts: dict[PartName, PartEncoder] = Field(
        min_length=2, max_length=MOST_PARTS, description="the encoder of each part of data.source, by its name"
    )
    joined: tuple[PartName, ...] = Field(
        (),
        max_length=MOST_PARTS,
        description="parts that are not looked at: the summary of each stands beside every position of the others",
    )
    combination: Literal["flat", "hierarchical"] = Field(
        "flat",
        description="of the parts that are looked at: one look at all, or one at each and one at what they found",
    )

    @model_validator(mode="after")
    def _fitting(self) -> "SeveralEncoderConfig":
        for name, encoder in self.parts.items():
            if isinstance(encoder, SeveralEncoderConfig) or encoder.needs_sentences:
                raise ValueError(
                    f"parts.{name}.kind is {encoder.kind}; expected an encoder of one part, which reads no sentences"
                )
        if unknown := [name for name in self.joined if name not in self.parts]:
            raise ValueError(f"joined is {unknown[0]!r}; expected some of the parts, {', '.join(self.parts)}")
        if set(self.joined) == set(self.parts):
            raise ValueError(f"joined names all parts, {', '.join(self.parts)}; expected one that can be looked at")
        if self.combination == "hierarchical" and len(self.parts) - len(set(self.joined)) < 2:
            raise ValueError("combination is hierarchical, and one part is looked at; expected flat, or fewer joined")
        return self

    @property
    def memory_positions(self) -> str:
        """Those of the parts that are looked at."""
        return f"positions for {', '.join(name for name in self.parts if name not in self.joined)}"

    def build(self, parts: EncoderParts) -> "nn.Module":
        """An encoder for each part: of texts over one embedding, else each over its own."""
        from regard.data.part_embeddings import PartEmbeddings
        from regard.encoders.several import SeveralEncoder

        each = parts.embedding.of if isinstance(parts.embedding, PartEmbeddings) else lambda name: parts.embedding
        encoders = {name: encoder.build(replace(parts, embedding=each(name))) for name, encoder in self.parts.items()}
        return SeveralEncoder(encoders, self.joined, hierarchical=self.combination == "hierarchical")


def spelled_out(values: Any) -> Any:
    """A recipe without its short forms.

    `data.sources: [a, b]` names the parts of a source: each is read as `data.source` and `model.encoder` say.
    `data.features: [t]` are parts beside it, which are joined: tags, of which an encoder of kind bag reads each.
    """
    data = values.get("data") if isinstance(values, Mapping) else None
    if not isinstance(data, Mapping) or not (data.get("sources") or data.get("features")):
        return values
    model, source = values.get("model") or {}, data.get("source") or {}
    sources, features = data.get("sources") or [data.get("source_column", "source")], data.get("features") or []
    lists = isinstance(sources, list | tuple) and isinstance(features, list | tuple)
    if not (lists and isinstance(source, Mapping) and isinstance(model, Mapping)):
        return values
    encoder = model.get("encoder") or {}
    if source.get("kind", "text") == "several" or (isinstance(encoder, Mapping) and encoder.get("kind") == "several"):
        return values
    names, tags = [str(name) for name in sources], [str(name) for name in features]
    if len({*names, *tags}) != len(names + tags):
        return values
    combination = {}
    if isinstance(encoder, Mapping) and "combination" in encoder:
        combination = {"combination": encoder["combination"]}
        encoder = {key: value for key, value in encoder.items() if key != "combination"}
    side = {key: value for key, value in source.items() if (key, value) != ("kind", "text")}
    parts = {"kind": "several", "parts": dict.fromkeys(names, side) | {name: {"tokenizer": "tags"} for name in tags}}
    read = {"kind": "several", "parts": dict.fromkeys(names, encoder) | {name: {"kind": "bag"} for name in tags}}
    short = ("source_column", "features") if not data.get("sources") else ("sources", "features")
    kept = {key: value for key, value in data.items() if key not in short}
    return {
        **values,
        "data": kept | {"source": parts},
        "model": {**model, "encoder": read | {"joined": tags} | combination},
    }
