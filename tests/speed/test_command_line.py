"""What a user waits for before anything runs."""

import subprocess
import sys
from pathlib import Path

import pytest
from generated import generate


@pytest.mark.parametrize("command", [["--help"], ["--version"], ["run", "--help"], ["list"]], ids=" ".join)
def test_start_of_the_command_line(benchmark, command):
    def start() -> None:
        subprocess.run([sys.executable, "-m", "bench", *command], check=True, capture_output=True)

    benchmark.pedantic(start, rounds=5, warmup_rounds=1)


def test_report_of_200_runs(benchmark, tmp_path: Path):
    generate(tmp_path, 10, [0, 0.1, 0.2, 0.3, 0.4], seeds=4, settings=1)
    command = [sys.executable, "-m", "bench", "report", "--results", str(tmp_path)]

    def report() -> None:
        subprocess.run(command, check=True, capture_output=True)

    benchmark.pedantic(report, rounds=3)
