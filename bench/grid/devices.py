"""Devices by the names that users give, and whether they are here.

A run's identity holds the class of its device (`cpu`, `cuda`, `mps`), never the number of a GPU.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch

from bench.errors import UsageError

DeviceClass = Literal["cpu", "cuda", "mps"]


def device_class(name: str) -> DeviceClass:
    """Return the class of a device; `auto` is CUDA if torch sees a GPU, else the CPU."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    found: Any = name.partition(":")[0]
    return found


def gpu_number(name: str) -> int | None:
    """Return the number of the GPU that a device's name holds, None if it holds none.

    >>> gpu_number("cuda:1"), gpu_number("cuda")
    (1, None)
    """
    number = name.partition(":")[2]
    return int(number) if number else None


def on_gpu(number: int | None) -> AbstractContextManager[object]:
    """Return a context in which `cuda` is the GPU of a number; None leaves the current one."""
    return nullcontext() if number is None else torch.cuda.device(number)


def require_device(kind: DeviceClass, gpu: int | None = None, otherwise: str = "") -> None:
    """Check that torch sees a device here.

    Args:
        kind: its class.
        gpu: its number, None for any.
        otherwise: what may be passed besides another device, for the message.

    Raises:
        UsageError: it does not.
    """
    instead = f"pass --device cpu or auto{otherwise}"
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"--device cuda: torch sees no CUDA device here; {instead}")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UsageError(f"--device mps: torch sees no Apple GPU (MPS) here; {instead}")
    if gpu is not None and gpu >= (seen := torch.cuda.device_count()):
        last = f"cuda:0 to cuda:{seen - 1}" if seen > 1 else "cuda:0 alone"
        raise UsageError(f"--device cuda:{gpu}: torch sees {last} here; pass one of these, or cuda")
