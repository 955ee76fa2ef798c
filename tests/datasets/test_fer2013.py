from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import functional

from bench.errors import DataError
from bench.plugins.loading import load
from bench.plugins.registry import Registry
from bench.spec import Choice

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
USAGES = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}
PARTS = {"Training": 0, "PublicTest": 100, "PrivateTest": 200}  # the grey level of a part's first class
FLAT = " ".join(["9"] * 2304)


def fer2013(root: Path, **options: str):
    return load(Choice(name="fer2013", hyperparameters=options, version=""), Registry(), root, False)


def refusal(root: Path, **options: str) -> str:
    with pytest.raises(DataError) as raised:
        fer2013(root, **options)
    said = str(raised.value)
    assert said.startswith("fer2013: ")
    assert said.isprintable()
    return said.removeprefix("fer2013: ")


def grey(usage: str, label: int) -> int:
    return PARTS[usage] + 5 * label


def face(path: Path, level: int, size: tuple[int, int] = (48, 48), mode: str = "L") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level if mode == "L" else (level, level, level)).save(path)


@pytest.fixture
def tree(tmp_path):
    for usage, part in USAGES.items():
        for label, name in enumerate(CLASSES):
            face(tmp_path / "fer2013" / part / name / f"{usage}_{label}.jpg", grey(usage, label))
    return tmp_path


def write(root: Path, text: str, name: str = "fer2013.csv") -> Path:
    (root / "fer2013").mkdir(exist_ok=True)
    (root / "fer2013" / name).write_text(text, newline="")
    return root


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (48, 48))


def text_of(image: np.ndarray) -> str:
    return " ".join(str(value) for row in image.tolist() for value in row)


ROWS = [(6, "Training", 1), (0, "PublicTest", 2), (3, "Training", 3), (5, "PrivateTest", 4), (1, "PrivateTest", 5)]


def table(*more: str) -> str:
    rows = [f"{label},{text_of(pixels(seed))},{usage}" for label, usage, seed in ROWS]
    return "\n".join(["emotion,pixels,Usage", *rows, *more]) + "\n"


def check_rows(split, usage: str) -> None:
    expected = [(label, pixels(seed)) for label, part, seed in ROWS if part == usage]
    assert split.labels.tolist() == [label for label, _ in expected]
    assert split.images.dtype == torch.uint8
    np.testing.assert_array_equal(split.images, np.stack([image for _, image in expected])[:, None])


@pytest.mark.parametrize(("test", "usage"), [("private", "PrivateTest"), ("public", "PublicTest")])
def test_the_table_is_read_pixel_by_pixel(tmp_path, test, usage):
    data = fer2013(write(tmp_path, table()), edition="csv", test=test)
    check_rows(data.train, "Training")
    check_rows(data.test, usage)
    assert data.class_names == CLASSES


def test_the_challenges_table_has_other_columns_first_and_spaces_after_commas(tmp_path):
    rows = [f"{label},{usage},{text_of(pixels(seed))}" for label, usage, seed in ROWS]
    write(tmp_path, "\r\n".join(["emotion, Usage, pixels", *rows]) + "\r\n", "icml_face_data.csv")
    data = fer2013(tmp_path, edition="csv")
    check_rows(data.train, "Training")
    check_rows(data.test, "PrivateTest")


@pytest.mark.parametrize(("test", "usage"), [("private", "PrivateTest"), ("public", "PublicTest")])
def test_the_folders_are_read_in_the_tables_class_order(tree, test, usage):
    data = fer2013(tree, test=test)
    assert data.class_names == CLASSES
    for split, part in ((data.train, "Training"), (data.test, usage)):
        assert split.images.shape == (7, 1, 48, 48)
        assert sorted(split.labels.tolist()) == list(range(7))
        for image, label in zip(split.images, split.labels.tolist(), strict=True):
            assert (image == grey(part, label)).all(), CLASSES[label]


def test_the_private_test_set_and_the_folders_are_the_default(tree):
    write(tree, table())
    data, chosen = fer2013(tree), fer2013(tree, edition="folder", test="private")
    assert torch.equal(data.test.images, chosen.test.images)
    assert data.test.images.min() >= PARTS["PrivateTest"]


def test_a_colour_file_is_read_as_grey(tree):
    path = tree / "fer2013" / "train" / "sad" / "Training_4.jpg"
    face(path, 77, mode="RGB")
    data = fer2013(tree)
    assert (data.train.images[data.train.labels == 4] == 77).all()


