"""Runs that travel: all they need goes along, all they leave comes back, no more is shared."""

import io
import pickle
from pathlib import Path

import hooked
import numpy as np
import pytest
import torch
from harness import DUMMY, PLUGINS, grid, plugin, run

from bench.execution.observer import CheckpointSent, EpochDone, RunEnded, RunStarted
from bench.execution.remote import Courier, Parcel, Shipment, run_parcel, take_in
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.store.record import StoreError
from bench.store.store import Store

TINY = (PLUGINS / "datasets" / "tiny.py").read_text()


@pytest.fixture(autouse=True)
def _not_dedicated(monkeypatch):
    """A parcel is opened here in the process of other tests, which is to stay as it is."""
    monkeypatch.setattr("bench.execution.remote.dedicate", lambda threads: None)


def pack(spec, **fields):
    plain = {"checkpoint": None, "checkpoint_seconds": 1e9, "deadline": None}
    return Parcel(spec=spec, data_root=Path("nowhere"), threads=1, **plain | fields)


def shipment(spec, registry):
    """A data set as it arrives: pickled, its arrays read-only."""
    buffers = []
    sent = pickle.dumps(
        Shipment.of(load(spec.dataset, registry, Path("data"), False)), protocol=5, buffer_callback=buffers.append
    )
    return lambda: pickle.loads(sent, buffers=[memoryview(bytes(buffer.raw())) for buffer in buffers])


class Told(Courier):
    def __init__(self):
        self.messages = []
        super().__init__(self.messages.append)


@pytest.mark.parametrize("noise", ["0.3", "human:crowd", "instance-dependent:0.3"])
def test_a_run_that_travelled_has_the_same_bits(tmp_path, noise):
    """The plugins' folder is gone when the parcel is opened; the data set uses its functions."""
    augment = "\n\ndef shifted(images, generator):\n    return normalise(images + 1, [0.5], [0.5])\n"
    source = TINY.replace("transforms.augment", "shifted") + augment
    source = source.replace(
        "transforms.evaluate)", "transforms.evaluate, {'crowd': self.part(60).labels.numpy()})"
    )
    assert source.count("shifted") == 2
    folder = plugin(
        tmp_path / "plugins", "mine", "from bench.data.augment import normalise\n" + source, "datasets"
    )
    (folder / "datasets" / "mine.toml").write_text('[noise]\nlabel_sets = ["crowd"]\n')
    (cell,) = grid(folder, datasets=["mine"], noise=[noise])
    run(tmp_path / "here", folder, datasets=["mine"], noise=[noise])
    registry = Registry([PLUGINS, folder])
    files, fetch = registry.files(), shipment(cell, registry)
    (folder / "datasets" / "mine.py").unlink()
    answer = run_parcel(pack(cell), files, fetch, Told())
    assert answer.report.status == "done", answer.report
    store = Store(tmp_path / "there")
    take_in(answer.run, cell, store)
    ((here,), _), ((there,), _) = Store(tmp_path / "here").scan(), store.scan()
    assert there.outcome == here.outcome
    assert (there.path / "test.parquet").is_file()


def test_a_file_of_labels_travels_with_its_run(tmp_path):
    """The file is gone when the parcel is opened, as on another machine."""
    path = tmp_path / "worse.npy"
    np.save(path, np.arange(60) % 2)
    (cell,) = grid(noise=[f"file:{path}"])
    run(tmp_path / "here", noise=[f"file:{path}"])
    labels, registry = path.read_bytes(), Registry([PLUGINS])
    path.unlink()
    answer = run_parcel(pack(cell, labels=labels), registry.files(), shipment(cell, registry), Told())
    assert answer.report.status == "done", answer.report
    take_in(answer.run, cell, Store(tmp_path / "there"))
    here, there = (Store(tmp_path / place).read(cell) for place in ("here", "there"))
    assert there.outcome == here.outcome


