"""FERPlus, AffectNet, ANIMAL-10N and Clothing1M, of generated files in their official layouts."""

import os
import shutil
import struct

import numpy as np
import pytest
from made_data import opened, pixels, refusal
from PIL import Image

from bench.checks.suite import run_checks
from bench.errors import DataError
from bench.evaluation.human_disagreement import entropy_of_counts
from bench.plugins.registry import Registry

FERPLUS = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
USAGES = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}


def image(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, "PNG")
    return path


def ballot(label, others=()):
    """Return ten votes of which seven are for a class, as text."""
    votes = [0] * 10
    votes[label] = 7
    votes[(label + 1) % 8] = 3
    return ",".join(map(str, others or votes))


def ferplus(root, *more, form="csv"):
    """Write the votes of 16 faces of each usage, then further lines, and FER2013's images."""
    rows = [(usage, k % 8, 100 * n + k) for n, usage in enumerate(USAGES) for k in range(16)]
    lines = [f"{usage},fer{seed:07}.png,{ballot(label)}" for usage, label, seed in rows]
    faces = [(usage, pixels(seed, 48, 48), f"fer{seed:07}.png") for usage, _, seed in rows]
    for number, line in enumerate(more):
        usage, name = line.split(",")[:2]
        faces.append((usage, pixels(900 + number, 48, 48), name))
    folder = root / "fer2013"
    folder.mkdir(exist_ok=True)
    (folder / "fer2013new.csv").write_text("\n".join([FERPLUS, *lines, *more]) + "\n")
    if form == "csv":
        texts = [f"0,{' '.join(map(str, face.ravel()))},{usage}" for usage, face, _ in faces]
        (folder / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *texts]) + "\n")
    else:
        for usage, face, name in faces:
            image(folder / USAGES[usage] / name, face)
    return root


@pytest.mark.parametrize("form", ["csv", "png"])
@pytest.mark.parametrize(("test", "first"), [("private", 200), ("public", 100)])
def test_ferplus_has_the_faces_the_majoritys_labels_and_the_votes(tmp_path, form, test, first):
    data = opened("ferplus", ferplus(tmp_path, form=form), test=test)
    for split, start in ((data.train, 0), (data.test, first)):
        np.testing.assert_array_equal(split.images[:, 0], np.stack([pixels(start + k, 48, 48) for k in range(16)]))
        assert split.labels.tolist() == [k % 8 for k in range(16)]
    counts = data.test.extra["human-counts"]
    assert counts[0].tolist() == [7, 3, 0, 0, 0, 0, 0, 0]
    assert counts.shape == (16, 8)
    assert entropy_of_counts(counts) == pytest.approx(-(0.7 * np.log(0.7) + 0.3 * np.log(0.3)))


VOTES = [
    ("5,5,0,0,0,0,0,0,0,0", None),  # no more than half
    ("5,1,1,1,1,1,0,0,0,0", 0),  # single votes do not count
    ("0,0,0,0,0,0,0,2,1,1", 7),
    ("1,1,1,1,1,1,1,1,1,1", None),
    ("4,0,0,0,0,0,0,0,6,0", None),  # unknown
    ("4,0,0,0,0,0,0,0,0,6", None),  # no face
    ("0,0,0,6,4,0,0,0,0,0", 3),
]


@pytest.mark.parametrize(("votes", "label"), VOTES)
def test_ferplus_keeps_faces_with_a_majority(tmp_path, votes, label):
    data = opened("ferplus", ferplus(tmp_path, f"Training,fer0000900.png,{votes}", f"Training,,{ballot(2)}"))
    assert data.train.labels.tolist()[16:] == ([] if label is None else [label])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"Testing,fer.png,{ballot(1)}", "line 50: Usage is 'Testing', must be one of"),
        (f"Training,fer.png,{ballot(1, ['x'] * 10)}", "line 50: neutral: 'x' is no number of votes"),
        (f"Training,fer.png,{ballot(1, ['-1'] * 10)}", "line 50: neutral: '-1' is no number of votes"),
    ],
)
def test_a_fault_in_ferplus_votes_is_one_line(tmp_path, line, said):
    assert said in refusal("ferplus", ferplus(tmp_path, line))


