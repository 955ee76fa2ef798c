"""Folders of plugins: those of BENCH_PLUGINS, and those given, which win."""

import os

import pytest
from harness import DUMMY, bench, plugin

from bench.errors import UsageError
from bench.plugins.plugin_folders import plugin_folders
from bench.plugins.registry import Registry


def test_the_variable_names_folders_as_a_path_does_and_those_given_win(tmp_path, monkeypatch):
    one, two, three = (plugin(tmp_path / name, "mine", DUMMY) for name in ("one", "two", "three"))
    monkeypatch.setenv("BENCH_PLUGINS", f"{one}{os.pathsep}{os.pathsep} {two} ")
    assert plugin_folders([three]) == [one, two, three]
    assert Registry(plugin_folders([three])).find("methods", "mine").path.is_relative_to(three)
    assert Registry(plugin_folders()).find("methods", "mine").path.is_relative_to(two)


@pytest.mark.parametrize("empty", ["", " ", os.pathsep])
def test_an_empty_value_means_none(monkeypatch, empty):
    monkeypatch.setenv("BENCH_PLUGINS", empty)
    assert plugin_folders() == []
    monkeypatch.delenv("BENCH_PLUGINS")
    assert plugin_folders() == []


def test_a_folder_that_is_missing_or_holds_no_plugins_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_PLUGINS", str(tmp_path / "gone"))
    with pytest.raises(UsageError, match=r"^BENCH_PLUGINS: there is no folder .*gone$"):
        plugin_folders()
    monkeypatch.setenv("BENCH_PLUGINS", str(tmp_path))
    with pytest.raises(
        UsageError, match="^BENCH_PLUGINS: .* no folder methods/, datasets/, backbones/ or scores/$"
    ):
        plugin_folders()


def test_commands_find_the_plugins_that_the_variable_names(tmp_path):
    folder = plugin(tmp_path, "mine", DUMMY)
    assert "mine " in bench("list", "methods", BENCH_PLUGINS=str(folder)).stdout
    done = bench("list", BENCH_PLUGINS=str(tmp_path / "gone"))
    assert (done.returncode, done.stderr) == (2, f"error: BENCH_PLUGINS: there is no folder {tmp_path / 'gone'}\n")
