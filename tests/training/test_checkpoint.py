"""A run resumed from its checkpoint ends with the same bits as an uninterrupted one."""

import dataclasses
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from harness import PLUGINS, grid, plugin, spec

from bench.errors import BenchError
from bench.execution.cell import not_to_run, run_cell
from bench.execution.context import Context, DataSets
from bench.execution.observer import Observer
from bench.execution.runner import execute
from bench.nets.backbones import make_backbone
from bench.plugins.factory import MethodFactory
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.store.store import Store
from bench.store.unfinished import folder_of
from bench.training import checkpoint
from bench.training import seeding as generators
from bench.training.checkpoint import Keeper, OutOfTime

EPOCHS = 4
STEPS = {"factor": 0.5, "first_epoch": 2, "every": 2}
REGISTRY = Registry([PLUGINS])
DUMMY = (PLUGINS / "methods" / "dummy.py").read_text()


def digits(method, recipe=None, **hyperparameters):
    """A short training on digits that relabels from its second epoch, with dropout in the net."""
    recipe = {"train_limit": 150, "batch_size": 32, "backbone": "cnn-16-32-64"} | (recipe or {})
    hyperparameters = {"dimension": 8, "dropout": 0.25} | hyperparameters
    return spec(
        methods=[method],
        datasets=["digits"],
        noise=[0.4],
        relabel=["on"],
        relabel_from=2,
        epochs=EPOCHS,
        set={method: hyperparameters, "recipe": recipe, "relabel": {"margin": 0.0}},
    )


def data_of(cell):
    return load(cell.dataset, REGISTRY, PLUGINS, False)


def factory_of(cell, registry=REGISTRY):
    return MethodFactory.of(cell.method.name, cell.method.hyperparameters, registry)


def go(cell, path, stops=False, **options):
    """Train to the end, or until time is over, which it is after the first epoch."""
    return go_on(cell, data_of(cell), factory_of(cell), path, stops, **options)


def go_on(cell, data, factory, path, stops, **options):
    keeper = Keeper(path, cell.identity, **{"interval": 1e9} | options)

    def on_epoch(progress, log):
        if stops:
            keeper.deadline = 0.0

    return execute(cell, data, factory, on_epoch, keeper)


def go_in_pieces(cell, path):
    """Train each epoch from the checkpoint of the one before; return the outcome and the stops."""
    stops = []
    while True:
        torch.manual_seed(1000 + len(stops))  # what another program would find
        try:
            return go(cell, path, stops=True), stops
        except OutOfTime as error:
            stops.append(str(error))


def files_of(outcome, results):
    """The run's files byte by byte, but for what tells the time it took."""
    store = Store(results)
    store.save(outcome)
    files = {path.name: path.read_bytes() for path in store.path(outcome.spec).iterdir()}
    return {name: files[name] for name in files if name not in ("record.json", "SHA256SUMS")}


RECIPES = [
    ("baseline", {"schedule": "one-cycle", "learning_rate": 0.05}, {}),
    ("scn", {"optimizer": "adam", "learning_rate": 0.003, "schedule": "constant"}, {}),
    ("dul", {"schedule": STEPS, "learning_rate": 0.05}, {}),
    ("rul", {"schedule": "cosine", "learning_rate": 0.05, "classifier_learning_rate": 0.1}, {}),
    ("mix-output", {"optimizer": "adam", "learning_rate": 0.003, "schedule": STEPS}, {"space": "probabilities"}),
    ("loss-attention", {"optimizer": "adam", "learning_rate": 0.01, "schedule": "one-cycle"}, {}),
    ("elr", {"schedule": "one-cycle", "learning_rate": 0.05}, {}),
    ("co-teaching", {"schedule": "cosine", "learning_rate": 0.05, "classifier_learning_rate": 0.1}, {}),
    ("afm", {"schedule": "cosine", "learning_rate": 0.05}, {}),
]