def test_files_of_ferplus_that_are_missing_or_of_others_are_named(tmp_path):
    assert "fer2013new.csv is not there; get it from https://github.com/microsoft/FERPlus" in refusal(
        "ferplus", tmp_path
    )
    path = ferplus(tmp_path) / "fer2013" / "fer2013.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))
    assert "have other rows, by the column Usage" in refusal("ferplus", tmp_path)
    path.unlink()
    assert "has neither fer2013.csv or icml_face_data.csv nor FER2013Train" in refusal("ferplus", tmp_path)
    ferplus(tmp_path, f"Training,../../x.png,{ballot(1)}", form="png")
    assert "line 50: '../../x.png' is no path within" in refusal("ferplus", tmp_path)
    (tmp_path / "fer2013" / "fer2013new.csv").write_text("Usage,emotion\nTraining,1\n")
    assert "fer2013new.csv has no column Image name, it has Usage, emotion" in refusal("ferplus", tmp_path)


def affectnet_npy(root, labels=range(11), write=lambda label: np.array(str(label))):
    for seed, part in enumerate(("train_set", "val_set")):
        place = root / "AffectNet" / part
        (place / "annotations").mkdir(parents=True, exist_ok=True)
        for k, label in enumerate(labels):
            image(place / "images" / f"{k:02}.jpg", pixels(100 * seed + k, 16, 16, 3))
            np.save(place / "annotations" / f"{k:02}_exp.npy", write(label))
            np.save(place / "annotations" / f"{k:02}_aro.npy", np.array(0.5))
    return root


def affectnet_csv(root, header=True, lists=".", images="Manually_Annotated_Images"):
    columns = (
        "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
    )
    for seed, name in enumerate(("training.csv", "validation.csv")):
        lines = [columns] * (header or not seed)
        for label in range(11):
            image(root / "AffectNet" / images / str(seed) / f"{label}.jpg", pixels(100 * seed + label, 16, 16, 3))
            lines.append(f"{seed}/{label}.jpg,1,2,3,4,1.0;2.0,{label},0.1,-0.2")
        path = root / "AffectNet" / lists / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    return root


AFFECTNETS = [
    ("npy", affectnet_npy),
    ("npy", lambda root: affectnet_npy(root, write=np.array)),
    ("csv", affectnet_csv),
    ("csv", lambda root: affectnet_csv(root, header=False)),
    ("csv", lambda root: affectnet_csv(root, lists="Manually_Annotated_file_lists", images="Manually_Annotated")),
]


@pytest.mark.parametrize("classes", [7, 8])
@pytest.mark.parametrize(("edition", "write"), AFFECTNETS)
def test_affectnet_has_the_images_of_its_expressions(tmp_path, edition, write, classes):
    data = opened("affectnet", write(tmp_path), edition=edition, classes=classes, size=16)
    for split, start in ((data.train, 0), (data.test, 100)):
        expected = np.stack([pixels(start + k, 16, 16, 3) for k in range(classes)]).transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(split.images.numpy(), expected)
        assert split.labels.tolist() == list(range(classes))
    assert data.class_names[:2] == ("neutral", "happiness")
    assert data.class_names[-1] == {7: "anger", 8: "contempt"}[classes]
    assert data.image_shape == (3, 224, 224)


def test_affectnets_faults_are_one_line_each(tmp_path):
    assert "apply at http://mohammadmahoor.com/affectnet/" in refusal("affectnet", tmp_path)
    root = affectnet_npy(tmp_path)
    assert "the other edition is there: pass --set affectnet.edition=npy" in refusal(
        "affectnet", tmp_path, edition="csv"
    )
    label = root / "AffectNet" / "train_set" / "annotations" / "03_exp.npy"
    for content, said in ((b"", "is damaged ("), (b"\x93NUMPY", "is damaged (")):
        label.write_bytes(content)
        assert f"{label} {said}" in refusal("affectnet", root)
    for value, said in ((np.array("11"), "'11'"), (np.array("x"), "'x'"), (np.array([{}]), "could run code")):
        np.save(label, value)
        assert f"{label}" in refusal("affectnet", root)
        assert said in refusal("affectnet", root)
    label.unlink()
    assert f"{label} is not there" in refusal("affectnet", root)
    os.mkfifo(label)
    assert f"{label} is not there" in refusal("affectnet", root)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",7,0.1", ",12,0.1", "training.csv, line 9: the expression is '12', must be 0 to 10"),
        ("0/3.jpg", "../../3.jpg", "training.csv, line 5: '../../3.jpg' is no path within"),
        ("0/3.jpg", "/etc/3.jpg", "training.csv, line 5: '/etc/3.jpg' is no path within"),
        ("0/3.jpg", "0/33.jpg", "0/33.jpg cannot be read: No such file or directory"),
    ],
)
def test_a_fault_in_affectnets_table_is_one_line(tmp_path, old, new, said):
    path = affectnet_csv(tmp_path) / "AffectNet" / "training.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError) as raised:
        opened("affectnet", tmp_path, edition="csv", size=16)
    assert said in str(raised.value)


