"""What the figures of a busy machine rest on: others that run and end, and each ratio over its own base."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import busy


def test_others_run_beside_and_end() -> None:
    with busy.others(2) as started:
        assert [os.sched_getaffinity(other.pid) for other in started] == [{core} for core in busy.CORES]
        assert all(other.poll() is None for other in started)
    assert all(other.poll() is not None for other in started)


def test_quiet_ratios_are_over_today_and_busy_ones_over_one_thread() -> None:
    found = {"one thread": [100.0, 200.0], "two, today": [50.0, 50.0], "two, Regard": [150.0, 200.0]}
    rates = {("train", count, name): values for count in (0, 1) for name, values in found.items()}
    quiet, beside = busy.rows(rates, [busy.ONE, busy.TODAY, busy.REGARD])
    assert quiet[-3:] == ["two, today, 0.95", "1.00 [1.00–1.00]", "3.50 [3.00–4.00]"]
    assert beside[-3:] == ["one thread, 0.93", "0.38 [0.25–0.50]", "1.25 [1.00–1.50]"]