@pytest.mark.parametrize(("method", "recipe", "hyperparameters"), RECIPES, ids=[row[0] for row in RECIPES])
def test_a_run_stopped_after_every_epoch_ends_in_the_same_bits(tmp_path, method, recipe, hyperparameters):
    cell = digits(method, recipe, **hyperparameters)
    torch.manual_seed(1)
    whole = go(cell, tmp_path / "never.pt")
    pieces, stops = go_in_pieces(cell, tmp_path / "run" / "checkpoint.pt")
    assert stops == [f"stopped after epoch {k} of {EPOCHS}" for k in range(1, EPOCHS)]
    assert not (tmp_path / "never.pt").exists()
    assert pieces.digest == whole.digest
    assert files_of(pieces, tmp_path / "pieces") == files_of(whole, tmp_path / "whole")
    assert pieces.assessment.metrics == whole.assessment.metrics
    audit = whole.epochs[["relabelled", "corrected", "broken", "remaining_noise"]]
    assert audit["relabelled"].iloc[0] == 0 < audit["relabelled"].iloc[1:].min()  # there was something to keep
    assert pieces.epochs[audit.columns].equals(audit)
    ours, theirs = (each.assessment.train.columns["current"] for each in (pieces, whole))
    np.testing.assert_array_equal(ours, theirs)
    assert (theirs != whole.assessment.train.columns["given"]).any()


FINISHING = {
    "mc-dropout": {"passes": 3, "inner.dimension": 8},
    "deep-ensemble": {"members": 2, "inner": "rul", "inner.dimension": 8},
    "temperature-scaling": {"inner": "scn", "inner.dimension": 8},
    "evidential": {"dimension": 8, "annealing_epochs": 2},
    "ddu": {"inner.dimension": 8, "coefficient": 0.7},
    "confidnet": {"inner.dimension": 8},
}


@pytest.mark.parametrize("method", FINISHING)
def test_a_run_that_ends_in_a_finish_ends_in_the_same_bits_wherever_it_was_stopped(tmp_path, method):
    recipe = {"train_limit": 150, "batch_size": 32, "backbone": "cnn-16-32-64"}
    content = {"methods": [method], "datasets": ["digits"], "noise": [0.4], "held_out": 0.2, "epochs": 3}
    cell = spec(**content, set={method: FINISHING[method], "recipe": recipe})
    whole = go(cell, tmp_path / "last.pt", interval=0.0)
    pieces, stops = go_in_pieces(cell, tmp_path / "checkpoint.pt")
    assert len(stops) == 2
    torch.manual_seed(5)
    from_the_last_epoch = go(cell, tmp_path / "last.pt")
    assert {whole.digest} == {pieces.digest, from_the_last_epoch.digest}


def test_ratios_drawn_in_training_are_those_of_a_run_never_stopped(tmp_path):
    cell = spec(methods=["mixup"], datasets=["digits"], epochs=3, set={"recipe": {"train_limit": 150}})
    whole = go(cell, tmp_path / "never.pt")
    pieces, stops = go_in_pieces(cell, tmp_path / "checkpoint.pt")
    assert len(stops) == 2
    assert pieces.digest == whole.digest


def test_where_it_was_stopped_makes_no_difference(tmp_path):
    cell = digits("rul")
    digests = set()
    for epoch in range(1, EPOCHS):
        path = tmp_path / f"{epoch}.pt"

        def stop(progress, log, last=epoch):
            if progress.epoch == last + 1:
                raise KeyboardInterrupt

        keeper = Keeper(path, cell.identity, interval=0.0)
        with pytest.raises(KeyboardInterrupt):
            execute(cell, data_of(cell), factory_of(cell), stop, keeper)
        resumed = Keeper(path, cell.identity, interval=0.0)
        digests.add(execute(cell, data_of(cell), factory_of(cell), lambda *_: None, resumed).digest)
        assert resumed.note == f", resumed after epoch {epoch}"
    assert digests == {go(cell, tmp_path / "never.pt").digest}


def test_a_checkpoint_is_more_than_the_weights(tmp_path):
    """Training depends on each part of a checkpoint; else tests of equal bits could not fail."""
    cell = digits("scn", {"optimizer": "adam", "learning_rate": 0.003, "schedule": "one-cycle"})
    whole = go(cell, tmp_path / "never.pt").digest
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(OutOfTime):
        go(cell, path, stops=True)
    kept = torch.load(path, weights_only=True)
    for part in ("optimizer", "current", "generator", "torch"):
        content = torch.load(path, weights_only=True)
        if part == "optimizer":
            content["trainer"][part]["state"] = {}
        elif part == "current":
            content["trainer"][part] = content["trainer"][part].roll(1)
        else:
            content["trainer"][part] = torch.Generator().manual_seed(99).get_state()
        torch.save(content, path)
        assert go(cell, path).digest != whole, part
    torch.save(kept, path)
    assert go(cell, path).digest == whole