def animals(root):
    for seed, part in enumerate(("training", "testing")):
        for k in range(20):
            image(root / "animal-10n" / part / f"{k % 10}_{k:03}.jpg", pixels(100 * seed + k, 64, 64, 3))
    return root


def records(labels, order=">", seed=0):
    parts = [
        struct.pack(f"{order}2I", 7, label) + pixels(seed + k, 3, 64, 64).tobytes()
        for k, label in enumerate(labels)
    ]
    return b"".join(parts)


def test_animal10ns_images_are_labelled_by_their_names(tmp_path):
    data = opened("animal10n", animals(tmp_path))
    order = [k for label in range(10) for k in (label, label + 10)]
    for split, start in ((data.train, 0), (data.test, 100)):
        expected = np.stack([pixels(start + k, 64, 64, 3) for k in order]).transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(split.images.numpy(), expected)
        assert split.labels.tolist() == [k % 10 for k in order]
    assert data.class_names[0] == "cat"
    assert data.class_names[9] == "guinea pig"


@pytest.mark.parametrize("order", ["<", ">"])
def test_animal10ns_binaries_are_read_with_labels_of_either_order(tmp_path, order):
    folder = tmp_path / "animal-10n"
    folder.mkdir()
    for number in (1, 2, 10):
        (folder / f"data_batch_{number}.bin").write_bytes(records(range(10), order, 100 * number))
    (folder / "test_batch.bin").write_bytes(records(range(10), order))
    data = opened("animal10n", tmp_path, edition="binary")
    assert data.train.labels.tolist() == list(range(10)) * 3
    expected = np.stack([pixels(100 * number + k, 3, 64, 64) for number in (1, 2, 10) for k in range(10)])
    np.testing.assert_array_equal(data.train.images.numpy(), expected)
    (view,) = data.evaluate(data.train.images)
    assert view.double().mean().item() == pytest.approx(0, abs=1e-5)
    assert view.double().std().item() == pytest.approx(1, abs=1e-3)


def test_animal10ns_faults_are_one_line_each(tmp_path):
    assert "has no training/ and testing/; get it from https://dm.kaist.ac.kr" in refusal("animal10n", tmp_path)
    folder = animals(tmp_path) / "animal-10n"
    assert "pass --set animal10n.edition=images" in refusal("animal10n", tmp_path, edition="binary")
    odd = image(folder / "training" / "cat_1.jpg", pixels(0, 64, 64, 3))
    assert f"{odd}: a name there must begin with the label" in refusal("animal10n", tmp_path)
    odd.rename(folder / "training" / "1_999.jpg").write_bytes(b"no image")
    assert "1_999.jpg is damaged or no image" in refusal("animal10n", tmp_path)
    shutil.rmtree(folder / "training")
    for name in ("data_batch_1.bin", "test_batch.bin"):
        (folder / name).write_bytes(records(range(10)))
    assert "pass --set animal10n.edition=binary" in refusal("animal10n", tmp_path)
    (folder / "data_batch_1.bin").write_bytes(records([3, 10]))
    assert "data_batch_1.bin, record 1: the label must be 0 to 9" in refusal(
        "animal10n", tmp_path, edition="binary"
    )
    (folder / "data_batch_1.bin").write_bytes(records([3])[:-1])
    assert "data_batch_1.bin is damaged: 12295 bytes" in refusal("animal10n", tmp_path, edition="binary")


