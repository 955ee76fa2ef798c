"""Columns of numbers from CSV: the same to the bit, and in type, as pandas reads them."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from bench.store import csv_columns as columns
from bench.store.csv_columns import check, read_csv, to_csv


def same(one, other):
    assert list(one) == list(other)
    for name in one:
        assert one[name].dtype == other[name].dtype, name
        assert one[name].tobytes() == other[name].tobytes(), name


def by_pandas(content):
    return {str(name): column.to_numpy() for name, column in pd.read_csv(io.BytesIO(content)).items()}


@pytest.fixture
def without_pandas(monkeypatch):
    monkeypatch.setattr(columns.pd, "read_csv", None)


number = some.one_of(
    some.none(),
    some.integers(-(10**15) + 1, 10**15 - 1),
    some.floats(-100, 100),
    some.floats(allow_nan=True, allow_infinity=True),
)


@given(some.lists(some.tuples(some.integers(0, 999), number, number), min_size=1, max_size=8))
def test_logs_are_read_to_the_bit_as_pandas_reads_them(rows):
    frame = pd.DataFrame(rows, columns=["epoch", "loss", "train_accuracy"])
    content = to_csv(frame)
    same(read_csv(content), by_pandas(content))


@given(some.floats(0, 1), some.integers(-17, 17))
def test_numbers_of_six_digits_are_read_to_the_bit_as_pandas_reads_them(mantissa, exponent):
    content = f"epoch,loss\n1,{mantissa * 10.0**exponent:.6g}\n".encode()
    same(read_csv(content), by_pandas(content))


@pytest.mark.usefixtures("without_pandas")
def test_what_runs_write_needs_no_pandas():
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
        b"a,a\n1,2\n",
        b"a,b\n1\n",
        b"a,b\n1,2\n\n3,4\n",
        b"a\n1\n\n2\n",
        b"a,b\r\n1,2\r\n",
        b"a,b\n1,2",
        b'"a,b",c\n1,2\n',
        b"a,b\n0.1234567890123456789,1.23457e-30\n",
        b"a,b\n12345678901234567890,inf\n",
        b"a,b\nTrue,nan\n",
        b"a,b\n 1,2\n",
        b"a,b\n",
        "größe,b\n1,2\n".encode(),
    ],
)
def test_unusual_files_are_read_as_pandas_reads_them(content):
    same(read_csv(content), by_pandas(content))


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2,3\n4,5,6,7\n", b"\xff\xfe\x00"])
def test_what_pandas_cannot_read_is_a_value_error(content):
    with pytest.raises(ValueError):  # noqa: PT011 - what pandas says
        read_csv(content)


def test_a_column_of_texts_is_refused_by_name():
    with pytest.raises(ValueError, match=r"column note of epochs.csv holds something else than numbers"):
        check(b"epoch,note\n1,high\n", "epochs.csv", "epoch")


@pytest.mark.parametrize("content", [b"epoch,loss\n", b"step,loss\n1,2\n", b"loss,epoch\n1,2\n"])
def test_a_table_without_rows_or_its_first_column_is_refused(content):
    with pytest.raises(ValueError, match=r"epochs.csv has no rows under a column epoch"):
        check(content, "epochs.csv", "epoch")


@given(some.lists(some.tuples(some.integers(0, 999), number, number), min_size=1, max_size=8))
def test_every_log_that_a_run_writes_passes(rows):
    check(to_csv(pd.DataFrame(rows, columns=["epoch", "loss", "extra"]).astype(float)), "epochs.csv", "epoch")
