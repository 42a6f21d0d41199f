"""IDX files of every type come back; damaged ones are refused."""

import gzip
import random
import struct
from pathlib import Path

import numpy as np
import pytest
from files import flip_bit

from course_utils.data import (
    DataError,
    parse_idx,
    read_idx,
)

# Code of the type: (format of `struct`, NumPy's name, some values, extremes included).
IDX_TYPES = {
    0x08: ("B", "uint8", (0, 1, 127, 128, 255)),
    0x09: ("b", "int8", (0, 1, -1, 127, -128)),
    0x0B: ("h", "int16", (0, 1, -2, 258, 32767, -32768)),
    0x0C: ("i", "int32", (0, 1, -2, 16909060, 2**31 - 1, -(2**31))),
    0x0D: ("f", "float32", (0.0, 1.0, -2.5, 3.0e38, -1.0e-38, float("inf"))),
    0x0E: ("d", "float64", (0.0, 1.0, -2.5, 1.0e308, 5.0e-324, -float("inf"))),
}


SHAPES = [(1,), (7,), (2, 3), (3, 1, 4), (2, 3, 4, 5)]


def idx_bytes(code, shape, values):
    """Write an IDX file element by element, without NumPy."""
    header = struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape)
    return header + b"".join(struct.pack(">" + IDX_TYPES[code][0], v) for v in values)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("code", IDX_TYPES)
def test_idx_round_trip(tmp_path, code, shape, zipped):
    _, dtype, some = IDX_TYPES[code]
    size = int(np.prod(shape))
    values = random.Random(f"{code} {shape}").choices(some, k=size)
    content = idx_bytes(code, shape, values)
    path = tmp_path / "array"  # no suffix: the content decides
    path.write_bytes(gzip.compress(content) if zipped else content)
    array = read_idx(str(path))
    assert array.shape == shape
    assert array.dtype.name == dtype and array.dtype.isnative
    flat = np.arange(size).reshape(shape)  # C order: the last index runs fastest
    for index in np.ndindex(shape):
        assert array[index] == np.array(values[flat[index]], dtype)


def test_idx_array_is_the_readers_own(tmp_path):
    content = idx_bytes(0x08, (2,), (3, 4))
    array = parse_idx(content, "mine")
    array[0] = 9
    assert parse_idx(content, "mine").tolist() == [3, 4]


GOOD = idx_bytes(0x0B, (2, 3), (1, 2, 3, 4, 5, 6))  # 12 + 12 bytes


ZIPPED = gzip.compress(GOOD)


SWAPPED = struct.pack("<HBBII", 0, 0x0B, 2, 2, 3) + GOOD[12:]


HUGE = struct.pack(">HBB3I", 0, 0x0E, 3, 2**31, 2**31, 4)  # 2 ** 64 elements


REFUSED = {
    "empty file": (b"", "not an IDX file: .*found an empty file"),
    "short magic": (GOOD[:3], "not an IDX file: .*found 00 00 0b"),
    "text": (b"version https://git-lfs", "not an IDX file: .*found 76 65 72 73"),
    "leading byte": (b"\x01" + GOOD[1:], "not an IDX file: .*found 01 00 0b 02"),
    "second byte": (b"\0\x01" + GOOD[2:], "not an IDX file: .*found 00 01 0b 02"),
    "unknown type": (b"\0\0\x0a" + GOOD[3:], "not an IDX file: .*found 00 00 0a 02"),
    "no dimension": (
        b"\0\0\x08\0" + b"\x05",
        "not an array: expected 1 to 64 dim.*found 0",
    ),
    "65 dimensions": (
        idx_bytes(0x08, (1,) * 65, (5,)),
        "not an array: expected 1 to 64 dimensions, found 65",
    ),
    "half a header": (GOOD[:11], "truncated: expected a header of 12.*found 11 bytes"),
    "header only": (GOOD[:12], r"truncated: expected 24 bytes.*\(2, 3\).*found 12"),
    "one byte less": (GOOD[:-1], r"truncated: expected 24 bytes.*\(2, 3\).*found 23"),
    "one byte more": (GOOD + b"\0", r"too long: expected 24 bytes.*\(2, 3\).*found 25"),
    "sizes in little-endian": (SWAPPED, r"truncated: .*\(33554432, 50331648\)"),
    "a size of zero": (
        struct.pack(">HBB2I", 0, 8, 2, 0, 3),
        r"empty: .*found \(0, 3\)",
    ),
    "an absurd size": (HUGE, "truncated: expected 147573952589676412944 bytes"),
    "gzip cut off": (ZIPPED[:-1], "truncated: expected one gzip.*one that breaks off"),
    "gzip header only": (ZIPPED[:5], "truncated: expected one gzip stream"),
    "gzip, bad checksum": (flip_bit(ZIPPED, -8), "damaged: .*incorrect data check"),
    "gzip, bad length": (flip_bit(ZIPPED, -4), "damaged: .*incorrect length check"),
    "gzip, bad method": (flip_bit(ZIPPED, 2), "damaged: .*compression method"),
    "garbage after gzip": (ZIPPED + b"garbage", "too long: .*found 7 more bytes after"),
    "zeros after gzip": (ZIPPED + b"\0\0", "too long: .*found 2 more bytes after"),
    "two gzip streams": (ZIPPED + ZIPPED, "too long: .*more bytes after"),
    "one byte more, zipped": (gzip.compress(GOOD + b"\0"), "too long: .*found 25"),
    "an empty gzip": (gzip.compress(b""), "not an IDX file: .*an empty file"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_idx_refuses_damage(tmp_path, content, message):
    path = tmp_path / "mine.idx"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"mine\.idx is {message}") as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path} is ")
    assert str(caught.value).endswith("Make or download the file again.")


def test_idx_every_shortened_file_is_refused():
    for content in (GOOD, ZIPPED):
        for size in range(len(content)):
            with pytest.raises(DataError, match="short is "):
                parse_idx(content[:size], "short")


def test_idx_missing_file_is_named_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="is missing.*Check the path") as caught:
        read_idx("nowhere.gz")
    assert str(Path.cwd() / "nowhere.gz") in str(caught.value)
