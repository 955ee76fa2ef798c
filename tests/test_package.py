"""What users install: the wheel holds the plugins, and the documents are true."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from harness import bench as command

import bench

ROOT = Path(bench.__file__).parents[1]
pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="not in a clone")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_has_one_package_with_the_plugins_inside(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"bench"}
    plugins = ("methods/rul.py", "datasets/digits.py", "datasets/digits.toml")
    for part in (*plugins, "grid/presets/quick.toml", "commands/templates/methods.txt"):
        assert f"bench/{part}" in names


def test_plugins_are_found_where_the_wheel_is_installed(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "not_ours.py").write_text("raise RuntimeError")
    shown = subprocess.run(
        [sys.executable, "-m", "bench", "list"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "mix-output" in shown.stdout
    assert "cifar10" in shown.stdout
    assert "not-ours" not in shown.stdout


def test_version_is_the_same_everywhere():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == bench.__version__
    assert f"## {bench.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_ci_runs_the_two_commands_of_the_readme():
    block = re.search(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    commands = [line for line in block.group(1).splitlines() if line and not line.startswith("#")]
    assert len(commands) == 2
    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in ci if line in commands] == commands


def test_every_option_that_the_documents_show_exists():
    commands = [
        "run",
        "tune",
        "predict",
        "report",
        "compare",
        "table",
        "figure",
        "list",
        "merge",
        "pack",
        "status",
        "check",
        "new",
        "import",
    ]
    shown = "".join(command(name, "--help").stdout for name in commands)
    documents = "".join(path.read_text() for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")))
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", documents))
    others = {"--version", "--help", "--head", "--node-ip-address", "--generate"}  # the last are Ray's
    others |= {"--logdir", "--backend-store-uri"}  # of trackers
    assert {option for option in options if option not in shown} <= others


def test_the_page_on_the_supplement_names_every_experiment():
    page = (ROOT / "docs" / "supplement.md").read_text()
    experiments = {path.stem for path in (ROOT / "bench" / "grid" / "experiments").glob("*.toml")}
    assert {name for name in experiments if f"`{name}`" not in page} == set()
    assert set(re.findall(r"--experiment ([\w-]+)", page)) <= experiments


def test_every_link_between_documents_leads_somewhere():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "results").glob("**/README.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_the_constraints_name_every_direct_dependency():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.match(r"[\w-]+", line).group() for line in declared}
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line}
    assert names <= pinned
