"""Which machines run a grid: what is asked for, and how much there is room for."""

import pytest
import torch
from harness import grid, spec

from bench.commands.run import make_machines
from bench.errors import UsageError
from bench.execution import machines
from bench.execution.machines import Machines


def test_there_is_room_for_a_run_on_each_gpu_or_on_each_so_many_cores(monkeypatch):
    monkeypatch.setattr(machines, "cpu_count", lambda: 8)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    cpu = spec()
    gpu = cpu.model_copy(update={"device": "cuda"})
    assert [Machines(threads=threads).at_once([cpu] * 99) for threads in (1, 2, 3, 8, 9)] == [8, 4, 2, 1, 1]
    assert Machines(threads=2).at_once([cpu] * 3) == 3
    assert Machines(jobs="auto", threads=4).at_once([cpu] * 99) == 2
    assert Machines(threads=4).at_once([cpu, gpu] * 99) == 3
    assert Machines(runs_per_gpu=5).at_once([gpu] * 99) == 15
    assert Machines(jobs="5", threads=2).at_once([gpu] * 99) == 5
    assert Machines(jobs="0").at_once([gpu] * 99) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"jobs": "0", "executor": "ray"},
            "--jobs 0: is this process alone; with --executor ray pass auto, or from 1",
        ),
        ({"jobs": "-2"}, "jobs: must be auto or a number from 0, got '-2'"),
        ({"jobs": "two"}, "jobs: must be auto or a number from 0, got 'two'"),
        ({"jobs": "1.5"}, "jobs: must be auto or a number from 0, got '1.5'"),
        ({"jobs": ""}, "jobs: must be auto or a number from 0, got ''"),
        ({"threads": 0}, "threads: input should be greater than 0, got 0"),
        ({"runs_per_gpu": -1}, "runs-per-gpu: input should be greater than 0, got -1"),
        ({"executor": "rya"}, "executor: input should be 'local', 'ray' or 'slurm', got 'rya'"),
        ({"address": "h:1"}, "--address h:1: is of a Ray cluster; pass --executor ray as well"),
        (
            {"slurm": {"mem_gb": 4}, "executor": "ray"},
            "--slurm: is of Slurm's queue; pass --executor slurm as well",
        ),
    ],
)
def test_machines_that_there_are_not_are_one_line(options, said):
    with pytest.raises(UsageError) as error:
        make_machines(options, grid())
    assert str(error.value) == said


def test_a_gpu_that_this_machine_lacks_is_wanted_by_other_machines_only(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    cells = grid(device="cuda", precision="bfloat16")
    make_machines({"executor": "ray"}, cells)
    with pytest.raises(UsageError, match="^--device cuda: torch sees no CUDA device here; pass --device cpu"):
        make_machines({}, cells)
    with pytest.raises(UsageError, match="or --precision as well if other machines run the runs$"):
        grid(device="cuda", precision="auto")
