"""Number type in which nets compute."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear, scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

PRODUCTS: set[Callable[..., Any]] = {
    torch.conv1d,
    torch.conv2d,
    torch.conv3d,
    torch.conv_transpose1d,
    torch.conv_transpose2d,
    torch.conv_transpose3d,
    linear,
    scaled_dot_product_attention,
    torch.matmul,
    torch.bmm,
    Tensor.matmul,
    Tensor.__matmul__,
    Tensor.bmm,
}


class RoundedProducts(TorchFunctionMode):
    """Computes products in float32, with factors and results rounded to bfloat16, under autocast.

    That is what instructions for bfloat16 compute, whose sums are float32; gradients likewise. It
    is for CPUs without these instructions, which take 3 to 50 times as long in bfloat16 itself.
    Products within `nn.MultiheadAttention` are out of its reach, and are torch's own.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        _types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return what a function of torch returns, rounded if it is a product."""
        named = kwargs or {}
        if func not in PRODUCTS or not torch.is_autocast_enabled("cpu"):
            return func(*args, **named)
        with torch.autocast("cpu", enabled=False):
            found = func(*map(_rounded, args), **{name: _rounded(value) for name, value in named.items()})
            return found.bfloat16()


def _rounded(value: Any) -> Any:
    """Return an argument of a product; factors rounded to bfloat16, as float32."""
    is_factor = isinstance(value, Tensor) and value.is_floating_point()
    return value.bfloat16().float() if is_factor else value


def cpu_has_bfloat16() -> bool:
    """Return whether this CPU has instructions (AVX-512, AMX) that make bfloat16 fast."""
    return bool(torch.cpu.get_capabilities().get("avx512_bf16"))


def _lacks_bfloat16() -> bool:
    """Return whether this CPU is slow in bfloat16; only of x86 it is known."""
    return torch.cpu.get_capabilities().get("architecture") == "x86_64" and not cpu_has_bfloat16()


def computing_in(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[None]:
    """Return a context in which a device computes in a number type: autocast, off for float32.

    CPUs without instructions for bfloat16 get its rounding from `RoundedProducts`, in the time that
    float32 takes. Meta tensors have no autocast; they keep the types they have.
    """
    if device.type == "meta":
        return nullcontext()
    if dtype == torch.float32:
        return torch.autocast(device.type, enabled=False)
    if (device.type, dtype) == ("cpu", torch.bfloat16) and _lacks_bfloat16():
        return _rounding()
    return torch.autocast(device.type, dtype)


@contextmanager
def _rounding() -> Iterator[None]:
    with torch.autocast("cpu", torch.bfloat16), RoundedProducts():
        yield
