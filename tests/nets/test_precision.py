"""Products with the rounding of bfloat16, on CPUs that have no instructions for it."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bench.nets import precision
from bench.nets.precision import computing_in

CPU = torch.device("cpu")
STEP = 2**-8  # half the distance of neighbouring bfloat16 numbers, in parts of the number


@pytest.fixture
def without_instructions(monkeypatch):
    """Let this CPU say that it cannot compute in bfloat16."""
    old = {"architecture": "x86_64", "avx2": True, "avx512_bf16": False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: old)


def factors():
    torch.manual_seed(0)
    images, kernels = torch.randn(4, 6, 9, 9), torch.randn(5, 6, 3, 3)
    rows, square = torch.randn(7, 12), torch.randn(12, 12)
    signals, volumes = torch.randn(2, 3, 20), torch.randn(2, 2, 5, 5, 5)
    stack = torch.randn(3, 7, 7)
    heads = torch.randn(2, 3, 7, 8)
    return {
        "conv1d": (lambda a, b: F.conv1d(a, b), signals, torch.randn(4, 3, 5)),
        "conv2d": (lambda a, b: F.conv2d(a, b, padding=1, stride=2), images, kernels),
        "conv2d with a bias": (lambda a, b: F.conv2d(a, b, bias=torch.arange(5.0).to(b)), images, kernels),
        "conv3d": (lambda a, b: F.conv3d(a, b), volumes, torch.randn(2, 2, 3, 3, 3)),
        "conv_transpose2d": (lambda a, b: F.conv_transpose2d(a, b), images, torch.randn(6, 2, 3, 3)),
        "linear": (F.linear, rows, square),
        "matmul": (torch.matmul, rows, square),
        "@": (lambda a, b: a @ b, rows, square),
        "method": (lambda a, b: a.matmul(b), rows, square),
        "bmm": (torch.bmm, stack, stack.flip(0)),
        "attention": (lambda a, b: F.scaled_dot_product_attention(a, b, b.detach()), heads, heads.flip(0)),
    }


def slope(dtype, function, first, second):
    """Return a product in the harness's context, and the gradients of a function of it."""
    first, second = first.clone().requires_grad_(), second.clone().requires_grad_()
    with computing_in(dtype, CPU):
        out = function(first, second)
    weights = torch.linspace(-1, 1, out.numel()).view(out.shape)
    (out.float() * weights).sum().backward()
    return out, first.grad, second.grad


def exact(function, first, second):
    """Return the same in double precision from factors, and a gradient, that bfloat16 can hold."""
    first, second = (part.bfloat16().double().requires_grad_() for part in (first, second))
    out = function(first, second)
    weights = torch.linspace(-1, 1, out.numel()).bfloat16().double().view(out.shape)
    (out * weights).sum().backward()
    return out, first.grad, second.grad


@pytest.mark.parametrize("product", factors())
def test_a_product_is_that_of_the_rounded_factors_rounded_once(product, without_instructions):
    given = factors()[product]
    out, *gradients = slope(torch.bfloat16, *given)
    right, *slopes = exact(*given)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.double(), right, rtol=STEP, atol=1e-5)
    for found, wanted in zip(gradients, slopes, strict=True):
        assert torch.equal(found, found.bfloat16().float())
        torch.testing.assert_close(found.double(), wanted, rtol=STEP, atol=1e-4)


@pytest.mark.parametrize("product", sorted(factors().keys() - {"conv_transpose2d"}))
def test_a_product_is_that_of_torch_in_bfloat16_but_where_a_sum_is_on_an_edge(product, monkeypatch):
    """All but the transposed convolution, whose sums torch rounds part by part on some CPUs."""
    given = factors()[product]
    monkeypatch.setattr(precision, "_lacks_bfloat16", lambda: True)
    ours, *_ = slope(torch.bfloat16, *given)
    monkeypatch.setattr(precision, "_lacks_bfloat16", lambda: False)
    torchs, *_ = slope(torch.bfloat16, *given)
    assert ours.dtype == torchs.dtype
    torch.testing.assert_close(ours.double(), torchs.double(), rtol=2 * STEP, atol=0.02)
    assert (ours == torchs).double().mean() > (0.5 if product == "attention" else 0.9)


def test_what_is_not_a_product_is_as_under_autocast(without_instructions):
    images = torch.randn(4, 3, 8, 8)
    with computing_in(torch.bfloat16, CPU):
        assert nn.BatchNorm2d(3)(images).dtype == torch.float32
        assert images.square().sum().dtype == torch.float32


def test_float32_within_is_float32(without_instructions):
    """Methods leave autocast for a part, such as ddu for the norms of its kernels."""
    rows, square = torch.randn(7, 12), torch.randn(12, 12)
    in_float32 = rows @ square
    with computing_in(torch.bfloat16, CPU), computing_in(torch.float32, CPU):
        assert torch.equal(rows @ square, in_float32)


@pytest.mark.parametrize(
    ("capabilities", "rounds"),
    [
        ({"architecture": "x86_64", "avx512_bf16": False}, True),
        ({"architecture": "x86_64", "avx512_bf16": True}, False),
        ({"architecture": "aarch64"}, False),
    ],
)
def test_only_a_cpu_that_is_known_to_lack_the_instructions_is_spared_them(capabilities, rounds, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    seen = []
    monkeypatch.setattr(precision, "_rounded", lambda factor: seen.append(factor) or factor)
    with computing_in(torch.bfloat16, CPU):
        torch.randn(2, 3) @ torch.randn(3, 2)
    assert bool(seen) == rounds


def test_nothing_is_left_of_the_context(without_instructions):
    with computing_in(torch.bfloat16, CPU):
        pass
    rows, square = torch.randn(7, 12), torch.randn(12, 12)
    assert (rows @ square).dtype == torch.float32
    assert not torch.is_autocast_enabled("cpu")
