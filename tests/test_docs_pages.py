"""The pages are true: their examples work, and what they name and link to exists."""

import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from harness import bench as command

import bench
from bench import api
from bench.plugins.registry import Registry

ROOT = Path(bench.__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
RESULTS = ROOT / "results"
DOC_PAGES = [README, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
STUDIES = sorted(path.with_name("README.md") for path in RESULTS.glob("*/runs.tar.gz"))
PAGES = [*DOC_PAGES, RESULTS / "README.md", *STUDIES]  # written by people
BLOCK = re.compile(r"```(python|sh)\n(.*?)```", re.DOTALL)
pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="not in a clone")


def named(page):
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    "page",
    ["write-a-method", "write-a-data-set", "write-a-backbone", "write-a-score", "bring-predictions", "tune"],
)
def test_a_reader_who_does_what_the_page_says_succeeds(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    blocks = BLOCK.findall((DOCS / f"{page}.md").read_text(encoding="utf-8"))
    assert len(blocks) >= 2
    for language, text in blocks:
        follow(language, text)


def test_the_examples_of_data_of_ones_own_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    text = (DOCS / "data-sets.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(text[text.index("## Arrays in a file") :])
    assert [language for language, _ in blocks] == ["python", "python", "sh", "python"]
    for language, block in blocks:
        follow(language, block)


def follow(language, text):
    """Write a block that names its file, run one that does not, run lines of shell blocks."""
    if language == "sh":
        for line in text.replace("\\\n", " ").splitlines():
            shell(line)
    elif found := re.match(r"# (\S+\.py)\n", text):
        Path(found.group(1)).parent.mkdir(parents=True, exist_ok=True)
        Path(found.group(1)).write_text(text, encoding="utf-8")
    else:
        exec(compile(text, "page", "exec"), {})


def shell(line):
    python, flag, module, *arguments = shlex.split(line)
    assert (python, flag) == ("python", "-m")
    if module == "bench":
        done = command(*arguments)
    else:
        run = [sys.executable, "-m", module, "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(run, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_the_examples_of_the_page_on_python_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall((DOCS / "python.md").read_text(encoding="utf-8"))
    assert len(blocks) >= 4
    found = {}
    for _, text in blocks:
        exec(compile(text, "python.md", "exec"), found)
    assert len(found["runs"]) == 4


def test_the_example_of_the_page_on_identity_works():
    ((_, block),) = BLOCK.findall((DOCS / "identity.md").read_text(encoding="utf-8"))[:1]
    found = {}
    exec(block, found)
    assert found["MyIdea"].version == 1


@pytest.mark.parametrize("page", ["data-sets", "noise"])
def test_the_examples_of_the_page_work(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_lines_fit_a_window(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 100] == []


def test_the_readme_leads_to_every_page():
    text = README.read_text(encoding="utf-8")
    assert [page for page in DOC_PAGES[1:] if f"({named(page)})" not in text] == []


def test_the_start_page_of_the_site_installs_as_the_readme_does():
    first = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("pip install")]
    start = (DOCS / "index.md").read_text(encoding="utf-8").splitlines()
    assert len(first) == 2
    assert [line for line in start if line.startswith("pip install")] == first


def test_the_page_on_results_leads_to_every_study():
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    studies = {path.parent.name for path in RESULTS.glob("*/runs.tar.gz")}
    assert studies
    assert {name for name in studies if f"{name}/README.md" not in text} == set()


def test_the_runs_of_the_present_protocol_are_finished_for_the_published_commands():
    text = (RESULTS / "table1-mnist-small-net" / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"# .* all (\d+) .*\npython -m bench (run .*)", text)
    assert len(commands) == 3
    for number, typed in commands:
        arguments = [arg.replace("results/", f"{RESULTS}/") for arg in shlex.split(typed)]
        assert f"{number} cells, 0 to run" in command(*arguments, "--dry-run").stdout


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r'\]\(([^)\s]+)\)|src="([^"]+)"|^\[[^\]]+\]: (\S+)$', text, re.MULTILINE)
    links = ["".join(link) for link in links]
    for place, anchor in (link.partition("#")[::2] for link in links if "://" not in link):
        target = page.parent / place if place else page
        assert target.exists(), place
        assert not anchor or anchor in anchors(target), f"{place}#{anchor}"


def anchors(page):
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=named)
def test_every_file_and_name_of_the_code_that_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    paths = re.findall(r"`((?:bench|methods|datasets|tests|examples)/[\w./-]*)", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert set(re.findall(r"bench\.api\.(\w+)", text)) <= set(api.__all__)


def test_the_page_on_architecture_tells_every_room_and_layer():
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in (ROOT / "bench").glob("*/__init__.py")}
    assert {room for room in rooms if f"| `{room}/` |" not in text} == set()
    drawn = set(re.findall(r'class="name">(\w+)<', (DOCS / "pictures" / "rooms.svg").read_text(encoding="utf-8")))
    assert drawn == rooms
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (layers,) = (each["layers"] for each in project["tool"]["importlinter"]["contracts"] if "layers" in each)
    shown = re.search(r"```text\n(commands\n.*?)```", text, re.DOTALL).group(1)
    assert [line.split()[0] for line in shown.splitlines()] == layers


def test_the_page_on_identity_tells_the_protocol():
    text = (DOCS / "identity.md").read_text(encoding="utf-8")
    assert f"It is {bench.version.PROTOCOL} now" in text
    rows = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    assert rows == [str(number) for number in range(1, bench.version.PROTOCOL + 1)]


def marks_of(method):
    """What the page on methods must mark of a method's class."""
    known = {"relabels": method.relabels, "held-out": method.needs_held_out, "told": bool(method.oracle)}
    known |= {"wraps": "inner" in inspect.signature(method).parameters, "2 views": method.two_views}
    return {mark for mark, holds in known.items() if holds}


def test_the_page_on_methods_has_each_with_its_marks():
    rows = re.findall(r"^\| ([\w-]+) \|.*\| ([\w, -]*) ?\|$", (DOCS / "methods.md").read_text(), re.MULTILINE)
    told = {name: set(filter(None, marks.strip().split(", "))) for name, marks in rows if name != "method"}
    assert told == {name: marks_of(found.load()) for name, found in Registry().all("methods").items()}
