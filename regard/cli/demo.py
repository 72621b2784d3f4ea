"""`regard demo`: train, translate and show the alignment on the embedded corpus, without any download."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regard.cli.errors import reported, say
from regard.cli.options import GivenOptions, Quiet, Threads, choose, expand_records, refuse_without_effect
from regard.cli.workers import set_up

if TYPE_CHECKING:
    from regard.alignment.alignment import Alignment
    from regard.config import Config

SENTENCES = (
    "Tom chases Jerry",
    "Three books were bought by the kind teacher yesterday.",
    "The cat that chased the dog slept in the kitchen last night.",
)
SMALL = {
    "sentences": (
        "training.max_epochs=1",
        "training.guided_alignment.most_pairs=500",
        "model.embedding_size=32",
        "model.encoder.hidden_size=32",
        "training.max_steps=60",
    ),
    "spoken": ("model.encoder.hidden_size=16", "model.decoder.hidden_size=16", "training.max_steps=30"),
    "drawn": ("model.encoder.channels=[8, 8, 8]", "model.decoder.hidden_size=16", "training.max_steps=30"),
    "labels": ("model.encoder.hidden_size=8", "training.max_steps=30"),
    "documents": ("model.encoder.hidden_size=8", "training.max_steps=30"),
    "questions": ("model.embedding_size=16", "model.decoder.hidden_size=16", "training.max_steps=30"),
    "dialogue": ("model.embedding_size=16", "model.decoder.hidden_size=16", "training.max_steps=30"),
    "summary": ("model.encoder.hidden_size=8", "model.decoder.hidden_size=16", "training.max_steps=30"),
}
"""What is smaller with --small, by the name of the corpus."""
SINGLE = (
    "model.attention.moves=0",
    "data.join.words=0",
    "training.guided_alignment.weight=0",
)
"""Changes that take out of the recipe what is there for long sentences: benchmarks measure single mechanisms."""
COMPARED = ("labels", "documents", "dialogue", "summary")
"""The corpora on which several models are held side by side, each in a file of its own."""


@reported
@expand_records
def command(
    chosen: GivenOptions,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="Where everything is written.")] = Path(
        "demo"
    ),
    corpus: Annotated[
        str,
        typer.Option(
            metavar="sentences|spoken|drawn|labels|documents|questions|dialogue|summary",
            help="English → Chinese sentences; recordings of number words, made by a voice synthesiser; pictures of "
            "coloured shapes; texts with a label; the same of several sentences; questions about short stories; "
            "dialogues; or short news with headlines.",
        ),
    ] = "sentences",
    compare: Annotated[
        bool, typer.Option("--compare", help="Also train it without attention, three ways, and plot BLEU by length.")
    ] = False,
    small: Annotated[bool, typer.Option("--small", help="A minute less: shows that it runs, not how well.")] = False,
    export: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the corpus there, with words and gold alignment, and nothing else."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Seed of everything random.")] = 1,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Train on an embedded corpus, translate, and show the alignment.

    The corpus is English → Chinese, written by a grammar. With --corpus it is another: spoken, recordings of number
    words → text; drawn, pictures → sentences; labels, texts → labels; documents, the same of several sentences;
    questions, stories with a question → the answer; dialogue, the turns so far → the next one; summary, news →
    headlines. There is nothing to download, and it takes a minute or two. Writes OUT/corpus (the pairs), OUT/model (the
    run), OUT/alignment.html and, with matplotlib, OUT/alignment.png. What is there of an earlier demo is replaced.

    Example: regard demo --out demo
    """
    choose("--corpus", corpus, SMALL)
    if corpus != "sentences":
        refuse_without_effect(chosen, ["compare", "export"], f"with --corpus {corpus}. Leave one out.")
    if export is not None:
        training = ["out", "compare", "small", "seed", "threads", "quiet"]
        refuse_without_effect(chosen, training, "with --export, which trains nothing. Leave one out.")
        _export(export)
        return
    _check_free("--out", out, out / "corpus")
    set_up(threads)
    if corpus in COMPARED:
        _compare(corpus, out, small, seed, quiet)
        return
    if corpus == "questions":
        _learn_questions(out, small, seed, quiet)
        return
    if corpus != "sentences":
        _learn_media(corpus, out, small, seed, quiet)
        return
    from regard.data.embedded import english_chinese, write_corpus

    write_corpus(out / "corpus")
    config = demo_config(seed, small)
    say("embedded corpus English → Chinese, written by a grammar; training sees the text alone, never its alignment")
    if compare:
        from regard.cli.demo_compare import run_comparison

        run_comparison(config, english_chinese(), out, threads=threads, quiet=quiet)
    else:
        train(config, out, quiet)
    _show(out, small)


def _compare(corpus: str, out: Path, small: bool, seed: int, quiet: bool) -> None:
    """Of texts, with several models."""
    from importlib import import_module

    from regard.cli.demo_compared import compare

    compare(import_module(f"regard.cli.demo_{corpus}").DEMO, out, small, seed, quiet)


