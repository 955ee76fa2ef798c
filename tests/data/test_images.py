"""Images in a file must be the same as images in memory, for whatever trains on them."""

import pickle
import threading
import time

import numpy as np
import pytest
import torch
from harness import PLUGINS, TASK, grid, plugin, run, samples, spec

from bench.data.images import AHEAD, CPU, READERS, MappedImages, _moved, part, reading
from bench.errors import DataError
from bench.execution.context import Context
from bench.execution.estimate import Estimator
from bench.execution.runner import prepare
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.recipe import Recipe
from bench.report.results import load_records
from bench.store.store import Store
from bench.training.batches import Batches
from bench.training.loop import Trainer, TrainingSet
from bench.training.predict import predict
from bench.training.relabelling import TrainingLabels

SHAPE = (200, 3, 5, 4)
MAPPABLE = '''
"""150 + 40 images of three classes, in memory or in files."""

import numpy as np
import torch

from bench.data.augment import Transforms
from bench.data.dataset import DataSet, Source, Split
from bench.data.images import MappedImages


class Mappable(Source):
    """Images 2×8×8 with random crop and flip."""

    def __init__(self, *, path: str, mapped: bool) -> None:
        self.path, self.mapped = path, mapped

    def load(self, root, download):
        transforms = Transforms([0.4, 0.5], [0.2, 0.3], padding=2, flip=True)
        train, test = (self.split(root / f"{self.path}-{size}.npy", size) for size in (150, 40))
        return DataSet(train, test, ("a", "b", "c"), transforms.augment, transforms.evaluate)

    def split(self, file, size):
        images = np.random.default_rng(size).integers(0, 200, (size, 2, 8, 8), dtype=np.uint8)
        labels = np.arange(size) % 3
        images[np.arange(size), :, labels] += 50
        np.save(file, images)
        found = MappedImages.open(file) if self.mapped else torch.from_numpy(images)
        return Split(found, torch.from_numpy(labels))
'''
RECIPE = (PLUGINS / "datasets" / "tiny.toml").read_text()


@pytest.fixture
def both(tmp_path):
    """The same images, in a file and in memory."""
    array = np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8)
    np.save(tmp_path / "images.npy", array)
    return MappedImages.open(tmp_path / "images.npy"), torch.from_numpy(array)


@pytest.fixture
def mappable(tmp_path):
    """A folder with a data set that is mapped or not, and the settings for each."""
    folder = plugin(tmp_path / "plugins", "mappable", MAPPABLE, "datasets")
    (folder / "datasets" / "mappable.toml").write_text(RECIPE)
    settings = [
        {"datasets": ["mappable"], "set": {"mappable": {"path": str(tmp_path / "images"), "mapped": mapped}}}
        for mapped in (True, False)
    ]
    return folder, *settings


def open_set(folder, settings):
    (cell,) = grid(folder, **settings)
    return load(cell.dataset, Registry([PLUGINS, folder]), PLUGINS, False)


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


# ---- the same images -----------------------------------------------------------------------------


def test_a_file_looks_like_the_tensor(both):
    mapped, tensor = both
    assert (mapped.shape, mapped.dtype, mapped.ndim) == (tensor.shape, tensor.dtype, tensor.ndim)
    assert (len(mapped), mapped.device) == (len(tensor), tensor.device)


@pytest.mark.parametrize(
    "index",
    [
        torch.tensor([3, 199, 0, 3, -1]),
        torch.tensor([], dtype=torch.long),
        torch.randperm(200, generator=torch.Generator().manual_seed(0)),
        slice(None),
        slice(7),
        slice(190, 1000),
        slice(3, 50, 7),
    ],
    ids=str,
)
def test_indexing_gives_what_the_tensor_gives(both, index):
    mapped, tensor = both
    assert torch.equal(mapped[index], tensor[index])
    places = np.random.default_rng(1).permutation(200)[:120]
    index = index % 120 if isinstance(index, torch.Tensor) else index
    assert torch.equal(part(mapped, places)[index], part(tensor, places)[index])


def test_a_part_of_a_part_is_read_only_when_it_is_asked_for(both, monkeypatch):
    mapped, tensor = both
    read = []
    original = MappedImages.read
    monkeypatch.setattr(MappedImages, "read", lambda self, index: read.append(index) or original(self, index))
    some = mapped.part(np.arange(0, 200, 2)).part(np.array([5, 99, 7]))
    assert (some.shape, read) == ((3, 3, 5, 4), [])
    assert torch.equal(some[:], tensor[[10, 198, 14]])
    assert len(read) == 1


