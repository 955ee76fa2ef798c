import numpy as np
import pandas as pd
import pyarrow
import pytest
from pyarrow import parquet

from bench.errors import UsageError
from bench.store import array_files
from bench.store.array_files import read_arrays

LOGITS = np.arange(6, dtype=np.float32).reshape(2, 3)


def written(folder, **columns):
    parquet.write_table(pyarrow.table(columns), folder / "x.parquet")
    return folder / "x.parquet"


def test_columns_of_a_stored_run_are_put_together(tmp_path):
    columns = {f"logit_{k}": column for k, column in enumerate(LOGITS.T)}
    found = read_arrays(written(tmp_path, label=[1, 2], uncertainty=[0.1, 0.2], feature_0=[1.0, 2.0], **columns))
    assert (found["logits"] == LOGITS).all()
    assert found["logits"].dtype == np.float32
    assert found["features"].shape == (2, 1)
    assert list(found["labels"]) == [1, 2]


@pytest.mark.parametrize("kind", [pyarrow.list_, pyarrow.large_list, lambda kind: pyarrow.list_(kind, 3)])
def test_a_column_of_lists_is_an_array(kind, tmp_path):
    lists = pyarrow.array(LOGITS.tolist(), kind(pyarrow.float32()))
    assert (read_arrays(written(tmp_path, logits=lists))["logits"] == LOGITS).all()


def test_what_pandas_writes_is_read(tmp_path):
    frame = pd.DataFrame({"logits": list(LOGITS), "labels": [0, 1]}, index=[5, 3])
    frame.to_parquet(tmp_path / "x.parquet")
    found = read_arrays(tmp_path / "x.parquet")
    assert list(found) == ["logits", "labels"]
    assert (found["logits"] == LOGITS).all()


def test_names_of_a_training_file_may_lack_their_beginning(tmp_path):
    found = read_arrays(written(tmp_path, given=[1], train_true=[2], logit_0=[0.5]), training=True)
    assert list(found) == ["train_given", "train_true", "train_logits"]


BAD = {
    "texts": ({"logits": ["a"]}, "its column 'logits' holds string, must hold numbers"),
    "structs": ({"logits": [{"a": 1}]}, "must hold numbers"),
    "gap": ({"logit_0": [1.0], "logit_2": [1.0]}, "columns of logits are not numbered 0, 1, … without a gap"),
    "twice": ({"logit_0": [1.0], "logits": [[1.0]]}, "are there twice"),
    "ragged": ({"logits": [[1.0], [1.0, 2.0]]}, "must hold lists of one length"),
    "null": ({"labels": [1, None]}, "its column 'labels' has 1 empty places"),
    "null in a list": ({"logits": [[1.0, None]]}, "without empty places"),
}


@pytest.mark.parametrize(("columns", "said"), BAD.values(), ids=BAD)
def test_other_columns_are_refused_in_one_line(columns, said, tmp_path):
    with pytest.raises(UsageError) as error:
        read_arrays(written(tmp_path, **columns))
    assert said in str(error.value)
    assert str(error.value).startswith(f"{tmp_path / 'x.parquet'}: ")


def test_more_than_a_file_may_unpack_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(array_files, "ROOM", 0)
    with pytest.raises(UsageError, match="may unpack to"):
        read_arrays(written(tmp_path, labels=np.zeros(10**6, dtype=np.int64)))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", b"a", "must be an npz or a Parquet file"),
        ("x.npz", None, "there is no such file"),
        ("x.parquet", b"PAR1", "it is no Parquet file that can be read"),
        ("x.npz", b"PK", "it is no npz file that can be read"),
    ],
)
def test_other_files_are_refused_in_one_line(name, content, said, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError) as error:
        read_arrays(tmp_path / name)
    assert said in str(error.value)
