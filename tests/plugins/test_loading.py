"""Class names of data sets, and names of plugins: what can be read and told apart."""

import pytest
from harness import PLUGINS, plugin

from bench.data.dataset import DataSet
from bench.errors import BenchError, DataError
from bench.plugins.loading import check_data_set
from bench.plugins.registry import Registry
from bench.spec import Choice, Noise
from bench.validation import validated

TINY = Registry([PLUGINS]).find("datasets", "tiny").load()


def named(*names) -> DataSet:
    data = TINY().load(None, False)
    return data._replace(class_names=names)


@pytest.mark.parametrize(
    "names",
    [
        ("a", "b", "a"),
        ("a", "b", "a "),
        ("é", "b", "e\u0301"),
        ("a", "b", ""),
        ("a", "b", "  "),
        ("a", "b", "c\n"),
        ("a", "b\x1b[31m", "c"),
        ("a", "b", "\u202ec"),
        ("a", "a\u200b", "c"),
        ("a", "b", "\udcff"),
        ("a", "b", "\u3164"),
        ("a", "b", "cat\ufe0f"),
        ("a", "b", "x" * 101),
        ("a", "b", 3),
        ("a", "b", None),
        ("a", "b", b"c"),
    ],
)
def test_class_names_that_cannot_be_read_or_told_apart_are_refused(names):
    with pytest.raises(DataError, match="^tiny: ") as found:
        check_data_set("tiny", named(*names))
    assert str(found.value).isprintable()


@pytest.mark.parametrize(
    "names",
    [
        ("T-shirt/top", "a|b", "=1+1"), ("größe", "中文", "a b"), ("a$b", "<b>", "`c`"), ("A", "a", "Á"),
        ("0", "1", "2"),
    ],
)  # fmt: skip
def test_names_of_other_signs_are_accepted(names):
    check_data_set("tiny", named(*names))


BAD = [
    "",
    "..",
    "a/b",
    "a\\b",
    "a b",
    "-a",
    ".a",
    "_a",
    "a\n",
    "a\x00",
    "a\u202e",
    "=1",
    "a|b",
    "x" * 61,
    "${a}",
    "a:b",
]
GOOD = ["rul", "mix-output", "mix_output", "größe", "airbench96", "a.b+c", "x" * 60, "2nd"]


@pytest.mark.parametrize("name", BAD)
def test_a_name_in_a_specification_is_refused_unless_it_fits_a_folder_and_a_table(name):
    for model, content in ((Choice, {"name": name, "hyperparameters": {}, "version": "1"}),
                           (Noise, {"kind": name, "rate": 0.1, "seed": 0}),
                           (Noise, {"kind": "human", "label_set": name or "..", "seed": 0})):  # fmt: skip
        with pytest.raises(BenchError, match="a name must be a letter or digit, then"):
            validated(model, content, "key")


@pytest.mark.parametrize("name", GOOD)
def test_an_ordinary_name_is_accepted(name):
    assert validated(Choice, {"name": name, "hyperparameters": {}, "version": "1"}, "key").name == name
    assert validated(Noise, {"kind": name, "rate": 0.1, "seed": 0}, "key").kind == name


@pytest.mark.parametrize("stem", ["x" * 61, "my idea", "a'b", "a\u200bb"])
def test_a_plugin_s_file_of_another_name_is_named(stem, tmp_path):
    plugin(tmp_path, stem, "from bench.api import Method\n\n\nclass Mine(Method):\n    version = 1\n")
    with pytest.raises(BenchError, match="must be a letter or digit|may hold letters"):
        Registry([tmp_path]).find("methods", stem).load()
