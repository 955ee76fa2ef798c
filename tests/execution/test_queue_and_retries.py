import json

import pandas as pd
import pytest
from harness import DUMMY, PLUGINS, plugin, run, spec

from bench.store.store import Store

TINY_SET = (PLUGINS / "datasets" / "tiny.py").read_text()


def broken_method(tmp_path, old, new, name="broken"):
    assert old in DUMMY
    return plugin(tmp_path / "plugins", name, DUMMY.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("import Tensor, nn", "import Tensor, nothing", "does not import"),
        (
            "logits, uncertainty)\n",
            "logits[:, :2], uncertainty)\n",
            "loss returned logits of shape (16, 2), must be",
        ),
        ("Step(F.cross", "Step(0 * F.cross", None),
        ("Step(F.cross_entropy(logits, batch.labels)", "Step(torch.nan * logits.sum()", "NameError"),
        (
            "Step(F.cross_entropy(logits, batch.labels)",
            "Step(float('nan') * logits.sum()",
            "the loss is nan in epoch 1",
        ),
        (
            "Step(F.cross_entropy(logits, batch.labels)",
            "Step(logits",
            "loss returned loss of shape (16, 3), must be ()",
        ),
        (
            "Prediction(*self(images))",
            "Prediction(self(images)[0], images)",
            "predict returned uncertainty of shape",
        ),
        (
            "return Prediction(*self(images))",
            "return Prediction(self(images)[0], self(images)[1] * float('inf'))",
            "predict returned uncertainty that are not",
        ),
        (
            "-logits.amax(dim=1)",
            "logits.amax(dim=1).log() * float('inf')",
            "loss returned NaN as the uncertainty of",
        ),
    ],
)
def test_a_broken_method_fails_its_own_cell_and_says_why(tmp_path, old, new, said):
    folder = broken_method(tmp_path, old, new)
    reports = run(tmp_path / "results", folder, methods=["broken", "dummy"])
    assert [report.status for report in reports] == ["failed" if said else "done", "done"]
    assert (said or "%") in reports[0].detail
    assert "\n" not in reports[0].detail


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("from torch import Tensor, nn", "raise SystemExit(0)", "does not import: SystemExit: 0"),
        ("logits, uncertainty = self(batch.images)", "raise SystemExit(0)", "SystemExit: 0"),
        ("scale: float = 1.0", "scale: float = object()", "broken: PydanticSerializationError"),
        ("scale: float = 1.0", "scale: 'Nowhere' = 1.0", "broken: NameError: name 'Nowhere' is not defined"),
    ],
)
def test_a_plugin_that_exits_or_declares_nonsense_costs_only_its_own_cell(tmp_path, old, new, said):
    folder = broken_method(tmp_path, old, new)
    reports = run(tmp_path / "results", folder, methods=["broken", "dummy"])
    assert [report.status for report in reports] == ["failed", "done"]
    assert said in reports[0].detail


def test_a_plugin_file_whose_name_is_no_identifier_is_told(tmp_path):
    folder = plugin(tmp_path / "plugins", "my.idea", DUMMY)
    (report,) = run(tmp_path / "results", folder, methods=["my.idea"])
    assert report.detail.endswith("my.idea.py: a plugin's file name may hold letters, digits and _ only")


def test_an_unforeseen_error_leaves_its_traceback_in_a_file(tmp_path):
    folder = broken_method(tmp_path, "logits = self.scale", "logits = self.sclae")
    (report,) = run(tmp_path / "results", folder, methods=["broken"])
    assert "AttributeError" in report.detail
    (trace,) = (tmp_path / "results").rglob("*.error.txt")
    assert str(trace) in report.detail
    assert "Traceback" in trace.read_text()


def test_a_run_that_succeeds_later_takes_its_error_file_away(tmp_path):
    store = Store(tmp_path)
    store.save_failure(spec(), "it failed", "Traceback …")
    assert store.failure(spec()).read_text() == "it failed\nTraceback …"
    run(tmp_path)
    assert not store.failure(spec()).exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("torch.arange(size) % 3", "torch.arange(size) % 4", "tiny, train: label 3 of sample 3 is outside 0–2"),
        (".to(torch.uint8)", ".float()", "images must be uint8 (N, C, H, W), got torch.float32"),
        (
            "transforms.evaluate)",
            "transforms.evaluate)._replace(train=Split(self.part(60).images, torch.ones(60)))",
            "labels must be int64 (60,), got torch.float32",
        ),
        ("return DataSet(", "return tuple(", "TypeError"),
        ('("a", "b", "c")', '("a",)', "tiny: needs two classes or more, got 1"),
        (
            "transforms = ",
            "raise OSError('the disk is gone')\n        transforms = ",
            "tiny: OSError: the disk is gone",
        ),
    ],
)
def test_a_broken_data_set_fails_its_cells_and_the_others_run(tmp_path, old, new, said):
    assert old in TINY_SET
    folder = plugin(tmp_path / "plugins", "tiny", TINY_SET.replace(old, new), "datasets")
    reports = run(tmp_path / "results", folder, datasets=["tiny", "digits"], epochs=1)
    assert [report.status for report in reports] == ["failed", "done"]
    assert said in reports[0].detail


