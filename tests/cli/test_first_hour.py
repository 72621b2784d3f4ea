"""What a new user types first: recipes by name, none at all, a file to translate, options that change nothing."""

import json
import re
from pathlib import Path

import pytest
import yaml
from toy import Make, pairs, regard

from regard.config.recipes import FOLDER, names
from regard.run.directory import Run

SHORT = ("--set", "training.max_steps=1", "--set", "training.metric=loss", "-q")


def test_recipes_are_listed_and_shown() -> None:
    listed = regard("recipes")
    assert listed.code == 0
    assert [line.split("  ")[0] for line in listed.lines] == names()
    for name in names():
        shown = regard("recipes", "show", name).out
        assert shown == (FOLDER / f"{name}.yaml").read_text()
        assert shown.startswith("# "), "the first line says what it is for"
        assert yaml.safe_load(shown)["name"] == name
    result = regard("recipes", "show", "cmudic")
    assert result.code == 2
    assert f"expected one of {', '.join(names())}, or the path" in result.err
    assert "Did you mean cmudict?" in result.err


def test_the_paths_of_recipes_in_a_checkout_are_those_of_the_package() -> None:
    assert (Path(__file__).parents[2] / "recipes").resolve() == FOLDER


def test_a_recipe_is_found_by_name(files: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    sizes = [f"--set={key}=11" for key in ("model.embedding_size", "model.encoder.hidden_size")]
    assert regard("train", "multi30k-en-de", files / "train.tsv", "--out", out, *sizes, *SHORT).code == 0
    assert yaml.safe_load((out / "config.yaml").read_text())["name"] == "multi30k-en-de"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cmudit", "train.tsv"], "recipe is 'cmudit'; expected one of .* Did you mean cmudict?"),
        (["a.tsv", "b.tsv", "c.tsv"], "recipe a.tsv|recipe is 'a.tsv'"),
        (["cmudict"], "no pairs are given after cmudict"),
    ],
)
def test_what_is_no_recipe_is_said(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = regard("train", *arguments, "--out", tmp_path / "run")
    assert result.code == 2
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(result.err)


def test_a_recipe_is_chosen_said_and_kept_and_a_resume_takes_it(files: Path, tmp_path: Path) -> None:
    out, given = tmp_path / "run", (files / "train.tsv").read_text()
    changes = ["--set=training.max_epochs=1", "--set=training.max_steps=1", "--set=model.encoder.hidden_size=7"]
    result = regard("train", "-", "--out", out, *changes, stdin=given)
    assert result.code == 0
    assert result.err.startswith("recipe chosen from the pairs; name another with --recipe, or change it with --set:\n")
    assert "  source: bpe (sentences, " in result.err
    chosen = yaml.safe_load((out / "config.yaml").read_text())
    assert chosen["data"]["source"]["tokenizer"] == "bpe"
    assert chosen["model"]["encoder"]["hidden_size"] == 7
    more = ["--set=training.max_steps=2", "-q"]
    assert regard("train", "-", "--out", out, "--resume", *more, stdin=given).code == 0
    assert yaml.safe_load((out / "config.yaml").read_text())["model"]["encoder"]["hidden_size"] == 7


@pytest.mark.parametrize(
    ("inside", "options", "message"),
    [
        ("notes.txt", [], "holds notes.txt and no run; expected a new or an empty directory. Choose another --out."),
        (None, ["--resume"], "holds no run to resume. Leave --resume out to begin one, or check --out."),
    ],
)
def test_where_a_run_cannot_be(
    files: Path, tmp_path: Path, inside: str | None, options: list[str], message: str
) -> None:
    out = tmp_path / "run"
    if inside:
        out.mkdir()
        (out / inside).write_text("mine")
    result = regard("train", files / "train.tsv", "--out", out, *options, *SHORT)
    assert result.code == 2
    assert result.err == f"regard: {out} {message}\n"
    assert [path.name for path in out.iterdir()] == [inside] if inside else not out.exists()


def test_a_file_is_read_as_standard_input_is(random_run: Make, tmp_path: Path) -> None:
    run, text = random_run("characters", "characters"), "the old dog\nthe cat\n"
    (tmp_path / "in.txt").write_text(text)
    expected = regard("translate", run, stdin=text)
    for given in ([run, tmp_path / "in.txt"], [run, run, tmp_path / "in.txt"], [run, "-"]):
        assert regard("translate", *given, stdin=text if "-" in given else "").lines == expected.lines
    two = regard("translate", run, tmp_path / "in.txt", tmp_path / "in.txt")
    assert (two.code, two.err) == (
        2,
        f"regard: 2 files are given after {run}; expected one, or - for standard input.\n",
    )
    absent = regard("translate", run, "absent")
    assert (absent.code, absent.err) == (3, "regard: absent is neither a run nor a file. Check its name.\n")


def test_lines_count_from_one_in_every_format(random_run: Make) -> None:
    run, text = random_run("characters", "characters"), "the old dog\nthe cat\n"
    lines = regard("translate", run, "--nbest", 1, stdin=text).lines
    assert [line.split(" ||| ")[0] for line in lines] == ["1", "2"]
    records = regard("translate", run, "--json", stdin=text).lines
    assert [json.loads(record)["line"] for record in records] == [1, 2]


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("translate", ["--temperature", 0, "--top-p", 7], "--temperature and --top-p have no effect without --sample"),
        ("translate", ["--seed", 3], "--seed has no effect without --sample"),
        ("translate", ["--units", "words"], "--units has no effect without --align or --json"),
        ("translate", ["--align", "--json"], "--align has no effect with --json"),
        ("translate", ["--sample", "--nbest", 2, "--beam", 3], "--nbest and --beam have no effect with --sample"),
        ("translate", ["--beam", 2, "--nbest", 3], "--beam 2 has no effect below --nbest 3"),
        ("translate", ["--beam", 1, "--length-normalization", 1], "--length-normalization has no effect on greedy"),
        ("view", ["dog", "--target", "chien", "--beam", 3], "--beam has no effect with --target"),
        ("evaluate", ["test.tsv", "--words", "test.tsv"], "--words has no effect without --gold"),
        ("shortlist", ["--format", "tsv"], "--format has no effect without pairs"),
        ("shortlist", ["--max-tokens", 7], "--max-tokens has no effect here"),
    ],
)
def test_options_that_change_nothing_are_refused(
    random_run: Make, command: str, options: list[object], message: str
) -> None:
    result = regard(command, random_run("characters", "characters"), *options, stdin="dog\n")
    assert result.code == 2
    assert result.err.startswith(f"regard: {message}")
    assert result.err.count("\n") == 1


