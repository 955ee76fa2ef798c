"""Image data sets as Hugging Face has them: Parquet files in a folder, or by the library's name."""

import io
import json
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness import grid
from made_data import opened, pixels, refusal
from PIL import Image

from bench.errors import Note, UsageError
from bench.grid.cell_state import BrokenCell
from bench.plugins.registry import Registry

NAMES = ["cat", "dog", "fox"]
INTEGERS = pa.int64()
FORMS = ["{0}.parquet", "{0}/0000.parquet", "default/{0}/0000.parquet", "data/{0}-x.parquet"]
METADATA = [b"{", b"[" * 5000, b"[]", b'{"info": 3}', b'{"info": {"features": {"label": []}}}']


def png(array):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    return stream.getvalue()


def table(images, labels, names=NAMES, image="image", label="label", kind=INTEGERS):
    """Return a table as the library writes it: structs of bytes and path, names in the metadata."""
    cells = [{"bytes": content, "path": None} for content in images]
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    made = pa.table({image: pa.array(cells, struct), label: pa.array(labels, kind)})
    features = {image: {"_type": "Image"}, label: {"names": names, "_type": "ClassLabel"}}
    if names is None:
        return made
    return made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def contents(part, size=9):
    seed = {"train": 0, "test": 100}.get(part, 200)
    return [pixels(seed + k, 8, 8, 3) for k in range(size)], [k % 3 for k in range(size)]