def test_missing_files_name_the_option_and_the_variable(tmp_path):
    (report,) = run(tmp_path, datasets=["mnist"])
    assert report.status == "failed"
    assert report.detail.startswith("mnist: its files are not under data (looked for MNIST/raw/train-images-idx3")
    assert report.detail.endswith(
        "; pass --data-root DIR (or set BENCH_DATA) to where they are, or fetch them by `bench run --download`"
    )


def test_a_method_may_decline_with_a_reason(tmp_path):
    decline = (
        'relabels = True\n\n    @classmethod\n    def declines(cls, task):\n        return "two classes only"\n'
    )
    folder = broken_method(tmp_path, "relabels = True\n", decline)
    (report,) = run(tmp_path / "results", folder, methods=["broken"])
    assert (report.status, report.detail) == ("declined", "two classes only")


def test_a_method_that_hands_no_logits_declines_relabelling_and_runs_without(tmp_path):
    folder = broken_method(tmp_path, "labels), logits, uncertainty)", "labels))")
    (report,) = run(tmp_path / "results", folder, methods=["broken"])
    assert (report.status, report.detail) == (
        "declined",
        "relabelling is on, but the method's loss returns no logits",
    )
    (report,) = run(tmp_path / "results", folder, methods=["broken"], relabel=["off"])
    assert report.status == "done"


def test_a_method_that_needs_a_held_out_part_says_how_to_give_it(tmp_path):
    folder = broken_method(tmp_path, "relabels = True", "needs_held_out = True")
    (report,) = run(tmp_path / "results", folder, methods=["broken"])
    assert (report.status, "--held-out 0.1" in report.detail) == ("declined", True)
    (report,) = run(tmp_path / "results", folder, methods=["broken"], held_out=0.1)
    assert report.status == "done"


def test_a_finished_run_is_not_run_again_unless_forced(tmp_path):
    run(tmp_path)
    record = Store(tmp_path).path(spec()) / "record.json"
    started = json.loads(record.read_text())["cost"]
    assert [r.status for r in run(tmp_path)] == ["finished"]
    assert json.loads(record.read_text())["cost"] == started
    assert [r.status for r in run(tmp_path, force=True)] == ["done"]
    assert json.loads(record.read_text())["cost"] != started


def test_a_damaged_run_is_named_and_left_alone_until_forced(tmp_path):
    run(tmp_path)
    record = Store(tmp_path).path(spec()) / "record.json"
    record.write_text("{ torn")
    (report,) = run(tmp_path)
    assert report.status == "failed"
    assert str(record.parent) in report.detail
    assert report.detail.endswith("; pass --force to run it again")
    assert record.read_text() == "{ torn"
    assert [r.status for r in run(tmp_path, force=True)] == ["done"]


def test_the_same_specification_gives_the_same_bits(tmp_path):
    settings = {"methods": ["rul", "dul", "scn"], "datasets": ["digits"], "epochs": 2}
    for name in ("first", "second"):
        run(tmp_path / name, **settings)
    folders = sorted((tmp_path / "first").rglob("test.parquet"))
    assert len(folders) == 3
    for path in folders:
        for file in ("test.parquet", "train.parquet"):
            first = pd.read_parquet(path.with_name(file))
            second = pd.read_parquet(tmp_path / "second" / path.with_name(file).relative_to(tmp_path / "first"))
            pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_every_method_sees_the_same_flips(tmp_path):
    run(tmp_path, methods=["dummy", "baseline", "rul"], datasets=["digits"], epochs=1, seeds=[0, 1])
    records, _ = Store(tmp_path).scan()
    by_seed = {seed: {record.manifest.sha256 for record in records if record.spec.seed == seed} for seed in (0, 1)}
    assert [len(hashes) for hashes in by_seed.values()] == [1, 1]
    assert by_seed[0] != by_seed[1]
