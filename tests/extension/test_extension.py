"""A package beside Regard adds an entry to each table by entry points; nothing of Regard is touched."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from random import Random

import models
import numpy as np
import pytest
import torch

import regard
from regard.alignment.io import load_json, load_npz, save_json, save_npz
from regard.analysis.align import Aligner
from regard.analysis.words import segmentation
from regard.attention import SCORES, SELECTIONS, WINDOWS
from regard.attention.build import build_attention
from regard.config import ModelConfig, dump, parse
from regard.data.sources import SOURCES
from regard.data.text import TextSource, Vocabulary
from regard.data.tokenizer import Tokenizer
from regard.decoders import DECODERS, OUTPUTS
from regard.encoders import ENCODERS
from regard.errors import UsageError
from regard.metrics import METRICS
from regard.model.build import build_model
from regard.registry import Table, installed
from regard.search.length_limit import LengthLimit
from regard.search.options import SearchOptions
from regard.translator import Translator

HERE = Path(__file__).parent
ADDED = [
    (SCORES, "distance"),
    (SELECTIONS, "sharp"),
    (WINDOWS, "halved"),
    (SOURCES, "tune"),
    (ENCODERS, "convolutional"),
    (ENCODERS, "strided"),
    (DECODERS, "cell"),
    (OUTPUTS, "mixture"),
    (METRICS, "first_letters"),
]
PARTS = {"score": "distance", "select": "sharp", "window": "halved"}
RECIPE = """
data: {source: {tokenizer: characters}, target: {tokenizer: characters}}
model:
  embedding_size: 5
  encoder: {kind: convolutional, hidden_size: 6, width: 5}
  decoder: {kind: cell, cell: lstm, hidden_size: 7}
  output: {kind: mixture, components: 3}
  attention: {score: distance, select: sharp, window: halved, options: {distance: {scale: 0.5}}}
