from harness import DUMMY, plugin, record, run, spec

from bench.report.grouping import group
from bench.report.results import load_records
from bench.report.tables.remarks import remarks_table
from bench.store.store import Store

TALKATIVE = (
    "    def remarks(self):\n        return ['the bound was active', 'it stopped early']\n\n    def predict("
)


def test_what_a_method_says_is_kept_with_the_run_and_told_at_its_end(tmp_path):
    plugin(tmp_path / "mine", "talkative", DUMMY.replace("    def predict(", TALKATIVE))
    (report,) = run(tmp_path / "results", tmp_path / "mine", methods=["talkative"])
    assert report.detail.endswith("; the bound was active; it stopped early")
    records, problems = load_records(Store(tmp_path / "results"))
    assert problems == []
    assert records[0].remarks == ["the bound was active", "it stopped early"]


def test_each_remark_has_a_row_with_its_noise_method_and_seed():
    made = [
        record(spec(seeds=[0], noise=["0"]), remarks=["T is 1.2"]),
        record(spec(seeds=[1], noise=["0"]), remarks=["T is 1.3", "so"]),
        record(spec(seeds=[0], noise=["0.3"])),
    ]
    table = remarks_table(*group(made))
    assert table.header == ["noise", "method", "seed", "remark"]
    assert table.texts == [
        ["0%", "dummy", "0", "T is 1.2"],
        ["0%", "dummy", "1", "T is 1.3"],
        ["0%", "dummy", "1", "so"],
    ]


def test_a_group_without_remarks_has_no_rows():
    assert remarks_table(*group([record(spec())])).rows == []
