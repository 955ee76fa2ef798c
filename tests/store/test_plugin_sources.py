"""A run and a pack carry the source of plugins as text, within bounds; nothing executes it."""

import hashlib
import json
import shutil
import sys
import tarfile

import pytest
from finished_runs import content
from harness import DUMMY, PLUGINS, bench, checksummed, plugin, run, spec

import bench as package
from bench.commands.grid_session import grid_of
from bench.errors import BenchError, UnknownPluginError, UsageError
from bench.execution.context import Context
from bench.execution.machines import Machines
from bench.grid.request import Request
from bench.plugins.registry import Plugin, Registry
from bench.store.file_sources import Held
from bench.store.plugin_sources import MOST_TEXT, read_sources, sources_of, written
from bench.store.store import Store
from bench.store.stored_plugins import where_source_lies
from bench.store.transfer import merge, pack
from bench.validation import validated

HELPED = DUMMY.replace(
    "from torch import Tensor, nn", "from parts.scales import SCALE\nfrom torch import Tensor, nn"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A results folder with a run of a plugin that has a helper, and the plugin's folder."""
    folder = plugin(tmp_path_factory.mktemp("plugins"), "my_idea", HELPED)
    (folder / "methods" / "parts").mkdir()
    (folder / "methods" / "parts" / "scales.py").write_text("SCALE = 1  # ü\r\n")
    (folder / "methods" / "unused.py").write_text("SECRET = 1\n")
    results = tmp_path_factory.mktemp("results")
    (report,) = run(results, folder, methods=["my-idea"])
    assert report.status == "done", report.detail
    return results, folder


def stored(results):
    (record,), _ = Store(results).scan()
    return record


def test_a_run_holds_its_plugins_their_helpers_and_the_recipe_beside_a_data_set(made):
    results, folder = made
    record = stored(results)
    found = read_sources(record.files)
    assert list(found) == [
        "datasets/tiny.py",
        "datasets/tiny.toml",
        "methods/my_idea.py",
        "methods/parts/scales.py",
    ]
    assert found["methods/my_idea.py"] == HELPED
    assert found["methods/parts/scales.py"] == "SCALE = 1  # ü\r\n"
    assert found["datasets/tiny.toml"] == (PLUGINS / "datasets" / "tiny.toml").read_text()
    file = json.loads((record.path / "sources.json").read_text(encoding="utf-8"))
    text = (folder / "methods" / "parts" / "scales.py").read_bytes()
    assert file["methods/parts/scales.py"]["sha256"] == hashlib.sha256(text).hexdigest()
    assert "sources.json" in (record.path / "SHA256SUMS").read_text()


def test_python_reads_it_by_the_identity_from_a_folder_and_from_a_pack(made, tmp_path):
    results, _ = made
    identity = stored(results).spec.identity
    pack(Store(results), tmp_path / "runs.tar.gz", predictions=False)
    found = package.load_sources(tmp_path, identity[:8])
    assert found == package.load_sources(results, identity)
    assert found["methods/my_idea.py"] == HELPED
    merge(Store(tmp_path / "mine"), tmp_path / "runs.tar.gz")
    assert package.load_sources(tmp_path / "mine", identity) == found


def test_the_harness_s_own_plugins_are_left_out_and_packages_are_taken(tmp_path):
    assert sources_of(Registry().all("methods").values()) == {}
    folder = tmp_path / "ideas" / "deep"
    folder.mkdir(parents=True)
    (folder / "idea.py").write_text("from ideas.deep.more import X\n")
    (folder / "more.py").write_text("X = 1\n")
    found = sources_of([Plugin("methods", "idea", folder / "idea.py", "ideas.deep.idea")])
    assert sorted(found) == ["ideas/deep/idea.py", "ideas/deep/more.py"]
    (folder / "idea.py").write_text("def broken(:")
    assert sources_of([Plugin("methods", "idea", folder / "idea.py", "ideas.deep.idea")]) == {}


def test_identity_and_outcome_are_those_of_a_run_without_sources(made, tmp_path):
    results, folder = made
    record = stored(results)
    assert record.spec.identity == spec_of(folder).identity
    other = shutil.copytree(results, tmp_path / "other")
    path = stored(other).path
    (path / "sources.json").unlink()
    checksummed(path)
    without = stored(other)
    assert (without.outcome, without.metrics) == (record.outcome, record.metrics)
    assert read_sources(without.files) == {}
    assert merge(Store(results), other).same == 1


def spec_of(folder):
    request = validated(
        Request,
        {"methods": "my-idea", "datasets": "tiny", "noise": 0.3, "device": "cpu", "precision": "float32"},
        "option",
    )
    context = Context(Registry([PLUGINS, folder]), Store(folder), folder)
    ((cell,), _) = grid_of(request, context, Machines(jobs=0))
    return cell


def test_a_method_that_is_only_there_is_named_with_the_place_of_its_source(made, tmp_path):
    results, _ = made
    before = content(results)
    done = bench("run", "--methods", "my-idea", "--results", str(results))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: no method 'my-idea'")
    assert f"methods/my_idea.py in sources.json of {stored(results).path}" in done.stderr
    assert "pass that as --plugins" in done.stderr
    assert not [name for name in sys.modules if name.endswith(".my_idea") and "bench_plugin" not in name]
    assert content(results) == before
    with pytest.raises(UsageError, match="methods/my_idea.py in sources.json of .*my-idea"):
        package.run(methods="my-idea", results=results, progress=False)
    with pytest.raises(UsageError, match=r"^no method 'other-idea'[^.]*\. Available: [^.]*$"):
        package.run(methods="other-idea", results=results, progress=False)


def test_the_place_is_told_of_a_data_set_and_of_a_pack(made, tmp_path):
    results, _ = made
    pack(Store(results), tmp_path / "runs.tar.gz", predictions=False)
    said = where_source_lies(Store(tmp_path), UnknownPluginError("", "datasets", "tiny"))
    assert f"datasets/tiny.py in sources.json of {tmp_path / 'runs.tar.gz'}: tiny/my-idea/" in said
    assert where_source_lies(Store(tmp_path / "none"), UnknownPluginError("", "datasets", "tiny")) == ""


def held(sources):
    from bench.files import checksums

    files = {"sources.json": sources}
    return Held("run", files | {checksums.NAME: checksums.written(checksums.of(files))})


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    "place",
    [
        "/etc/passwd",
        "../mine.py",
        "methods/../../mine.py",
        "methods/.hidden",
        "",
        "a//b",
        "a\\b",
        "a\nb",
        "x" * 201,
    ],
)
def test_a_place_that_leaves_its_folder_is_refused(place):
    with pytest.raises(ValueError, match="is no place of a source file"):
        read_sources(held(json.dumps({place: {"sha256": "0" * 64, "lines": ["x"]}}).encode()))
    assert read_sources(held(written({place: b"x"}))) == {}


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"[]",
        b'{"a.py": 1}',
        b'{"a.py": {"sha256": "00", "lines": []}}',
        b'{"a.py": {"sha256": "' + b"0" * 64 + b'", "lines": [1]}}',
        b'{"a.py": {"sha256": "' + b"0" * 64 + b'", "lines": [], "run": "x"}}',
        b"[" * 100_000,
        json.dumps({f"{k}.py": {"sha256": "0" * 64, "lines": []} for k in range(201)}).encode(),
    ],
    ids=range(8),
)
def test_what_no_run_wrote_is_a_value_error_of_one_line(text):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the words differ
        read_sources(held(text))
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("unchecked_types")
def test_large_and_odd_files_are_bounded():
    found = read_sources(held(written({"a.py": b"\xff\x00x", "b.py": b"x" * MOST_TEXT, "c.py": b"y"})))
    assert found["a.py"] == "\N{REPLACEMENT CHARACTER}\x00x"
    assert found["b.py"] == found["c.py"] == "# This file is too large to travel with its run."
    assert len(read_sources(held(written({f"m{k}.py": b"" for k in range(500)})))) == 200