def test_images_are_read_the_right_way_up(tree):
    path = tree / "fer2013" / "train" / "sad" / "Training_4.jpg"
    halves = np.zeros((48, 48), dtype=np.uint8)
    halves[:24] = 200
    halves[:, 40:] = 120
    Image.fromarray(halves).save(path, quality=100)
    data = fer2013(tree)
    (read,) = data.train.images[data.train.labels == 4, 0]
    assert (read.long() - torch.from_numpy(halves).long()).abs().max() <= 3


def test_ten_crops_are_evaluated_standardised_and_the_centre_comes_first(tmp_path):
    data = fer2013(write(tmp_path, table()), edition="csv")
    views = data.evaluate(data.test.images)
    crops = functional.ten_crop(data.test.images, [44, 44])
    standard = [(crop.double() / 255 - 0.514) / 0.307 for crop in crops]
    assert len(views) == 10
    torch.testing.assert_close(views[0].double(), standard[4], rtol=1e-5, atol=1e-6)
    matches = [
        [k for k, crop in enumerate(standard) if torch.allclose(view.double(), crop, atol=1e-5)] for view in views
    ]
    assert sorted(matches) == [[k] for k in range(10)]
    assert data.image_shape == (1, 44, 44)


def test_training_images_are_windows_of_their_images_half_of_them_mirrored(tmp_path):
    data = fer2013(write(tmp_path, table()), edition="csv")
    image = data.train.images[:1]
    augmented = data.augment(image.expand(300, 1, 48, 48), torch.Generator().manual_seed(3))
    assert augmented.shape == (300, 1, 44, 44)
    windows = {}
    for mirrored in (False, True):
        for top in range(5):
            for left in range(5):
                window = image[0, 0, top : top + 44, left : left + 44]
                key = tuple((window.flip(1) if mirrored else window).flatten().tolist())
                windows[key] = (mirrored, top, left)
    levels = ((augmented * 0.307 + 0.514) * 255).round().to(torch.int64).flatten(1).tolist()
    seen = [windows[tuple(each)] for each in levels]
    assert 100 < sum(mirrored for mirrored, *_ in seen) < 200
    assert len({place[1:] for place in seen}) == 25


def test_the_generator_alone_decides_the_augmentation(tree):
    data = fer2013(tree)
    images = torch.randint(0, 256, (7, 1, 48, 48), dtype=torch.uint8)
    first, same, other = (data.augment(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"0,{FLAT[:-2]},Training", "2303 pixels, must be 2304"),
        (f"0,{FLAT} 9,Training", "2305 pixels, must be 2304"),
        ("0,,Training", "0 pixels, must be 2304"),
        (f"0,{FLAT[:-1]}x,Training", "a pixel is no whole number: ValueError: invalid literal"),
        (f"0,{FLAT[:-1]}1.5,Training", "a pixel is no whole number: ValueError: invalid literal"),
        (f"0,{FLAT[:-1]}{10**30},Training", "a pixel is no whole number: OverflowError"),
        (f"0,{FLAT[:-1]}256,Training", "pixels from 9 to 256, must be 0 to 255"),
        (f"0,{FLAT[:-1]}-1,Training", "pixels from -1 to 9, must be 0 to 255"),
        (f"7,{FLAT},Training", "emotion is '7', must be 0 to 6"),
        (f"-1,{FLAT},Training", "emotion is '-1', must be 0 to 6"),
        (f"sad,{FLAT},Training", "emotion is 'sad', must be 0 to 6"),
        (f",{FLAT},Training", "emotion is '', must be 0 to 6"),
        (f"0,{FLAT},Test", "Usage is 'Test', must be one of Training, PublicTest, PrivateTest"),
        (f"0,{FLAT}", "Usage is '', must be one of Training, PublicTest, PrivateTest"),
        ("0", "Usage is '', must be one of Training, PublicTest, PrivateTest"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path, row, said):
    write(tmp_path, table(row, f"0,{FLAT},Training"))
    path = tmp_path / "fer2013" / "fer2013.csv"
    assert refusal(tmp_path, edition="csv").startswith(f"{path}, line {len(ROWS) + 2}: {said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"emotion,pixels\n0,{FLAT}\n", "has no column Usage, it has emotion, pixels"),
        ("version https://git-lfs.github.com/spec/v1\n", "has no column emotion, it has version https://git-lfs"),
        ("", "is no CSV table: EmptyDataError: No columns to parse from file"),
        (table("0,1,Training,x"), "is no CSV table: ParserError"),
        (table(f'0,"{FLAT},Training'), "is no CSV table: ParserError"),
        ("emotion,pixels,Usage\n", "has no row with the Usage Training"),
        (
            f"emotion,pixels,Usage\n0,{FLAT},Training\n0,{FLAT},PrivateTest\n",
            "has no row with the Usage PublicTest",
        ),
    ],
)
def test_a_table_that_is_none_or_lacks_a_part_is_named(tmp_path, text, said):
    write(tmp_path, text)
    assert refusal(tmp_path, edition="csv").startswith(f"{tmp_path / 'fer2013' / 'fer2013.csv'} {said}")


