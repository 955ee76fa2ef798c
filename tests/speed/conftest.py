"""Two contenders timed in turns, so that a machine whose speed drifts is fair to both."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from typing import Any

import pytest
import torch

RESULTS: list[tuple[str, float, float, float, str]] = []


THREADS = int(os.environ.get("SPEED_THREADS", "1"))


@pytest.fixture(autouse=True)
def _threads():
    torch.set_num_threads(THREADS)


@pytest.fixture
def apart() -> Iterator[Callable[..., Callable[[], None]]]:
    """Return a function that starts a contender's process and returns how to have it work once."""
    with ExitStack() as ended:

        def start(
            contender: Callable[[], Callable[[], Any]], prepare: Callable[[int], None]
        ) -> Callable[[], None]:
            ours, theirs = Pipe()
            process = get_context("spawn").Process(target=serve, args=(theirs, contender, prepare), daemon=True)
            process.start()
            ended.callback(process.kill)

            def once() -> None:
                ours.send(None)
                ours.recv()

            return once

        yield start


def serve(
    connection: Connection, contender: Callable[[], Callable[[], Any]], prepare: Callable[[int], None]
) -> None:
    """Work whenever the other end says so."""
    prepare(THREADS)
    work = contender()
    while True:
        connection.recv()
        work()
        connection.send(None)


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
