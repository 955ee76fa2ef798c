"""Devices by name: what a run's identity holds of them, and one line where torch has them not."""

from pathlib import Path

import pytest
import torch
from harness import PLUGINS, grid, spec

from bench.commands.grid_session import grid_of
from bench.errors import Declined, UsageError
from bench.execution import provenance
from bench.execution.context import Context
from bench.execution.machines import Machines
from bench.execution.processes import gpu_of
from bench.execution.runner import build
from bench.grid.devices import device_class, gpu_number, on_gpu, require_device
from bench.grid.request import Request
from bench.plugins.factory import MethodFactory
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.store.store import Store
from bench.training import seeding
from bench.validation import validated


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def apple(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)


def asked(folder, device, **machines):
    context = Context(Registry(), Store(folder), folder)
    request = validated(Request, {"methods": "rul", "device": device, "precision": "float32"}, "option")
    return grid_of(request, context, validated(Machines, machines, "option"))


def test_the_identity_holds_the_class_of_the_device_not_its_number(two_gpus):
    one, other = spec(device="cuda"), spec(device="cuda:1")
    assert one == other
    assert other.device == "cuda"
    assert spec(device="cpu").identity != one.identity != spec(device="mps").identity


def test_auto_is_cuda_where_there_is_a_gpu_and_never_mps(monkeypatch, apple):
    assert device_class("auto") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_class("auto") == "cuda"
    assert [gpu_number(name) for name in ("auto", "cpu", "mps", "cuda", "cuda:0", "cuda:12")] == [None] * 4 + [
        0,
        12,
    ]


def test_the_number_travels_beside_the_runs(tmp_path, two_gpus):
    cells, context = asked(tmp_path, "cuda:1")
    assert context.gpu == 1
    assert Machines(runs_per_gpu=3).at_once(cells * 9, context.gpu) == 3  # of this GPU alone
    assert [gpu_of(slot, context.gpu) for slot in range(3)] == ["1", "1", "1"]
    assert asked(tmp_path, "cuda")[1].gpu is None


def test_a_number_counts_among_the_gpus_that_are_shown(two_gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert gpu_of(0, 1) == "5"


@pytest.mark.parametrize(
    ("device", "machines", "said"),
    [
        ("cuda:2", {}, "--device cuda:2: torch sees cuda:0 to cuda:1 here; pass one of these, or cuda"),
        ("mps", {}, "--device mps: torch sees no Apple GPU (MPS) here; pass --device cpu or auto"),
        (
            "cuda:1",
            {"executor": "ray"},
            "--device cuda:1 names a GPU of this machine; with --executor ray pass --device cuda, "
            "and ray gives each run its GPU",
        ),
    ],
)
def test_a_device_that_is_not_here_is_one_line(tmp_path, two_gpus, device, machines, said):
    with pytest.raises(UsageError) as error:
        asked(tmp_path, device, **machines)
    assert str(error.value) == said


def test_without_a_gpu_the_first_thing_said_is_that(tmp_path):
    for device in ("cuda", "cuda:1"):
        with pytest.raises(
            UsageError, match="^--device cuda: torch sees no CUDA device here; pass --device cpu or auto$"
        ):
            asked(tmp_path, device)


def test_a_single_gpu_is_named_alone(monkeypatch, two_gpus):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match="torch sees cuda:0 alone here"):
        require_device("cuda", 1)
    require_device("cuda", 0)


@pytest.mark.parametrize("name", ["laplace", "ddu"])
def test_a_method_in_float64_says_that_apples_gpu_has_none(name, apple):
    cell = spec(methods=[name], device="mps")
    data = load(cell.dataset, Registry([PLUGINS]), Path(), download=False)
    factory = MethodFactory.of(name, cell.method.hyperparameters, Registry())
    with pytest.raises(Declined, match=r"float64, which Apple's GPU \(MPS\) lacks: pass --device cpu$"):
        build(cell, data, factory, 60, 0.0)


def test_runs_in_this_process_have_the_gpu_of_the_number(monkeypatch):
    current = [0]
    exchanged = lambda number: (current[0], current.__setitem__(0, number))[0]  # noqa: E731
    monkeypatch.setattr(torch.cuda, "_exchange_device", exchanged)
    monkeypatch.setattr(torch.cuda, "_maybe_exchange_device", exchanged)
    with on_gpu(1):
        assert current == [1]
    assert current == [0]
    with on_gpu(None):
        assert current == [0]


def test_a_mac_takes_float32_and_its_own_random_numbers_and_memory(monkeypatch, apple):
    state = [torch.tensor([1], dtype=torch.uint8)]
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: state[0])
    monkeypatch.setattr(torch.mps, "set_rng_state", lambda new: state.__setitem__(0, new))
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 77)
    (cell,) = grid(device="mps", precision="auto")
    assert (cell.device, cell.precision) == ("mps", "float32")
    assert Machines(runs_per_gpu=2).at_once([cell] * 5) == 2
    assert provenance.peak_memory("mps") == 77
    before = seeding.state()
    with seeding.kept(torch.device("mps")):
        state[0] = torch.tensor([2], dtype=torch.uint8)
    assert state[0].item() == 1
    state[0] = torch.tensor([3], dtype=torch.uint8)
    seeding.restore(before)
    assert state[0].item() == 1


def test_numbers_of_the_cpu_are_kept_as_before():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with seeding.kept(torch.device("cpu")):
        torch.rand(9)
    assert torch.equal(torch.rand(3), expected)