def test_a_run_goes_on_in_a_fresh_process_to_the_same_bits(tmp_path):
    cell = digits("loss-attention")
    with pytest.raises(OutOfTime):
        go(cell, tmp_path / "checkpoint.pt", stops=True)
    (tmp_path / "spec.json").write_text(cell.model_dump_json())
    program = f"""
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from bench.training.checkpoint import Keeper
from bench.plugins.loading import load
from bench.plugins.factory import MethodFactory
from bench.plugins.registry import Registry
from bench.execution.runner import execute
from bench.spec import RunSpec
folder, registry = Path({str(tmp_path)!r}), Registry()
cell = RunSpec.model_validate_json((folder / "spec.json").read_text())
keeper = Keeper(folder / "checkpoint.pt", cell.identity, 1e9)
factory = MethodFactory.of(cell.method.name, cell.method.hyperparameters, registry)
data = load(cell.dataset, registry, folder, False)
print(execute(cell, data, factory, lambda *_: None, keeper).digest, keeper.note)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout == f"{go(cell, tmp_path / 'never.pt').digest} , resumed after epoch 1\n", done.stderr


def test_a_held_out_run_of_a_pretrained_backbone_goes_on_to_the_same_bits(tmp_path):
    weights = tmp_path / "weights.pt"
    torch.manual_seed(5)
    torch.save(make_backbone("cnn-16-32-64", (1, 4, 4), torch.float32).net.state_dict(), weights)
    cell = spec(methods=["dul"], held_out=0.25, evaluate="held-out", set={"recipe": {"pretrained": str(weights)}})
    pieces, stops = go_in_pieces(cell, tmp_path / "checkpoint.pt")
    assert len(stops) == 3
    assert pieces.digest == go(cell, tmp_path / "never.pt").digest


def test_the_state_of_a_method_beyond_its_weights_survives(tmp_path):
    """A method's own state is kept if it is in buffers or returned by `get_extra_state`."""
    source = DUMMY.replace(
        "        self.scale = scale\n",
        "        self.scale = scale\n        self.steps = 0\n"
        "        self.register_buffer('seen', torch.zeros((), dtype=torch.long))\n",
    ).replace(
        "        logits, uncertainty = self(batch.images)\n",
        "        self.steps += 1\n        self.seen += 1\n        logits, uncertainty = self(batch.images)\n"
        "        logits = logits * (1 + 0.01 * self.steps) + 0.001 * self.seen\n",
    )
    source = source.replace("from torch import Tensor, nn", "import torch\nfrom torch import Tensor, nn") + (
        "\n    def get_extra_state(self):\n        return {'steps': self.steps}\n"
        "\n    def set_extra_state(self, state):\n        self.steps = state['steps']\n"
        "\n    def finish(self, train, held_out):\n        assert (self.steps, int(self.seen)) == (16, 16)\n"
    )
    registry = Registry([PLUGINS, plugin(tmp_path / "plugins", "counting", source)])
    cell = spec().model_copy(update={"method": spec().method.model_copy(update={"name": "counting"})})
    data, outcomes = data_of(cell), []
    for stopping in (False, True):
        stops = 0
        while len(outcomes) < (2 if stopping else 1):
            try:
                outcomes.append(
                    go_on(cell, data, factory_of(cell, registry), tmp_path / "checkpoint.pt", stopping)
                )
            except OutOfTime:
                stops += 1
    assert stops == 3
    assert outcomes[0].digest == outcomes[1].digest


# ---- when a checkpoint is written, and what is in it ---------------------------------------------


