import os
import platform
import subprocess
import sys

import pytest

GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
TAKE_AND_FREE = """
import resource, sys, torch
from bench.execution.process_tuning import dedicate

if sys.argv[1] == "dedicated":
    dedicate(1)

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def step():
    blocks = [torch.ones(5, 2**18) for _ in range(8)]

for _ in range(5):
    step()
before = faults()
for _ in range(10):
    step()
print((faults() - before) // 10, torch.get_num_threads())
"""


def faults_and_threads(kind: str) -> tuple[int, int]:
    command = [sys.executable, "-c", TAKE_AND_FREE, kind]
    environment = os.environ | GIVE_BACK | {"LD_PRELOAD": ""}  # no other malloc
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    faults, threads = map(int, said.split())
    return faults, threads


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc can be told")
def test_a_dedicated_process_does_not_fault_in_again_what_it_freed():
    # 40 MiB are 10,240 pages of 4 KiB.
    assert faults_and_threads("shared")[0] > 500
    assert faults_and_threads("dedicated")[0] < 100


def test_a_dedicated_process_has_the_threads_that_it_was_given():
    assert faults_and_threads("dedicated")[1] == 1


def test_another_c_library_is_left_alone(monkeypatch):
    from bench.execution import process_tuning

    monkeypatch.setattr(process_tuning.ctypes, "CDLL", lambda name: object())
    process_tuning.keep_freed_memory()


def test_on_another_system_no_library_is_opened(monkeypatch):
    from bench.execution import process_tuning

    monkeypatch.setattr(process_tuning.sys, "platform", "darwin")
    monkeypatch.setattr(process_tuning.ctypes, "CDLL", None)  # to call it raises TypeError
    process_tuning.keep_freed_memory()
