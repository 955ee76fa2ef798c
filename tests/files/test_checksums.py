"""Checksums in the format of `sha256sum`."""

import hashlib

import pytest
from harness import checksummed

from bench.files import checksums


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b.txt").write_bytes(b"second")
    (tmp_path / "a b.bin").write_bytes(bytes(range(256)))
    (tmp_path / ".hidden").write_text("not counted")
    checksummed(tmp_path)
    return tmp_path


def digests(folder):
    return checksums.read((folder / "SHA256SUMS").read_bytes())


def test_they_are_sha256_in_order_of_the_names_without_hidden_files_and_themselves(folder):
    second, first = hashlib.sha256(b"second").hexdigest(), hashlib.sha256(bytes(range(256))).hexdigest()
    assert (folder / "SHA256SUMS").read_text() == f"{first}  a b.bin\n{second}  b.txt\n"
    assert digests(folder) == {"a b.bin": first, "b.txt": second}
    assert checksums.of({"b.txt": b"second", "SHA256SUMS": b"x"}) == {"b.txt": second}


def test_files_as_they_were_written_pass_and_writing_again_changes_nothing(folder):
    before = (folder / "SHA256SUMS").read_bytes()
    checksums.check("b.txt", b"second", digests(folder))
    checksummed(folder)
    assert (folder / "SHA256SUMS").read_bytes() == before


def test_a_single_bit_is_told(folder):
    with pytest.raises(ValueError, match="b.txt is not as it was written"):
        checksums.check("b.txt", b"secone", digests(folder))


def test_a_file_without_a_checksum_is_told(folder):
    with pytest.raises(ValueError, match="new.txt is not as it was written"):
        checksums.check("new.txt", b"x", digests(folder))


@pytest.mark.parametrize("content", [b"torn", b"\x00" * 80, b"\xff\xfe", b"0123 one space\n"])
def test_damaged_checksums_are_told(content):
    with pytest.raises(ValueError, match=r"SHA256SUMS is damaged|codec can't decode"):
        checksums.read(content)
