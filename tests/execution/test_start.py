"""What is told before the first run begins."""

import warnings

import pytest
import torch
from harness import PLUGINS, grid

from bench.errors import Note
from bench.execution.context import Context
from bench.execution.machines import Machines
from bench.execution.observer import Observer
from bench.execution.start import run_grid
from bench.plugins.registry import Registry
from bench.store.store import Store


def notes(folder, monkeypatch, capabilities, **options):
    """Run a cell here, and return what was noted; the CPU says that it can do so much."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    cells = grid(noise=["0"], epochs=1, **options)
    context = Context(Registry([PLUGINS]), Store(folder), folder)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", Note)
        (done,) = run_grid(Machines(jobs=0), cells, context, Observer())
    assert done.status in ("done", "finished")
    return [str(each.message) for each in told if each.category is Note]


def test_bfloat16_on_a_cpu_without_instructions_for_it_is_told_once_until_the_runs_are_there(
    tmp_path, monkeypatch
):
    old = {"architecture": "x86_64", "avx2": True, "avx512_bf16": False}
    (said,) = notes(tmp_path, monkeypatch, old, precision="bfloat16", methods=["dummy"])
    assert "float32 trains faster here" in said
    assert notes(tmp_path, monkeypatch, old, precision="bfloat16", methods=["dummy"]) == []


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({"architecture": "x86_64", "avx512_bf16": True}, "bfloat16"),
        ({"architecture": "x86_64", "avx512_bf16": False}, "float32"),
        ({"architecture": "aarch64"}, "bfloat16"),
    ],
)
def test_nothing_is_told_where_the_precision_suits_the_cpu_or_may(capabilities, precision, tmp_path, monkeypatch):
    assert notes(tmp_path, monkeypatch, capabilities, precision=precision, methods=["dummy"]) == []
