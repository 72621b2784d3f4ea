"""The run directory: one folder that holds the model. It can be copied, loaded and resumed.

config.yaml                        the recipe, with all defaults
tokenizer.json                     one for both sides; or tokenizer.source.json and tokenizer.target.json
source.json                        instead of tokenizer.source.json, for sources that are not text
model.safetensors                  the weights to use, and digests of the files above
shortlist.safetensors              target tokens for each source token, if `regard shortlist` was run
card.md                            a description for people
pairs.json                         digests of the pairs: the run is resumed only with the same pairs
metrics.jsonl, checkpoints/        the course of training; not needed to use the model
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from regard.alignment.verdict import stored_verdict
from regard.config import BEFORE, Config, dump, fill, load_recipe
from regard.data.copying import copied_from, not_copied
from regard.data.sources import Source
from regard.data.tokenizer import Tokenizer
from regard.errors import CheckpointError, RegardError, UsageError
from regard.files import write_whole
from regard.model.build import assemble, pick_device
from regard.model.encoder_decoder import EncoderDecoder
from regard.model.initialize import Unset
from regard.run.ensemble import check_ensemble
from regard.run.memory import give_back, mapped
from regard.run.own_files import check_own
from regard.search.diversity import grouped
from regard.search.length_limit import LengthLimit
from regard.search.options import SearchOptions
from regard.search.rules import Rules
from regard.search.shortlist import Shortlist
from regard.training.tensorfile import Contents, read, write
from regard.training.weights import adopt, apply, check, load_weights, places, weights_of
from regard.translator import Translator

FORMAT = 1
_LISTS = ("common", "starts", "targets")


@dataclass(frozen=True)
class Run:
    """A run directory. Each file is read when it is first used.

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
        """Digests of the pairs to learn from and to validate on."""
        return self.path / "pairs.json"

    @property
    def weights_file(self) -> Path:
        """The weights to use."""
        return self.path / "model.safetensors"

    @property
    def shortlist_file(self) -> Path:
        """The target tokens that each source token can become."""
        return self.path / "shortlist.safetensors"

    @property
    def cache(self) -> Path:
        """Encoded corpora."""
        return self.path / "cache"

    @property
    def checkpoints(self) -> Path:
        """The checkpoints of training."""
        return self.path / "checkpoints"

    @cached_property
    def config(self) -> Config:
        """The recipe. Raises CheckpointError if there is none, or this version cannot read it."""
        if not self.config_file.exists():
            what = "holds no config.yaml, and is no run" if self.path.is_dir() else "is not a directory"
            raise CheckpointError(f"{self.path} {what}. Give the directory that `regard train` wrote.")
        check_own(self.path)
        try:
            return fill(load_recipe(self.config_file), BEFORE)
        except UsageError as error:
            raise CheckpointError(
                f"{self.path} is no run that this version of Regard reads: {error} It may be damaged, newer, or need a "
                "package that is not installed here."
            ) from error

    @cached_property
    def sides(self) -> tuple[Source, Tokenizer]:
        """The kind of source with what it learned, and the tokeniser of the targets."""
        data = self.config.data
        if data.joint:
            path = self.path / "tokenizer.json"
            return paired(self.config, data.source.load(path), Tokenizer.load(path))
        target = Tokenizer.load(self.path / "tokenizer.target.json")
        return paired(self.config, data.source.load(self.path / data.source.file), target)

    @property
    def digests(self) -> tuple[str, str]:
        """The digests of both sides: source, target."""
        source, target = self.sides
        return source.digest, target.digest

    def create(self, config: Config, source: Source, target: Tokenizer) -> None:
        """Write the recipe and both sides. Raises RegardError if the directory cannot be written."""
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
        """The run with another recipe for the same model.

        The run is valid at every moment: first the weights accept both recipes, then the new recipe replaces the old.
        """
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
        """The model in evaluation mode, and the metadata of its file. Raises CheckpointError for a damaged run."""
        config, (source, target) = self.config, self.sides
        ctc = config.training.ctc > 0
        if not self.weights_file.exists():
            raise CheckpointError(f"{self.path} holds no model.safetensors yet. Train it to its first validation.")
        weights = self._weights()
        try:
            with Unset(), torch.device("meta"):  # takes no memory, for a model of any size
                check(weights_of(assemble(config.model, source, target.size, ctc=ctc)), weights.tensors)
            with Unset():
                model = assemble(config.model, source, target.size, barred=target.unspelt, ctc=ctc)
        except (UsageError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"{self.path} describes no model that can be built: {error}") from error
        except CheckpointError as error:
            raise CheckpointError(f"{self.weights_file}: {error}") from error
        try:
            # If the weights are in the mapped file, the model uses them there, without a copy.
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
        """Raises CheckpointError if the files of the run are not those that its weights were trained with."""
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


def paired(config: Config, source: Source, target: Tokenizer) -> tuple[Source, Tokenizer]:
    """Both sides as the model reads them: a source that is copied from knows the target vocabulary."""
    if not config.model.copies:
        return not_copied(source), target
    return copied_from(source, target, edits=config.model.decoder.edits), target


def search_options(config: Config) -> SearchOptions:
    """The search of a recipe."""
    search = config.search
    return SearchOptions(
        beam_size=search.beam_size,
        length_normalization=search.length_normalization,
        coverage_penalty=search.coverage_penalty,
        ctc_weight=config.ctc_weight,
        batch_size=search.batch_size,
        limit=LengthLimit(search.max_ratio, search.max_extra),
        rules=Rules(search.no_repeat_ngram, search.min_length, search.repetition_penalty),
        diversity=grouped(search.diversity_groups, search.diversity_strength),
        weights=search.weights,
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
        paths: run directories whose models have the same tokenisers.
        options: the search; None for that of the first run's recipe.
        device: "cpu", "gpu", "cuda:1" …, or "auto" for the best device of this machine.
        shortlist: use only target tokens that the shortlists allow; each run must have one.

    Raises CheckpointError for a run that is damaged, incomplete, or newer than this version, UsageError if a shortlist
    or the device is missing.
    """
    chosen = pick_device(device)
    given = [paths] if isinstance(paths, str | Path) else list(paths) if isinstance(paths, Iterable) else [paths]
    if wrong := [path for path in given if not isinstance(path, str | Path)]:
        raise TypeError(f"regard.load: a path is {wrong[0]!r:.60}; expected the directory of a run, or several.")
    runs = [Run(Path(path)) for path in given]
    if not runs:
        raise ValueError("regard.load: paths is empty; expected at least one run directory.")
    first = runs[0]
    options = options or search_options(first.config)
    check_ensemble(runs, options.ctc_weight)
    models, facts = zip(*(run.load_model(chosen) for run in runs), strict=True)
    shortlists = [run.load_shortlist() for run in runs] if shortlist else []
    scores = [each.get("scores") for each in facts]
    warnings = [stored_verdict(each) if isinstance(each, Mapping) else None for each in scores]
    warning = None if None in warnings else warnings[0]  # of an ensemble, one model may look well enough for all
    translator = Translator(models, *first.sides, options, shortlists, warning)
    for run, model in zip(runs, models, strict=True):  # compiled code has its own copy of these weights
        give_back(run.weights_file, places(model.parameters()))
    return translator
