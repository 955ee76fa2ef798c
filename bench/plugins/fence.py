"""Settings of the process that code of a plugin may not change for others: put back, and told.

A plugin is imported, its data are loaded and its method is trained in a fence each. What it changes
there is put back at the end, so that results stay in their place and other runs have the outcome
that they have alone.
"""

import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch


class Setting(NamedTuple):
    """A setting of the process: its name in messages, and how it is read and written."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], Any]


def _directory() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - None where it was removed, which a Path does not say
    except FileNotFoundError:
        return None


def _go_to(directory: str | None) -> None:
    if directory is not None:
        with suppress(OSError):
            os.chdir(directory)


def _device() -> str:
    return str(torch.empty(0).device)


def _use_device(device: str) -> None:
    torch.set_default_device(None if device == "cpu" else device)


def _cudnn() -> dict[str, bool]:
    names = ("enabled", "benchmark", "deterministic")
    return {name: getattr(torch.backends.cudnn, name) for name in names}


def _set_cudnn(values: dict[str, bool]) -> None:
    for name, value in values.items():
        setattr(torch.backends.cudnn, name, value)


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _set_deterministic(values: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(values[0], warn_only=values[1])


def _products() -> str | None:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:  # it was set per operation, and no single word tells it
        return None


def _set_products(precision: str | None) -> None:
    torch.set_float32_matmul_precision(precision or "highest")


def _flushes_denormals() -> bool:
    return (torch.full((), 1e-40) * 0.5).item() == 0.0


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _on_interrupt() -> Any:
    return signal.getsignal(signal.SIGINT)


def _set_on_interrupt(handler: Any) -> None:
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, handler)


def _streams() -> tuple[Any, Any]:
    return sys.stdout, sys.stderr


def _set_streams(streams: tuple[Any, Any]) -> None:
    sys.stdout, sys.stderr = streams


SETTINGS = (
    Setting("the working directory", _directory, _go_to),
    Setting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
    Setting("torch's default device", _device, _use_device),
    Setting("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
    Setting("torch's gradient mode", torch.is_grad_enabled, torch.set_grad_enabled),
    Setting("torch's deterministic mode", _deterministic, _set_deterministic),
    Setting("torch's settings of cuDNN", _cudnn, _set_cudnn),
    Setting("torch's precision of float32 products", _products, _set_products),
    Setting("torch's flushing of denormal numbers", _flushes_denormals, torch.set_flush_denormal),
    Setting("NumPy's handling of floating-point errors", np.geterr, lambda given: np.seterr(**given)),
    Setting("the permissions of new files", _umask, os.umask),
    Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    Setting("what Ctrl-C does", _on_interrupt, _set_on_interrupt),
    Setting("the standard output", _streams, _set_streams),
    # It is put back with the state of the random numbers.
    Setting("the seed of torch's random numbers", torch.initial_seed, lambda seed: None),
)
GENERATORS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (random.getstate, random.setstate),
    (np.random.get_state, np.random.set_state),
    (torch.get_rng_state, torch.set_rng_state),
)
# Variables that libraries set when imported, for themselves and for good.
OF_LIBRARIES = (
    *("CUDA_MODULE_LOADING", "KMP_", "LOKY_", "OPENCV_", "QT_", "RAY_", "TF_", "TF2_"),
    *("TORCHINDUCTOR_", "TRITON_"),
)

_changes: dict[Path, dict[str, None]] = {}  # by the plugin's file, in order, each once


def changes_by(path: Path) -> list[str]:
    """Return what a plugin changed in this process so far, one line each.

    Args:
        path: of its file.
    """
    return list(_changes.get(path, {}))


@contextmanager
def fenced(path: Path, begin: Callable[[], Any] = lambda: None) -> Iterator[None]:
    """Put back what code of a plugin changes of the process, and note it for `changes_by`.

    The state of the global random numbers is put back without a note: drawing them is no fault.

    Args:
        path: of the plugin's file.
        begin: called within the fence before the plugin's code; its own changes are put back, and
            not noted.
    """
    with _put_back(lambda name, old, new: None):
        begin()
        with _put_back(lambda name, old, new: _note(path, name, old, new)):
            yield


def standard() -> None:
    """Give this process torch's own default settings, as a new process has them."""
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.set_flush_denormal(False)


@contextmanager
def _put_back(note: Callable[[str, Any, Any], None]) -> Iterator[None]:
    states = [read() for read, _ in GENERATORS]
    before, variables = [setting.read() for setting in SETTINGS], dict(os.environ)
    try:
        yield
    finally:
        for setting, old in zip(SETTINGS, before, strict=True):
            if (new := setting.read()) != old:
                setting.write(old)
                note(setting.name, old, new)
        _put_variables_back(variables, note)
        for (_, write), state in zip(GENERATORS, states, strict=True):
            write(state)


def _put_variables_back(before: dict[str, str], note: Callable[[str, Any, Any], None]) -> None:
    for name in sorted({*before, *os.environ}):
        old, new = before.get(name), os.environ.get(name)
        if old != new and not name.startswith(OF_LIBRARIES):
            if old is None:
                del os.environ[name]
            else:
                os.environ[name] = old
            note(f"the environment variable {name}", old, new)


def _note(path: Path, name: str, old: Any, new: Any) -> None:
    line = f"{path} changed {name} from {_short(old)} to {_short(new)}, which was put back"
    _changes.setdefault(path, {})[line] = None


def _short(value: Any) -> str:
    text = "nothing" if value is None else " ".join(str(value).split()) or "''"
    return text if len(text) <= 60 else f"{text[:59]}…"
