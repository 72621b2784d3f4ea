"""Ctrl-C, SIGTERM and a terminal that closes, met by the command itself."""

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from toy import pairs, recipe, regard

from regard.cli import dry_run as dry_run_command
from regard.cli import workers
from regard.cli.train import _resuming
from regard.config import dump

PATIENCE_SECONDS = 60


def hear_signals() -> None:
    """In a child before it starts: what a shell begins in the background ignores Ctrl-C, what `nohup` begins a terminal
    that closes, and so do their children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Until the file is there."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, f"no {path}"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_training_saves_says_how_to_go_on_and_goes_on(tmp_path: Path, number: signal.Signals, code: int) -> None:
    (tmp_path / "my pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target, _ in pairs(29)))
    side = {"tokenizer": "bpe", "vocab_size": 300}
    (tmp_path / "recipe.yaml").write_text(
        dump(recipe(data={"source": side, "target": side}, training={"max_epochs": 10**6}))
    )
    given = [str(tmp_path / "recipe.yaml"), str(tmp_path / "my pairs.tsv"), "--out", str(tmp_path / "out")]
    given += ["--set", "training.learning_rate=0.002", "--dev", str(tmp_path / "my pairs.tsv"), "--seed=3"]
    command = [sys.executable, "-m", "regard", "train", *given, "--threads", "1"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=hear_signals)
    wait_for(tmp_path / "out" / "checkpoints" / "last.safetensors", process)
    process.send_signal(number)
    out, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, out) == (code, "")
    saved = re.search(rf"stopped by {number.name}; step (\d+) is saved in ", errors)
    again = re.search(r"go on with: (.*) -m regard (.*)\n", errors)
    assert saved, errors
    assert again, errors
    step = int(saved[1])
    assert shlex.split(again[1]) == [sys.executable]
    assert shlex.split(again[2]) == ["train", "--resume", *given, "--threads", "1"]
    resumed = regard(*shlex.split(again[2]), "--set", f"training.max_steps={step + 3}")
    assert resumed.code == 0, resumed.err
    events = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    validated = [event["step"] for event in events if event["event"] == "validated"]
    assert validated == sorted(set(validated))
    assert validated[-1] == step + 3


@pytest.mark.slow
def test_training_saves_when_its_terminal_closes(tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("".join(f"{source}\t{target}\n" for source, target, _ in pairs(29)))
    side = {"tokenizer": "bpe", "vocab_size": 300}
    (tmp_path / "recipe.yaml").write_text(dump(recipe(data={"source": side, "target": side})))
    given = ["train", tmp_path / "recipe.yaml", tmp_path / "pairs.tsv", "--out", tmp_path / "out", "--threads", "1"]
    process, terminal = pty.fork()
    if not process:
        hear_signals()
        os.execv(
            sys.executable, [sys.executable, "-m", "regard", *map(str, given), "--set", "training.max_epochs=99999"]
        )
    saved, end = tmp_path / "out" / "checkpoints" / "last.safetensors", time.monotonic() + PATIENCE_SECONDS
    while not saved.exists():
        assert time.monotonic() < end
        if select.select([terminal], [], [], 0.05)[0]:
            os.read(terminal, 65536)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 129
    assert regard(*given, "--resume", "--set", "training.max_epochs=1").code == 0


@pytest.mark.slow
def test_an_interrupted_translation_says_so_in_one_line(run: Path) -> None:
    command = [sys.executable, "-m", "regard", "translate", str(run), "--threads", "1"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, preexec_fn=hear_signals)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("the dog\n")
    process.stdin.flush()
    assert process.stdout.readline()  # answered while standard input is still open
    process.send_signal(signal.SIGINT)
    process.wait(PATIENCE_SECONDS)
    assert process.stderr is not None
    assert (process.returncode, process.stderr.read()) == (130, "regard: interrupted.\n")
    process.stdin.close()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "r.yaml", "it's.tsv", "-o", "x"], "go on with: regard train --resume r.yaml 'it'\"'\"'s.tsv' -o x"),
        (["train", "-o", "x", "--", "-r.yaml", "$a"], "go on with: regard train --resume -o x -- -r.yaml '$a'"),
        (["train", "--resume", "r", "p", "-o", "x"], "go on with: regard train --resume r p -o x"),
        (
            ["train", "r", "-", "-o", "x"],
            "go on, the same pairs on standard input, with: regard train --resume r - -o x",
        ),
    ],
)
def test_the_hint_repeats_the_command_line(words: list[str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/regard"])
    monkeypatch.setattr(workers.shutil, "which", lambda name: "/usr/bin/regard")
    assert _resuming(words) == expected


@pytest.mark.parametrize(
    ("started", "words"),
    [
        ("/somewhere/regard/__main__.py", ["python", "-m", "regard"]),
        ("/usr/bin/regard", ["regard"]),
        (".venv/bin/regard", [".venv/bin/regard"]),
    ],
)
def test_the_hint_starts_the_same_program(started: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [started])
    monkeypatch.setattr(sys, "executable", "python")
    monkeypatch.setattr(workers.shutil, "which", lambda name: "/usr/bin/regard")
    assert workers.again(["train"]) == [*words, "train"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_dry_run_that_is_stopped_leaves_nothing(
    tmp_path: Path, number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "recipe.yaml").write_text(dump(recipe()))
    (tmp_path / "pairs.tsv").write_text("a\tb\n")
    monkeypatch.setattr(dry_run_command, "dry_run", lambda *given: os.kill(os.getpid(), number))
    before = signal.getsignal(number)
    done = regard("train", tmp_path / "recipe.yaml", tmp_path / "pairs.tsv", "--out", tmp_path / "o", "--dry-run")
    assert (done.code, done.out) == (code, "")
    assert f"stopped by {number.name}; nothing is left of the dry run." in done.err
    assert signal.getsignal(number) is before
    assert not (tmp_path / "o").exists()


def test_a_dry_run_goes_on_with_no_run(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(dump(recipe()))
    given = [tmp_path / "recipe.yaml", "p.tsv", "--out", tmp_path / "o", "--dry-run", "--resume"]
    done = regard("train", *given)
    assert done.code == 2
    assert "--dry-run begins a run to see what it takes; --resume goes on with one." in done.err