def clothing(root, place="annotations"):
    folder = root / "Clothing1M"
    (folder / place).mkdir(parents=True, exist_ok=True)
    labels: dict[str, list[str]] = {"noisy": [], "clean": []}
    for seed, (part, kind) in enumerate(
        (("noisy_train", "noisy"), ("clean_test", "clean"), ("clean_val", "clean"))
    ):
        keys = [f"images/{k % 10}/{seed}/{k},{seed}.jpg" for k in range(14)]
        for k, key in enumerate(keys):
            image(folder / key, pixels(100 * seed + k, 16, 16, 3))
        labels[kind] += [f"{key} {13 - k}" for k, key in enumerate(keys)]
        (folder / place / f"{part}_key_list.txt").write_text("\n".join(keys) + "\n")
    for kind, lines in labels.items():
        (folder / place / f"{kind}_label_kv.txt").write_text("\n".join(lines) + "\n")
    return root


@pytest.mark.parametrize("place", ["annotations", "."])
@pytest.mark.parametrize(("test", "start"), [("test", 100), ("val", 200)])
def test_clothing1m_has_noisy_training_and_clean_test_images(tmp_path, place, test, start):
    data = opened("clothing1m", clothing(tmp_path, place), test=test, size=16)
    for split, first in ((data.train, 0), (data.test, start)):
        expected = np.stack([pixels(first + k, 16, 16, 3) for k in range(14)]).transpose(0, 3, 1, 2)
        np.testing.assert_array_equal(split.images.numpy(), expected)
        assert split.labels.tolist() == list(range(13, -1, -1))
    assert data.image_shape == (3, 14, 14)
    assert (data.class_names[0], data.class_names[13]) == ("T-Shirt", "Underwear")
    (view,) = data.evaluate(data.test.images[:])
    mean, std = (
        np.array(values).reshape(3, 1, 1) for values in ([0.6959, 0.6537, 0.6371], [0.3113, 0.3192, 0.3214])
    )
    centre = data.test.images.numpy()[:, :, 1:15, 1:15]
    np.testing.assert_allclose(view.numpy(), (centre / 255 - mean) / std, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("noisy_label_kv.txt", " 10\n", " 14\n", "noisy_label_kv.txt, line 4: the label is '14', must be 0 to 13"),
        ("noisy_label_kv.txt", " 10\n", "\n", "noisy_label_kv.txt, line 4: the label is"),
        ("noisy_train_key_list.txt", "images/3", "images/x", "line 4: 'images/x/0/3,0.jpg' has no label in noisy"),
        ("clean_test_key_list.txt", None, "", "clean_test_key_list.txt is empty"),
        ("clean_test_key_list.txt", None, "\udcff", "clean_test_key_list.txt is not text"),
    ],
)
def test_a_fault_in_clothing1ms_lists_is_one_line(tmp_path, name, old, new, said):
    path = clothing(tmp_path) / "Clothing1M" / "annotations" / name
    text = new if old is None else path.read_text().replace(old, new)
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert said in refusal("clothing1m", tmp_path, size=16)


def test_clothing1ms_names_cannot_lead_out_of_its_folder(tmp_path):
    folder = clothing(tmp_path) / "Clothing1M" / "annotations"
    for name in ("noisy_train_key_list.txt", "noisy_label_kv.txt"):
        (folder / name).write_text((folder / name).read_text().replace("images/3/0/", "../"))
    assert "line 4: '../3,0.jpg' is no path within" in refusal("clothing1m", tmp_path, size=16)


def test_clothing1m_that_is_not_there_is_named_with_the_way_to_get_it(tmp_path):
    told = refusal("clothing1m", tmp_path)
    assert "Clothing1M has no noisy_train_key_list.txt, nor annotations/ there; ask for it as https" in told


CONFORMING = [
    ("ferplus", ferplus, {}),
    ("affectnet", affectnet_npy, {"size": 16}),
    ("animal10n", animals, {}),
    ("clothing1m", clothing, {"size": 16}),
]


@pytest.mark.parametrize(("name", "write", "settings"), CONFORMING)
def test_every_check_of_the_kit_passes(tmp_path, name, write, settings):
    write(tmp_path)
    results = list(run_checks(Registry().find("datasets", name), settings, tmp_path))
    assert {result.check: result.reason for result in results if result.status != "pass"} == {}
