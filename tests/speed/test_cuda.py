"""On a GPU: ResNet-18 with each method beside a bare loop, the fast recipe, and Table 1 on MNIST.

The last two need CIFAR-10 and MNIST under BENCH_DATA, and take a minute or more each.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from speed.contenders import Setting
from torch.utils.flop_counter import FlopCounterMode

from bench.data.augment import Transforms
from bench.recipe import Recipe
from bench.store.store import Store

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")

CIFAR = Setting(
    Recipe(epochs=1000, batch_size=128, backbone="resnet18"),
    (3, 32, 32),
    25_600,
    Transforms([0.5] * 3, [0.25] * 3, padding=4, flip=True),
    "cuda",
)
PAPER = 250 * 50_000  # images that the paper's run on CIFAR-10 trains on
real_data = pytest.mark.skipif("BENCH_DATA" not in os.environ, reason="BENCH_DATA is not set")
METHODS = ["baseline", "scn", "dul", "rul", "mix-output", "loss-attention"]


@pytest.fixture(scope="module")
def matrix_rate() -> float:
    """Floating-point operations a second of a large bfloat16 product."""
    left, right = torch.randn(2, 8192, 8192, dtype=torch.bfloat16, device="cuda")
    seconds = []
    for _ in range(10):
        torch.cuda.synchronize()
        start = time.perf_counter()
        left @ right
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return 2 * 8192**3 / min(seconds)


@pytest.fixture(scope="module")
def operations() -> float:
    """Floating-point operations that training the baseline takes for each image."""
    net, images = CIFAR.build("baseline"), torch.randn(128, *CIFAR.shape, device=CIFAR.device)
    with FlopCounterMode(display=False) as counter:
        net.fc(net.embed(images)).sum().backward()
    return counter.get_total_flops() / 128


@pytest.mark.parametrize("name", METHODS)
def test_epoch_of_a_method_against_the_bare_loop(against, benchmark, name, matrix_rate, operations):
    against(CIFAR.harness(name), CIFAR.bare_loop(), "goal 0.97 for the baseline")
    rate = CIFAR.size / benchmark.stats.stats.median
    benchmark.extra_info.update(images_per_second=round(rate), of_matrix_rate=rate * operations / matrix_rate)
    benchmark.extra_info.update(minutes_of_250_epochs=PAPER / rate / 60, goal="6 minutes on an H100")


@real_data
def test_the_fast_recipe(benchmark, tmp_path: Path):
    options = ["--datasets", "cifar10", "--preset", "fast", "--methods", "baseline", "--noise", "0"]
    benchmark.pedantic(bench_run, args=(tmp_path, *options), rounds=1)
    ((record,), _) = Store(tmp_path).scan()
    benchmark.extra_info.update(accuracy=record.metrics.accuracy, **record.cost.entries(), goal="95.5 % in 60 s")


@real_data
@pytest.mark.parametrize("runs_per_gpu", [1, 4, 8])
def test_table_1_on_mnist(benchmark, tmp_path: Path, runs_per_gpu):
    options = ["--experiment", "table1-mnist", "--runs-per-gpu", str(runs_per_gpu)]
    benchmark.pedantic(bench_run, args=(tmp_path, *options), rounds=1)
    records, _ = Store(tmp_path).scan()
    benchmark.extra_info.update({record.spec.title: record.metrics.accuracy for record in records})
    benchmark.extra_info.update(goal="5 minutes on an H100")


def bench_run(results: Path, *options: str) -> None:
    """Run the command line."""
    command = [sys.executable, "-m", "bench", "run", *options, "--device", "cuda", "--results", str(results)]
    subprocess.run(command, check=True, capture_output=True)