def test_an_index_outside_is_refused(both):
    for images in (both[0], both[0].part(np.arange(10))):
        with pytest.raises(IndexError):
            images[torch.tensor([len(images)])]


def test_what_is_read_may_be_written_and_the_file_stays(both):
    mapped, tensor = both
    mapped[:5].zero_()
    assert torch.equal(mapped[:5], tensor[:5])
    with pytest.raises(ValueError, match="read-only"):
        mapped.numpy()[0] = 0


def test_as_an_array_a_whole_file_stays_mapped(both):
    mapped, tensor = both
    assert mapped.numpy() is mapped.file
    assert isinstance(mapped.file.base, np.memmap)
    np.testing.assert_array_equal(mapped.numpy(), tensor.numpy())
    np.testing.assert_array_equal(mapped.part(np.array([4, 2])).numpy(), tensor[[4, 2]].numpy())


def test_on_a_cpu_it_stays_mapped(both):
    assert both[0].to("cpu").file is both[0].file


@pytest.mark.parametrize(("missing", "there"), [(0, torch.Tensor), (1, MappedImages)])
def test_it_moves_to_a_gpu_where_it_takes_a_quarter_of_the_free_memory_or_less(both, monkeypatch, missing, there):
    mapped, tensor = both
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (4 * tensor.numel() - missing, 10**12))
    monkeypatch.setattr("bench.data.images._moved", lambda images: tensor)
    found = mapped.to("cuda")
    assert isinstance(found, there)
    assert mapped.device == CPU
    assert there is torch.Tensor or found.device.type == "cuda"


def test_what_moves_is_all_of_a_part_in_order(both):
    mapped, tensor = both
    places = np.random.default_rng(0).permutation(200)[:150]
    assert torch.equal(_moved(mapped.part(places)), tensor[places])


def test_it_is_pickled_without_its_images(both):
    mapped, tensor = both
    content = pickle.dumps(mapped)
    assert len(content) < 1000 < tensor.numel()
    assert torch.equal(pickle.loads(content)[:], tensor)
    some = pickle.loads(pickle.dumps(mapped.part(np.array([3, 1]))))
    assert torch.equal(some[:], tensor[[3, 1]])


def spoil_missing(path):
    path.unlink()


def spoil_cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def spoil_empty(path):
    path.write_bytes(b"")


def spoil_text(path):
    path.write_text("no array")


def spoil_zip(path):
    with path.open("wb") as file:
        np.savez(file, images=np.zeros(SHAPE, dtype=np.uint8))


@pytest.mark.parametrize("spoil", [spoil_missing, spoil_cut, spoil_empty, spoil_text, spoil_zip])
def test_a_file_that_holds_no_array_is_told(both, spoil):
    spoil(both[0].path)
    with pytest.raises(DataError, match=r"images\.npy") as error:
        MappedImages.open(both[0].path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("array", "seen"),
    [(np.zeros((4, 1, 2, 2)), r"float64 \(4, 1, 2, 2\)"), (np.zeros((4, 3), dtype=np.uint8), r"uint8 \(4, 3\)")],
)
def test_an_array_of_something_else_is_told(tmp_path, array, seen):
    np.save(tmp_path / "other.npy", array)
    with pytest.raises(DataError, match=rf"other.npy: images must be uint8 \(N, C, H, W\), got {seen}"):
        MappedImages.open(tmp_path / "other.npy")


# ---- read ahead ----------------------------------------------------------------------------------


def test_batches_are_those_of_the_tensor(both):
    order = list(torch.randperm(200, generator=torch.Generator().manual_seed(0)).split(30))
    with reading(both[0], order) as mapped, reading(both[1], order) as plain:
        for (index, images), (same_index, same_images) in zip(mapped, plain, strict=True):
            assert torch.equal(index, same_index)
            assert torch.equal(images, same_images)
            assert images.stride() == same_images.stride()


def test_a_few_batches_are_read_while_the_step_is_at_work(both, monkeypatch):
    read = []
    original = MappedImages.read
    monkeypatch.setattr(MappedImages, "read", lambda self, index: read.append(index) or original(self, index))
    with reading(both[0], torch.arange(200).split(10)) as batches:
        next(batches)
        end = time.monotonic() + 20
        while len(read) < 1 + AHEAD and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(0.05)
        assert len(read) == 1 + AHEAD
        assert len(threads()) == READERS
    assert threads() == []
    assert len(read) == 1 + AHEAD


def test_an_empty_order_has_no_batch(both):
    with reading(both[0], []) as batches:
        assert list(batches) == []


