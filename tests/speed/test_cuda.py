"""ResNet-18 on a GPU: each method beside a bare loop, and the part of the card's matrix rate that it reaches."""

import time

import pytest
import torch
from speed.contenders import Setting
from torch.utils.flop_counter import FlopCounterMode

from bench.augment import Transforms
from bench.spec import Recipe

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")

CIFAR = Setting(
    Recipe(epochs=1000, batch_size=128, backbone="resnet18"),
    (3, 32, 32),
    25_600,
    Transforms([0.5] * 3, [0.25] * 3, padding=4, flip=True),
    "cuda",
)
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
