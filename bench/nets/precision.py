"""Number type in which nets compute."""

from contextlib import AbstractContextManager, nullcontext

import torch


def computing_in(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which a device computes in a number type: autocast, off for float32.

    Meta tensors have no autocast; they keep the types they have.
    """
    if device.type == "meta":
        return nullcontext()
    is_mixed = dtype != torch.float32
    return torch.autocast(device.type, dtype if is_mixed else None, enabled=is_mixed)
