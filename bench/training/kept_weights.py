"""Trained weights as a safetensors file: written after training, read without running any code.

The file holds the state dict of the method as evaluation used it, and the states of torch's random
generators, so that methods that draw when they predict draw the same again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from bench.errors import DataError, PluginError
from bench.plugins.method import Method
from bench.training.seeding import kept

RANDOM = "bench.random."  # before the name of the device whose generator it is
NAMED = 3  # keys in a message


def check(method: Method) -> None:
    """Check that the weights of a method can be kept.

    Raises:
        PluginError: its state holds anything else than tensors.
    """
    for name, value in method.state_dict().items():
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise PluginError(f"--keep-weights: {name} of the state dict must be a tensor, got {kind}")


def written(method: Method) -> bytes:
    """Return the content of the file of a method's weights.

    Raises:
        PluginError: its state holds anything else than tensors.
    """
    from safetensors.torch import save

    check(method)
    state = method.state_dict()
    tensors = {name: value.detach().cpu().clone().contiguous() for name, value in state.items()}
    return save(tensors | _random_states(), {"format": "pt"})


def _random_states() -> dict[str, Tensor]:
    states = {f"{RANDOM}cpu": torch.get_rng_state()}
    if torch.cuda.is_initialized():
        states[f"{RANDOM}cuda"] = torch.cuda.get_rng_state()
    return states


def read(content: bytes) -> dict[str, Tensor]:
    """Return the tensors of a file by name; no code in it is executed.

    Raises:
        DataError: it is no safetensors file, or is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, OverflowError) as error:
        raise DataError(f"it is no safetensors file that can be read ({type(error).__name__})") from None


def fill(method: Method, tensors: dict[str, Tensor]) -> None:
    """Give a new method the weights of a trained one.

    Raises:
        DataError: names, shapes or number types are not those of the method.
    """
    state = {name: value for name, value in tensors.items() if not name.startswith(RANDOM)}
    own = method.state_dict()
    misfits = {
        "it lacks": own.keys() - state.keys(),
        "it has the unknown": state.keys() - own.keys(),
        "of another shape is": {k for k in own.keys() & state.keys() if own[k].shape != state[k].shape},
        "of another number type is": {k for k in own.keys() & state.keys() if own[k].dtype != state[k].dtype},
    }
    said = "; ".join(f"{words} {_some(names)}" for words, names in misfits.items() if names)
    if said:
        raise DataError(f"the weights do not fit the method: {said}")
    method.load_state_dict(state)


def _some(names: set[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:NAMED]) + (f" and {len(listed) - NAMED} more" if len(listed) > NAMED else "")


@contextmanager
def generators_of(tensors: dict[str, Tensor], device: torch.device) -> Iterator[None]:
    """Have torch's random generators be as at the end of the training, and put them back after."""
    with kept(device):
        for name, value in tensors.items():
            if name == f"{RANDOM}cpu":
                torch.set_rng_state(value)
            elif name == f"{RANDOM}cuda" and device.type == "cuda":
                torch.cuda.set_rng_state(value)
        yield
