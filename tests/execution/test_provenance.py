"""What a run was made with, on systems that tell less than Linux does."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.execution import provenance


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_peak_memory_is_in_bytes_whatever_unit_the_system_tells(monkeypatch, platform, unit):
    usage = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: SimpleNamespace(ru_maxrss=3_000))
    monkeypatch.setattr(provenance, "resource", usage)
    monkeypatch.setattr(provenance.sys, "platform", platform)
    assert provenance.peak_memory("cpu") == 3_000 * unit


def test_peak_memory_is_0_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.setattr(provenance, "resource", None)
    assert provenance.peak_memory("cpu") == 0


def test_the_processor_is_named_without_proc(monkeypatch):
    provenance._processor.cache_clear()
    monkeypatch.setattr(Path, "is_file", lambda path: False)
    monkeypatch.setattr(provenance.platform, "processor", lambda: "arm")
    assert provenance._processor() == "arm"
    provenance._processor.cache_clear()


def test_the_memory_of_this_process_is_told():
    assert 2**24 < provenance.peak_memory("cpu") < 2**40