class Clock:
    """Stands in for the module `time`: it goes on when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def time(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(checkpoint, "time", clock)
    return clock


@pytest.fixture
def written(monkeypatch):
    """After which epochs a checkpoint was written."""
    epochs, write = [], checkpoint.write

    def watched(path, content):
        write(path, content)
        assert len(torch.load(path, weights_only=True)["log"]) == len(content["log"])
        epochs.append(len(content["log"]))

    monkeypatch.setattr(checkpoint, "write", watched)
    return epochs


def train_by(clock, seconds, path, **keeper):
    """Train tiny, each epoch taking so many seconds by the clock; return how it ended."""

    def epoch_passed(progress, log):
        clock.now += seconds

    cell = spec()
    try:
        execute(cell, data_of(cell), factory_of(cell), epoch_passed, Keeper(path, cell.identity, **keeper))
    except OutOfTime as error:
        return str(error)
    return "ended"


@pytest.mark.parametrize(
    ("interval", "expected"), [(0.0, [1, 2, 3, 4]), (10.0, [1, 2, 3, 4]), (15.0, [2, 4]), (30.0, [3]), (41.0, [])]
)
def test_checkpoints_come_at_the_first_end_of_an_epoch_after_the_interval(
    tmp_path, clock, written, interval, expected
):
    assert train_by(clock, 10, tmp_path / "checkpoint.pt", interval=interval) == "ended"
    assert written == expected


@pytest.mark.parametrize(
    ("allowed", "epochs"),
    [(5, 1), (19, 1), (20, 2), (29, 2), (30, 3), (39, 3)],
)
def test_no_epoch_is_begun_that_would_end_past_the_deadline(tmp_path, clock, written, allowed, epochs):
    ended = train_by(clock, 10, tmp_path / "checkpoint.pt", interval=1e9, deadline=clock.now + allowed)
    assert (ended, written) == (f"stopped after epoch {epochs} of 4", [epochs])


def test_a_run_goes_on_only_if_its_next_epoch_ends_in_time(tmp_path, clock):
    path = tmp_path / "checkpoint.pt"
    assert train_by(clock, 10, path, interval=1e9, deadline=clock.now + 25) == "stopped after epoch 2 of 4"
    before = path.read_bytes()
    assert train_by(clock, 10, path, interval=0.0, deadline=clock.now + 9) == "stopped after epoch 2 of 4"
    assert path.read_bytes() == before
    assert train_by(clock, 10, path, interval=1e9, deadline=clock.now + 11) == "stopped after epoch 3 of 4"


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("in vain")])
def test_want_of_memory_does_not_advise_to_delete_the_checkpoint(stopped, monkeypatch, error):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(torch, "load", fails)
    with pytest.raises(type(error)):
        go(spec(), stopped)


def test_a_resumed_run_tells_the_epoch_of_its_checkpoint(stopped):
    told = []
    go(spec(), stopped, restored=told.append)
    assert told == [1]


def test_numbers_that_a_method_draws_from_numpy_are_those_of_a_run_never_interrupted(tmp_path):
    """Not from Python's generator, from which the tests' own type checker draws."""
    source = DUMMY.replace(
        "        logits, uncertainty = self(batch.images)\n",
        "        logits, uncertainty = self(batch.images)\n        logits = logits * np.random.rand()\n",
    )
    source = source.replace("from torch import Tensor, nn", "import numpy as np\nfrom torch import Tensor, nn")
    registry = Registry([PLUGINS, plugin(tmp_path / "plugins", "drawing", source)])
    cell = spec().model_copy(update={"method": spec().method.model_copy(update={"name": "drawing"})})
    drawing, data, path = factory_of(cell, registry), data_of(cell), tmp_path / "checkpoint.pt"
    whole = go_on(cell, data, drawing, tmp_path / "never.pt", stops=False)
    with pytest.raises(OutOfTime):
        go_on(cell, data, drawing, path, stops=True)
    generators.seed(99)  # what another program would find
    assert go_on(cell, data, drawing, path, stops=False).digest == whole.digest
    other = go_on(spec(seeds=[1]), data, drawing, tmp_path / "other.pt", stops=False)
    assert other.digest != whole.digest


def test_a_run_whose_last_epoch_is_over_is_finished_though_the_time_is_too(tmp_path, clock, written):
    path = tmp_path / "checkpoint.pt"
    assert train_by(clock, 10, path, interval=1e9, deadline=clock.now + 40) == "ended"
    assert written == []


def test_the_seconds_of_a_run_add_up_over_interruptions_without_the_pauses(tmp_path, clock):
    cell, path = spec(), tmp_path / "checkpoint.pt"
    lengths = iter([3.0, 5.0, 7.0, 11.0])

    def go_on():
        keeper = Keeper(path, cell.identity, 1e9)

        def epoch_passed(progress, log):
            clock.now += next(lengths)
            keeper.deadline = 0.0

        clock.now += 100_000  # until the run begins
        return execute(cell, data_of(cell), factory_of(cell), epoch_passed, keeper)

    for _ in range(3):
        with pytest.raises(OutOfTime):
            go_on()
    outcome = go_on()
    assert outcome.cost.seconds == outcome.cost.training_seconds == 26.0
    assert outcome.cost.images_per_second == round(60 * 4 / 26, 1)


def test_a_checkpoint_holds_tensors_and_plain_values_only(tmp_path):
    cell, path = digits("scn", {"optimizer": "adam", "schedule": STEPS}), tmp_path / "checkpoint.pt"
    with pytest.raises(OutOfTime):
        go(cell, path, stops=True)
    content = torch.load(path, weights_only=True)  # refuses everything else
    assert (content["identity"], len(content["log"])) == (cell.identity, 1)
    assert content["log"][0]["epoch"] == 1
    assert content["trainer"]["current"].shape == (150,)


# ---- checkpoints that are not what they should be ------------------------------------------------


@pytest.fixture
def stopped(tmp_path):
    """The checkpoint of a run of tiny that was stopped after its first epoch."""
    path = tmp_path / "run" / "checkpoint.pt"
    with pytest.raises(OutOfTime):
        go(spec(), path, stops=True)
    return path


def other_checkpoint(path):
    """A checkpoint of another run where that of this one should be."""
    path.unlink()
    with pytest.raises(OutOfTime):
        go(spec(seeds=[1]), path, stops=True)


def without(*keys):
    def change(path):
        content = inner = torch.load(path, weights_only=True)
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
        torch.save(content, path)

    return change


def of_another_version(path):
    torch.save(torch.load(path, weights_only=True) | {"version": "0.0.0"}, path)


SPOILT = {
    "empty": lambda path: path.write_bytes(b""),
    "torn": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "torn at its end": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "text": lambda path: path.write_text("this is no checkpoint"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "of another run": other_checkpoint,
    "of another version": of_another_version,
    "a list": lambda path: torch.save([1, 2], path),
    "a tensor": lambda path: torch.save(torch.zeros(3), path),
    "an object": lambda path: torch.save({"identity": Path("x")}, path),
    "without identity": without("identity"),
    "without its log": without("log"),
    "without its time": without("spent"),
    "without labels": without("trainer", "current"),
    "without a weight": without("trainer", "method", "linear.weight"),
    "without optimiser": without("trainer", "optimizer", "param_groups"),
    "of another size": lambda path: torch.save(
        torch.load(path, weights_only=True)
        | {"trainer": torch.load(path, weights_only=True)["trainer"] | {"current": torch.zeros(7).long()}},
        path,
    ),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_checkpoint_that_cannot_be_used_is_one_line_that_names_it(stopped, how):
    SPOILT[how](stopped)
    before = stopped.read_bytes()
    with pytest.raises(BenchError) as error:
        go(spec(), stopped)
    said = str(error.value)
    assert said.startswith(f"{stopped} cannot be used: ")
    assert said.endswith("; delete it to start the run again")
    assert "\n" not in said
    assert ("it belongs to another run" in said) == (how == "of another run")
    assert ("written by version 0.0.0" in said) == (how == "of another version")
    assert stopped.read_bytes() == before


def test_a_checkpoint_that_may_not_be_read_is_one_line_that_names_it(stopped, monkeypatch):
    read = Path.read_bytes

    def refused(path):
        if path == stopped:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(BenchError, match=f"^{re.escape(str(stopped))} cannot be read: PermissionError[^;]*$"):
        go(spec(), stopped)


def test_a_checkpoint_that_was_cut_off_in_writing_leaves_the_old_one(stopped, monkeypatch):
    before = stopped.read_bytes()

    def cut_off(content, file):
        file.write(b"half a checkpoi")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", cut_off)
        with pytest.raises(KeyboardInterrupt):
            go(spec(), stopped, interval=0.0)
    assert stopped.read_bytes() == before
    keeper = Keeper(stopped, spec().identity, 1e9)
    execute(spec(), data_of(spec()), factory_of(spec()), lambda *_: None, keeper)
    assert keeper.note == ", resumed after epoch 1"


def test_an_old_checkpoint_stays_until_the_new_one_is_whole(stopped, monkeypatch):
    """What is moved to the checkpoint's place is never less than a whole one."""
    seen, move = [], Path.replace

    def watched(partial, target):
        if target == stopped:
            seen.append(
                [len(torch.load(path, weights_only=True)["log"]) for path in (target, partial) if path.exists()]
            )
        return move(partial, target)

    monkeypatch.setattr(Path, "replace", watched)
    go(spec(), stopped, interval=0.0)
    assert seen == [[1, 2], [2, 3], [3, 4]]


