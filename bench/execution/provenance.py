"""What a run was made with and what it cost; none of it is part of the run's identity."""

import importlib.metadata
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import torch

from bench.version import __version__

try:
    import resource
except ModuleNotFoundError:  # not on every system
    resource = None  # type: ignore[assignment]

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pandas")


def environment(device: str) -> dict[str, Any]:
    """Return versions, commit, hardware and threads."""
    return {
        "bench": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "system": f"{platform.system()} {platform.machine()}",
        "processor": torch.cuda.get_device_name() if device == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
    }


@cache
def commit() -> str | None:
    """Return the commit of the clone, with `+` for uncommitted changes; None outside a clone."""
    folder = Path(__file__).parents[2]
    git = ["git", "-C", str(folder)]
    try:
        inside = subprocess.run([*git, "ls-files", "--error-unmatch", __file__], capture_output=True)
        if inside.returncode:
            return None
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True)
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD"]).returncode
    except OSError:
        return None
    return head.stdout.strip() + ("+" if changed else "")


@cache
def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def peak_memory(device: str) -> int:
    """Return the peak memory in bytes: of the device on CUDA and MPS, else of the whole process
    so far.

    0 where the system does not tell.
    """
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    if device == "mps":
        return torch.mps.driver_allocated_memory()  # which keeps what it once took
    if resource is None:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
