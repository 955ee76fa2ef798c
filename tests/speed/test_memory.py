"""Peak memory of a CIFAR-10 run on a CPU, beside a bare loop on the same net, data and batches."""

import subprocess
import sys
from pathlib import Path

import pytest

LOOP = """
import sys, torch
from functools import partial
from torch.nn import functional as F
from bench.nets.backbones import make_backbone
from bench.training.batches import training_order
from bench.plugins.method import Task
from bench.plugins.registry import Registry
from bench.recipe import Recipe
from bench.training.optimizer import make_optimizer

torch.set_num_threads(1)
source = Registry([sys.argv[1]]).find("datasets", "like-cifar").load()()
data = source.load(None, False)
make = partial(make_backbone, "resnet18", (3, 32, 32), torch.float32)
net = Registry().find("methods", "baseline").load()(Task(10, (3, 32, 32), 512, 1, None), make)
optimizer, generator = make_optimizer(net, Recipe()), torch.Generator().manual_seed(0)
labels = data.train.labels
for index in training_order(512, 128, generator):
    images = data.augment(data.train.images[index], generator)
    loss = F.cross_entropy(net.fc(net.embed(images)), labels[index])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
RUN = """
import sys, bench
from bench.execution.process_tuning import dedicate
dedicate(1)
bench.run(results=sys.argv[2], plugins=[sys.argv[1]], methods=["baseline"], datasets=["like-cifar"], noise=[0],
          epochs=1, device="cpu", precision="float32", set={"recipe": {"backbone": "resnet18"}})
"""
SOURCE = '''
"""As large as CIFAR-10's images are, and fewer to train on."""
import torch
from bench.data.augment import Transforms
from bench.data.dataset import DataSet, Source, Split

class LikeCifar(Source):
    def load(self, root, download):
        transforms = Transforms([0.5] * 3, [0.25] * 3, padding=4, flip=True)
        parts = [Split(torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8), torch.arange(n) % 10)
                 for n in (512, 1000)]
        return DataSet(*parts, tuple("abcdefghij"), transforms.augment, transforms.evaluate)
'''
PEAK = """
import resource
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(program: str, *arguments: Path) -> int:
    """Return the peak memory of a program, in KiB."""
    command = [sys.executable, "-c", program + PEAK, *map(str, arguments)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(said.split()[-1])


@pytest.mark.benchmark(max_time=0)
def test_peak_memory_of_a_run(benchmark, tmp_path):
    """The time is that of both; the ratio is what counts."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "like_cifar.py").write_text(SOURCE)
    peaks = {}

    def both() -> None:
        peaks["bare loop"] = peak(LOOP, tmp_path)
        peaks["bench run"] = peak(RUN, tmp_path, tmp_path / "results")

    benchmark.pedantic(both, rounds=1)
    ratio = peaks["bench run"] / peaks["bare loop"]
    benchmark.extra_info.update(peaks, ratio=ratio, goal="1.3 at most")
    print(f"\npeak KiB {peaks}, ratio {ratio:.2f}, goal 1.3 at most")