# ---- a cell from its checkpoint ------------------------------------------------------------------


def context(results, *folders, **fields):
    registry = Registry([PLUGINS, *folders])
    return Context(registry, Store(results), Path("data"), **{"checkpoint_seconds": 0.0} | fields)


def run_one(cell, context):
    return run_cell(cell, context, DataSets(context), Observer())


def interrupting(folder, epoch, error="KeyboardInterrupt"):
    """A method that is interrupted in an epoch, once."""
    old = "        logits, uncertainty = self(batch.images)\n"
    new = old + (
        f"        from pathlib import Path\n        mark = Path({str(folder / 'mark')!r})\n"
        f"        if progress.epoch == {epoch} and not mark.exists():\n"
        f"            mark.touch()\n            raise {error}\n"
    )
    assert old in DUMMY
    return plugin(folder, "fickle", DUMMY.replace(old, new))


def only(folder, **content):
    (cell,) = grid(folder, methods=["fickle"], **content)
    return cell


def test_an_interrupted_cell_keeps_its_checkpoint_and_goes_on_from_it(tmp_path):
    folder = interrupting(tmp_path / "plugins", epoch=3)
    cell, here = only(folder), context(tmp_path / "results", folder)
    with pytest.raises(KeyboardInterrupt):
        run_one(cell, here)
    assert not here.store.has(cell)
    kept = folder_of(here.store.path(cell))
    assert {path.name for path in kept.iterdir()} == {"checkpoint.pt", "epochs", "lock"}
    report = run_one(cell, here)
    assert (report.status, report.detail.endswith(", resumed after epoch 2")) == ("done", True)
    assert not kept.exists()
    there = context(tmp_path / "undisturbed", folder)
    assert run_one(cell, there).status == "done"
    first, second = (each.store.read(cell) for each in (here, there))
    assert first.outcome == second.outcome


