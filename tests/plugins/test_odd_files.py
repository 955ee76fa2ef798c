"""Files that editors, systems and accidents leave among plugins and presets: no hang, no end."""

import os
import shutil
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from harness import DUMMY, bench, unreadable

from bench.errors import Note, PluginError, UsageError
from bench.grid import config_files
from bench.plugins.registry import Registry

METHOD = '"""Mine."""\nfrom bench.plugins.method import Method\n\n\nclass Mine(Method):\n    pass\n'


def editors_lock(place):
    place.with_name(f".#{place.name}").symlink_to("someone@host.1234:567")


def shadow(place):
    place.with_name(f"._{place.name}").write_bytes(b"\0\x05\x16\x07")


def removed_file(place):
    place.with_name(".nfs00000000deadbeef").write_bytes(b"\xff")


def finders_note(place):
    place.with_name(".DS_Store").write_bytes(b"\0\0\0\1Bud1")


def folder(place):
    place.mkdir()


def pipe(place):
    os.mkfifo(place)


def link_to_nothing(place):
    place.symlink_to("gone.py")


def circle(place):
    place.symlink_to(place.name)


def socket(place):
    os.mknod(place, 0o140644)


def bytes_in_the_name(place):
    (Path(os.fsdecode(os.fsencode(place.parent) + b"/\xff\xfe")).with_suffix(place.suffix)).write_text("x = 1")


def line_in_the_name(place):
    place.with_name(f"a\nb{place.suffix}").write_text("x = 1")


IGNORED = [editors_lock, shadow, removed_file, finders_note, folder, pipe, link_to_nothing, circle, socket]
IGNORED += [bytes_in_the_name, line_in_the_name]
NAMED = [folder, pipe, link_to_nothing, circle, socket]


@pytest.fixture
def ideas(tmp_path):
    for kind in ("methods", "datasets"):
        (tmp_path / "ideas" / kind).mkdir(parents=True)
    (tmp_path / "ideas" / "methods" / "mine.py").write_text(METHOD)
    return tmp_path / "ideas"


@pytest.mark.parametrize("kind", ["methods", "datasets"])
@pytest.mark.parametrize("odd", IGNORED)
def test_what_is_no_visible_regular_file_is_no_plugin(ideas, kind, odd):
    before, files = list(Registry([ideas]).all(kind)), Registry([ideas]).files()
    odd(ideas / kind / "odd.py")
    assert list(Registry([ideas]).all(kind)) == before
    assert Registry([ideas]).files() == files


@pytest.mark.parametrize("odd", NAMED)
def test_who_asks_for_one_is_told_its_file(ideas, odd):
    odd(ideas / "methods" / "odd_one.py")
    path = ideas / "methods" / "odd_one.py"
    with pytest.raises(UsageError, match=f"no method 'odd-one': {path} is a folder, a link to nothing or a pipe"):
        Registry([ideas]).find("methods", "odd-one")


def test_all_at_once_leave_the_list_whole(ideas):
    for number, odd in enumerate(IGNORED):
        odd(ideas / "methods" / f"odd{number}.py")
    done = bench("list", "methods", "--plugins", str(ideas))
    assert (done.returncode, done.stderr) == (0, "")
    assert "mine " in done.stdout
    assert "odd" not in done.stdout


UNREADABLE = {
    "bytes": (b"\xff\xfe\0", "(does not parse: "),
    "deep": (b"(" * 500, "(does not parse: "),
    "deeper": (b"x = " + b"-" * 200_000 + b"1", "(does not parse: "),
    "nested": (b"x = " + b"[" * 90 + b"]" * 90 + b"\nif", "(does not parse: "),
    "codec": (b"# coding: no-such\n", "(does not parse: "),
    "surrogate": (b'"""An \\ud800 idea."""\n', "An ? idea."),
    "nothing": (b"", "(no description)"),
    "blank": (b'"""  \n """\n', "(no description)"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_file_that_does_not_parse_is_listed_with_the_reason(ideas, kind):
    content, said = UNREADABLE[kind]
    (ideas / "methods" / "odd.py").write_bytes(content)
    summary = Registry([ideas]).find("methods", "odd").summary
    assert summary.startswith(said)
    assert summary.isprintable()
    with pytest.raises(PluginError, match=r"odd\.py"):
        Registry([ideas]).find("methods", "odd").load()


def test_a_file_that_may_not_be_read_is_listed_with_the_reason(ideas):
    plugin = Registry([ideas]).find("methods", "mine")
    with unreadable(plugin.path):
        assert plugin.summary == "(cannot be read: Permission denied)"
        with pytest.raises(PluginError, match=r"mine\.py does not import: PermissionError"):
            plugin.load()


def test_an_editors_lock_makes_no_module_of_a_folder(ideas):
    """`import torch` of a plugin stays torch where a folder of that name holds no module."""
    (ideas / "methods" / "torch").mkdir()
    for odd in (editors_lock, pipe, link_to_nothing):
        odd(ideas / "methods" / "torch" / f"{odd.__name__}.py")
    (ideas / "methods" / "dummy.py").write_text(DUMMY)
    assert Registry([ideas]).find("methods", "dummy").load().__name__ == "Dummy"


def test_plugins_that_go_round_in_circles_are_no_folder(tmp_path):
    circle(tmp_path / "ideas")
    with pytest.raises(UsageError, match=f"--plugins: there is no folder {tmp_path / 'ideas'}"):
        Registry([tmp_path / "ideas"])


@pytest.mark.parametrize("source", ["raise RuntimeError('no')", "def (", "exit(3)", "import no_such_package"])
def test_a_package_that_breaks_on_import_costs_only_its_own_plugins(tmp_path, monkeypatch, source):
    (tmp_path / "their_broken").mkdir()
    (tmp_path / "their_broken" / "__init__.py").write_text(source)
    (tmp_path / "their_broken" / "idea.py").write_text(METHOD)
    monkeypatch.syspath_prepend(tmp_path)
    entries = EntryPoints([EntryPoint("idea", "their_broken.idea", "bench.methods")])
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: entries)
    with pytest.warns(Note, match=r"plugin idea is left out: its module their_broken\.idea is not there"):
        assert "baseline" in Registry().all("methods")


# ---- presets and experiments ---------------------------------------------------------------------


@pytest.fixture
def tables(tmp_path, monkeypatch):
    for name in ("presets", "experiments"):
        shutil.copytree(getattr(config_files, name.upper()), tmp_path / name)
        monkeypatch.setattr(config_files, name.upper(), tmp_path / name)
    monkeypatch.setattr("bench.commands.list.GRID", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["presets", "experiments"])
@pytest.mark.parametrize("odd", IGNORED)
def test_odd_files_among_presets_and_experiments_are_none(tables, name, odd, capsys):
    from bench.commands.list import show

    odd(tables / name / "odd.toml")
    (tables / name / "empty.toml").write_bytes(b"")
    (tables / name / "latin.toml").write_bytes(b"# caf\xe9\n")
    show(name, [])
    out = capsys.readouterr().out
    assert "odd" not in out
    assert "empty" in out
    assert "caf\ufffd" in out
    load = config_files.load_preset if name == "presets" else config_files.load_experiment
    with pytest.raises(UsageError, match=rf"no {name[:-1]} 'odd'\.") as raised:
        load("odd")
    assert "#odd" not in str(raised.value)
