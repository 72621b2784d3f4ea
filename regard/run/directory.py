"""The run directory: one folder that is the model. It can be copied, loaded, served and resumed.

config.yaml                        the recipe, defaults written out
tokenizer.json                     one for both sides; or tokenizer.source.json and tokenizer.target.json
source.json                        what is known of sources that are no text, instead of tokenizer.source.json
model.safetensors                  the weights to use, and digests of the files above
shortlist.safetensors              what source tokens may become, once `regard shortlist` has made it
card.md                            what it is, for people
pairs.json                         digests of its pairs: no others go on with it
metrics.jsonl, checkpoints/        how it came about; not needed to use it
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from regard.config import BEFORE, Config, SearchConfig, dump, fill, load_recipe
from regard.data.sources import Source
from regard.data.tokenizer import Tokenizer
from regard.errors import CheckpointError, RegardError, UsageError
from regard.files import write_whole
from regard.model.build import assemble, pick_device
from regard.model.encoder_decoder import EncoderDecoder
from regard.model.initialize import Unset
from regard.run.memory import give_back, mapped
from regard.search.length_limit import LengthLimit
from regard.search.options import SearchOptions
from regard.search.shortlist import Shortlist
from regard.training.tensorfile import Contents, read, write
from regard.training.weights import adopt, apply, check, load_weights, places, weights_of
from regard.translator import Translator

FORMAT = 1
_LISTS = ("common", "starts", "targets")
OWN = (
    *("config.yaml", "tokenizer.json", "tokenizer.source.json", "tokenizer.target.json", "source.json"),
    *("model.safetensors", "shortlist.safetensors", "card.md", "metrics.jsonl", "pairs.json", ".lock"),
)
FOLDERS = ("checkpoints", "cache", "tensorboard")
"""The names that Regard reads and writes in a run, and the folders that are wholly its own."""


@dataclass(frozen=True)
class Run:
    """A run directory. Nothing is read before it is asked for.

    Args:
        path: the directory.
    """

    path: Path

    @property
    def config_file(self) -> Path:
        """The recipe."""
        return self.path / "config.yaml"

    @property
    def pairs_file(self) -> Path:
        """What the pairs are known by that it learns from and validates on."""
        return self.path / "pairs.json"

    @property
    def weights_file(self) -> Path:
        """The weights to use."""
        return self.path / "model.safetensors"

    @property
    def shortlist_file(self) -> Path:
        """What source tokens may become."""
        return self.path / "shortlist.safetensors"

    @property
    def cache(self) -> Path:
        """Encoded corpora."""
        return self.path / "cache"

    @property
    def checkpoints(self) -> Path:
        """Where training saves itself."""
        return self.path / "checkpoints"

    @cached_property
    def config(self) -> Config:
        """The recipe. Raises CheckpointError where there is none that this version reads."""
        if not self.config_file.exists():
            what = "holds no config.yaml, and is no run" if self.path.is_dir() else "is not a directory"
            raise CheckpointError(f"{self.path} {what}. Give the directory that `regard train` wrote.")
        self.check_own()
        try:
            return fill(load_recipe(self.config_file), BEFORE)
        except UsageError as error:
            raise CheckpointError(
                f"{self.path} is no run that this version of Regard reads: {error} It may be damaged, newer, or need a "
                "package that is not installed here."
            ) from error

    def check_own(self) -> None:
        """Raises CheckpointError where a name that Regard uses here is no file, or a link out of the run: whoever made
        it could have other files read or replaced."""
        inside, folders = Path(os.path.realpath(self.path)), [self.path / name for name in FOLDERS]
        for path in chain([self.path / name for name in OWN], folders, *(folder.glob("**/*") for folder in folders)):
            try:
                mode = path.stat().st_mode
            except OSError:  # nothing is there
                mode = 0
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(inside):
                raise CheckpointError(f"{path} is a link out of the run; expected a file of its own. Put a copy there.")
            held = path.parent != self.path and path.parent != self.checkpoints  # cache and tensorboard have folders
            is_folder = path in folders or (held and stat.S_ISDIR(mode))
            if mode and not (stat.S_ISDIR(mode) if is_folder else stat.S_ISREG(mode)):
                kind = "folder" if is_folder else "file"
                raise CheckpointError(f"{path} is no {kind}, as it should be. Restore the run from a whole copy.")

    @cached_property
    def sides(self) -> tuple[Source, Tokenizer]:
        """What the sources are, and the tokeniser of the targets."""
        data = self.config.data
        if data.joint:
            path = self.path / "tokenizer.json"
            return data.source.load(path), Tokenizer.load(path)
        return data.source.load(self.path / data.source.file), Tokenizer.load(self.path / "tokenizer.target.json")

    @property
    def digests(self) -> tuple[str, str]:
        """Of what is known of the sources, and of the targets."""
        source, target = self.sides
        return source.digest, target.digest

    def create(self, config: Config, source: Source, target: Tokenizer) -> None:
        """Write the recipe and what is known of both sides. Raises RegardError when the directory cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if config.data.joint:
                source.save(self.path / "tokenizer.json")
            else:
                source.save(self.path / config.data.source.file)
                target.save(self.path / "tokenizer.target.json")
            write_whole(self.config_file, dump(config).encode())
        except OSError as error:
            raise RegardError(f"{self.path} cannot be written: {error.strerror}. Choose another --out.") from error

    def adopt(self, config: Config) -> "Run":
        """The run with another recipe for the same model. It is whole at every moment: the weights first come to
        accept both recipes, then the new one takes the place of the old."""
        recipe = dump(config).encode()
        if self.weights_file.exists():
            weights = self._weights()
            both = [self._digests()["config.yaml"], hashlib.sha256(recipe).hexdigest()]
            write(self.weights_file, weights.tensors, weights.metadata | {"config.yaml": both})
        write_whole(self.config_file, recipe)
        return Run(self.path)

    def publish(self, weights: Contents) -> None:
        """Make these the weights to use."""
        facts: dict[str, Any] = {
            key: weights.metadata[key] for key in ("step", "steps", "scores") if key in weights.metadata
        }
        write(self.weights_file, weights.tensors, {"kind": "model", "format": FORMAT, **self._digests(), **facts})

    def load_model(self, device: torch.device) -> tuple[EncoderDecoder, Mapping[str, Any]]:
        """The model, in evaluation mode, and what its file says of it. Raises CheckpointError for a damaged run."""
        config, (source, target) = self.config, self.sides
        if not self.weights_file.exists():
            raise CheckpointError(f"{self.path} holds no model.safetensors yet. Train it to its first validation.")
        weights = self._weights()
        try:
            with Unset(), torch.device("meta"):  # takes no memory, however large it would be
                check(weights_of(assemble(config.model, source, target.size)), weights.tensors)
            with Unset():
                model = assemble(config.model, source, target.size, barred=target.unspelt)
        except (UsageError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"{self.path} describes no model that can be built: {error}") from error
        except CheckpointError as error:
            raise CheckpointError(f"{self.weights_file}: {error}") from error
        try:
            # Weights that lie in the file as it is mapped need no second place.
            known = mapped(self.weights_file, places(weights.tensors.values()))
            (adopt if known else apply)(model, weights.tensors)
        except CheckpointError as error:
            raise CheckpointError(f"{self.weights_file}: {error}") from error
        return model.to(device).eval(), weights.metadata

    def load(self, options: SearchOptions | None = None, device: str = "cpu") -> Translator:
        """The model, ready to translate; see `regard.load`."""
        return load(self.path, options, device)

    def save_shortlist(self, shortlist: Shortlist, facts: Mapping[str, Any]) -> None:
        """Keep the shortlist with the run; the facts say how it came about."""
        tensors = {name: getattr(shortlist, name).long() for name in _LISTS}
        write(self.shortlist_file, tensors, {"kind": "shortlist", "format": FORMAT, **self._vocabularies(), **facts})

    def load_shortlist(self) -> Shortlist:
        """The shortlist. Raises UsageError where there is none, CheckpointError for one that is not of this run."""
        if not self.shortlist_file.exists():
            raise UsageError(f"{self.path} holds no shortlist. Make one with: regard shortlist {self.path}")
        contents = read(self.shortlist_file)
        known = {"kind": "shortlist", "format": FORMAT, **self._vocabularies()}
        if any(contents.metadata.get(name) != value for name, value in known.items()):
            raise CheckpointError(
                f"{self.shortlist_file} is no shortlist for the tokenisers of this run. "
                f"Make it anew with: regard shortlist {self.path}"
            )
        source, target = self.sides
        try:
            found = Shortlist(**{name: contents.tensors[name] for name in _LISTS}, target_size=target.size)
            size = source.tokenizer.size if source.tokenizer is not None else 0
            if len(found.starts) != size + 1:
                raise ValueError(f"it has {len(found.starts) - 1} source tokens; expected {size}.")
        except (KeyError, ValueError) as error:
            raise CheckpointError(
                f"{self.shortlist_file} is damaged: {error} Make it anew with: regard shortlist {self.path}"
            ) from error
        return found

    def verify(self) -> None:
        """Raises CheckpointError unless the files of the run are those that its weights were trained with."""
        self._weights()

    def _weights(self) -> Contents:
        weights = load_weights(self.weights_file)
        version = weights.metadata.get("format", FORMAT)
        if type(version) is not int:
            raise CheckpointError(f"{self.weights_file} is not a whole file of Regard. Copy it again.")
        if version > FORMAT:
            raise CheckpointError(f"{self.weights_file} is from a newer version of Regard: pip install -U regard")
        for name, digest in self._digests().items():
            accepted = weights.metadata.get(name)
            if digest not in (accepted if isinstance(accepted, list) else [accepted]):
                raise CheckpointError(
                    f"{self.path}: {name} is not the one that model.safetensors was trained with. "
                    "Restore the directory from a whole copy."
                )
        return weights

    def _digests(self) -> dict[str, str]:
        return {"config.yaml": hashlib.sha256(self.config_file.read_bytes()).hexdigest(), **self._vocabularies()}

    def _vocabularies(self) -> dict[str, str]:
        source, target = self.digests
        return {"source tokenizer": source, "target tokenizer": target}


