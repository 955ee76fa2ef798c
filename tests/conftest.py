import os
import signal
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
import torch
from hypothesis import HealthCheck, settings
from torch import Tensor

from bench.nets.backbones import make_backbone
from bench.plugins.method import Batch, Method, Progress, Step, Task
from bench.plugins.registry import Registry
from bench.plugins.source import code_hash

# Examples that are slow to make tell of a busy machine, not of a fault.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
torch.set_num_threads(1)
# The workers of pytest-xdist have the cores: more processes to draw pictures only cost time, and
# so do more threads of the programs that tests start.
os.environ["LOKY_MAX_CPU_COUNT"] = os.environ["OMP_NUM_THREADS"] = "1"
# A shell's background job ignores SIGINT; so would all programs that its tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

TASK = Task(num_classes=10, image_shape=(1, 8, 8), train_size=100, epochs=2, noise_rate=None)
SEED = 7


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory) -> Iterator[None]:
    """Keep decoded images away from those of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _hash_the_clone_once() -> Iterator[None]:
    """Hash each plugin of the clone once: with checks of types all take 0.4 s, at every report."""
    clone, known = Path(__file__).parents[1], cache(code_hash)

    def hashed(path: Path, module: str | None = None) -> str:
        return (known if path.is_relative_to(clone) else code_hash)(path, module)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.plugins.registry.code_hash", hashed)
        yield


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def unchecked_types(monkeypatch) -> None:
    """Turn off the checks of annotations, so that functions themselves refuse what does not fit."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="session")
def load_method() -> Callable[[str], type[Method]]:
    registry = Registry()
    return lambda name: registry.find("methods", name).load()


@pytest.fixture
def make_method(load_method) -> Callable[..., Method]:
    """Build a method on a tiny task; the same seed gives the same weights."""

    def make(name: str, *, seed: int = 0, **hyperparameters: Any) -> Method:
        torch.manual_seed(seed)
        backbone = partial(make_backbone, "cnn-16-32-64", TASK.image_shape, torch.float32)
        return load_method(name)(TASK, backbone, **hyperparameters)

    return make


@pytest.fixture
def make_batch() -> Callable[[int], Batch]:
    def make(size: int) -> Batch:
        generator = torch.Generator().manual_seed(1)
        images = torch.randn(size, *TASK.image_shape, generator=generator)
        labels = torch.randint(TASK.num_classes, (size,), generator=generator)
        return Batch(images, labels, torch.arange(size))

    return make


@pytest.fixture
def batch(make_batch) -> Batch:
    return make_batch(20)


@pytest.fixture
def train_step() -> Callable[..., Step]:
    """Return a method's step on a batch, with the random numbers of a fixed seed."""

    def run(method: Method, batch: Batch, seed: int = SEED) -> Step:
        torch.manual_seed(seed)
        return method.train().loss(batch, Progress(epoch=1, epochs=TASK.epochs))

    return run


@pytest.fixture
def replay() -> Callable[..., tuple[Tensor, ...]]:
    """Return (μ,) or (μ, ℓ) of `train_step`; the loss draws the next random number."""

    def embed(method: Method, images: Tensor, seed: int = SEED) -> tuple[Tensor, ...]:
        torch.manual_seed(seed)
        feature_map = method.train().features(images)
        heads = [method.mean, *([method.log_variance] if hasattr(method, "log_variance") else [])]
        return tuple(head(feature_map).detach() for head in heads)

    return embed
