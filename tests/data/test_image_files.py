"""What becomes of each kind of image file: 8-bit pixels that are right, or one line naming it."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from harness import unreadable
from PIL import Image, PngImagePlugin, TiffImagePlugin

from bench.data.image_files import FORMATS, read_image
from bench.errors import DataError

LEVELS = np.array([[0, 4000, 24000], [44000, 65535, 257]], dtype=np.uint16)
SCALED = np.array([[0, 16, 93], [171, 255, 1]])  # 255 / 65535 of it, rounded by hand
COLOURS = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(4, 3, 3) * 7


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(path: Path, size: tuple[int, int], bits: int, colour: int, rows: list[bytes], *more: bytes) -> None:
    """Write a PNG file as its specification says, in kinds that Pillow does not write."""
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(more) + pixels + chunk(b"IEND", b""))


def grey(path: Path) -> np.ndarray:
    image = read_image("pets", path, 1)
    assert image.mode == "L"
    return np.asarray(image).astype(int)


def colour(path: Path) -> np.ndarray:
    image = read_image("pets", path, 3)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def refusal(path: Path) -> str:
    said = set()
    for channels in (1, 3):
        with pytest.raises(DataError) as raised:
            read_image("pets", path, channels)
        said.add(str(raised.value))
    (line,) = said
    assert line.startswith(f"pets: {path} ")
    assert line.isprintable()
    return line.removeprefix(f"pets: {path} ")


# ---- 16 bits -------------------------------------------------------------------------------------


def of_type(text: str, name: str, header: bytes = b""):
    def write(path: Path) -> Path:
        path = path / name
        if header:
            path.write_bytes(header + LEVELS.astype(text).tobytes())
        else:
            mode = {"<u2": "I;16", ">u2": "I;16B"}[text]
            Image.frombytes(mode, (3, 2), LEVELS.astype(text).tobytes()).save(path)
        return path

    return write


SIXTEEN = {
    "png": of_type("<u2", "a.png"),
    "tiff": of_type("<u2", "a.tif"),
    "big-endian tiff": of_type(">u2", "a.tiff"),
    "pgm": of_type(">u2", "a.pgm", b"P5 3 2 65535\n"),
    "pgm named png": of_type(">u2", "a.png", b"P5 3 2 65535\n"),
}


@pytest.mark.parametrize("kind", SIXTEEN)
def test_grey_of_16_bits_is_scaled_by_its_range(tmp_path, kind):
    path = SIXTEEN[kind](tmp_path)
    np.testing.assert_array_equal(grey(path), SCALED)
    np.testing.assert_array_equal(colour(path), np.repeat(SCALED[..., None], 3, axis=2))


def test_white_is_zero_and_ten_bits_are_scaled_by_what_the_file_says(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[262] = 0
    Image.fromarray(LEVELS).save(tmp_path / "a.tif", tiffinfo=tags)
    np.testing.assert_array_equal(grey(tmp_path / "a.tif"), 255 - SCALED)
    (tmp_path / "b.pgm").write_bytes(b"P5 3 1 1023\n" + np.array([0, 512, 1023], ">u2").tobytes())
    assert grey(tmp_path / "b.pgm").tolist() == [[0, 128, 255]]


def test_colour_of_16_bits_keeps_the_upper_eight(tmp_path):
    rows = [np.repeat(row[:, None], 3, axis=1).astype(">u2").tobytes() for row in LEVELS]
    png(tmp_path / "a.png", (3, 2), 16, 2, rows)
    np.testing.assert_array_equal(colour(tmp_path / "a.png"), np.repeat((LEVELS >> 8)[..., None], 3, axis=2))


def floats(path):
    Image.fromarray((LEVELS / 65535).astype(np.float32)).save(path.with_suffix(".tif"))


def whole_32(path):
    Image.fromarray(LEVELS.astype(np.int32)).save(path.with_suffix(".tif"))


def signed_8(path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[339] = 2
    Image.fromarray(LEVELS.astype(np.uint8)).save(path.with_suffix(".tif"), tiffinfo=tags)


def portable_floats(path):
    path.with_suffix(".pgm").write_bytes(b"Pf\n1 1\n-1.0\n" + struct.pack("<f", 0.5))


@pytest.mark.parametrize("write", [floats, whole_32, signed_8, portable_floats])
def test_numbers_without_a_known_range_are_refused(tmp_path, write):
    write(tmp_path / "a")
    (path,) = tmp_path.iterdir()
    said = refusal(path)
    assert said.startswith("holds floating-point, signed or 32-bit numbers, whose black and white are not known")
    assert "save it with 8 or 16 bits" in said


# ---- fewer bits, palettes, transparency ----------------------------------------------------------

KEY = {8: 3, 4: 3, 2: 1, 1: 1}  # a level that is transparent, by bits


@pytest.mark.parametrize(
    ("bits", "row", "levels"),
    [
        (8, [1, 2, 3, 255], [1, 2, 255, 255]),
        (4, [0x03, 0x7F], [0, 255, 119, 255]),
        (2, [0b00011011], [0, 255, 170, 255]),
        (1, [0b01010000], [0, 255, 0, 255]),
        (16, [0, 1, 0, 3, 100, 100, 255, 255], [0, 255, 100, 255]),
    ],
)
def test_a_transparent_level_is_white_whatever_the_number_of_bits(tmp_path, bits, row, levels):
    transparent = chunk(b"tRNS", struct.pack(">H", KEY.get(bits, 3)))
    png(tmp_path / "a.png", (4, 1), bits, 0, [bytes(row)], transparent)
    assert grey(tmp_path / "a.png").tolist() == [levels]
    assert colour(tmp_path / "a.png")[..., 1].tolist() == [levels]


def test_a_transparent_colour_is_white_in_8_bits_and_refused_in_16(tmp_path):
    key = chunk(b"tRNS", struct.pack(">HHH", 4, 5, 6))
    png(tmp_path / "a.png", (2, 1), 8, 2, [bytes([1, 2, 3, 4, 5, 6])], key)
    assert colour(tmp_path / "a.png").tolist() == [[[1, 2, 3], [255, 255, 255]]]
    png(tmp_path / "b.png", (2, 1), 16, 2, [bytes(12)], key)
    assert refusal(tmp_path / "b.png").startswith("has a transparent colour of 16 bits per channel; save it with")


HALF = [10, 20, 30]  # shown half over white: (255 + level) / 2


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp"])
def test_pixels_of_an_alpha_channel_show_white_behind_them(tmp_path, name):
    pixels = np.array([[[*HALF, 255], [*HALF, 0], [*HALF, 128]]], dtype=np.uint8)
    options = {"lossless": True, "exact": True} if name.endswith("webp") else {}
    Image.fromarray(pixels, "RGBA").save(tmp_path / name, **options)
    over = [round(level * 128 / 255 + 127) for level in HALF]
    np.testing.assert_allclose(colour(tmp_path / name)[0], [HALF, [255] * 3, over], atol=1)
    assert grey(tmp_path / name)[0, 1] == 255


def test_grey_with_alpha_and_palettes_with_it_show_white_too(tmp_path):
    Image.fromarray(np.array([[[10, 255], [10, 0]]], dtype=np.uint8), "LA").save(tmp_path / "la.png")
    assert grey(tmp_path / "la.png").tolist() == [[10, 255]]
    coloured = Image.frombytes("P", (3, 1), bytes([0, 1, 2]))
    coloured.putpalette([1, 2, 3, 40, 50, 60, 255, 0, 0])
    for name, transparent in (("bytes.png", bytes([255, 0, 255])), ("one.png", 1), ("one.gif", 1)):
        coloured.save(tmp_path / name, transparency=transparent)
        assert colour(tmp_path / name).tolist() == [[[1, 2, 3], [255, 255, 255], [255, 0, 0]]]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA"])
@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_that_hides_nothing_changes_no_bit(tmp_path, mode, channels):
    wide = Image.fromarray(COLOURS)
    image = wide.quantize(8) if mode.startswith("P") else wide.convert(mode)
    if mode == "PA":
        image = image.convert("RGBA").convert("PA")
    image.save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as opened:
        assert opened.mode == mode
        expected = np.asarray(opened.convert("RGB" if channels == 3 else "L"))
    np.testing.assert_array_equal(np.asarray(read_image("pets", tmp_path / "a.tif", channels)), expected)


def bitmap(alpha: bytes) -> bytes:
    """One pixel of 32 bits with masks for blue, green, red and alpha."""
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    about = struct.pack("<IiiHHIIiiII", 108, 1, 1, 1, 32, 3, 4, 0, 0, 0, 0) + masks + bytes(52)
    return b"BM" + struct.pack("<IHHI", 14 + 108 + 4, 0, 0, 14 + 108) + about + bytes([30, 20, 10]) + alpha


@pytest.mark.parametrize(("alpha", "shown"), [(0, HALF), (255, HALF)])
def test_a_bitmap_whose_alpha_was_left_at_zero_is_opaque(tmp_path, alpha, shown):
    (tmp_path / "a.bmp").write_bytes(bitmap(bytes([alpha])))
    assert colour(tmp_path / "a.bmp").tolist() == [[shown]]


# ---- what was right before stays so --------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.webp", "a.tif", "a.ppm", "A.PNG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("channels", [1, 3])
def test_8_bit_grey_and_colour_are_read_to_the_same_bytes_as_by_pillow_alone(tmp_path, name, mode, channels):
    Image.fromarray(COLOURS).convert(mode).save(tmp_path / name)
    with Image.open(tmp_path / name) as image:
        expected = np.asarray(image.convert("RGB" if channels == 3 else "L"))
    np.testing.assert_array_equal(np.asarray(read_image("pets", tmp_path / name, channels)), expected)


def test_black_and_white_and_print_colours_are_converted_as_the_page_says(tmp_path):
    Image.fromarray(np.array([[0, 255, 255]], dtype=np.uint8)).convert("1").save(tmp_path / "one.png")
    assert grey(tmp_path / "one.png").tolist() == [[0, 255, 255]]
    Image.frombytes("CMYK", (1, 1), bytes([10, 20, 30, 40])).save(tmp_path / "print.tif")
    by_formula = [[[(255 - ink) * (255 - 40) / 255 for ink in (10, 20, 30)]]]
    np.testing.assert_allclose(colour(tmp_path / "print.tif"), by_formula, atol=1)
    Image.frombytes("LAB", (1, 1), bytes([128, 0, 0])).save(tmp_path / "lab.tif")
    assert np.ptp(colour(tmp_path / "lab.tif")) == 0  # no a and no b: a grey
    assert grey(tmp_path / "lab.tif").tolist() == [[119]]


@pytest.mark.parametrize(
    ("name", "kind"), [("a.webp", "WEBP"), ("a.png", "PNG"), ("a.tif", "TIFF"), ("a.jpg", "MPO")]
)
def test_of_an_animation_or_of_several_pages_the_first_is_read(tmp_path, name, kind):
    pages = [Image.new("RGB", (8, 8), colour) for colour in ("white", "red")]
    pages[0].save(tmp_path / name, kind, save_all=True, append_images=pages[1:])
    assert (colour(tmp_path / name) == 255).all()


# ---- orientation ---------------------------------------------------------------------------------

UPRIGHT = {
    1: COLOURS,
    2: COLOURS[:, ::-1],
    3: COLOURS[::-1, ::-1],
    4: COLOURS[::-1],
    5: COLOURS.transpose(1, 0, 2),
    6: np.rot90(COLOURS, -1),
    7: COLOURS[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(COLOURS),
    0: COLOURS,
    9: COLOURS,
}


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "a.jpg"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_honoured(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    exact = {"a.webp": {"lossless": True}, "a.jpg": {"quality": 100, "subsampling": 0}}.get(name, {})
    Image.fromarray(COLOURS).save(tmp_path / name, exif=exif, **exact)
    np.testing.assert_allclose(colour(tmp_path / name), UPRIGHT[orientation], atol=6 if exact else 0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "damaged",
    [
        b"Exif\0\0garbage",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(20),
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\xff\xff\xff\x7f\0\0\0\0",
        b"Exif\0\0",
    ],
)
def test_damaged_exif_data_turn_nothing(tmp_path, damaged):
    Image.fromarray(COLOURS).save(tmp_path / "a.jpg", exif=damaged)
    with Image.open(tmp_path / "a.jpg") as image:
        np.testing.assert_array_equal(colour(tmp_path / "a.jpg"), np.asarray(image))


# ---- files that are no images --------------------------------------------------------------------


def postscript(path):
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")


def icon(path):
    Image.fromarray(COLOURS).save(path, "ICO")


def empty(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")


def zeros(path):
    path.write_bytes(bytes(1000))


def pointer(path):
    path.write_text("version https://git-lfs.github.com/spec/v1\n")


@pytest.mark.parametrize("write", [postscript, icon, empty, text, zeros, pointer])
def test_what_is_none_of_the_formats_is_named_with_them(tmp_path, write, monkeypatch):
    monkeypatch.setattr("subprocess.check_call", lambda *arguments: pytest.fail("started a program"))
    write(tmp_path / "a.png")
    said = "is damaged or no image: its content is none of BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP"
    assert refusal(tmp_path / "a.png") == said
    assert "EPS" not in FORMATS


def half(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 99, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:9000])


def flipped(path):
    Image.fromarray(COLOURS).save(path)
    content = bytearray(path.read_bytes())
    content[45] ^= 255
    path.write_bytes(content)


def large_text(path):
    notes = PngImagePlugin.PngInfo()
    notes.add_text("comment", "x" * (2 << 20), zip=True)
    Image.fromarray(COLOURS).save(path, pnginfo=notes)


def bomb(path):
    png(path, (100_000, 100_000), 8, 2, [bytes(100)])


def no_pixels(path):
    png(path, (0, 0), 8, 2, [b""])


def odd_kind(path):
    png(path, (1, 1), 7, 5, [b"\0"])


@pytest.mark.parametrize("write", [half, flipped, large_text, bomb, no_pixels, odd_kind])
def test_a_damaged_or_excessive_file_is_named(tmp_path, write):
    write(tmp_path / "a.png")
    assert refusal(tmp_path / "a.png").startswith("is damaged or no image: ")


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("gone")])
def test_what_is_no_regular_file_is_named_and_not_waited_for(tmp_path, make):
    make(tmp_path / "a.png")
    assert refusal(tmp_path / "a.png") == "is no regular file"


def test_a_file_that_may_not_be_read_is_named(tmp_path):
    Image.fromarray(COLOURS).save(tmp_path / "a.png")
    with unreadable(tmp_path / "a.png"):
        assert "Permission denied" in refusal(tmp_path / "a.png")


@pytest.mark.parametrize("seed", range(40))
def test_bytes_changed_at_random_give_an_image_or_one_line(tmp_path, seed):
    rng = np.random.default_rng(seed)
    path = tmp_path / ["a.png", "a.jpg", "a.tif", "a.bmp", "a.webp", "a.ppm", "a.gif"][seed % 7]
    Image.fromarray(COLOURS).save(path)
    content = bytearray(path.read_bytes())
    for place in rng.integers(0, len(content), 4):
        content[place] = rng.integers(256)
    path.write_bytes(content)
    try:
        read_image("pets", path, 3)
    except DataError:
        assert refusal(path)