def test_edited_text_is_noticed_and_the_run_is_read_all_the_same(made, tmp_path):
    results = shutil.copytree(made[0], tmp_path / "copy")
    record = stored(results)
    (record.path / "sources.json").write_text("{}\n")
    assert stored(results).outcome == record.outcome
    with pytest.raises(BenchError, match=r"sources.json .*"):
        package.load_sources(results, record.spec.identity)
    (record.path / "sources.json").write_bytes(b" " * (2**23 + 1))
    with pytest.raises(BenchError, match="is larger than the 8 MiB that are read"):
        package.load_sources(results, record.spec.identity)


def test_a_pack_of_runs_without_sources_is_as_before(tmp_path):
    run(tmp_path, methods=["dummy"])
    record = stored(tmp_path)
    (record.path / "sources.json").unlink()
    checksummed(record.path)
    pack(Store(tmp_path), tmp_path / "p.tar.gz", predictions=True)
    with tarfile.open(tmp_path / "p.tar.gz") as archive:
        names = [name.rpartition("/")[2] for name in archive.getnames()]
    files = ["spec.json", "manifest.json", "epochs.csv", "curves.csv", "record.json", "SHA256SUMS", "test.parquet"]
    assert names == ["pack.json", *files]
    assert spec().identity == record.spec.identity