training: {max_steps: 2, metric: first_letters}
search: {max_extra: 3}
"""


def entry_points() -> dict[str, dict[str, str]]:
    """Those that CONTRIBUTING.md shows."""
    text = (HERE.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert shown is not None
    return tomllib.loads(shown[1])["project"]["entry-points"]


def install(site: Path, package: str, points: dict[str, dict[str, str]]) -> None:
    """What an installer leaves behind."""
    info = site / f"{package}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in each.items())
        for group, each in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages with `beside`."""
    site = tmp_path_factory.mktemp("site")
    shutil.copy(HERE / "beside.py", site)
    install(site, "beside", entry_points())
    return site


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A path that the test may add folders to."""
    installed.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    installed.cache_clear()
    for name in ("beside", "broken"):
        sys.modules.pop(name, None)


@pytest.fixture
def _beside(site: Path, path: pytest.MonkeyPatch) -> None:
    path.syspath_prepend(str(site))


@pytest.mark.usefixtures("_beside")
@pytest.mark.parametrize(("table", "name"), ADDED, ids=[name for _, name in ADDED])
def test_names_are_read_without_importing_the_package(table: Table, name: str) -> None:
    added = [each for of, each in ADDED if of is table]
    assert name in table
    assert list(table) == [*table.places, *added]
    assert "beside" not in sys.modules
    assert table[name].__module__ == "beside"


@pytest.mark.parametrize(("stage", "table"), [("encoder", ENCODERS), ("decoder", DECODERS)])
def test_a_name_that_is_listed_builds_the_module_of_that_name(stage: str, table: Table) -> None:
    for kind in table.places:
        if kind == "several":  # made of other encoders
            continue
        size = {"hidden_size": 16} if "hidden_size" in table[kind].model_fields else {}
        model = ModelConfig.model_validate({"embedding_size": 5, stage: {"kind": kind} | size})
        built = getattr(build_model(model, Vocabulary(11), 13), stage)
        named = "".join(part.title() for part in kind.split("_"))
        assert type(getattr(built, "encoder", built)).__name__ == f"{named}{stage.title()}"  # one may stand on another


def test_a_package_that_is_not_installed_adds_nothing(path: pytest.MonkeyPatch) -> None:
    for table, name in ADDED:
        assert name not in table
        assert list(table) == list(table.places)
    with pytest.raises(UsageError, match=r"model.encoder: encoder is 'convolutional'; expected one of recurrent"):
        parse({"model": {"encoder": {"kind": "convolutional"}}}, "test")


@pytest.mark.usefixtures("_beside")
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_recipe_builds_them_and_steps_agree_with_teacher_forcing(cell: str) -> None:
    encoder = {"kind": "convolutional", "hidden_size": 6, "width": 5}
    attention = PARTS | {"options": {"distance": {"scale": 0.5}}}
    output = {"kind": "mixture", "components": 3}
    config = models.recipe({"kind": "cell", "cell": cell}, encoder=encoder, attention=attention, output=output)
    assert parse({"model": config.model.model_dump()}, "test").model == config.model
    assert parse({"model": config.model.model_dump(exclude_defaults=True)}, "test").model == config.model
    assert "width: 5" in dump(config)
    model, batch = models.small_model(config), models.batch_of([(3, 4), (5, 2)])
    assert type(model.encoder).__module__ == type(model.decoder).__module__ == "beside"
    assert model.decoder.attention.score.scale == 0.5
    assert len(model.tokens.output.parts) == 3
    source, state = model.begin(model.encode(batch.source, batch.source_mask))
    unrolled = model.decoder(batch.inputs, source, state)
    for position, tokens in enumerate(batch.inputs.unbind(1)):
        step = model.step(tokens, state, source)
        state = step.state
        torch.testing.assert_close(step.weights, unrolled.weights[:, position])
        torch.testing.assert_close(step.logits, model.logits(unrolled)[:, position])


@pytest.mark.usefixtures("_beside")
@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            {"encoder": {"kind": "convolutionl"}},
            "expected one of recurrent, transformer, .*, convolutional, strided .did you mean c",
        ),
        ({"encoder": {"kind": "convolutional", "widht": 3}}, "unknown key model.encoder.widht; did you mean width?"),
        ({"encoder": {"kind": "convolutional", "width": 4}}, "model.encoder.width is 4: input should be 1, 3 or 5"),
        (
            {"encoder": {"kind": "convolutional", "num_heads": 2}},
            "num_heads belongs to the transformer encoder; expected",
        ),
        ({"decoder": {"kind": "cell", "cell": "lstn"}}, "did you mean lstm?"),
        ({"decoder": {"kind": "cell", "hidden_size": 0}}, "model.decoder.hidden_size is 0: input should be greater"),
        ({"attention": {"score": "distanse"}}, "did you mean distance?"),
        ({"output": {"kind": "mixtur"}}, "expected one of linear, .*mixture .did you mean mixture?"),
        ({"output": {"kind": "linear", "components": 3}}, "unknown key model.output.components"),
    ],
)
def test_slips_in_their_keys_are_mended(model: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        parse({"model": model}, "test")


@pytest.mark.usefixtures("_beside")
def test_what_their_constructors_refuse_and_what_they_lack_is_a_sentence(path: pytest.MonkeyPatch) -> None:
    config = parse({"model": {"decoder": {"kind": "cell", "hidden_size": 13}}}, "test")
    with pytest.raises(UsageError, match=r"^model\.decoder: CellDecoder: hidden_size is 13; expected a luckier number"):
        build_model(config.model, Vocabulary(11), 13)
    config = parse({"model": {"decoder": {"kind": "cell"}}}, "test")
    tied = parse({"model": {"output": {"kind": "mixture"}, "tie": "two_way"}}, "test")
    with pytest.raises(UsageError, match=r"^model\.output: MixtureOutput: tied is an embedding; expected none, since"):
        build_model(tied.model, Vocabulary(11), 13)
    path.delattr("beside.CellDecoder.carries")
    with pytest.raises(
        UsageError,
        match=r"^model\.decoder: cell builds a CellDecoder without carries; expected all that "
        r"regard\.decoders\.decoder\.Decoder lists\.$",
    ):
        build_model(config.model, Vocabulary(11), 13)
    with pytest.raises(ValueError, match=r"score 'distance' has no option 'skale'; .* Did you mean 'scale'"):
        build_attention(3, 3, score="distance", options={"distance": {"skale": 2.0}})


def test_a_name_that_is_there_already_is_refused_when_it_is_used(tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    install(tmp_path, "one", {"regard.scores": {"dot": "one:Dot", "near": "one:Near"}})
    install(tmp_path, "two", {"regard.scores": {"near": "two:Near"}})
    path.syspath_prepend(str(tmp_path))
    assert list(SCORES) == [*SCORES.places, "near"]
    with pytest.raises(
        UsageError, match=r"score 'dot' is claimed by Regard itself and by one \(one:Dot\); expected one"
    ):
        parse({"model": {"attention": {"score": "dot"}}}, "test")
    with pytest.raises(
        UsageError, match=r"'near' is claimed by \w+ \(\w+:Near\) and by \w+ \(\w+:Near\); expected one"
    ):
        SCORES.choose("near")
    parse({"model": {"attention": {"score": "general"}}}, "test")


def test_a_claimed_name_harms_no_other(tmp_path: Path, path: pytest.MonkeyPatch) -> None:
    install(tmp_path, "one", {"regard.decoders": {"luong": "one:Luong"}})
    path.syspath_prepend(str(tmp_path))
    parse({"model": {"decoder": {"kind": "fixed", "input_feeding": False}}}, "test")
    with pytest.raises(UsageError, match=r"input_feeding belongs to the luong decoder; expected no such key for fixed"):
        parse({"model": {"decoder": {"kind": "fixed", "input_feeding": True}}}, "test")
    with pytest.raises(UsageError, match=r"decoder 'luong' is claimed by Regard itself and by one"):
        parse({"model": {"decoder": {}}}, "test")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (
            "broken:Part",
            r"'odd' of broken \(broken:Part\) cannot be imported: ZeroDivisionError: division by zero. Mend",
        ),
        ("absent:Part", r"cannot be imported: ModuleNotFoundError: No module named 'absent'"),
        (
            "os:getcwd",
            r"encoder 'odd' is <built-in .*>; expected a section, a class that inherits from regard.config.Enc",
        ),
    ],
)
def test_a_broken_package_is_named(tmp_path: Path, path: pytest.MonkeyPatch, place: str, message: str) -> None:
    (tmp_path / "broken.py").write_text("1 / 0\n")
    install(tmp_path, "broken", {"regard.encoders": {"odd": place}})
    path.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match=message):
        parse({"model": {"encoder": {"kind": "odd"}}}, "test")
    parse({}, "test")


def command(site: Path | None, folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A command, with the packages of that folder."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(site or "")}
    given = [sys.executable, "-m", "regard", *arguments]
    return subprocess.run(given, cwd=folder, env=environment, input=stdin, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_command_line_trains_with_them_and_translates(site: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "pairs.tsv").write_text("".join(f"{'ab' * n}\t{'ba' * n}\n" for n in range(1, 60)))
    trained = command(site, tmp_path, "train", "recipe.yaml", "pairs.tsv", "--out", "run", "--threads", "1")
    assert trained.returncode == 0, trained.stderr
    card = (tmp_path / "run/card.md").read_text(encoding="utf-8")
    assert "| decoder | cell (lstm), distance score, sharp selection |" in card
    assert "| output layer | mixture |" in card
    assert "| first_letters |" in card
    translated = command(site, tmp_path, "translate", "run", "--align", stdin="abab\n")
    assert (translated.returncode, translated.stdout.count("\n")) == (0, 1), translated.stderr
    alone = command(None, tmp_path, "translate", "run", stdin="abab\n")
    assert alone.returncode == 4
    said = " ".join(alone.stderr.split())
    assert "encoder is 'convolutional'; expected one of recurrent, transformer" in said
    assert "or need a package that is not installed here" in said


TUNES = """
data: {source: {kind: tune}, target: {tokenizer: characters}, batch_by: sentences, batch_size: 16}
model:
  embedding_size: 16
  tie: two_way
  encoder: {kind: strided, hidden_size: 24}
  decoder: {kind: luong, hidden_size: 48}
  attention: {score: general}
