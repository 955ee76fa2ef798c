import numpy as np
import pytest
import torch
from harness import PLUGINS, plugin, run, spec

from bench.errors import UsageError
from bench.execution.runner import prepare
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.store.prediction_files import read_predictions
from bench.store.store import Store


@pytest.fixture
def tiny():
    return load(spec().dataset, Registry([PLUGINS]), PLUGINS, False)


def test_the_held_out_part_is_split_off_after_the_noise(tiny):
    whole, parts = prepare(spec(), tiny), prepare(spec(held_out=0.25), tiny)
    assert whole.manifest == parts.manifest
    assert (len(parts.train.images), len(parts.held_out.images)) == (45, 15)
    np.testing.assert_array_equal(parts.train.labels.given, whole.train.labels.given[parts.places])


def test_held_out_labels_are_the_noisy_ones_and_images_are_disjoint(tiny):
    whole, parts = prepare(spec(), tiny), prepare(spec(held_out=0.25), tiny)
    aside = np.setdiff1d(np.arange(60), parts.places)
    assert len(aside) == 15
    np.testing.assert_array_equal(parts.held_out.labels, whole.train.labels.given[aside])
    np.testing.assert_array_equal(parts.held_out.images, tiny.train.images[aside])


@pytest.mark.parametrize(("part", "said"), [(0.0001, "sets 0 of 60"), (0.999, "sets 60 of 60")])
def test_a_held_out_part_that_leaves_nothing_on_one_side_is_refused(tiny, part, said):
    with pytest.raises(UsageError, match=said):
        prepare(spec(held_out=part, evaluate="held-out"), tiny)


def test_a_limit_takes_the_same_part_for_every_seed(tiny):
    limit = {"set": {"recipe": {"train_limit": 20}}}
    first, second = prepare(spec(**limit), tiny), prepare(spec(seeds=[5], **limit), tiny)
    assert len(first.places) == 20
    np.testing.assert_array_equal(first.places, second.places)
    np.testing.assert_array_equal(first.train.labels.true, tiny.train.labels[first.places])


def test_preparing_leaves_the_data_set_untouched(tiny):
    before = tiny.train.labels.clone()
    prepare(spec(noise=[1.0]), tiny)
    assert torch.equal(tiny.train.labels, before)


def test_reported_accuracy_is_that_of_the_stored_predictions(tmp_path):
    run(tmp_path)
    record = Store(tmp_path).read(spec())
    found = read_predictions(record.files, "test")
    right = found.predictions.logits.argmax(axis=1) == found.columns["label"]
    assert record.metrics.accuracy == right.mean()
    assert record.epochs["test_accuracy"][-1] == pytest.approx(right.mean(), abs=1e-6)


def test_evaluating_the_held_out_part_never_looks_at_the_test_set(tmp_path):
    settings = {"held_out": 0.25, "evaluate": "held-out"}
    run(tmp_path, **settings)
    record = Store(tmp_path).read(spec(**settings))
    assert record.metrics.samples == 15
    assert "test_accuracy" not in record.epochs
    assert record.epochs["held_out_accuracy"][-1] == pytest.approx(record.metrics.accuracy)


def test_the_noise_rate_reaches_only_a_method_that_names_an_oracle_parameter(tmp_path):
    source = (PLUGINS / "methods" / "dummy.py").read_text()
    seen = "        super().__init__(task, make_backbone)\n"
    check = seen + "        assert task.noise_rate == {}\n"
    plain = plugin(tmp_path / "a", "plain", source.replace(seen, check.format("None")))
    oracle = source.replace(seen, check.format("0.3")).replace("relabels = True", 'oracle = ("scale",)')
    plugin(tmp_path / "a", "knowing", oracle)
    reports = run(tmp_path / "results", plain, methods=["plain", "knowing"])
    assert [report.status for report in reports] == ["done", "done"]


def test_finish_gets_the_current_labels_and_the_held_out_part(tmp_path):
    source = (PLUGINS / "methods" / "dummy.py").read_text() + (
        "\n    def finish(self, train, held_out):\n"
        "        sizes = [sum(len(batch.labels) for batch in part) for part in (train, held_out)]\n"
        "        assert sizes == [45, 15]\n"
        "        assert next(iter(train)).images.dtype.is_floating_point\n"
    )
    folder = plugin(tmp_path / "plugins", "finishing", source)
    (report,) = run(tmp_path / "results", folder, methods=["finishing"], held_out=0.25)
    assert report.status == "done", report.detail


def test_true_labels_never_reach_a_method(tmp_path):
    source = (PLUGINS / "methods" / "dummy.py").read_text()
    old = "        logits, uncertainty = self(batch.images)\n"
    new = old + "        assert (batch.labels == (batch.index + 1) % 3).all()\n"
    folder = plugin(tmp_path / "plugins", "peeking", source.replace(old, new))
    (report,) = run(tmp_path / "results", folder, methods=["peeking"], noise=["pair:1"], relabel=["off"])
    assert report.status == "done", report.detail


def test_relabelling_off_keeps_the_given_labels(tmp_path):
    run(tmp_path, relabel=["off"])
    columns = read_predictions(Store(tmp_path).files(spec(relabel=["off"])), "train").columns
    assert (columns["current"] == columns["given"]).all()
