"""`regard translate` by several workers is that of one."""

import subprocess
import sys

import pytest
from toy import Make, pairs, regard

PATIENCE_SECONDS = 600  # on a machine that others keep busy


@pytest.mark.slow
def test_several_workers_translate_as_one_does(random_run: Make) -> None:
    run = random_run("bpe", "characters")
    lines = [source.encode() for source, _, _ in pairs(11)]
    lines[3], lines[5], lines[7] = b"", b"\xff", b"the " * 997
    given = b"\n".join(lines) + b"\n"
    options = ["--nbest", "2", "--json", "--batch-size", "1", "--max-tokens", "97", "--device", "cpu", "--threads", "1"]
    alone = regard("translate", run, *options, stdin=given)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "3"]
    command = [*launcher, "-m", "regard", "translate", str(run), *options]
    several = subprocess.run(command, input=given, capture_output=True, timeout=PATIENCE_SECONDS, check=False)
    errors = several.stderr.decode()
    assert several.stdout.decode() == alone.out
    assert alone.code == 3
    assert several.returncode == 1
    assert "exitcode  : 3" in errors
    for message in alone.err.splitlines():
        assert errors.count(message) == 1


@pytest.mark.slow
def test_what_nobody_can_do_is_said_once(random_run: Make) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, "-m", "regard", "translate", str(random_run("bpe", "bpe") / "nowhere")]
    several = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert several.stderr.count("regard: ") == 1
    assert "nowhere is not a directory" in several.stderr
    assert "exitcode  : 4" in several.stderr