def write(folder, part, file=None, rows=slice(None), **changes):
    images, labels = contents(part)
    path = folder / (file or f"data/{part}-00000-of-00001.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    images, labels = changes.pop("images", [png(each) for each in images]), changes.pop("labels", labels)
    pq.write_table(table(images[rows], labels[rows], **changes), path)
    return path


@pytest.fixture
def folder(tmp_path):
    for part in ("train", "test"):
        write(tmp_path / "pets", part)
    return tmp_path / "pets"


def parquet(folder, **options):
    return opened("parquet", folder.parent, **{"path": folder.name, "size": 8} | options)


def refused(folder, **options):
    return refusal("parquet", folder.parent, **{"path": folder.name, "size": 8} | options)


def check(data):
    for part in ("train", "test"):
        images, labels = contents(part)
        split = getattr(data, part)
        np.testing.assert_array_equal(split.images.numpy(), np.stack(images).transpose(0, 3, 1, 2))
        assert split.labels.tolist() == labels
    assert data.class_names == tuple(NAMES)


def test_both_parts_are_read_pixel_by_pixel_and_again_from_the_cache(folder, monkeypatch):
    check(parquet(folder))
    monkeypatch.setattr("bench.data.decoding_cache._build", None)
    check(parquet(folder))


def test_the_scale_is_that_of_the_training_images(folder):
    data = parquet(folder)
    (view,) = data.evaluate(data.train.images[:])
    assert view.double().mean(dim=(0, 2, 3)).tolist() == pytest.approx([0] * 3, abs=1e-6)
    assert view.double().std(dim=(0, 2, 3)).tolist() == pytest.approx([1] * 3, abs=1e-5)


@pytest.mark.parametrize(
    "form", ["{0}.parquet", "{0}/0000.parquet", "default/{0}/0000.parquet", "data/{0}-x.parquet"]
)
def test_every_layout_of_files_is_found(tmp_path, form):
    for part in ("train", "test"):
        write(tmp_path / "pets", part, form.format(part))
    write(tmp_path / "pets", "train", f".cache/{form.format('train')}")
    write(tmp_path / "pets", "other", "data/trainer.parquet")
    check(parquet(tmp_path / "pets"))


def test_several_files_follow_one_another_and_each_must_be_there(folder):
    (folder / "data" / "train-00000-of-00001.parquet").unlink()
    for k, rows in enumerate((slice(0, 4), slice(4, 7), slice(7, 9))):
        write(folder, "train", f"data/train-{k:05}-of-00003.parquet", rows)
    check(parquet(folder))
    (folder / "data" / "train-00001-of-00003.parquet").unlink()
    assert "of the 3 files like train-00000-of-00003.parquet number 1 is not there" in refused(folder)


def test_files_of_two_downloads_are_refused(folder):
    write(folder, "train", "data/train-00000-of-00001-abc.parquet")
    assert "of the 1 files like train-00000-of-00001" in refused(folder)
    assert "there are 2; remove those of another download" in refused(folder)


def test_columns_and_parts_of_other_names_are_found_or_named(tmp_path):
    for part in ("train", "validation"):
        write(tmp_path / "pets", part, image="img", label="fine", labels=contents(part)[1])
    told = refused(tmp_path / "pets", test="validation")
    assert "has no column label or labels, it has img, fine; pass --set parquet.label=COLUMN" in told
    data = parquet(tmp_path / "pets", test="validation", label="fine")
    np.testing.assert_array_equal(data.test.images[:1].numpy()[0], contents("validation")[0][0].transpose(2, 0, 1))
    assert "has no test.parquet, test-*.parquet or test/*.parquet, it has data/train" in refused(
        tmp_path / "pets", label="fine"
    )
    assert "has no column photo, it has" in refused(tmp_path / "pets", test="validation", image="photo")


def test_images_are_resized_as_those_of_a_folder_are(tmp_path, folder):
    images = [pixels(k, 9 + k, 20, 3) for k in range(9)]
    for part in ("train", "test"):
        write(folder, part, images=[png(each) for each in images])
        for k, each in enumerate(images):
            place = tmp_path / "tree" / part / NAMES[k % 3]
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{k}.png").write_bytes(png(each))
    ours = parquet(folder, size=6, channels=1)
    theirs = opened("folder", tmp_path, path="tree", size=6, channels=1)
    order = np.argsort(ours.train.labels.numpy(), kind="stable")
    np.testing.assert_array_equal(ours.train.images.numpy()[order], theirs.train.images.numpy())


def test_labels_may_be_texts_or_have_no_names(tmp_path):
    for part in ("train", "test"):
        texts = [NAMES[label] for label in contents(part)[1]]
        write(tmp_path / "texts", part, labels=texts, kind=pa.string(), names=None)
        write(tmp_path / "numbers", part, names=None)
    check(parquet(tmp_path / "texts"))
    assert parquet(tmp_path / "numbers").class_names == ("0", "1", "2")


FAULTS = [
    ({"labels": [0, 1, 3] * 3}, "train: the label of row 2 is 3, must be 0 to 2"),
    ({"labels": [0, 1, -1] * 3}, "train: the label of row 2 is -1, must be 0 to 2"),
    ({"labels": [0, 1, None] * 3}, "train: the label of row 2 is missing, must be 0 to 2"),
    ({"labels": [0.5] * 9, "kind": pa.float64()}, "train: the label of row 0 is 0.5, must be 0 to 2"),
    ({"labels": ["a", "b", "c"] * 3, "kind": pa.string()}, "train: the label of row 0 is 'a', must be 0 to 2"),
    ({"labels": [0, 1] * 4 + [0]}, "test images of classes without training images: fox"),
    ({"names": ["cat", "dog", "cow"]}, "have other names of classes"),
    ({"images": [None] * 9}, "row 0: the image is not in the file"),
    ({"images": [b"no image"] * 9}, "row 0 is damaged or no image"),
    ({"images": [], "labels": []}, "train: there is no image"),
]


@pytest.mark.parametrize(("changes", "said"), FAULTS)
def test_what_does_not_fit_is_one_line(folder, changes, said):
    write(folder, "train", **changes)
    told = refused(folder)
    assert said in told
    assert str(folder / "data") in told


@pytest.mark.parametrize("cut", [0, 4, 300, -1])
def test_a_truncated_file_is_named(folder, cut):
    path = folder / "data" / "test-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:cut])
    assert f"{path} is damaged or no Parquet file (" in refused(folder)


@pytest.mark.parametrize(
    "about", [b"{", b"[" * 5000, b"[]", b'{"info": 3}', b'{"info": {"features": {"label": []}}}']
)
def test_names_that_cannot_be_read_are_one_line(folder, about):
    path = folder / "data" / "train-00000-of-00001.parquet"
    pq.write_table(pq.read_table(path).replace_schema_metadata({"huggingface": about}), path)
    assert f"{path} is damaged or no Parquet file (" in refused(folder)


def test_classes_without_images_are_told_and_left_out(folder):
    for part in ("train", "test"):
        write(folder, part, labels=[0, 2] * 4 + [0])
    with pytest.warns(Note, match="classes without images, which are left out: dog"):
        grid(datasets=["parquet"], set={"parquet": {"path": str(folder), "size": 8}})
    data = parquet(folder)
    assert (data.class_names, data.test.labels.tolist()) == (("cat", "fox"), [0, 1] * 4 + [0])


def cell(**options):
    (found,) = grid(datasets=["parquet"], set={"parquet": options})
    return found


def test_the_content_counts_and_the_place_does_not(folder, tmp_path):
    first = cell(path=str(folder))
    moved = folder.rename(tmp_path / "moved")
    assert cell(path=str(moved)).identity == first.identity
    write(moved, "test", images=[png(each) for each in contents("train")[0]])
    assert cell(path=str(moved)).identity != first.identity


def test_one_of_path_and_name_is_needed(folder):
    for options in ({}, {"path": str(folder), "name": "pets"}):
        with pytest.raises(UsageError, match="one of two: --set parquet.path=DIR or --set parquet.name=NAME"):
            cell(**options)


def test_a_folder_that_is_not_there_breaks_its_cells_in_one_line(tmp_path):
    found = cell(path=str(tmp_path / "absent"))
    assert isinstance(found, BrokenCell)
    assert "there is no folder" in found.reason


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Hugging Face's library with a cache of its own, off the net."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("HF_HOME", "HF_DATASETS_CACHE", "HF_HUB_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "hub"))
    return pytest.importorskip("datasets")


def test_the_library_is_the_installed_one_though_our_folder_has_its_name(library):
    assert hasattr(library, "load_dataset")
    assert not list((Registry().find("datasets", "digits").path.parent).glob("__init__.py"))


def test_a_data_set_by_name_is_read_by_the_library(library, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", tmp_path / "hub")
    data = opened("parquet", tmp_path, name=str(folder), size=8)
    check(data)
    assert cell(name=str(folder), size=8).dataset.content is not None


def test_a_failing_fetch_is_one_line(library, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(library.config, "HF_HUB_OFFLINE", True)
    told = refusal("parquet", tmp_path, name="nobody/nothing-at-all")
    assert "nobody/nothing-at-all cannot be loaded by Hugging Face's library (" in told


@pytest.mark.parametrize("found", [None, type(os)("datasets")])
def test_without_the_library_a_line_says_how_to_get_it(tmp_path, monkeypatch, found):
    monkeypatch.setitem(sys.modules, "datasets", found)
    told = refusal("parquet", tmp_path, name=f"nobody/{found is None}")
    assert "pip install 'uncertainty-bench[huggingface]'" in told
