"""When a checkpoint is written, what is in it, and what is said of one that cannot be used."""

import random
import re
from pathlib import Path

import pytest
import torch
from harness import spec
from interrupted import STEPS, data_of, digits, factory_of, go

from bench.errors import BenchError
from bench.execution.runner import execute
from bench.training import checkpoint
from bench.training.checkpoint import Keeper, OutOfTime
from bench.training.relabelling import Audit
from bench.training.tracker import LOGGED

# Checkpoints are written here that no code of ours would write.
pytestmark = pytest.mark.usefixtures("unchecked_types")


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
        content = inner = checkpoint.read(path)
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
        checkpoint.write(path, content)

    return change


def changed(change):
    """A checkpoint whose content another program changed, with the checksum that belongs to it."""

    def write(path):
        content = checkpoint.read(path)
        change(content)
        checkpoint.write(path, content)

    return write


def longer(content):
    content["log"] = [content["log"][0] | {"epoch": number} for number in range(1, 6)]


def of_another_version(path):
    checkpoint.write(path, checkpoint.read(path) | {"version": "0.0.0"})


SPOILT = {
    "empty": lambda path: path.write_bytes(b""),
    "torn": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "torn at its end": lambda path: path.write_bytes(path.read_bytes()[:-10]),
    "text": lambda path: path.write_text("this is no checkpoint"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "of another run": other_checkpoint,
    "of another version": of_another_version,
    "a list": lambda path: checkpoint.write(path, [1, 2]),
    "a tensor": lambda path: checkpoint.write(path, torch.zeros(3)),
    "an object": lambda path: checkpoint.write(path, {"identity": Path("x")}),
    "without identity": without("identity"),
    "without its log": without("log"),
    "without its time": without("spent"),
    "without labels": without("trainer", "current"),
    "without a weight": without("trainer", "method", "linear.weight"),
    "without optimiser": without("trainer", "optimizer", "param_groups"),
    "of another size": changed(lambda content: content["trainer"].update(current=torch.zeros(7).long())),
    # Files that are whole, as their checksum says, but are no checkpoint of this run.
    "one label for all": changed(lambda content: content["trainer"].update(current=torch.zeros(1).long())),
    "a label too high": changed(lambda content: content["trainer"]["current"].fill_(3)),
    "a label below 0": changed(lambda content: content["trainer"]["current"].fill_(-1)),
    "labels as fractions": changed(
        lambda content: content["trainer"].update(current=content["trainer"]["current"].float())
    ),
    "time that is none": changed(lambda content: content.update(spent=float("nan"))),
    "time before 0": changed(lambda content: content.update(pace=-1.0)),
    "a log without epochs": changed(lambda content: content["log"].clear()),
    "a log that is a number": changed(lambda content: content.update(log=1)),
    "a log of words": changed(lambda content: content.update(log=["epoch 1"])),
    "a log as long as the run, of one epoch": changed(lambda content: content.update(log=content["log"] * 4)),
    "a log longer than the run": changed(longer),
    "a log of epoch 2": changed(lambda content: content["log"][0].update(epoch=2)),
    "a log of epoch true": changed(lambda content: content["log"][0].update(epoch=True)),
    "a log of epoch 1.0": changed(lambda content: content["log"][0].update(epoch=1.0)),
    "a log ahead of its state": changed(
        lambda content: content.update(log=[content["log"][0] | {"epoch": k} for k in (1, 2)])
    ),
    "a log with an entry more": changed(lambda content: content["log"][0].update(held_out_accuracy=0.5)),
    "a log with an entry less": changed(lambda content: content["log"][0].pop("test_accuracy")),
    "a log with a number as a key": changed(lambda content: content["log"][0].update({3: 0.5})),
    "a loss that is none": changed(lambda content: content["log"][0].update(loss=float("nan"))),
    "a loss as text": changed(lambda content: content["log"][0].update(loss="0.5")),
    "an accuracy without a value": changed(lambda content: content["log"][0].update(test_accuracy=None)),
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
    assert "weights_only" not in said
    assert ("it belongs to another run" in said) == (how == "of another run")
    assert ("written by version 0.0.0" in said) == (how == "of another version")
    assert stopped.read_bytes() == before


def test_every_bit_of_a_checkpoint_is_checked(stopped):
    """Each of 300 places, spread over the file and at random, with one bit that is another."""
    whole = stopped.read_bytes()
    step = len(whole) // 150
    chosen = [*range(0, len(whole), step), *random.Random(1).sample(range(len(whole)), 150), len(whole) - 1]
    for place in chosen:
        stopped.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        with pytest.raises(ValueError, match=r"^it (is not as it was written|does not end with its checksum)"):
            checkpoint.read(stopped)
    stopped.write_bytes(whole)
    assert checkpoint.read(stopped)["identity"] == spec().identity


def test_a_checkpoint_of_the_form_before_checksums_is_to_be_deleted(stopped):
    torch.save(checkpoint.read(stopped), stopped)
    with pytest.raises(BenchError, match=r"its checksum: .* an earlier version wrote it; delete it to start"):
        go(spec(), stopped)


@pytest.mark.parametrize("relabel", ["off", "on"])
def test_the_log_of_an_epoch_has_the_keys_that_a_checkpoint_is_checked_for(tmp_path, relabel):
    cell, path = spec(methods=["scn"], relabel=relabel), tmp_path / "checkpoint.pt"
    with pytest.raises(OutOfTime):
        go(cell, path, stops=True)
    ((entry,), keys) = checkpoint.read(path)["log"], {"epoch", "test_accuracy", *LOGGED}
    assert set(entry) == keys | (set(Audit._fields) if relabel == "on" else set())
    go(cell, path)


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
