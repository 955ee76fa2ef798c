"""A command line of the wrong form ends in one line, like every other error."""

import pytest
from harness import bench

WRONG = [
    (["run", "--sedes", "0"], "No such option: --sedes", "--seeds"),
    (["compare", "--metric"], "--metric", "argument"),
    (["run", "-x"], "No such option", "-x"),
    (["run", "--dry-run=3"], "--dry-run", "value"),
    (["run", "extra"], "extra", "bench run --help"),
    (["rn"], "rn", "'run'"),
    (["--nosuch"], "--nosuch", "bench --help"),
    (["new", "method"], "name", "bench new --help"),
    (["pack"], "target", "bench pack --help"),
    (["merge"], "others", "bench merge --help"),
    (["check"], "target", "bench check --help"),
    (["import"], "file", "bench import --help"),
    (["compare", "a", "b"], "a b", "bench compare --help"),
    (["list", "methods", "\x1b[31mred\nline"], "\\x1b[31mred", "bench list --help"),
    (["run", "--\u202enoise", "0"], "No such option", "\\u202e"),
    (["status", "--results"], "--results", "argument"),
]


@pytest.mark.parametrize(("arguments", "what", "hint"), WRONG)
def test_one_line_says_what_was_wrong_and_where_help_is(arguments, what, hint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = bench(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert done.stderr.rstrip("\n").isprintable()
    assert what in done.stderr
    assert hint in done.stderr


def test_no_words_at_all_show_the_help():
    done = bench()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == bench("--help").stdout