def test_an_export_trains_nothing(tmp_path: Path) -> None:
    result = regard("demo", "--export", tmp_path / "corpus", "--seed", 2, "--small")
    assert (result.code, result.err) == (
        2,
        "regard: --small and --seed have no effect with --export, which trains nothing. Leave one out.\n",
    )


def test_csv_is_read_as_the_same_pairs_in_tsv(run: Path, files: Path, tmp_path: Path) -> None:
    table = tmp_path / "test.csv"
    table.write_text("en,fr\n" + "".join(f'"{source}","{target}"\n' for source, target, _ in pairs(17, seed=1)))
    gold = ("--gold", files / "test.gold", "--metric", "chrf")
    assert regard("evaluate", run, table, *gold).out == regard("evaluate", run, files / "test.tsv", *gold).out


@pytest.mark.parametrize(("count", "stem"), [(60, ""), (510, ""), (60, "al"), (510, "al")])
def test_forms_are_inflected_as_the_page_says(tmp_path: Path, count: int, stem: str) -> None:
    """The commands of docs/inflection.md, as a user types them: the table chooses how it is read, up to the view."""
    lemmas = [
        f"{first}{second}{third}{stem}en" for first in "bdfgklmnrs" for second in "aeiou" for third in "bdfgklmnrst"
    ]
    rows = [f"{lemma}\t{lemma[:-2]}te\tV;PST" for lemma in lemmas[:count]]
    (tmp_path / "forms.tsv").write_text("\n".join(["lemma\tform\ttags", *rows]) + "\n")
    out = tmp_path / "run"
    trained = regard("train", tmp_path / "forms.tsv", "--out", out, *SHORT[:-1], "--set", "data.batch_size=100")
    assert trained.code == 0, trained.err
    assert f"({count} pairs; left out: none)" in trained.err
    assert ("too short to make up pairs" in trained.err) == (not stem)
    assert (Run(out).config.data.hallucinate.share > 0) == bool(stem)
    assert f"regard view {out} $'lemma\\ttags'" in trained.err
    assert len(regard("translate", out, stdin="bagen\tV;PST\nbagen\tX;Y\n").lines) == 2
    assert regard("view", out, "bagen\tV;PST").lines[0] == "lemma: bagen | tags: V;PST"
    (tmp_path / "test.tsv").write_text("\n".join(rows[:7]))
    judged = regard("evaluate", out, tmp_path / "test.tsv", "--metric", "word_error", "--by", "tag", "--beam", 1)
    assert re.search(r"^PST +7 ", judged.out, re.MULTILINE), judged.err
