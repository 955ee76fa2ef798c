"""A plugin imports helpers of its own folder, whatever they are called elsewhere."""

import sys

import pytest
from harness import plugin

from bench.errors import PluginError
from bench.plugins.registry import Registry

METHOD = """
from bench.api import Classifier

{imports}

class Mine(Classifier):
    found = {found}
"""


def found(folder, imports: str, expression: str):
    """The value of an expression in a plugin after its imports."""
    plugin(folder, "mine", METHOD.format(imports=imports, found=expression))
    return Registry([folder]).find("methods", "mine").load().found


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "methods" / "_parts").mkdir(parents=True)
    (tmp_path / "methods" / "_helper.py").write_text("import _other\nNUMBER = 1 + _other.NUMBER\n")
    (tmp_path / "methods" / "_other.py").write_text("NUMBER = 41\n")
    (tmp_path / "methods" / "_parts" / "heads.py").write_text("WIDTH = 7\n")
    return tmp_path


@pytest.mark.parametrize(
    ("imports", "expression", "value"),
    [
        ("import _helper", "_helper.NUMBER", 42),
        ("import _helper as h", "h.NUMBER", 42),
        ("from _helper import NUMBER", "NUMBER", 42),
        ("from ._helper import NUMBER", "NUMBER", 42),
        ("from . import _helper", "_helper.NUMBER", 42),
        ("import _parts.heads", "_parts.heads.WIDTH", 7),
        ("from _parts import heads", "heads.WIDTH", 7),
        ("from _parts.heads import WIDTH", "WIDTH", 7),
    ],
)
def test_every_form_of_import_finds_a_helper(folder, imports, expression, value):
    assert found(folder, imports, expression) == value


def test_an_import_inside_a_function_finds_a_helper_later(folder):
    source = "def later():\n    import _helper\n    return _helper.NUMBER"
    assert found(folder, source, "staticmethod(later)")() == 42


def test_two_folders_may_have_helpers_of_one_name(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "methods").mkdir()
    (other / "methods" / "_helper.py").write_text("NUMBER = 1\n")
    values = [found(each, "import _helper", "_helper.NUMBER") for each in (folder, other)]
    assert values == [42, 1]
    assert "_helper" not in sys.modules


def test_an_edited_helper_is_imported_anew(folder):
    assert found(folder, "import _helper", "_helper.NUMBER") == 42
    (folder / "methods" / "_other.py").write_text("NUMBER = 40\n")
    assert found(folder, "import _helper", "_helper.NUMBER") == 41


def test_a_helper_is_no_plugin(folder):
    plugin(folder, "mine", METHOD.format(imports="", found="0"))
    assert "mine" in Registry([folder]).all("methods")
    assert not {name for name in Registry([folder]).all("methods") if "helper" in name or "parts" in name}


def test_modules_of_python_and_of_packages_are_imported_as_ever(folder):
    (folder / "methods" / "random.py").write_text("NUMBER = 0\n")
    expression = "(random.seed(0), math.pi, torch.ones(1).item())"
    assert found(folder, "import random, math, torch", expression)[2] == 1


def test_a_helper_that_is_missing_or_broken_is_named(folder):
    with pytest.raises(PluginError, match=r"mine\.py does not import: ModuleNotFoundError: .*'_absent'"):
        found(folder, "import _absent", "0")
    (folder / "methods" / "_helper.py").write_text("raise ValueError('no luck')\n")
    with pytest.raises(PluginError, match=r"mine\.py does not import: ValueError: no luck"):
        found(folder, "import _helper", "0")
