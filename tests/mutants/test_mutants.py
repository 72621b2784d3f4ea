"""A sample of the campaign: each mutant is used or refused, in one sentence, soon and in little memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from mutants import KINDS

COUNT = 200


@pytest.mark.slow
def test_every_mutant_is_used_or_refused_in_one_sentence() -> None:
    command = [sys.executable, str(Path(__file__).with_name("campaign.py")), "--count", str(COUNT), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(outcomes) == COUNT, done.stderr
    assert {outcome["kind"] for outcome in outcomes} == set(KINDS)
    assert [outcome for outcome in outcomes if outcome["faults"]] == []
    assert {0, 2, 4} <= {outcome["code"] for outcome in outcomes}
