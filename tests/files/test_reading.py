"""JSON, TOML and files from outside: what is wrong with each is one line, and nothing hangs."""

import os

import pytest

from bench.errors import UsageError
from bench.files.reading import parse_json, parse_toml, read_file, read_toml
from bench.grid.config_files import load_experiment

DEEP = 10_000
BAD_JSON = [
    ("[" * DEEP + "]" * DEEP, "nested too deeply"),
    ('{"a":' * DEEP + "1" + "}" * DEEP, "nested too deeply"),
    ("9" * 5000, "a number of 5000 digits"),
    ("-" + "9" * 5000, "a number of 5001 digits"),
    ("1e999", "too large a number"),
    ('{"a": -1e400}', "too large a number"),
    ("NaN", "NaN is no number of JSON"),
    ("[Infinity]", "Infinity is no number of JSON"),
    ("[-Infinity]", "-Infinity is no number of JSON"),
    ('{"a": 1, "a": 2}', "'a' is given twice"),
    ('"\\ud800"', "half of a surrogate pair"),
    ('{"\\udfff": 1}', "half of a surrogate pair"),
    (b"\xff\xfe{\x00}\x00", "it is not UTF-8"),
    ("", "Expecting value"),
    ('{"a": 1', "Expecting"),
    ("{'a': 1}", "Expecting property name"),
]
BAD_TOML = [
    ("a = " + "[" * DEEP + "]" * DEEP, "nested too deeply"),
    ("a = " + "{b = " * DEEP + "1" + "}" * DEEP, "nested too deeply"),
    ("[a" + ".a" * DEEP + "]", "nested too deeply"),
    ("a = " + "9" * 5000, "a number of too many digits"),
    ("a = 0x" + "f" * 5000, "a number of too many digits"),
    ("a = '\0'", "Found invalid character"),
    ("a = 1\na = 2", "Cannot overwrite a value"),
    ("a = \ud800", "Invalid value"),
    ("a", "Expected"),
]


@pytest.mark.parametrize(("text", "said"), BAD_JSON)
def test_a_json_text_that_is_none_is_one_line(text, said):
    with pytest.raises(ValueError, match=said) as raised:
        parse_json(text)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, null, true, "x"]}', {"a": [1, 2.5, None, True, "x"]}),
        (b'"\xc3\xa9 \\u00e9 \\ud83d\\ude00"', "é é 😀"),
        ("[[[[]]]]", [[[[]]]]),
        ("9" * 300, 10**300 - 1),
        ("1e300", 1e300),
        ('{"a": 1, "b": {"a": 2}}', {"a": 1, "b": {"a": 2}}),
    ],
)
def test_a_json_text_is_read_as_json_does(text, value):
    assert parse_json(text) == value


@pytest.mark.parametrize(("text", "said"), BAD_TOML)
def test_a_toml_text_that_is_none_is_one_line(text, said):
    with pytest.raises(ValueError, match=said) as raised:
        parse_toml(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("text", "said"), [case for case in BAD_TOML if "\ud800" not in case[0]])
def test_an_experiment_of_such_a_text_is_refused_by_name(tmp_path, text, said):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UsageError, match=f"mine.toml is not TOML: .*{said}") as raised:
        load_experiment(str(tmp_path / "mine.toml"))
    assert "\n" not in str(raised.value)


def test_a_file_of_another_encoding_is_no_toml(tmp_path):
    (tmp_path / "mine.toml").write_bytes("name = 'é'".encode("latin-1"))
    with pytest.raises(ValueError, match="it is not UTF-8"):
        read_toml(tmp_path / "mine.toml")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_regular_file_is_not_waited_for(tmp_path, kind):
    path = {"device": "/dev/zero"}.get(kind) or str(tmp_path / "there")
    if kind == "pipe":
        os.mkfifo(path)
    if kind == "folder":
        os.mkdir(path)  # noqa: PTH102
    with pytest.raises((ValueError, IsADirectoryError)):
        read_file(type(tmp_path)(path))


def test_no_more_of_a_file_is_read_than_may_be(tmp_path):
    path = tmp_path / "hole"
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(ValueError, match="hole is larger than the 64 MiB that are read"):
        read_file(path)
    path.write_bytes(b"x" * 10)
    assert read_file(path, most=10) == b"x" * 10
