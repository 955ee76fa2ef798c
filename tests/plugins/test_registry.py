import importlib.metadata
import re
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from harness import PLUGINS, plugin

from bench.errors import PluginError, UsageError
from bench.plugins.method import Method
from bench.plugins.registry import Registry

SIX = {"baseline", "scn", "dul", "rul", "mix-output", "loss-attention"}
METHOD = "from bench.plugins.method import Method\n\nclass {}(Method):\n    pass\n"


def test_the_folders_hold_the_six_methods_and_the_data_sets():
    registry = Registry()
    assert set(registry.all("methods")) >= SIX
    assert set(registry.all("datasets")) >= {"digits", "mnist", "fashion-mnist", "cifar10", "folder"}


def test_the_file_stem_is_the_name_with_dashes():
    assert Registry().find("methods", "mix-output").path.name == "mix_output.py"


def test_a_plugin_loads_its_one_class(tmp_path):
    plugin(tmp_path, "mine", METHOD.format("Mine"))
    cls = Registry([tmp_path]).find("methods", "mine").load()
    assert cls.__name__ == "Mine"
    assert issubclass(cls, Method)


def test_a_folder_given_replaces_a_built_in_plugin_of_the_same_name(tmp_path):
    plugin(tmp_path, "rul", METHOD.format("OtherRul"))
    assert Registry([tmp_path]).find("methods", "rul").load().__name__ == "OtherRul"


def test_an_unknown_method_is_a_usage_error_with_a_guess():
    with pytest.raises(UsageError, match=r"no method 'rull'\. Did you mean 'rul'"):
        Registry().find("methods", "rull")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "import no_such_package",
            "does not import: ModuleNotFoundError: No module named 'no_such_package' .mine.py:1.",
        ),
        ("def broken(:", "does not import: SyntaxError"),
        ("x = 1", r"defines 0 \(none\)"),
        ("class Mine:\n    pass", r"defines 0 \(Mine is none\)"),
        (METHOD.format("A") + METHOD.format("B"), r"defines 2 \(A and B\)"),
    ],
)
def test_a_file_that_is_no_plugin_is_named_with_the_reason(tmp_path, source, said):
    plugin(tmp_path, "mine", source)
    with pytest.raises(PluginError, match=said) as raised:
        Registry([tmp_path]).find("methods", "mine").load()
    assert "mine.py" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_without_plugin_folders_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no folder methods/, datasets/, backbones/ or scores/"):
        Registry([tmp_path])


def test_an_extra_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=f"there is no folder {tmp_path / 'absent'}"):
        Registry([tmp_path / "absent"])


def test_listing_reads_the_summary_without_importing(tmp_path):
    plugin(tmp_path, "mine", '"""My idea.\n\nMore."""\nraise RuntimeError("imported")\n')
    assert Registry([tmp_path]).find("methods", "mine").summary == "My idea."


def version(folder, declared: str) -> str:
    plugin(folder, "mine", METHOD.format("Mine") + declared)
    return Registry([folder]).find("methods", "mine").version


def test_a_plugin_that_declares_no_version_has_that_of_its_code(tmp_path):
    before = version(tmp_path, "")
    assert re.fullmatch("code:[0-9a-f]{12}", before)
    assert version(tmp_path, "# a comment\n") == before
    assert version(tmp_path, "CHANGED = True\n") != before


def test_a_declared_version_stands_for_the_code(tmp_path):
    assert version(tmp_path, "    version = 2\n") == version(tmp_path, "    version = 2\nCHANGED = 1\n") == "2"


def test_a_version_is_declared_by_each_plugin_for_itself(tmp_path):
    plugin(tmp_path, "_base", METHOD.format("Base") + "    version = 3\n")
    plugin(tmp_path, "mine", "from _base import Base\n\n\nclass Mine(Base):\n    pass\n")
    assert Registry([tmp_path]).find("methods", "mine").version.startswith("code:")


@pytest.mark.parametrize("declared", ["0", "-1", "True", "1.0", "'1'", "'code:1'"])
def test_a_version_is_a_whole_number_from_one(tmp_path, declared):
    with pytest.raises(PluginError, match=r"mine\.py: version is .*, must be a whole number from 1"):
        version(tmp_path, f"    version = {declared}\n")


def test_an_installed_package_offers_plugins_through_entry_points(tmp_path, monkeypatch):
    (tmp_path / "their_package.py").write_text('"""Their idea."""\n' + METHOD.format("Theirs"))
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("their_idea", "their_package", "bench.methods")
    found = {"bench.methods": EntryPoints([entry])}
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: found.get(group, EntryPoints()))
    theirs = Registry().find("methods", "their-idea")
    assert theirs.summary == "Their idea."
    assert theirs.load().__name__ == "Theirs"


def test_an_installed_plugin_may_import_its_neighbours(tmp_path, monkeypatch):
    package = tmp_path / "neighbourly"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "helper.py").write_text("NAME = 'helped'\n")
    (package / "idea.py").write_text("from .helper import NAME\n" + METHOD.format("Idea"))
    monkeypatch.syspath_prepend(tmp_path)
    entries = EntryPoints([EntryPoint("idea", "neighbourly.idea", "bench.methods")])
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries)
    assert Registry().find("methods", "idea").load().__name__ == "Idea"


def test_an_entry_point_without_its_module_costs_only_itself(monkeypatch):
    entries = EntryPoints([EntryPoint("gone", "no_such_package.module", "bench.methods")])
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries)
    with pytest.warns(
        UserWarning, match=r"plugin gone is left out: its module no_such_package\.module is not there"
    ):
        assert set(Registry().all("methods")) >= SIX


def test_a_recipe_is_the_toml_file_beside_the_data_set():
    assert Registry([PLUGINS]).find("datasets", "tiny").recipe == PLUGINS / "datasets" / "tiny.toml"
    assert Registry([PLUGINS]).find("methods", "dummy").recipe is None


def test_loading_plugins_takes_no_module_name_that_a_library_may_use():
    program = """
import sys
from bench.plugins.registry import Registry
Registry().find("datasets", "digits").load()
Registry().find("methods", "rul").load()
assert not {"datasets", "digits", "methods", "rul"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