def test_an_error_while_reading_is_the_callers_and_ends_the_threads(both):
    with reading(both[0], [torch.arange(3), torch.tensor([200])]) as batches:
        assert next(batches)[0].tolist() == [0, 1, 2]
        with pytest.raises(IndexError):
            next(batches)
        assert threads() == []


@pytest.mark.parametrize("name", ["loss", "predict"])
def test_a_method_that_raises_leaves_no_thread(both, name):
    images, labels, calls = both[0], torch.arange(200) % 3, []
    method = Registry([PLUGINS]).find("methods", "dummy").load()(TASK, lambda: None)

    def breaks(batch, *rest):
        calls.append(len(threads()))
        raise ArithmeticError

    setattr(method, name, breaks)
    data = TrainingSet(images, TrainingLabels.start(labels, labels), lambda batch, _: batch.float())
    trainer = Trainer(method, data, Recipe(epochs=1, batch_size=10, learning_rate=0.1), None, 0, 3)
    act = {
        "loss": lambda: trainer.epoch(1),
        "predict": lambda: predict(method, images, lambda batch: [batch.float()], 3),
    }
    with pytest.raises(ArithmeticError):
        act[name]()
    assert len(calls) == 1
    assert calls[0] > 0
    assert threads() == []


def test_batches_for_finish_that_are_not_used_up_leave_no_thread(mappable):
    folder, mapped, _ = mappable
    data = open_set(folder, mapped)
    for batch in Batches(data, data.train.images, data.train.labels, batch_size=10):
        assert len(batch.images) == 10
        assert threads() != []
        break
    assert threads() == []


# ---- through the harness -------------------------------------------------------------------------

SETTINGS = {
    "plain": {},
    "held-out": {"held_out": 0.2, "evaluate": "held-out"},
    "limit": {"recipe": {"train_limit": 70}},
    "both": {"held_out": 0.2, "recipe": {"train_limit": 70}},
}


@pytest.mark.parametrize("given", SETTINGS.values(), ids=SETTINGS)
def test_a_run_on_a_file_has_the_same_bits_as_one_in_memory(tmp_path, mappable, given):
    folder, *places = mappable
    outcomes = []
    for settings in places:
        options = settings["set"] | {"recipe": {"batch_size": 16} | given.get("recipe", {})}
        rest = {key: value for key, value in given.items() if key != "recipe"}
        wanted = settings | rest | {"set": options, "methods": ["dummy", "scn"], "epochs": 2}
        reports = run(tmp_path / "results", folder, **wanted)
        assert [report.status for report in reports] == ["done", "done"], reports
        outcomes.append({cell.method.name: stored(tmp_path, cell).outcome for cell in grid(folder, **wanted)})
    assert outcomes[0] == outcomes[1]
    assert len(set(outcomes[0].values())) == 2


def stored(folder, cell):
    store = Store(folder / "results")
    return store.read(cell)


def test_the_two_data_sets_differ_in_where_their_images_are(mappable):
    folder, mapped, plain = mappable
    assert isinstance(open_set(folder, mapped).train.images, MappedImages)
    assert isinstance(open_set(folder, plain).train.images, torch.Tensor)


def test_preparing_reads_no_image(mappable, monkeypatch):
    folder, mapped, plain = mappable
    expected = prepare(spec(held_out=0.2, set={"recipe": {"train_limit": 70}}), open_set(folder, plain))
    data = open_set(folder, mapped)
    with monkeypatch.context() as patch:
        patch.delattr(MappedImages, "read")
        found = prepare(spec(held_out=0.2, set={"recipe": {"train_limit": 70}}), data)
    assert (len(found.train.images), len(found.held_out.images)) == (56, 14)
    assert torch.equal(found.train.images[:], expected.train.images)
    assert torch.equal(found.held_out.images[:], expected.held_out.images)


def test_a_run_on_a_file_is_estimated(tmp_path, mappable):
    folder, mapped, _ = mappable
    (cell,) = grid(folder, **mapped)
    context = Context(Registry([PLUGINS, folder]), Store(tmp_path / "results"), tmp_path)
    plan = Estimator(context).estimate(cell)
    assert (plan.state, plan.seconds > 0) == ("to run", True), plan.reason


def test_pictures_of_samples_find_the_images_of_a_file(tmp_path, mappable):
    folder, mapped, plain = mappable
    run(tmp_path / "results", folder, epochs=1, **mapped)
    ((record,), _) = load_records(Store(tmp_path / "results"))
    found = samples(folder).images(record, samples(folder).evaluated(record).labels)
    np.testing.assert_array_equal(found, open_set(folder, plain).test.images.numpy())
