"""A page of runs whose names look like code, and the browser that opens it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import plugin, report, run

METHOD = '''
"""A method with a text among its hyper-parameters."""

import torch
from torch.nn import functional as F

from bench.api import Method, Prediction, Step


class Tagged(Method):
    version = 1

    def __init__(self, task, make_backbone, *, tag: str = "plain") -> None:
        super().__init__(task, make_backbone)
        size = task.image_shape[0] * task.image_shape[1] * task.image_shape[2]
        self.linear = torch.nn.Linear(size, task.num_classes)

    def loss(self, batch, progress):
        logits = self.linear(batch.images.flatten(1))
        return Step(F.cross_entropy(logits, batch.labels), logits, -logits.amax(dim=1))

    def predict(self, images):
        logits = self.linear(images.flatten(1))
        return Prediction(logits, -logits.amax(dim=1), images.flatten(1))
'''
DATA = '''
"""A data set whose classes have names that look like code."""

import torch

from bench.api import DataSet, Source, Split, Transforms

CLASSES = ("<script>alert(1)</script>", "a$b_$c | **x**", "\\"quoted\\" 'name'", "🙂 </script><!--")


class Wild(Source):
    version = 1

    def load(self, root, download):
        transforms = Transforms(mean=[0.5], std=[0.5])
        return DataSet(self.part(60), self.part(40), CLASSES, transforms.augment, transforms.evaluate)

    @staticmethod
    def part(size):
        generator = torch.Generator().manual_seed(size)
        images = torch.randint(0, 256, (size, 1, 4, 4), generator=generator)
        return Split(images.to(torch.uint8), torch.arange(size) % 4)
'''
FACES = DATA.replace("class Wild(Source):", "class Faces(Source):\n    shows_people = True")
TAGS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "a$b_$c|d", "🙂"]


@pytest.fixture(scope="session")
def wild(tmp_path_factory):
    """A results folder with a report of runs of several settings, and the folder of its plugins."""
    root = tmp_path_factory.mktemp("wild")
    plugin(root / "plugins", "tagged", METHOD)
    for name, source in (("wild", DATA), ("faces", FACES)):
        plugin(root / "plugins", name, source, "datasets")
    grid = {"methods": ["tagged"], "set": {"tagged": {"tag": TAGS}}, "epochs": 2}
    done = run(root / "results", root / "plugins", datasets=["wild"], noise=[0, 0.3], seeds=[0, 1], **grid)
    done += run(root / "results", root / "plugins", datasets=["faces"], **grid)
    assert {each.status for each in done} == {"done"}
    made = report(root / "results", root / "plugins")
    return root, made


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A Chromium, of the machine or of Playwright; tests are skipped without one."""
    api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    with api.sync_playwright() as playwright:
        names = ("chromium", "chromium-browser", "google-chrome")
        own = Path(playwright.chromium.executable_path)
        found = next((path for name in names if (path := shutil.which(name))), own if own.exists() else None)
        if found is None:
            pytest.skip("needs a browser: no Chromium is installed")
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"] if root else [])
        yield started
        started.close()
