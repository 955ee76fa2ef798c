"""Training on more images than the memory that a process may use."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from harness import plugin

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="a limit that only Linux has")

LEFT = 128 * 2**20  # bytes of memory that the process may still take once all is imported
SHAPE, BLOCK, BLOCKS = (3, 24, 24), 3_000, 80  # 240,000 images, 415 MB
BIG = '''
"""Images of three classes, mapped or in memory."""

import numpy as np
import torch

from bench.data.augment import Transforms
from bench.data.dataset import DataSet, Source, Split
from bench.data.images import MappedImages


class Big(Source):
    """The first 3,000 are the test set."""

    def __init__(self, *, path: str, mapped: bool) -> None:
        self.path, self.mapped = path, mapped

    def load(self, root, download):
        file = root / self.path
        images = MappedImages.open(file) if self.mapped else torch.from_numpy(np.load(file))
        train, test = (Split(part, torch.arange(len(part)) % 3) for part in (images, images[:3000]))
        transforms = Transforms([0.5] * 3, [0.2] * 3, flip=True)
        return DataSet(train, test, ("a", "b", "c"), transforms.augment, transforms.evaluate)
'''
RECIPE = 'epochs = 1\nbatch_size = 500\nlearning_rate = 0.0003\nbackbone = "cnn-16-32-64"\nrelabel_from = 2\n'
PROGRAM = """
import resource, sys
from pathlib import Path
from harness import run

folder, left = Path(sys.argv[1]), int(sys.argv[2])

def execute(name, mapped):
    options = {"big": {"path": str(folder / name), "mapped": mapped}}
    (report,) = run(folder / "results", folder / "plugins", datasets=["big"], set=options, held_out=0.1)
    return f"{report.status}: {report.detail}".splitlines()[0]

print(execute("small.npy", False))  # everything is imported now
(line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
_, hard = resource.getrlimit(resource.RLIMIT_DATA)
resource.setrlimit(resource.RLIMIT_DATA, (1024 * int(line.split()[1]) + left, hard))
print(execute("large.npy", False))
print(execute("large.npy", True))
"""


def generate(path, blocks):
    """Write images whose bright rows show their class, k % 3; 64 blocks differ in all pixels."""
    block = np.random.default_rng(0).integers(0, 64, (BLOCK, *SHAPE), dtype=np.uint8)
    for k in range(3):
        block[k::3, :, 8 * k : 8 * k + 8] += 128
    header = {"descr": "|u1", "fortran_order": False, "shape": (blocks * BLOCK, *SHAPE)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for k in range(blocks):
            file.write((block ^ np.uint8(k % 64)).tobytes())


def under_limit(folder):
    """Return the reports of a run on a small set, and of two on a large set under the limit."""
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, str(folder), str(LEFT)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_set_three_times_the_memory_is_trained_on_from_its_file_and_fails_in_memory(tmp_path):
    plugin(tmp_path / "plugins", "big", BIG, "datasets")
    (tmp_path / "plugins" / "datasets" / "big.toml").write_text(RECIPE)
    generate(tmp_path / "small.npy", 1)
    generate(tmp_path / "large.npy", BLOCKS)
    assert (tmp_path / "large.npy").stat().st_size > 3 * LEFT
    small, in_memory, mapped = under_limit(tmp_path)
    (tmp_path / "large.npy").unlink()
    assert small.startswith("done: ")
    assert in_memory.startswith("failed: big: ")
    assert "Unable to allocate" in in_memory
    assert mapped.startswith("done: "), mapped
    assert float(mapped.split()[1]) > 90
