"""Files of noisy labels: what is read, in which forms, and the one line for each that is not."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.data.dataset import DataSet, Split
from bench.data.imbalance import long_tailed
from bench.data.label_files import content_of, label_file, labels_of, parsed, with_labels
from bench.errors import NOT_LOADED, UsageError

CLASSES = ("cat", "dog", "bird")
TRUE = np.arange(12) % 3
GIVEN = (TRUE + (np.arange(12) % 4 == 0)) % 3
NAMES = [f"{CLASSES[label]}/{k:02}.png" for k, label in enumerate(TRUE)]


def data_of(classes=CLASSES, names=NAMES):
    split = Split(torch.zeros(12, 1, 2, 2, dtype=torch.uint8), torch.from_numpy(TRUE))
    file_names = None if names is None else lambda: names
    return DataSet(split, split, classes, lambda x, _: x, lambda x: [x], file_names=file_names)


@pytest.fixture(autouse=True)
def _there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(text, data=None):
    file = label_file(text)
    return labels_of(file, content_of(file), data or data_of())


def table(rows, name="labels.csv"):
    Path(name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return name


def in_order(labels=GIVEN):
    return [str(label) for label in labels]


def beside(images, labels=GIVEN):
    return [f"{image},{label}" for image, label in zip(images, labels, strict=True)]


# ---- arrays --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["i1", "u1", "<i2", ">i4", "<i8", "u8"])
def test_an_array_of_any_whole_numbers_is_read(kind):
    np.save("noisy.npy", GIVEN.astype(kind))
    found = read("noisy.npy")
    assert found.dtype == np.int64
    assert (found == GIVEN).all()


CONTENTS = {
    "tensor": torch.from_numpy(GIVEN),
    "tensor of bytes": torch.from_numpy(GIVEN).to(torch.uint8),
    "array": GIVEN,
    "dictionary of one": {"noisy": GIVEN, "rate": 0.25, "note": "ours"},
    "dictionary of a tensor": {"noisy": torch.from_numpy(GIVEN).int()},
}


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".PT"])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_file_of_torch_with_one_array_is_read(content, suffix):
    torch.save(content, f"noisy{suffix}")
    assert (read(f"noisy{suffix}") == GIVEN).all()


def test_of_several_arrays_one_is_named():
    torch.save({"clean_label": TRUE, "worse_label": GIVEN}, "people.pt")
    assert (read("people.pt:worse_label") == GIVEN).all()
    assert (read("people.pt:clean_label") == TRUE).all()


def test_a_file_as_numpy_1_pickled_it_is_read():
    torch.save({"worse_label": GIVEN}, "people.pt", pickle_protocol=2)
    raw = Path("people.pt").read_bytes()
    assert b"numpy" in raw
    assert (read("people.pt") == GIVEN).all()


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("made",)


def test_a_pickle_that_says_to_run_something_is_refused_and_runs_nothing():
    torch.save({"labels": GIVEN, "more": Harmful()}, "bad.pt")
    np.save("bad.npy", np.array([Harmful()]), allow_pickle=True)
    for name in ("bad.pt", "bad.npy"):
        with pytest.raises(UsageError) as refused:
            read(name)
        assert str(refused.value) == f"--noise file:{Path(name).absolute()}: {NOT_LOADED}"
    assert not Path("made").exists()


BAD_ARRAYS = {
    "floats": (GIVEN / 2, "labels must be whole numbers (n,), got float64 (12,)"),
    "whole floats": (GIVEN.astype("f4"), "labels must be whole numbers (n,), got float32 (12,)"),
    "NaN": (np.full(12, np.nan), "labels must be whole numbers (n,), got float64 (12,)"),
    "flags": (GIVEN > 0, "labels must be whole numbers (n,), got bool (12,)"),
    "text": (np.array(["cat"] * 12), "labels must be whole numbers (n,), got <U3 (12,)"),
    "one-hot": (np.eye(3, dtype=int)[GIVEN], "labels must be whole numbers (n,), got int64 (12, 3)"),
    "a number": (np.array(3), "labels must be whole numbers (n,), got int64 ()"),
    "none": (np.empty(0, dtype=int), "the file holds no label"),
    "too few": (GIVEN[:11], "11 labels, must be 12, one for each training image"),
    "too many": (np.append(GIVEN, 0), "13 labels, must be 12, one for each training image"),
    "too large": (np.append(GIVEN[:11], 3), "label 3 of image 11 is outside 0–2"),
    "negative": (np.append(-1, GIVEN[1:]), "label -1 of image 0 is outside 0–2"),
    "from one": (GIVEN + 1, "label 3 of image 2 is outside 0–2"),
    "huge": (np.full(12, 2**64 - 1, dtype=np.uint64), "label 18446744073709551615 of image 0 is outside 0–2"),
}


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(("array", "said"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_an_array_that_holds_no_labels_of_the_data_set_is_refused(array, said):
    np.save("noisy.npy", array)
    with pytest.raises(UsageError) as refused:
        read("noisy.npy")
    assert str(refused.value) == f"--noise file:{Path('noisy.npy').absolute()}: {said}"


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"a": TRUE, "b": GIVEN}, ": name one of its arrays, as file:PATH:KEY, of a, b"),
        ({}, ": name one of its arrays, as file:PATH:KEY, of none"),
        ([1, 2, 0], ": must hold an array of labels, got list"),
        ({"a": torch.zeros(12)}, ": labels must be whole numbers (n,), got float32 (12,)"),
        (torch.zeros(12, dtype=torch.bfloat16), ": labels must be whole numbers (n,), got float32 (12,)"),
    ],
)
def test_what_torch_reads_but_is_no_array_of_labels_is_refused(content, said):
    torch.save(content, "noisy.pt")
    with pytest.raises(UsageError) as refused:
        read("noisy.pt")
    assert str(refused.value) == f"--noise file:{Path('noisy.pt').absolute()}{said}"


def test_a_key_that_fits_nothing_is_told():
    torch.save({"worse_label": GIVEN, "clean": TRUE}, "two.pt")
    torch.save(GIVEN, "one.pt")
    np.save("one.npy", GIVEN)
    for text, said in {
        "two.pt:worse": "no array 'worse'. Did you mean 'worse_label'? Available: clean, worse_label",
        "one.pt:worse": "the file holds one array, without a key; leave the key out",
        "one.npy:worse": "only .pt and .pth files have arrays by name",
        "two.pt:": "a key must be a letter or digit",
        "two.pt:a key": "a key must be a letter or digit",
    }.items():
        with pytest.raises(UsageError) as refused:
            read(text)
        assert said in str(refused.value)


@pytest.mark.parametrize("name", ["noisy.npy", "noisy.pt", "noisy.csv"])
@pytest.mark.parametrize("content", [b"\x93NUMPY\x01\x00 what", b"\xff\xfe\x00nonsense", b"PK\x03\x04", b"a\0b\n"])
def test_a_damaged_file_is_one_line(name, content):
    Path(name).write_bytes(content)
    with pytest.raises(UsageError, match=rf"^--noise file:\S*{name}(, line 1)?: [^\n]+$"):
        read(name)


# ---- tables --------------------------------------------------------------------------------------

TABLES = {
    "numbers": in_order(),
    "numbers under a header": ["noisy_label", *in_order()],
    "names": [CLASSES[k] for k in GIVEN],
    "names under a header": ["label", *(CLASSES[k] for k in GIVEN)],
    "spaces, blank lines, a byte order mark": ["\ufeff 1 ", "", *in_order()[1:], ""],
    "quotes": [f'"{label}"' for label in in_order()],
    "leading zeros": [f"0{label}" for label in in_order()],
    "beside indices": beside(range(12)),
    "beside indices in another order": beside(range(12))[::-1],
    "beside indices, under a header": ["index,label", *beside(range(12))],
    "beside indices with leading zeros": beside([f"{k:03}" for k in range(12)]),
    "beside file names": beside(NAMES),
    "beside file names in another order": beside(NAMES)[::-1],
    "names of classes beside file names": ["file,class", *beside(NAMES, [CLASSES[k] for k in GIVEN])],
    "beside names of Windows": beside([name.replace("/", "\\") for name in NAMES]),
    "beside names from here": beside([f"./{name}" for name in NAMES]),
}


@pytest.mark.parametrize("rows", TABLES.values(), ids=TABLES)
def test_a_table_is_read_in_each_of_its_forms(rows):
    found = read(table(rows))
    assert found.dtype == np.int64
    assert found.tolist() == GIVEN.tolist()


def test_lines_of_windows_are_read():
    Path("labels.csv").write_bytes("\r\n".join(in_order()).encode())
    assert (read("labels.csv") == GIVEN).all()


def test_classes_that_are_called_by_their_own_numbers_are_no_riddle():
    assert (read(table(in_order()), data_of(("0", "1", "2"))) == GIVEN).all()


def test_classes_that_are_called_by_other_numbers_are_told_apart_or_refused():
    from_one = ("1", "2", "3")
    assert (read(table(in_order(GIVEN + 1)), data_of(from_one)) == GIVEN).all()  # "3" can only be a name
    assert (read(table(in_order()), data_of(from_one)) == GIVEN).all()  # "0" can only be a number
    with pytest.raises(UsageError, match=r"labels such as 1 may be names of classes or their numbers from 0; "):
        read(table(["1", "2"] * 6), data_of(from_one))


def changed(rows, place, row):
    return [*rows[:place], row, *rows[place + 1 :]]


BAD_TABLES = {
    "too few": (in_order()[:11], ": 11 labels, must be 12, one for each training image"),
    "too few under a header": (["label", *in_order()[:9]], ": 9 labels, must be 12, one for each training image"),
    "too many": ([*in_order(), "1"], ": 13 labels, must be 12, one for each training image"),
    "too large": (changed(in_order(), 4, "3"), ", line 5: label 3 is outside 0–2"),
    "negative": (changed(in_order(), 4, "-1"), ", line 5: label -1 is outside 0–2"),
    "a float": (changed(in_order(), 4, "1.0"), ", line 5: label 1.0 is no whole number from 0 to 2"),
    "NaN": (changed(in_order(), 4, "nan"), ", line 5: label nan is no whole number from 0 to 2"),
    "empty": (changed(beside(range(12)), 4, "4,"), ", line 5: the label is empty"),
    "a class that is none": (
        changed([CLASSES[k] for k in GIVEN], 4, "brid"),
        ", line 5: no class 'brid'. Did you mean 'bird'? Available: bird, cat, dog",
    ),
    "names and numbers": (
        changed(in_order(), 4, "dog"),
        ": labels are names of classes or numbers, not both in one column",
    ),
    "three columns": ([f"{row},0.9" for row in beside(range(12))], ", line 1: 3 columns, must be one column of"),
    "one more column": (
        changed(in_order(), 4, "1,2"),
        ", line 5: 2 columns, must be one column of labels, or",
    ),
    "an image twice": (
        ["index,label", *changed(beside(range(12)), 4, "3,1")],
        ": the image 3 is given twice, in lines 5 and 6",
    ),
    "an image that is missing": (
        beside(range(12))[:5] + beside(range(12))[6:],
        ": 11 labels, must be 12, one for each training image; 5 is the first without one",
    ),
    "an index that is none": (
        changed(beside(range(12)), 4, "12,1"),
        ", line 5: there is no training image '12'; must be 0 to 11",
    ),
    "a file twice": (
        changed(beside(NAMES), 4, beside(NAMES)[0]),
        ": the image cat/00.png is given twice, in lines 1 and 5",
    ),
    "a file that is missing": (
        beside(NAMES)[:11],
        ": 11 labels, must be 12, one for each training image; bird/11.png is the first without one",
    ),
    "a file that is none": (
        changed(beside(NAMES), 4, "cat/99.png,1"),
        ", line 5: there is no training image 'cat/99.png'; names are relative to train/, as cat/00.png",
    ),
    "no row": ([""], ": the table has no row"),
    "an open quote": (changed(in_order(), 4, '"1'), ": the file is no CSV table: "),
}


@pytest.mark.parametrize(("rows", "said"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_a_table_that_does_not_fit_is_refused(rows, said):
    with pytest.raises(UsageError) as refused:
        read(table(rows))
    assert str(refused.value).startswith(f"--noise file:{Path('labels.csv').absolute()}{said}")


def test_file_names_for_images_without_are_refused():
    with pytest.raises(UsageError, match="images of this data set have no file names; number them from 0"):
        read(table(beside(NAMES)), data_of(names=None))


# ---- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("noisy.npy", "noisy"),
        ("a, b.npy", "a--b"),
        ("a:b.npy", "a-b"),
        ("C:\\labels\\worse (2).npy", "worse--2-"),
        ("_hidden.npy", "hidden"),
        ("…~.npy", "labels"),
        ("répété.npy", "répété"),
        ("x.pt:y.npy", "x.pt-y"),
        ("l" * 90 + ".npy", "l" * 40),
    ],
)
def test_the_path_is_all_up_to_the_suffix(name, stem):
    np.save(name, GIVEN)
    file = label_file(name)
    assert (file.path, file.key, file.stem) == (str(Path(name).absolute()), None, stem)
    assert (read(name) == GIVEN).all()


def test_a_key_follows_a_path_with_colons():
    Path("C:").mkdir()
    torch.save({"a": TRUE, "b": GIVEN}, "C:/x:y.pt")
    file = label_file("C:/x:y.pt:b")
    assert (file.path, file.key, file.stem) == (str(Path("C:/x:y.pt").absolute()), "b", "x-y")


def test_a_home_folder_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    np.save("home/noisy.npy", GIVEN)
    assert label_file("~/noisy.npy").path == str(tmp_path / "home" / "noisy.npy")
    with pytest.raises(UsageError, match="there is no home folder ~nobody-here"):
        label_file("~nobody-here/noisy.npy")


def test_the_hash_is_that_of_the_content_wherever_it_lies():
    np.save("one.npy", GIVEN)
    Path("two.npy").write_bytes(Path("one.npy").read_bytes())
    assert label_file("one.npy").source == label_file("two.npy").source
    assert label_file("one.npy").source == hashlib.sha256(Path("one.npy").read_bytes()).hexdigest()[:12]


@pytest.mark.parametrize("text", ["", "labels", "labels.txt", "labels.npz", "a", ".npy", "labels.npy.gz"])
def test_another_suffix_is_refused_with_those_that_are_read(text):
    with pytest.raises(UsageError) as refused:
        label_file(text)
    assert str(refused.value) == (
        f"--noise file:{text}: must be file:PATH or file:PATH:KEY with a path that ends in .npy, .pt, .pth, .csv; "
        f"a path with a comma belongs into a list, of Python or TOML"
    )


def test_what_is_no_readable_file_is_one_line():
    Path("folder.npy").mkdir()
    Path("empty.npy").touch()
    os.mkfifo("pipe.npy")
    Path("loop.npy").symlink_to("loop.npy")
    for name, said in {
        "absent.npy": "there is no such file",
        "folder.npy": "it is a folder, must be a file of labels",
        "empty.npy": "the file is empty",
        "pipe.npy": "pipe.npy is no regular file",
        "loop.npy": "it cannot be read: ",
        "l" * 300 + ".npy": "it cannot be read: File name too long",
    }.items():
        with pytest.raises(UsageError) as refused:
            label_file(name)
        assert str(refused.value).startswith(f"--noise file:{name}: {said}")
    with pytest.raises(UsageError, match="the path must be of printable characters"):
        label_file("a\nb.npy")


def test_a_file_that_changed_or_went_meanwhile_is_told():
    np.save("noisy.npy", GIVEN)
    file = label_file("noisy.npy")
    np.save("noisy.npy", TRUE)
    with pytest.raises(UsageError, match="the file has changed since this run was asked for"):
        content_of(file)
    Path("noisy.npy").unlink()
    with pytest.raises(UsageError, match="there is no such file"):
        content_of(file)


# ---- data sets -----------------------------------------------------------------------------------


def test_labels_are_those_of_the_whole_training_part_of_which_a_long_tail_takes_its_own():
    np.save("noisy.npy", GIVEN)
    drawn = long_tailed(data_of(), 0.25)
    assert len(drawn.train.labels) < 12
    assert (read("noisy.npy", drawn) == GIVEN[drawn.drawn.places]).all()
    assert (read(table(beside(NAMES)), drawn) == GIVEN[drawn.drawn.places]).all()


def test_a_data_set_has_them_as_a_label_set():
    np.save("noisy.npy", GIVEN)
    file = label_file("noisy.npy")
    data = with_labels(data_of(), file, "file:noisy", content_of(file))
    assert (data.label_set("file:noisy") == GIVEN).all()
    assert (data.train.labels.numpy() == TRUE).all()


def test_a_file_is_read_before_it_is_known_whether_it_fits():
    np.save("noisy.npy", np.arange(5))
    file = label_file("noisy.npy")
    assert parsed(file, content_of(file)).tolist() == [0, 1, 2, 3, 4]
