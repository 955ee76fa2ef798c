"""Each check of data sets catches one that breaks what it checks, and says what to do."""

import pytest
from harness import PLUGINS, plugin

from bench.checks import dataset_interface as checks
from bench.checks.dataset_bed import DataSetBed
from bench.checks.outcomes import CheckFailed, CheckSkipped
from bench.plugins.registry import Registry

SOUND = (PLUGINS / "datasets" / "tiny.py").read_text()
RECIPE = (PLUGINS / "datasets" / "tiny.toml").read_text()
RETURN = "        return DataSet("
FROM_FILES = "        if not (root / 'tiny').is_dir():\n            raise missing('tiny', root)\n"
IMPORT = "from bench.api import DataSet, Source, Split, Transforms"
AUGMENT = "transforms.augment, transforms.evaluate"

BROKEN = [
    ("images_and_labels", "images.to(torch.uint8)", "images", "images must be uint8"),
    (
        "images_and_labels",
        "Split(images.to(torch.uint8), labels)",
        "Split(images.to(torch.uint8), labels + 1)",
        "label 3 of",
    ),
    ("class_names", '("a", "b", "c")', '("a", "b", "b")', "a name of its own"),
    ("class_names", '("a", "b", "c")', '("a", "b", "c", "d")', r"class \[3\] has no training image"),
    ("augment", AUGMENT, "lambda x, g: x, transforms.evaluate", "torch.uint8: make it"),
    ("augment", AUGMENT, "lambda x, g: x.float() + torch.rand(1), transforms.evaluate", "from the generator"),
    ("augment", AUGMENT, "lambda x, g: x.zero_().float(), transforms.evaluate", "work on a copy"),
    ("augment", AUGMENT, "lambda x, g: x / 0, transforms.evaluate", "not finite"),
    ("evaluate", AUGMENT, "transforms.augment, lambda x: [x.float() + torch.rand(1)]", "draw no random numbers"),
    ("evaluate", AUGMENT, "transforms.augment, lambda x: [x / 0]", "not finite"),
    ("evaluate", AUGMENT, "transforms.augment, lambda x: x.float().unsqueeze(0)", "a list of at least one view"),
    (
        "loads_twice_alike",
        "torch.Generator().manual_seed(size)",
        "torch.Generator().manual_seed(torch.seed())",
        "sort file names",
    ),
    (
        "missing_files_are_one_line",
        RETURN,
        "        (root / 'tiny' / 'images.npy').read_bytes()\n" + RETURN,
        "not FileNotFoundError",
    ),
]


def bed(folder, source=SOUND, recipe=RECIPE, root=None):
    plugin(folder, "tiny", source, "datasets")
    if recipe is not None:
        (folder / "datasets" / "tiny.toml").write_text(recipe)
    return DataSetBed(Registry([folder]).find("datasets", "tiny"), {}, root or folder)


@pytest.mark.parametrize("check", checks.CHECKS, ids=lambda check: check.__name__)
def test_a_sound_data_set_passes(tmp_path, check):
    (tmp_path / "tiny").mkdir()
    source = SOUND.replace(IMPORT, f"{IMPORT}, missing").replace(
        "        transforms =", FROM_FILES + "        transforms ="
    )
    check(bed(tmp_path, source))


@pytest.mark.parametrize(("name", "old", "new", "said"), BROKEN)
def test_a_broken_data_set_is_caught_with_advice(tmp_path, name, old, new, said):
    assert old in SOUND
    with pytest.raises(CheckFailed, match=said) as raised:
        getattr(checks, f"check_{name}")(bed(tmp_path, SOUND.replace(old, new)))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (None, "write its recipe"),
        ("epoch = 3", "fix tiny.toml: no key of recipe 'epoch'"),
        (RECIPE.replace("cnn-16-32-64", "cmn-16-32-64"), "fix tiny.toml: no backbone 'cmn-16-32-64'"),
    ],
)
def test_a_recipe_that_lacks_or_is_unfit_is_caught(tmp_path, recipe, said):
    with pytest.raises(CheckFailed, match=said):
        checks.check_has_a_recipe(bed(tmp_path, recipe=recipe))


def test_every_check_is_shown_to_fail():
    shown = {f"check_{name}" for name, *_ in BROKEN} | {"check_has_a_recipe"}
    assert {check.__name__ for check in checks.CHECKS} == shown


def test_absent_files_skip_with_the_way_to_get_them(tmp_path):
    absent = DataSetBed(Registry().find("datasets", "mnist"), {}, tmp_path)
    checks.check_missing_files_are_one_line(absent)
    with pytest.raises(CheckSkipped, match="--data-root"):
        checks.check_images_and_labels(absent)


def test_a_data_set_without_files_skips_the_check_of_missing_ones(tmp_path):
    with pytest.raises(CheckSkipped, match="needs no file"):
        checks.check_missing_files_are_one_line(bed(tmp_path))


def test_an_option_that_must_be_set_skips(tmp_path):
    with pytest.raises(CheckSkipped, match=r"pass --set folder\.path=VALUE"):
        checks.check_augment(DataSetBed(Registry().find("datasets", "folder"), {}, tmp_path))