def test_what_a_run_says_is_passed_on_with_its_checkpoints_from_which_it_goes_on_elsewhere(tmp_path):
    (cell,) = grid()
    registry, told = Registry([PLUGINS]), Told()
    whole = run_parcel(pack(cell, checkpoint_seconds=0.0), registry.files(), shipment(cell, registry), told)
    kinds = [type(message) for message in told.messages]
    assert kinds == [RunStarted, *[EpochDone, CheckpointSent] * 4, RunEnded]
    epochs = [message.progress.epoch for message in told.messages if isinstance(message, EpochDone)]
    assert epochs == [1, 2, 3, 4]
    third = [message.content for message in told.messages if isinstance(message, CheckpointSent)][2]
    assert len(torch.load(io.BytesIO(third), weights_only=True)["log"]) == 3
    resumed = run_parcel(pack(cell, checkpoint=third), registry.files(), shipment(cell, registry), Told())
    assert resumed.report.detail.endswith(", resumed after epoch 3")
    outcomes = []
    for name, answer in (("whole", whole), ("resumed", resumed)):
        take_in(answer.run, cell, Store(tmp_path / name))
        outcomes.append(Store(tmp_path / name).scan()[0][0].outcome)
    assert outcomes[0] == outcomes[1]


def test_a_run_with_every_hook_goes_on_elsewhere_with_the_same_bits(tmp_path):
    """What Ray's workers and new processes get is this parcel."""
    folder = plugin(tmp_path / "plugins", "hooked", hooked.SOURCE)
    (cell,) = grid(folder, **hooked.GRID)
    registry, told = Registry([PLUGINS, folder]), Told()
    whole = run_parcel(pack(cell, checkpoint_seconds=0.0), registry.files(), shipment(cell, registry), told)
    second = [message.content for message in told.messages if isinstance(message, CheckpointSent)][1]
    resumed = run_parcel(pack(cell, checkpoint=second), registry.files(), shipment(cell, registry), Told())
    assert resumed.report.detail.endswith(", resumed after epoch 2")
    for name, answer in (("whole", whole), ("resumed", resumed)):
        take_in(answer.run, cell, Store(tmp_path / name))
    outcomes = [Store(tmp_path / name).read(cell).outcome for name in ("whole", "resumed")]
    assert outcomes[0] == outcomes[1]


def test_the_method_inside_a_method_travels_along(tmp_path):
    folder = plugin(tmp_path / "plugins", "mine", DUMMY.replace("scale: float = 1.0", "scale: float = 2.0"))
    settings = {"methods": ["deep-ensemble"], "set": {"deep-ensemble": {"inner": "mine", "members": 2}}}
    (cell,) = grid(folder, **settings)
    run(tmp_path / "here", folder, **settings)
    registry = Registry([PLUGINS, folder])
    files, fetch = registry.files(), shipment(cell, registry)
    (folder / "methods" / "mine.py").unlink()
    answer = run_parcel(pack(cell), files, fetch, Told())
    assert answer.report.status == "done", answer.report
    take_in(answer.run, cell, Store(tmp_path / "there"))
    ((here,), _), ((there,), _) = Store(tmp_path / "here").scan(), Store(tmp_path / "there").scan()
    assert there.outcome == here.outcome


def test_a_run_out_of_time_or_that_fails_says_so_and_sends_no_results(tmp_path):
    folder = plugin(
        tmp_path, "broken", DUMMY.replace("logits, uncertainty = self(batch", "nonsense, _ = elf(batch")
    )
    (cell,), (broken,) = grid(), grid(folder, methods=["broken"])
    registry = Registry([PLUGINS, folder])
    fetch = shipment(cell, registry)
    late = run_parcel(pack(cell, deadline=0.0), registry.files(), fetch, Told())
    assert (late.report.status, late.report.detail, late.run) == ("stopped", "not begun", None)
    failed = run_parcel(pack(broken), registry.files(), fetch, Told())
    assert (failed.report.status, failed.run) == ("failed", None)
    assert failed.report.detail == "NameError: name 'elf' is not defined"
    assert "Traceback" in failed.report.trace


