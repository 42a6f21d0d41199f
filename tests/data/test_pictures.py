"""A learner's own picture, in every format that has been drawn wrongly by somebody."""

import numpy as np
import pytest
from PIL import Image

from course_utils.data import DataError, load_picture

# Left half dark, right half light, and a bright top right corner.
RAMP = np.repeat(np.repeat([[40, 200], [40, 120]], 14, 0), 14, 1).astype(np.uint8)
GREY = Image.fromarray(RAMP)
RGB = GREY.convert("RGB")
EXPECTED = RAMP[None, :, :, None]


def saved(picture, path, **options):
    picture.save(path, **options)
    return load_picture(path)


def near(found, expected=EXPECTED, by=3):
    assert found.dtype == np.uint8 and found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= by


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "CMYK"])
def test_every_mode_gives_the_same_grey(mode, tmp_path):
    name = "a.tif" if mode == "CMYK" else "a.png"
    near(saved(RGB.convert(mode), tmp_path / name))


def test_one_bit_is_black_or_white(tmp_path):
    bits = Image.fromarray(RAMP > 100)
    assert bits.mode == "1"
    near(saved(bits, tmp_path / "a.png"), np.where(EXPECTED > 100, 255, 0))


def test_a_palette_is_looked_up_and_not_drawn(tmp_path):
    """Indices 0, 1, 2 of a palette are no grey levels."""
    near(saved(RGB.quantize(3), tmp_path / "a.png"))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_sixteen_bits_are_scaled(dtype, tmp_path):
    deep = Image.fromarray(RAMP.astype(dtype) * 257)
    near(saved(deep, tmp_path / "a.tif"))


def test_floats_from_0_to_1(tmp_path):
    near(saved(Image.fromarray(RAMP.astype(np.float32) / 255), tmp_path / "a.tif"))


def test_what_is_transparent_is_white(tmp_path):
    clear = RGB.convert("RGBA")
    clear.putalpha(Image.fromarray(np.where(RAMP > 150, 0, 255).astype(np.uint8)))
    near(saved(clear, tmp_path / "a.png"), np.where(EXPECTED > 150, 255, EXPECTED))
    indexed = RGB.quantize(3)
    corner = indexed.getpixel((27, 0))
    found = saved(indexed, tmp_path / "b.png", transparency=corner)
    near(found, np.where(EXPECTED > 150, 255, EXPECTED))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_camera_is_turned_back(orientation, tmp_path):
    undo = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM"}
    undo |= {5: "TRANSPOSE", 6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}
    stored = RGB
    if orientation in undo:
        stored = RGB.transpose(Image.Transpose[undo[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    near(saved(stored, tmp_path / "a.png", exif=exif))


def test_the_middle_square_at_any_size_and_inverted(tmp_path):
    wide = np.zeros((100, 300), np.uint8)
    wide[:, 100:200] = 80
    path = tmp_path / "a.png"
    Image.fromarray(wide).save(path)
    near(load_picture(path), np.full((1, 28, 28, 1), 80))
    near(load_picture(path, size=7, inverted=True), np.full((1, 7, 7, 1), 175))
    load_picture(path)[...] = 0  # the array is the caller's own
    with pytest.raises(ValueError, match="at least one pixel"):
        load_picture(path, size=0)


def test_no_picture_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match="missing"):
        load_picture(tmp_path / "none.png")
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture at all")
    with pytest.raises(DataError, match="cannot be read as a picture"):
        load_picture(path)
    RGB.save(path)
    whole = path.read_bytes()
    for length in (0, 9, 40, len(whole) // 2):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            load_picture(path)
    with pytest.raises(DataError):
        load_picture(tmp_path)