def search_options(config: SearchConfig) -> SearchOptions:
    """The search of a recipe."""
    return SearchOptions(
        beam_size=config.beam_size,
        length_normalization=config.length_normalization,
        coverage_penalty=config.coverage_penalty,
        batch_size=config.batch_size,
        limit=LengthLimit(config.max_ratio, config.max_extra),
    )


def load(
    paths: str | Path | Sequence[str | Path],
    options: SearchOptions | None = None,
    device: str = "cpu",
    *,
    shortlist: bool = False,
) -> Translator:
    """The model in a run directory, ready to translate; several directories are an ensemble.

    Args:
        paths: run directories whose models share their tokenisers.
        options: how outputs are looked for; None for what the first run's recipe says.
        device: "cpu", "gpu", "cuda:1" …, or "auto" for the best that there is.
        shortlist: make outputs of what the shortlists of the runs allow, each of which must have one.

    Raises CheckpointError for a run that is damaged, not whole, or newer than this version, UsageError where a
    shortlist or the device is missing.
    """
    chosen = pick_device(device)
    given = [paths] if isinstance(paths, str | Path) else list(paths) if isinstance(paths, Iterable) else [paths]
    if wrong := [path for path in given if not isinstance(path, str | Path)]:
        raise TypeError(f"regard.load: a path is {wrong[0]!r:.60}; expected the directory of a run, or several.")
    runs = [Run(Path(path)) for path in given]
    if not runs:
        raise ValueError("regard.load: paths is empty; expected at least one run directory.")
    first = runs[0]
    for run in runs[1:]:
        text = run.config.data.source.kind == first.config.data.source.kind == "text"
        sides = "source tokenisers" if text else "sources (`data.source`)", "target tokenisers"
        for what, one, other in zip(sides, first.digests, run.digests, strict=True):
            if one != other:
                raise CheckpointError(
                    f"{run.path} and {first.path} have different {what}; an ensemble needs the same. "
                    "Train the runs on the same data with the same data section."
                )
    models = [run.load_model(chosen)[0] for run in runs]
    shortlists = [run.load_shortlist() for run in runs] if shortlist else []
    translator = Translator(models, *first.sides, options or search_options(first.config.search), shortlists)
    for run, model in zip(runs, models, strict=True):  # what was laid out anew is seldom read where it lies in the file
        give_back(run.weights_file, places(model.parameters()))
    return translator
