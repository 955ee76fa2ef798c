"""Packs that nobody's `bench pack` wrote: the good run in them arrives, the rest is named."""

import io
import json
import tarfile

import pytest
from finished_runs import content

from bench.errors import UsageError
from bench.store.file_sources import RUN_FILES
from bench.store.pack_files import contents
from bench.store.store import Store
from bench.store.transfer import merge, pack

PLACE = "runs/tiny/dummy/symmetric-0.3/seed9-00000000"


def member(name, size=0, **fields):
    info = tarfile.TarInfo(name)
    info.size = size
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def regular(name, text=b"x", **fields):
    return member(name, len(text), **fields), io.BytesIO(text)


def link_chain(canary):
    """A chain of links whose path is longer than PATH_MAX, and a file through it."""
    folder, path, steps = "d" * 247, "", "abcdefghijklmnop"
    for step in steps:
        yield member(f"{path}{folder}", type=tarfile.DIRTYPE), None
        yield member(f"{path}{step}", type=tarfile.SYMTYPE, linkname=folder), None
        path += f"{folder}/"
    link = f"{'/'.join(steps)}/{'l' * 254}"
    yield member(link, type=tarfile.SYMTYPE, linkname="../" * len(steps)), None
    yield member("escape", type=tarfile.SYMTYPE, linkname=f"{link}/../../../../../../..{canary.parent}"), None
    yield member("pwn", type=tarfile.LNKTYPE, linkname=f"escape/{canary.name}"), None
    yield regular("pwn", b"overwritten")


