"""Seeding and state of the random generators of Python, NumPy and torch.

A state holds only tensors and plain values, so that a checkpoint of it loads without executing
code.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

# NumPy's global generator takes seeds below it, and torch's of the CPU drops all bits above.
LARGE = 2**32


def seed(number: int) -> None:
    """Seed all global generators with a number from 0; each draws otherwise for another number."""
    random.seed(number)
    np.random.seed(number if number < LARGE else _words(number))
    torch.manual_seed(_for_torch(number))


def torch_generator(number: int, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a new generator of torch's for a seed of any size; the CPU's for meta tensors."""
    there = "cpu" if torch.device(device).type == "meta" else device
    return torch.Generator(there).manual_seed(_for_torch(number))


def _words(number: int) -> list[int]:
    """Return the 32-bit words of a number, the lowest first."""
    return [number >> shift & (LARGE - 1) for shift in range(0, number.bit_length(), 32)]


def _for_torch(number: int) -> int:
    """Return a seed that torch takes whole: the number itself if it is small, else a hash of it."""
    if number < LARGE:
        return number
    return int(np.random.SeedSequence(number).generate_state(1, np.uint64)[0])


def state() -> dict[str, Any]:
    """Return the state of all global generators."""
    version, words, gauss = random.getstate()
    name, keys, *rest = np.random.get_state(legacy=True)
    return {
        "python": (version, torch.tensor(words), gauss),
        "numpy": (name, torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
        "mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
    }


def restore(state: dict[str, Any]) -> None:
    """Restore a state returned by `state`."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])
    if state.get("mps") is not None and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state["mps"])


@contextmanager
def kept(device: torch.device) -> Iterator[None]:
    """Leave torch's global generators of the CPU and of a device as they were before."""
    apple = torch.mps.get_rng_state() if device.type == "mps" else None
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            yield
    finally:
        if apple is not None:
            torch.mps.set_rng_state(apple)


@contextmanager
def replayed(before: dict[str, Any]) -> Iterator[None]:
    """Draw once more what was drawn since a state, then go on as if it had not been."""
    after = state()
    restore(before)
    try:
        yield
    finally:
        restore(after)
