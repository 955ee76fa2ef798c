"""Seeding and state of the global random generators of Python, NumPy and torch.

A state holds only tensors and plain values, so that a checkpoint of it loads without executing
code.
"""

import random
from typing import Any

import numpy as np
import torch


def seed(number: int) -> None:
    """Seed all global generators."""
    random.seed(number)
    np.random.seed(number % 2**32)
    torch.manual_seed(number)


def generator(device: torch.device, number: int) -> torch.Generator:
    """Return a seeded generator for tensors on a device; meta tensors take one of the CPU."""
    return torch.Generator("cpu" if device.type == "meta" else device).manual_seed(number)


def state() -> dict[str, Any]:
    """Return the state of all global generators."""
    version, words, gauss = random.getstate()
    name, keys, *rest = np.random.get_state(legacy=True)
    return {
        "python": (version, torch.tensor(words), gauss),
        "numpy": (name, torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
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