# What is put behind a good run, and what is said of it.
CASES = {
    "a chain of links": (link_chain, "is left out: "),
    "an absolute name": (lambda canary: [regular(str(canary))], "is left out: "),
    "a name that climbs": (lambda canary: [regular("runs/../../canary.txt")], "left out: 'runs/../../canary.txt'"),
    "a name that climbs late": (lambda canary: [regular("runs/x/../../../spec.json")], "is left out: 'runs/x/.."),
    "a file of no run": (lambda canary: [regular(f"{PLACE}/run.sh")], f"is left out: '{PLACE}/run.sh'"),
    "a link for a search": (
        lambda canary: [(member("tuning/0a.json", type=tarfile.SYMTYPE, linkname=str(canary)), None)],
        "is left out: 'tuning/0a.json'",
    ),
    "a search whose name climbs": (lambda canary: [regular("tuning/../canary.json")], "'tuning/../canary.json'"),
    "many of them": (lambda canary: [regular(f"notes-{k}") for k in range(9)], "'notes-2' and 6 more"),
    "a link for a folder": (
        lambda canary: [(member("runs/tiny", type=tarfile.SYMTYPE, linkname="/"), None)],
        "is left out: 'runs/tiny'",
    ),
    **{
        f"a run whose record is a {kind}": (
            lambda canary, type=type: [
                (member(f"{PLACE}/record.json", type=type, linkname=str(canary)), None),
            ],
            "cannot be read as a run: ValueError: record.json is no regular file",
        )
        for kind, type in {
            "link": tarfile.SYMTYPE,
            "hard link": tarfile.LNKTYPE,
            "pipe": tarfile.FIFOTYPE,
            "device": tarfile.BLKTYPE,
            "folder": tarfile.DIRTYPE,
        }.items()
    },
    "a file twice": (
        lambda canary: [regular(f"{PLACE}/spec.json"), regular(f"{PLACE}/spec.json")],
        "spec.json is there twice",
    ),
    "a run of which files are missing": (lambda canary: [regular(f"{PLACE}/spec.json")], "is not a finished run"),
    "a hole of a terabyte": (
        lambda canary: [
            regular(f"{PLACE}/test.parquet", pax_headers={"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**40)})
        ],
        "test.parquet is no regular file",
    ),
    "a record of 100 GB": (
        lambda canary: [(member(f"{PLACE}/record.json", 10**11), io.BytesIO())],
        "the rest of it is not read: it unpacks to more than",
    ),
    "nothing but zeros": (
        lambda canary: [regular(f"{PLACE}/{name}", bytes(2**24)) for name in RUN_FILES],
        "the rest of it is not read: it unpacks to more than",
    ),
    "a name of 80 MB": (
        lambda canary: [regular("n" * 80_000_000)],
        "the rest of it is not read: ",
    ),
}


@pytest.fixture(scope="module")
def good(finished, tmp_path_factory):
    """A good pack of eight runs as (member, content) pairs, without what it says of itself."""
    target = tmp_path_factory.mktemp("good") / "runs.tar.gz"
    pack(Store(finished), target, predictions=True)
    with tarfile.open(target) as archive:
        _, *members = archive.getmembers()
        return [(info, archive.extractfile(info).read()) for info in members]


def write(path, good, more=(), about=None):
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as archive:
        if about is not None:
            archive.addfile(*regular("pack.json", about))
        for info, text in good:
            archive.addfile(info, io.BytesIO(text))
        for info, file in more:
            try:
                archive.addfile(info, file)
            except OSError:  # a member that says it is larger than it is
                break
    return path


@pytest.mark.parametrize("case", CASES)
def test_the_good_runs_arrive_and_the_rest_is_named_and_left_out(tmp_path, good, bench, case):
    canary = tmp_path / "canary.txt"
    canary.write_text("untouched")
    make, said = CASES[case]
    bad = write(tmp_path / "bad.tar.gz", good, make(canary))
    status, out, err = bench("merge", bad, "--results", tmp_path / "here")
    assert (status, out) == (1, f"{bad}: 8 runs added, 0 were here\n")
    assert said in err
    assert err.startswith("note: ")
    assert err.count("\n") == err.count("note: ")
    assert canary.read_text() == "untouched"
    assert {path.name for path in tmp_path.iterdir()} == {"canary.txt", "bad.tar.gz", "here"}
    assert {path.name for path in content(tmp_path / "here" / "runs")} <= set(RUN_FILES)


@pytest.mark.parametrize("case", CASES)
def test_such_a_pack_is_read_where_it_lies_as_well(tmp_path, good, case):
    make, said = CASES[case]
    write(tmp_path / "runs.tar.gz", good, make(tmp_path / "canary.txt"))
    records, problems = Store(tmp_path).scan()
    assert len(records) == 8
    assert any(said in problem for problem in problems)


ABOUTS = [b"", b"{}", b"[]", b'{"files": 1}', b'{"files": true, "bytes": 1}', b'{"files": 1, "bytes": 1e9}']


@pytest.mark.parametrize("about", [*ABOUTS, b"[" * 9999])
def test_a_pack_that_says_nothing_right_of_itself_is_refused(tmp_path, good, about):
    with pytest.raises(UsageError, match=r"bad.tar.gz is no file that `bench pack` wrote, or is damaged"):
        contents(write(tmp_path / "bad.tar.gz", good, about=about))


def test_what_is_beyond_the_size_that_a_pack_says_is_not_read(tmp_path, good):
    first = good[0][0].name.rsplit("/", 1)[0]
    one = [(info, text) for info, text in good if info.name.startswith(first)]
    about = json.dumps({"files": len(one), "bytes": sum(len(text) for _, text in one)}).encode()
    assert contents(write(tmp_path / "one.tar.gz", one, about=about)).problems == []
    large = [regular(f"{PLACE}/test.parquet", bytes(2**28))]
    found = contents(write(tmp_path / "more.tar.gz", one, large, about=about))
    assert len(found.runs) == 2
    assert "the rest of it is not read: it unpacks to more than" in found.problems[0]


def test_a_pack_without_a_word_on_its_size_is_read_as_before(tmp_path, good):
    merged = merge(Store(tmp_path / "here"), write(tmp_path / "old.tar.gz", good))
    assert (merged.added, merged.problems) == (8, [])


def test_an_archive_of_other_things_is_no_pack(tmp_path):
    with pytest.raises(UsageError, match=r"photos.tar.gz is no file that `bench pack` wrote"):
        merge(Store(tmp_path / "here"), write(tmp_path / "photos.tar.gz", [], [regular("photo.jpg")]))
