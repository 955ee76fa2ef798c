"""Which machines run a grid: what is asked for, and how much there is room for."""

import joblib
import pytest
import torch
from harness import grid, spec

from bench.errors import UsageError
from bench.execution.machines import Machines
from bench.validation import validated


def test_there_is_room_for_a_run_on_each_gpu_or_on_each_so_many_cores(monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
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


def make_machines(options, cells):
    machines = validated(Machines, options, "option")
    machines.check(cells)
    return machines


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"jobs": "0", "executor": "ray"},
            "--jobs 0 runs in this process, so it cannot go with --executor ray; "
            "pass --jobs auto (jobs=None in Python)",
        ),
        ({"jobs": "-2"}, "--jobs: must be auto or a number from 0, got '-2'"),
        ({"jobs": "two"}, "--jobs: must be auto or a number from 0, got 'two'"),
        ({"jobs": "1.5"}, "--jobs: must be auto or a number from 0, got '1.5'"),
        ({"jobs": ""}, "--jobs: must be auto or a number from 0, got ''"),
        ({"jobs": True}, "--jobs: input should be a valid integer, got True"),
        ({"jobs": 1.5}, "--jobs: input should be a valid integer, got 1.5"),
        ({"threads": "1.5"}, "--threads: input should be a valid integer, got 1.5"),
        ({"max_minutes": "-1"}, "--max-minutes: input should be greater than or equal to 0, got -1"),
        ({"max_minutes": float("nan")}, "--max-minutes: input should be greater than or equal to 0, got nan"),
        ({"checkpoint_minutes": "soon"}, "--checkpoint-minutes: input should be a valid number, got 'soon'"),
        (
            {"checkpoint_minutes": "nan"},
            "--checkpoint-minutes: input should be greater than or equal to 0, got nan",
        ),
        ({"threads": 0}, "--threads: input should be greater than 0, got 0"),
        ({"runs_per_gpu": -1}, "--runs-per-gpu: input should be greater than 0, got -1"),
        ({"executor": "rya"}, "--executor: input should be 'local', 'ray' or 'slurm', got 'rya'"),
        ({"address": "h:1"}, "--address needs --executor ray"),
        (
            {"slurm": {"mem_gb": 4}, "executor": "ray"},
            "--slurm needs --executor slurm",
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


def test_the_time_allowed_begins_when_it_is_asked_for(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1000.0)
    assert Machines(max_minutes="2.5").deadline() == 1150.0
    assert Machines(max_minutes=0).deadline() == 1000.0
    assert Machines().deadline() is None
