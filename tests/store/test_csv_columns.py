"""Columns of numbers from CSV: the same to the bit, and in type, as pandas reads them with care."""

import io
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from bench.store.csv_columns import check, read_csv, to_csv


def same(one, other):
    assert list(one) == list(other)
    for name in one:
        assert one[name].dtype == other[name].dtype, name
        assert one[name].tobytes() == other[name].tobytes(), name


def by_pandas(content):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The 'float_precision' argument is deprecated")
        frame = pd.read_csv(io.BytesIO(content), float_precision="round_trip")
    return {str(name): column.to_numpy() for name, column in frame.items()}


number = some.one_of(
    some.none(),
    some.integers(-(10**15) + 1, 10**15 - 1),
    some.floats(-100, 100),
    some.floats(allow_nan=True, allow_infinity=True),
).map(lambda value: value if value is None else value + 0)  # pandas drops the sign of -0 beside an empty cell


@given(some.lists(some.tuples(some.integers(0, 999), number, number), min_size=1, max_size=8))
def test_logs_are_read_to_the_bit_as_pandas_reads_them(rows):
    frame = pd.DataFrame(rows, columns=["epoch", "loss", "train_accuracy"])
    content = to_csv(frame)
    same(read_csv(content), by_pandas(content))


@given(some.floats(0, 1), some.integers(-17, 17))
def test_numbers_of_six_digits_are_read_to_the_bit_as_pandas_reads_them(mantissa, exponent):
    content = f"epoch,loss\n1,{mantissa * 10.0**exponent:.6g}\n".encode()
    same(read_csv(content), by_pandas(content))


def test_whole_columns_are_integers_and_empty_cells_are_undefined():
    content = b"epoch,loss,relabelled,train_accuracy_flipped\n1,0.693147,0,\n2,-1.5e-05,12,0.25\n"
    found = read_csv(content)
    assert {name: values.dtype.str for name, values in found.items()} == {
        "epoch": "<i8",
        "loss": "<f8",
        "relabelled": "<i8",
        "train_accuracy_flipped": "<f8",
    }
    assert found["loss"].tolist() == [0.693147, -1.5e-05]
    assert np.isnan(found["train_accuracy_flipped"]).tolist() == [True, False]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"epoch,loss\n",
        b"step,loss\n1,2\n",
        b"loss,epoch\n1,2\n",
        b"epoch,epoch\n1,2\n",
        b"epoch,a,a\n1,2,3\n",
        b"epoch\n1\n\n2\n",
        b"epoch,loss\n1\n",
        b"epoch,loss\n1,2,3\n4,5,6,7\n",
        b"epoch,loss\n1,2\n\n3,4\n",
        b"epoch,loss\r\n1,2\r\n",
        b"epoch,loss\n1,2",
        b"epoch,loss\n1,0.5e",
        b'"epoch",loss\n1,2\n',
        b"epoch,note\n1,high\n",
        b"epoch,loss\n 1,2\n",
        b"epoch,loss\n1_0,2\n",
        b"epoch,loss\n1,True\n",
        b"epoch,loss\n12345678901234567890,1\n",
        b"\xff\xfe\x00",
    ],
)
def test_what_no_run_writes_is_refused(content):
    with pytest.raises(ValueError, match=r"^epochs.csv must hold rows of numbers under a first column epoch"):
        check(content, "epochs.csv", "epoch")


@given(some.lists(some.tuples(some.integers(0, 999), number, number), min_size=1, max_size=8))
def test_every_log_that_a_run_writes_passes(rows):
    frame = pd.DataFrame(rows, columns=["epoch", "loss", "extra"])
    for content in (to_csv(frame), to_csv(frame.astype(float))):
        check(content, "epochs.csv", "epoch")
