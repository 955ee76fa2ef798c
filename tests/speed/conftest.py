"""Two contenders side by side: timed in turns, so that a machine whose speed drifts is fair to both."""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

RESULTS: list[tuple[str, float, float, float, str]] = []


@pytest.fixture(autouse=True)
def _threads():
    torch.set_num_threads(int(os.environ.get("SPEED_THREADS", "1")))


@pytest.fixture
def against(benchmark, request) -> Callable[..., None]:
    """Return a function that times ours, and theirs before each round of it."""

    def compare(ours: Callable[[], Any], theirs: Callable[[], Any], goal: str, rounds: int = 5) -> None:
        theirs_seconds = []

        def rival() -> None:
            start = time.perf_counter()
            theirs()
            theirs_seconds.append(time.perf_counter() - start)

        rival()
        benchmark.pedantic(ours, setup=rival, rounds=rounds, warmup_rounds=1)
        own_seconds = benchmark.stats.stats.data
        ratios = [a / b for a, b in zip(theirs_seconds[-rounds:], own_seconds, strict=True)]
        own, other, ratio = map(statistics.median, (own_seconds, theirs_seconds[-rounds:], ratios))
        benchmark.extra_info.update(theirs=other, ratio=ratio, lowest=min(ratios), highest=max(ratios), goal=goal)
        RESULTS.append((request.node.name, own, other, ratio, f"{min(ratios):.2f}–{max(ratios):.2f}, {goal}"))

    return compare


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Show the ratios."""
    if RESULTS:
        terminalreporter.section("theirs / ours: medians of paired rounds")
        for name, own, other, ratio, spread in RESULTS:
            terminalreporter.write_line(f"{name:55} {own:8.3f} s {other:8.3f} s {ratio:6.2f} ({spread})")
