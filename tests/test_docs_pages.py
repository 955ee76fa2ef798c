"""Every example of the pages on plugins works, in the order in which it stands."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from harness import bench as command

import bench

DOCS = Path(bench.__file__).parents[1] / "docs"
BLOCK = re.compile(r"```(python|sh)\n(.*?)```", re.DOTALL)
pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="not in a clone")


@pytest.mark.parametrize("page", ["write-a-method", "write-a-data-set"])
def test_a_reader_who_does_what_the_page_says_succeeds(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(DOCS.parent))
    blocks = BLOCK.findall((DOCS / f"{page}.md").read_text())
    assert len(blocks) >= 3
    for language, text in blocks:
        follow(language, text)


def follow(language, text):
    """Write a block that names its file, run one that does not, and run each line of a shell block."""
    if language == "sh":
        for line in text.splitlines():
            shell(line)
    elif named := re.match(r"# (\S+\.py)\n", text):
        Path(named.group(1)).write_text(text)
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