training: {learning_rate: 0.01, max_epochs: 30, metric: exact}
search: {max_ratio: 2.0, max_extra: 3, beam_size: 2}
"""


def tunes(folder: Path, count: int = 240) -> list[str]:
    """Files of letters from a to d, and pairs that read them aloud."""
    random, written = Random(1), []
    (folder / "heard").mkdir()
    for number in range(count):
        letters = "".join(random.choices("abcd", k=random.randint(1, 6)))
        (folder / "heard" / f"{number}.tune").write_text(letters)
        written.append(letters)
    pairs = [f"heard/{number}.tune\t{letters}\n" for number, letters in enumerate(written)]
    (folder / "pairs.tsv").write_text("".join(pairs[20:]))
    (folder / "test.tsv").write_text("".join(pairs[:20]))
    return written


@pytest.mark.slow
@pytest.mark.usefixtures("_beside")
def test_a_source_that_is_no_text_goes_the_whole_way(tmp_path: Path) -> None:
    written = tunes(tmp_path)
    (tmp_path / "recipe.yaml").write_text(TUNES)
    run = regard.train(str(tmp_path / "recipe.yaml"), str(tmp_path / "pairs.tsv"), out=tmp_path / "run")
    assert (run.path / "source.json").exists()
    names = [str(tmp_path / "heard" / f"{number}.tune") for number in range(20)]
    translator = run.load()
    found = [best for best, *_ in translator.translate(names)]
    right = [one.target_text == letters for one, letters in zip(found, written, strict=False)]
    assert sum(right) >= 15
    for one, letters in zip(found, written, strict=False):
        seconds = [(float(place), place + 1.0) for place in range(len(letters))]
        assert [(unit.start, unit.end) for unit in one.source] == seconds  # two frames of half a second each
        assert [unit.text for unit in one.source] == [f"{start:.1f}s" for start, _ in seconds]
        assert (one.source_kind, one.source_end) == ("tune", None)
        np.testing.assert_allclose(one.weights.sum(1), 1.0, atol=1e-5)
    alone = translator.translate(names[3])[0][0]
    assert alone.target_text == found[3].target_text
    np.testing.assert_allclose(alone.weights, found[3].weights, atol=1e-5)
    forced = translator.score(names[:1], [found[0].target_text], units="tokens")[0]
    tokens = translator.translate(names[:1], units="tokens")[0][0]
    np.testing.assert_allclose(forced.weights, tokens.weights, atol=1e-5)
    assert forced.source == tokens.source
    save_json(tmp_path / "one.json", found[:1])
    save_npz(tmp_path / "one.npz", found[:1])
    for read in (load_json(tmp_path / "one.json"), load_npz(tmp_path / "one.npz")):
        assert (read[0].source, read[0].source_kind) == (found[0].source, "tune")
    assert found[0].source[0].text in regard.heatmap(found[0])
    judged = regard.evaluate(run, str(tmp_path / "test.tsv"), ["exact"])
    assert judged.scores[0].value == pytest.approx(100 * sum(right) / 20)
    links = regard.align(run, str(tmp_path / "test.tsv"), units="tokens")
    assert [len(pair.links) for pair in links] == [len(letters) for letters in written[:20]]
    words = regard.align(run, str(tmp_path / "test.tsv"))  # the words of the output; the source has none
    assert [max(two for _, two in pair.links) for pair in words] == [0] * 20
    assert (judged.unit, judged.rows, judged.record()["by_length"]) == (None, [], [])
    with pytest.raises(UsageError, match="both directions can be aligned if both sides are texts; these runs read tun"):
        Aligner(translator, segmentation("none", None, 20), translator)


@pytest.mark.slow
def test_the_commands_serve_such_a_source_and_name_what_cannot_be_used(site: Path, tmp_path: Path) -> None:
    tunes(tmp_path, 60)
    (tmp_path / "recipe.yaml").write_text(TUNES)
    with open(tmp_path / "pairs.tsv", "a") as pairs:
        pairs.write("heard/none.tune\tab\n")
    given = ("train", "recipe.yaml", "pairs.tsv", "--out", "run", "--threads", "1", "--set", "training.max_steps=3")
    refused = command(site, tmp_path, *given)
    assert refused.returncode == 3
    said = " ".join(refused.stderr.split())
    assert "pairs.tsv, line 41: the line names no file that is there (none.tune). Correct it, or leave" in said
    assert not (tmp_path / "run").exists()
    trained = command(site, tmp_path, *given, "--on-bad-input", "skip")
    assert trained.returncode == 0, trained.stderr
    assert "1 bad" in " ".join(trained.stderr.split())
    translated = command(site, tmp_path, "translate", "run", "--align", stdin="heard/1.tune\nnothing.tune\n\n")
    assert translated.returncode == 3
    assert translated.stdout.count("\n") == 3
    assert "line 2: the line names no file that is there (nothing.tune)" in " ".join(translated.stderr.split())
    viewed = command(site, tmp_path, "view", "run", "heard/2.tune", "--html", "page.html", "--json", "one.json")
    assert viewed.returncode == 0, viewed.stderr
    assert json.loads((tmp_path / "one.json").read_text())[0]["source_kind"] == "tune"
    assert "0.0s" in (tmp_path / "page.html").read_text(encoding="utf-8")
    listed = command(site, tmp_path, "shortlist", "run")
    assert listed.returncode == 2
    assert "sources of kind tune; a shortlist is for texts" in " ".join(listed.stderr.split())
    dry = command(site, tmp_path, "train", "recipe.yaml", "test.tsv", "--out", "other", "--dry-run")
    assert dry.returncode == 0, dry.stderr


@pytest.mark.usefixtures("_beside")
def test_an_encoder_that_shortens_without_a_word_is_refused_where_ctc_counts_positions(tmp_path: Path) -> None:
    tunes(tmp_path, 24)
    (tmp_path / "recipe.yaml").write_text(TUNES.replace("training: {", "training: {ctc: 0.3, "))
    with pytest.raises(
        UsageError, match=r"encoder 'strided' makes \d positions of \d+, and expected are \d+, by the str"
    ):
        regard.train(str(tmp_path / "recipe.yaml"), str(tmp_path / "test.tsv"), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("_beside")
def test_a_strided_encoder_over_text_keeps_every_character_and_the_end_apart() -> None:
    config = models.recipe({"kind": "luong"}, encoder={"kind": "strided", "hidden_size": 7})
    tokenizer = Tokenizer.train("characters", ["abcdefgh"], 300)
    torch.manual_seed(0)
    source = TextSource(tokenizer)
    model = build_model(config.model, source, tokenizer.size).eval()
    options = SearchOptions(beam_size=1, limit=LengthLimit(0.0, 4))
    translator = Translator([model], source, tokenizer, options)
    for text, spans in (("abcd", [(0, 2), (2, 4)]), ("abc", [(0, 2), (2, 3)]), ("a", [(0, 1)])):
        found = translator.translate(text, units="tokens")[0][0]
        assert [(unit.start, unit.end) for unit in found.source] == spans  # what covers the end alone is hidden
        assert found.source_end is None


@pytest.mark.usefixtures("_beside")
def test_no_vocabulary_is_shared_with_such_a_source() -> None:
    with pytest.raises(UsageError, match="expected false for sources of kind tune, which are not one text"):
        parse({"data": {"source": {"kind": "tune"}, "joint": True}}, "test")
    with pytest.raises(UsageError, match="tokenizer belongs to the text source kind; expected no such key for tune"):
        parse({"data": {"source": {"kind": "tune", "tokenizer": "symbols"}}}, "test")
