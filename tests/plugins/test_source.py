"""The hash of a plugin's code: what changes it, and what does not."""

import pytest

from bench.plugins.source import code_hash

PLUGIN = '''"""A method."""

import math
import _helper
from parts import heads


class Mine:
    """It does something."""

    def loss(self):
        """Return it."""
        return math.pi * _helper.FACTOR * heads.WIDTH
'''
FILES = {
    "mine.py": PLUGIN,
    "_helper.py": "from _deeper import FACTOR\n",
    "_deeper.py": "FACTOR = 2\n",
    "parts/heads.py": "from .widths import WIDTH\n",
    "parts/widths.py": "WIDTH = 3\n",
    "other.py": "UNUSED = 1\n",
    "math.py": "pi = 3\n",  # of the name of a module of Python's own, which comes first
}


@pytest.fixture
def hashed(tmp_path):
    """Return the hash of the plugin with some files changed."""

    def of(**changed: str) -> str:
        for name, text in (
            FILES | {name.replace("__", "/") + ".py": text for name, text in changed.items()}
        ).items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        return code_hash(tmp_path / "mine.py")

    return of


@pytest.mark.parametrize(
    "changed",
    [
        {"mine": PLUGIN.replace('"""A method."""', '"""Another first line."""')},
        {"mine": PLUGIN.replace('"""It does something."""', '"""Words\n\n    and more words.\n    """')},
        {"mine": PLUGIN.replace('        """Return it."""\n', "")},
        {"mine": PLUGIN.replace("import math\n", "import math  # for its constants\n\n\n")},
        {"mine": PLUGIN.replace("math.pi * _helper.FACTOR", "(\n            math.pi * _helper.FACTOR\n        )")},
        {"_helper": '"""Factors."""\n# from a paper\nfrom _deeper import FACTOR\n'},
        {"other": "UNUSED = 2\n"},
        {"math": "pi = 4\n"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_words_layout_and_files_that_are_not_imported_do_not_count(hashed, changed):
    assert hashed(**changed) == hashed()


@pytest.mark.parametrize(
    "changed",
    [
        {"mine": PLUGIN.replace("math.pi", "math.e")},
        {"mine": PLUGIN.replace("def loss", "def losses")},
        {"mine": PLUGIN.replace("class Mine:", "class Mine(object):")},
        {"_helper": "from _deeper import FACTOR as FACTOR\nFACTOR = -FACTOR\n"},
        {"_deeper": "FACTOR = 2.0\n"},
        {"parts__widths": "WIDTH = 4\n"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_code_counts_that_of_imported_files_included(hashed, changed):
    assert hashed(**changed) != hashed()


def test_a_text_that_is_no_docstring_counts(tmp_path):
    for name, text in (("one.py", "A = 'x'\n"), ("two.py", "A = 'y'\n")):
        (tmp_path / name).write_text(text)
    first = code_hash(tmp_path / "one.py")
    (tmp_path / "one.py").write_text("A = 'y'\n")
    assert code_hash(tmp_path / "one.py") != first


def test_the_place_of_the_file_does_not_count(tmp_path):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text("A = 1\n")
    assert code_hash(tmp_path / "here" / "mine.py") == code_hash(tmp_path / "there" / "mine.py")


def test_files_that_import_each_other_are_hashed_once(tmp_path):
    (tmp_path / "mine.py").write_text("import _helper\n")
    (tmp_path / "_helper.py").write_text("import mine\n")
    assert len(code_hash(tmp_path / "mine.py")) == 12


def test_of_an_installed_plugin_the_modules_of_its_package_count(tmp_path):
    package = tmp_path / "mypackage"
    (package / "deep").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "deep/__init__.py": "",
        "deep/norm.py": "from mypackage.common import A\nfrom .. import constants\nimport elsewhere\n",
        "common.py": "A = 1\n",
        "constants.py": "B = 1\n",
    }.items():
        (package / name).write_text(text)
    (tmp_path / "elsewhere.py").write_text("C = 1\n")

    def found() -> str:
        return code_hash(package / "deep" / "norm.py", "mypackage.deep.norm")

    before = found()
    (tmp_path / "elsewhere.py").write_text("C = 2\n")
    assert found() == before
    (package / "common.py").write_text("A = 2\n")
    changed = found()
    assert changed != before
    (package / "constants.py").write_text("B = 2\n")
    assert found() not in (before, changed)