def test_a_data_set_that_is_not_sent_is_read_below_the_data_root_and_named_if_it_is_not_there():
    (cell,), (mnist,) = grid(), grid(datasets=["mnist"])
    files = Registry([PLUGINS]).files()
    assert run_parcel(pack(cell), files, None, Told()).report.status == "done"
    report = run_parcel(pack(mnist), files, None, Told()).report
    assert report.status == "failed"
    assert "its files are not under nowhere" in report.detail


def test_what_comes_back_damaged_or_as_another_run_is_refused(tmp_path):
    first, second = grid(seeds=[0, 1])
    registry = Registry([PLUGINS])
    answer = run_parcel(pack(first), registry.files(), shipment(first, registry), Told())
    store = Store(tmp_path)
    with pytest.raises(StoreError, match="another run came back"):
        take_in(answer.run, second, store)
    edited = answer.run | {"spec.json": answer.run["spec.json"].replace(b'"seed": 0', b'"seed": 1')}
    assert edited != answer.run
    with pytest.raises(StoreError, match="not as it was written"):
        take_in(edited, first, store)
    with pytest.raises(StoreError, match="epochs.csv is missing"):
        take_in({name: each for name, each in answer.run.items() if name != "epochs.csv"}, first, store)
    with pytest.raises(StoreError, match="escaped.txt came back, which is no file of a run"):
        take_in(answer.run | {"../escaped.txt": b"x"}, first, store)
    with pytest.raises(StoreError, match="record.json of 67108865 bytes came back, larger than it may be"):
        take_in(answer.run | {"record.json": bytes(2**26 + 1)}, first, store)
    with pytest.raises(StoreError, match="test.parquet is not as it was written"):
        take_in(answer.run | {"test.parquet": b"x"}, first, store)
    assert not store.root.exists()


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("back", "said"), [([], "is no run"), ({"spec.json": "text"}, "spec.json came back")])
def test_what_comes_back_as_another_type_is_refused(tmp_path, back, said):
    with pytest.raises(StoreError, match=said):
        take_in(back, grid()[0], Store(tmp_path))


def test_arrays_that_arrive_are_not_copied_and_no_warning_is_given():
    (cell,) = grid()
    data = load(cell.dataset, Registry([PLUGINS]), Path("data"), False)
    sent = Shipment.of(data)
    assert np.shares_memory(sent.train.images, data.train.images.numpy())
    sent.train.images.setflags(write=False)
    back = sent.unpacked()
    assert np.shares_memory(back.train.images.numpy(), sent.train.images)
    assert torch.equal(back.test.labels, data.test.labels)
    assert back._replace(train=None, test=None) == data._replace(train=None, test=None)


def test_a_plugin_of_the_same_name_is_sent_from_the_folder_that_counts(tmp_path):
    folder = plugin(tmp_path, "dummy", DUMMY + "\n# mine\n")
    files = Registry([PLUGINS, folder]).files()
    assert files["methods/dummy.py"].endswith(b"# mine\n")
    assert "datasets/mnist.toml" in files
    assert {Path(name).suffix for name in files} == {".py", ".toml"}


def test_weights_come_back_if_they_are_kept(tmp_path):
    (cell,) = grid()
    registry = Registry([PLUGINS])
    answer = run_parcel(pack(cell, keep_weights=True), registry.files(), shipment(cell, registry), Told())
    take_in(answer.run, cell, Store(tmp_path))
    assert "weights.safetensors" in Store(tmp_path).files(cell).names()
    damaged = {**answer.run, "weights.safetensors": b"others"}
    with pytest.raises(StoreError, match=r"weights.safetensors is not as it was written"):
        take_in(damaged, cell, Store(tmp_path / "other"))
