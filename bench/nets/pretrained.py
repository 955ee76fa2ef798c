"""Initial weights of a backbone from a checkpoint."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import UsageError, one_line
from bench.options import path_of

# Keys under which training scripts store a state dict beside other data.
WRAPPERS = ("state_dict", "model_state_dict", "model")
# Prefixes that DataParallel and compiled modules add to keys.
PREFIXES = ("module.", "_orig_mod.")


CLASSIFIER = ("fc.",)


def load_weights(net: nn.Module, path: Path, left_out: tuple[str, ...] = CLASSIFIER) -> None:
    """Load a checkpoint into a net; all keys but those of its classifier must match.

    Args:
        net: without a classifier.
        path: of the checkpoint.
        left_out: beginnings of the classifier's keys, which are ignored.

    Raises:
        UsageError: the file is not a checkpoint of plain tensors, or a key is unknown, missing or
            of another shape; the message names the keys.
    """
    fit_weights(net, read_state(path), path, left_out)


def fit_weights(net: nn.Module, state: dict[str, Tensor], path: Path, left_out: tuple[str, ...]) -> None:
    """Load a state dict into a net, as `load_weights` does.

    Raises:
        UsageError: a key is unknown, missing or of another shape.
    """
    own = net.state_dict()
    given = {key: value for key, value in state.items() if key in own or not key.startswith(left_out)}
    misfits = {
        "missing keys:": [key for key in own if key not in given and not key.endswith("num_batches_tracked")],
        "unknown keys:": [key for key in given if key not in own],
        "keys of another shape:": [
            f"{key} {tuple(given[key].shape)}, must be {tuple(own[key].shape)},"
            for key in own
            if key in given and given[key].shape != own[key].shape
        ],
    }
    said = "; ".join(f"{reason} {_some(keys)}" for reason, keys in misfits.items() if keys)
    if said:
        raise UsageError(f"checkpoint {path} does not fit the backbone: {said}")
    net.load_state_dict(given, strict=False)


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the state dict in a checkpoint; no code in the file is executed.

    Raises:
        UsageError: the file cannot be read, or holds no state dict.
    """
    try:
        content: Any = _content(path_of(path, "pretrained"))
    except Exception as error:  # the unpickler raises any type on a damaged file
        raise UsageError(f"checkpoint {path} cannot be read as plain weights: {one_line(error)}") from None
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UsageError(f"checkpoint {path} holds no state dict, must be a dict of tensors by name")
    return {_bare(str(key)): value for key, value in content.items()}


def _content(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _bare(key: str) -> str:
    while key.startswith(PREFIXES):
        for prefix in PREFIXES:
            key = key.removeprefix(prefix)
    return key


def _some(keys: list[str]) -> str:
    shown = " ".join(keys[:3]).rstrip(",")
    return shown if len(keys) <= 3 else f"{shown} and {len(keys) - 3} more"