def test_a_forced_run_that_is_interrupted_goes_on_from_its_checkpoint_too(tmp_path):
    folder = interrupting(tmp_path / "plugins", epoch=3)
    (folder / "mark").touch()
    cell, once = only(folder), context(tmp_path, folder)
    assert run_one(cell, once).status == "done"
    (folder / "mark").unlink()
    forced = dataclasses.replace(once, force=True)
    with pytest.raises(KeyboardInterrupt):
        run_one(cell, forced)
    report = run_one(cell, forced)
    assert (report.status, report.detail.endswith(", resumed after epoch 2")) == ("done", True)
    assert not folder_of(once.store.path(cell)).exists()


def test_what_a_kill_after_the_last_step_leaves_is_tidied_up(tmp_path):
    """A program killed after it stored the run and before it removed the checkpoint."""
    cell, here = spec(), context(tmp_path)
    assert run_one(cell, here).status == "done"
    progress = folder_of(here.store.path(cell))
    progress.mkdir()
    (progress / "lock").touch()
    (progress / "checkpoint.pt").write_bytes(b"of a run that is finished")
    assert run_one(cell, here).status == "finished"
    assert not progress.exists()


def test_a_cell_whose_checkpoint_cannot_be_used_fails_with_one_line_and_runs_once_it_is_deleted(tmp_path):
    folder = interrupting(tmp_path / "plugins", epoch=3)
    cell, here = only(folder), context(tmp_path / "results", folder)
    with pytest.raises(KeyboardInterrupt):
        run_one(cell, here)
    checkpoint = folder_of(here.store.path(cell)) / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    for _ in range(2):
        report = run_one(cell, here)
        assert report.status == "failed"
        assert report.detail.startswith(f"{checkpoint} cannot be used: ")
        assert "\n" not in report.detail
    checkpoint.unlink()
    report = run_one(cell, here)
    assert (report.status, "resumed" in report.detail) == ("done", False)


def test_a_cell_that_is_out_of_time_is_stopped_and_one_not_begun_says_so(tmp_path):
    folder = interrupting(tmp_path / "plugins", epoch=2, error="Exception")
    (folder / "mark").touch()
    here = context(tmp_path / "results", folder)
    past = dataclasses.replace(here, deadline=time.time() - 1)
    said = not_to_run(only(folder), past)
    assert (said.status, said.detail) == ("stopped", "not begun")
    assert not here.store.root.exists()
    report = run_one(only(folder), past)  # which another machine may begin too late
    assert (report.status, report.detail) == ("stopped", "not begun")
    assert not [path for path in here.store.root.rglob("*") if path.is_file()]


def test_a_cell_that_fails_without_a_checkpoint_leaves_no_progress(tmp_path):
    folder = interrupting(tmp_path / "plugins", epoch=1, error="RuntimeError('no luck')")
    cell, here = only(folder), context(tmp_path / "results", folder)
    assert run_one(cell, here).status == "failed"
    assert not folder_of(here.store.path(cell)).exists()
    assert run_one(cell, here).status == "done"
