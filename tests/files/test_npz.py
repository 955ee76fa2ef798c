import io
import zipfile

import numpy as np
import pytest

from bench.files import npz
from bench.files.npz import read_npz


def test_arrays_come_out_as_they_were_saved(tmp_path):
    saved = {
        "a": np.arange(6.0).reshape(2, 3),
        "b": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "c": np.ones(0),
    }
    np.savez_compressed(tmp_path / "x.npz", **saved)
    found = read_npz(tmp_path / "x.npz")
    assert list(found) == list(saved)
    assert all((found[name] == values).all() and found[name].flags.writeable for name, values in saved.items())


def member(shape, data, dtype="<f8"):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": dtype, "fortran_order": False, "shape": shape})
    return header.getvalue() + data


def archive(path, *members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)


class Trap:
    def __reduce__(self):
        return exec, ("raise AssertionError('a pickle was run')",)


BAD = {
    "text": (lambda path: path.write_text("no archive"), "it is no npz file that can be read (BadZipFile)"),
    "objects": (lambda path: np.savez(path, a=np.array([Trap()])), "holds Python objects, a pickle, which is not"),
    "texts": (lambda path: np.savez(path, a=np.array(["x"])), "must hold numbers"),
    "other": (lambda path: archive(path, ("a.txt", b"x")), "holds 'a.txt', which is no array"),
    "no array": (lambda path: archive(path, ("a.npy", b"x" * 99)), "is in no form that is read"),
    "longer": (lambda path: archive(path, ("a.npy", member((10**12,), b"x" * 16))), "not as long as it says"),
    "shorter": (lambda path: archive(path, ("a.npy", member((1,), b"x" * 16))), "not as long as it says"),
}


@pytest.mark.parametrize(("write", "said"), BAD.values(), ids=BAD)
def test_what_is_no_file_of_numbers_is_one_line(write, said, tmp_path):
    path = tmp_path / "x.npz"
    write(path)
    with pytest.raises(ValueError, match=said.replace("(", r"\(").replace(")", r"\)")):
        read_npz(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_there_twice_is_refused(tmp_path):
    archive(tmp_path / "x.npz", ("a.npy", member((1,), b"x" * 8)), ("a.npy", member((1,), b"y" * 8)))
    with pytest.raises(ValueError, match=r"'a\.npy' is there twice"):
        read_npz(tmp_path / "x.npz")


def test_more_than_a_file_may_unpack_to_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "ROOM", 1000)
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros(10**6))
    with pytest.raises(ValueError, match="may unpack to"):
        read_npz(tmp_path / "x.npz")


def test_a_damaged_file_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.arange(100.0))
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[400] ^= 255
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(ValueError, match="it is no npz file that can be read"):
        read_npz(tmp_path / "x.npz")