def test_a_table_of_bytes_is_named(tmp_path):
    write(tmp_path, "")
    (tmp_path / "fer2013" / "fer2013.csv").write_bytes(b"\xff\xfe\x00")
    assert "fer2013.csv is no CSV table: UnicodeDecodeError" in refusal(tmp_path, edition="csv")


@pytest.mark.parametrize("cut", [0, 20, 500], ids=["empty", "header only", "half"])
def test_a_damaged_jpeg_is_named(tree, cut):
    path = tree / "fer2013" / "test" / "fear" / "PublicTest_2.jpg"
    Image.fromarray(pixels(0).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:cut])
    assert refusal(tree).startswith(f"{path} is damaged or no image: ")


def test_an_image_of_another_size_is_named(tree):
    path = tree / "fer2013" / "train" / "happy" / "Training_3.jpg"
    face(path, 8, size=(40, 48))
    assert refusal(tree) == f"{path} has 40×48 pixels, must be 48×48"


@pytest.mark.parametrize(
    ("part", "name"),
    [("train", "im0.jpg"), ("test", "Private_3.jpg"), ("train", "training_3.jpg"), ("test", "Training_3.jpg")],
)
def test_a_file_without_a_usage_in_its_name_is_named(tree, part, name):
    path = tree / "fer2013" / part / "happy" / name
    face(path, 8)
    wanted = {"train": "Training", "test": "PublicTest or PrivateTest"}[part]
    assert refusal(tree) == f"{path}: a name there must begin with {wanted}, got {name.split('_')[0]}"


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_wrong_class_folder_is_named(tree, part):
    folder = tree / "fer2013" / part
    (folder / "happy").rename(folder / "happiness")
    has = "angry, disgust, fear, happiness, neutral, sad, surprise"
    assert refusal(tree) == f"{folder} has images of the classes {has}, must be {', '.join(CLASSES)}"


def test_an_empty_class_folder_is_named(tree):
    (tree / "fer2013" / "train" / "happy" / "Training_3.jpg").unlink()
    said = refusal(tree)
    has = "angry, disgust, fear, neutral, sad, surprise"
    assert said == f"{tree / 'fer2013' / 'train'} has images of the classes {has}, must be {', '.join(CLASSES)}"


def test_a_tree_without_one_test_set_is_refused(tree):
    for path in (tree / "fer2013" / "test").rglob("PublicTest_*"):
        path.rename(path.with_name(path.name.replace("Public", "Private") + ".jpg"))
    assert refusal(tree) == f"{tree / 'fer2013'} has no file PublicTest_*.jpg"


@pytest.mark.parametrize(
    ("edition", "what"), [("folder", "train/ and test/"), ("csv", "fer2013.csv or icml_face_data.csv")]
)
def test_missing_files_name_the_ways_to_get_them(tmp_path, edition, what):
    said = refusal(tmp_path, edition=edition)
    assert said.startswith(f"{tmp_path / 'fer2013'} has no {what}; get it from Kaggle")
    assert "--data-root DIR" in said
    assert "BENCH_DATA" in said


def test_where_the_other_edition_is_there_the_option_for_it_is_told(tree, tmp_path_factory):
    assert refusal(tree, edition="csv").endswith("the other edition is there: pass --set fer2013.edition=folder")
    for name in ("fer2013.csv", "icml_face_data.csv"):
        other = write(tmp_path_factory.mktemp("data"), table(), name)
        assert refusal(other).endswith("the other edition is there: pass --set fer2013.edition=csv")
        assert len(fer2013(other, edition="csv").train.labels) == 2


def test_half_a_tree_is_none(tree):
    (tree / "fer2013" / "test").rename(tree / "fer2013" / "elsewhere")
    assert refusal(tree).startswith(f"{tree / 'fer2013'} has no train/ and test/; get it from Kaggle")
