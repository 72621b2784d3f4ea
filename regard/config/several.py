"""The sections of a source of several texts and of its encoder, and the short forms that stand for both."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, WrapValidator, model_validator

from regard.config.sources import SideConfig
from regard.config.stage import EncoderConfig, EncoderParts, SourceConfig, chosen
from regard.encoders.table import ENCODERS

if TYPE_CHECKING:
    from torch import nn

    from regard.data.several import SeveralTexts

MOST_PARTS = 100
PartName = Annotated[str, Field(coerce_numbers_to_str=True, min_length=1, max_length=200, pattern=r"^[^\t]*$")]
PartEncoder = Annotated[
    SerializeAsAny[EncoderConfig], WrapValidator(partial(chosen, ENCODERS, "recurrent", EncoderConfig))
]


class SeveralConfig(SourceConfig):
    """The keys of a source of several texts, which one line holds with a tab between two."""

    is_text: ClassVar[bool] = True

    parts: dict[PartName, SideConfig] = Field(
        min_length=2,
        max_length=MOST_PARTS,
        description="the tokeniser of each part, by the column of a table, or the key, that the part is read from",
    )

    @model_validator(mode="before")
    @classmethod
    def _texts(cls, values: Any) -> Any:
        """No other kinds of source, which one batch could not hold."""
        parts = values.get("parts") if isinstance(values, Mapping) else None
        for name, part in parts.items() if isinstance(parts, Mapping) else ():
            if isinstance(part, Mapping) and "kind" in part:
                raise ValueError(f"parts.{name}.kind is {part['kind']}; expected no kind, since all parts are texts")
        return values

    def column(self, given: str) -> str:
        """The columns of all parts."""
        return "\t".join(self.parts)

    def learn(self, sources: Callable[[], Iterable[str]]) -> "SeveralTexts":
        """A tokeniser of each part."""
        from regard.data.several import SeveralTexts, parts_of
        from regard.data.sources import UnusableSource
        from regard.data.tokenizer import Tokenizer

        names = [*self.parts]

        def texts(number: int) -> Iterator[str]:
            for source in sources():
                try:
                    yield parts_of(source, names)[number]
                except UnusableSource:  # named when it is encoded
                    continue

        return SeveralTexts(
            {
                name: Tokenizer.train(part.tokenizer, texts(number), part.vocab_size)
                for number, (name, part) in enumerate(self.parts.items())
            }
        )

    def load(self, path: Path) -> "SeveralTexts":
        """The tokenisers in a file."""
        from regard.data.several import SeveralTexts

        return SeveralTexts.load(path)


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
            if encoder.kind == "several" or encoder.needs_sentences or encoder.axes != 1 or encoder.stride != 1:
                raise ValueError(
                    f"parts.{name}.kind is {encoder.kind}; expected an encoder with a position for every token, such "
                    "as recurrent, transformer or bag"
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
        """An encoder for each part, over one embedding."""
        from regard.encoders.several import SeveralEncoder

        encoders = {name: encoder.build(parts) for name, encoder in self.parts.items()}
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
    if source.get("kind", "text") != "text" or (isinstance(encoder, Mapping) and encoder.get("kind") == "several"):
        return values
    names, tags = [str(name) for name in sources], [str(name) for name in features]
    if len({*names, *tags}) != len(names + tags):
        return values
    combination = {}
    if isinstance(encoder, Mapping) and "combination" in encoder:
        combination = {"combination": encoder["combination"]}
        encoder = {key: value for key, value in encoder.items() if key != "combination"}
    side = {key: value for key, value in source.items() if key != "kind"}
    parts = {"kind": "several", "parts": dict.fromkeys(names, side) | {name: {"tokenizer": "tags"} for name in tags}}
    read = {"kind": "several", "parts": dict.fromkeys(names, encoder) | {name: {"kind": "bag"} for name in tags}}
    short = ("source_column", "features") if not data.get("sources") else ("sources", "features")
    kept = {key: value for key, value in data.items() if key not in short}
    return {
        **values,
        "data": kept | {"source": parts},
        "model": {**model, "encoder": read | {"joined": tags} | combination},
    }