def _learn_media(corpus: str, out: Path, small: bool, seed: int, quiet: bool) -> None:
    """Of recordings or pictures."""
    from importlib import import_module

    from regard.cli.demo_media import show_media, write_pairs

    demo = import_module(f"regard.cli.demo_{corpus}").DEMO
    write_pairs(demo.known, out / "corpus", small)
    say(demo.introduction)
    train(demo_config(seed, small, corpus), out, quiet)
    show_media(demo, out, small)


def _learn_questions(out: Path, small: bool, seed: int, quiet: bool) -> None:
    """Of stories, with several looks and with one."""
    from regard.cli.demo_questions import INTRODUCTION, runs, show_questions, write_pairs

    write_pairs(out / "corpus", small)
    say(INTRODUCTION)
    for name, config in runs(demo_config(seed, small, "questions")).items():
        train(config, out, quiet, name)
    show_questions(out, small)


def _check_free(option: str, folder: Path, corpus: Path) -> None:
    """Raises UsageError for a directory that is not empty and does not hold the files of a demo."""
    from regard.errors import UsageError

    if folder.exists() and any(folder.iterdir()) and not (corpus / "train.tsv").exists():
        raise UsageError(
            f"{folder} holds something else; expected a new directory or that of a demo. Choose another {option}."
        )


def _export(folder: Path) -> None:
    """Write the corpus, and say what can be done with it."""
    from regard.data.embedded import write_corpus

    _check_free("--export", folder, folder)
    write_corpus(folder)
    dev = folder / "dev"
    say(f"wrote {folder}: train, dev and three test splits, each as .tsv, .words.tsv (words apart) and .gold (links)")
    say(f"next: regard evaluate RUN {dev}.tsv --metric bleu_zh --words {dev}.words.tsv --gold {dev}.gold")


def demo_config(seed: int, small: bool, corpus: str = "sentences", changes: Sequence[str] = ()) -> "Config":
    """The recipe of the demo of a corpus, with `a.b=c` changes."""
    from importlib.resources import as_file, files

    from regard.config import load_recipe

    name = "demo.yaml" if corpus == "sentences" else f"demo_{corpus}.yaml"
    with as_file(files("regard.cli") / name) as path:
        return load_recipe(path, [f"training.seed={seed}", *(SMALL[corpus] if small else ()), *changes])


def train(config: "Config", out: Path, quiet: bool, name: str = "model") -> None:
    """Train on OUT/corpus, into a run of that name in OUT; one that is there is replaced."""
    import shutil

    from regard.cli.finished import tell_finished
    from regard.data.readers import PairFiles
    from regard.run.fit import fit
    from regard.training.progress_bar import ProgressBar

    shutil.rmtree(out / name, ignore_errors=True)
    learn, dev = (PairFiles((str(out / "corpus" / f"{split}.tsv"),)) for split in ("train", "dev"))
    tell = (lambda line: None) if quiet else say
    bar = ProgressBar(quiet=quiet, metric=config.training.metric)
    progress = fit(config, learn, dev, out / name, listeners=[bar], tell=tell)
    if not quiet:
        tell_finished(out / name, progress)


def _show(out: Path, small: bool) -> None:
    """Show heat maps of unseen sentences, the page, the picture, the table of scores, and what to type next."""
    from rich.console import Console
    from rich.table import Table

    from regard.analysis.embedded import score_split
    from regard.cli.view import ALTERNATIVES
    from regard.data.embedded import english_chinese
    from regard.run.directory import load
    from regard.views.page import save_page
    from regard.views.terminal import show

    console, corpus = Console(), english_chinese()
    translator = load(out / "model")
    alignments = [best for best, *_ in translator.translate(SENTENCES, alternatives=ALTERNATIVES)]
    for alignment in alignments:
        show(alignment, console)
        console.print()
    save_page(alignments, out / "alignment.html", "Regard: what the model looks at")
    missing = draw(alignments, out / "alignment.png")
    table = Table("test split", "pairs", "BLEU", "alignment error %", title="unseen sentences")
    for name, pairs in corpus.test.items():
        scores = score_split(translator, name, pairs[:40] if small else pairs)
        table.add_row(name, str(scores.pairs), f"{scores.bleu.value:.1f}", f"{scores.alignment_error:.1f}")
    console.print(table)
    console.print(f"BLEU: {scores.bleu.signature}", soft_wrap=True, highlight=False)
    model = shlex.quote(str(out / "model"))
    steps = [
        f"See it:        {out}/alignment.html (steps through the decoding){'' if missing else ' and alignment.png'}",
        f'Try it:        regard view {model} "The dog that Tom saw chased three cats."',
        f"Your own text: regard train {model}/config.yaml YOUR.src YOUR.tgt --out runs/mine",
        "               (any two parallel files, or one .tsv or .jsonl; see regard train --help)",
    ]
    steps += [f"Pictures:      none yet. {missing}"] if missing else []
    console.print("\n" + "\n".join(steps), soft_wrap=True, highlight=False, markup=False)


def draw(alignments: "list[Alignment]", path: Path) -> str:
    """Draw the picture. Without matplotlib: what to install; the demo continues without a picture."""
    from regard.errors import RegardError

    path.unlink(missing_ok=True)  # the picture of an earlier demo shows another model
    try:
        from regard.views.figure import save_figure

        save_figure(alignments, path)
    except RegardError as error:
        return str(error)
    return ""
