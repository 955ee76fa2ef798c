"""What a user waits for before anything runs."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("command", [["--help"], ["--version"], ["run", "--help"], ["list"]], ids=" ".join)
def test_start_of_the_command_line(benchmark, command):
    def start() -> None:
        subprocess.run([sys.executable, "-m", "bench", *command], check=True, capture_output=True)

    benchmark.pedantic(start, rounds=5, warmup_rounds=1)
