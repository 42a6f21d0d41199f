"""The data files, their loader, the IDX reader and the ranges of pixels."""

import functools
import gzip
import hashlib
import itertools
import json
import random
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_utils import data
from course_utils.data import (
    CLASS_NAMES,
    DataError,
    batches,
    binarize,
    data_dir,
    load_fashion_mnist,
    load_photo,
    parse_idx,
    read_idx,
    read_verified,
    to_signed,
    to_unit,
)

DATA = Path(__file__).resolve().parent.parent / "data"
REGISTRY = json.loads((DATA / "registry.json").read_text(encoding="utf-8"))
README = (DATA / "README.md").read_text(encoding="utf-8")
LABELS = "fashion-mnist/t10k-labels-idx1-ubyte.gz"
PUBLISHER_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
FILES = [*(f"fashion-mnist/{name}" for name in PUBLISHER_MD5), "photos/chelsea.png"]


@pytest.fixture(autouse=True)
def own_data(monkeypatch):
    """Every test starts without COURSE_DATA, wherever the tests are run."""
    monkeypatch.delenv("COURSE_DATA", raising=False)


@pytest.fixture
def fresh_cache():
    """Let a test load other files, and keep what it loaded from the other tests."""
    load_fashion_mnist.cache_clear()
    yield
    load_fashion_mnist.cache_clear()


@pytest.fixture
def copy_of(tmp_path, monkeypatch):
    """Return a function: copy registered files to a folder that COURSE_DATA names."""

    def copy(*names):
        for name in ("registry.json", *names):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(DATA / name, tmp_path / name)
        monkeypatch.setenv("COURSE_DATA", str(tmp_path))
        return tmp_path

    return copy


@functools.cache
def publisher_bytes(name):
    """The bytes of one of the publisher's files, unzipped by the standard library."""
    return gzip.decompress((DATA / "fashion-mnist" / name).read_bytes())


# --- the files in the repository ------------------------------------------------------


@pytest.mark.parametrize("name", REGISTRY)
def test_every_registered_file_verifies(name):
    assert read_verified(name) == (DATA / name).read_bytes()


def test_every_file_of_the_two_folders_is_registered():
    files = {
        path.relative_to(DATA).as_posix()
        for folder in ("fashion-mnist", "photos")
        for path in (DATA / folder).iterdir()
    }
    assert files - {"fashion-mnist/LICENSE"} <= REGISTRY.keys()


@pytest.mark.parametrize(("name", "md5"), PUBLISHER_MD5.items())
def test_files_are_the_publishers(name, md5):
    content = (DATA / "fashion-mnist" / name).read_bytes()
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5
    assert f"| `{name}` | `{md5}` |" in README


@pytest.mark.parametrize("name", PUBLISHER_MD5)
def test_registry_describes_the_arrays(name):
    entry = REGISTRY[f"fashion-mnist/{name}"]
    array = read_idx(DATA / "fashion-mnist" / name)
    assert (list(array.shape), array.dtype.name) == (entry["shape"], entry["dtype"])


def test_registry_describes_the_photograph():
    entry, photo = REGISTRY["photos/chelsea.png"], load_photo()
    assert (list(photo.shape), photo.dtype.name) == (entry["shape"], entry["dtype"])


def test_photograph_is_in_colour_with_the_channels_in_order():
    red, green, blue = load_photo().reshape(-1, 3).mean(axis=0)
    assert red > green > blue  # a ginger cat


@pytest.mark.parametrize("name", FILES)
def test_datasheet_lists_the_file(name):
    licence = REGISTRY[name]["licence"].replace("CC0-1.0", "CC0 1.0")
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
    assert f"| {REGISTRY[name]['bytes']:,} |" in row
    assert row.endswith(f"| {licence} |")


def test_licence_of_the_publisher_is_there():
    text = (DATA / "fashion-mnist" / "LICENSE").read_text(encoding="utf-8")
    assert "MIT License" in text and "2017 Zalando SE" in text


# --- Fashion-MNIST --------------------------------------------------------------------


def test_splits_have_the_promised_sizes_and_types():
    for split, size in zip(load_fashion_mnist(), (55_000, 5_000, 10_000), strict=True):
        assert split.images.shape == (size, 28, 28, 1)
        assert split.images.dtype == np.uint8
        assert split.labels.shape == (size,)
        assert split.labels.dtype == np.int32


@pytest.mark.parametrize(
    ("split", "prefix", "first"),
    [("train", "train", 0), ("validation", "train", 55_000), ("test", "t10k", 0)],
)
def test_pixels_and_labels_stand_where_the_file_has_them(split, prefix, first):
    images, labels = getattr(load_fashion_mnist(), split)
    pixel_bytes = publisher_bytes(f"{prefix}-images-idx3-ubyte.gz")
    label_bytes = publisher_bytes(f"{prefix}-labels-idx1-ubyte.gz")
    assert labels.tolist() == list(label_bytes[8 + first : 8 + first + len(labels)])
    for k, r, c in itertools.product((0, 7, len(labels) - 1), range(28), range(28)):
        offset = 16 + 784 * (first + k) + 28 * r + c
        assert images[k, r, c, 0] == pixel_bytes[offset]


def test_class_names_fit_the_pictures():
    images, labels = load_fashion_mnist().train
    mean = {
        name: images[labels == label, :, :, 0].mean(axis=0)
        for label, name in enumerate(CLASS_NAMES)
    }
    middle = {name: m[:, 7:21].sum() / m.sum() for name, m in mean.items()}
    assert sorted(middle, key=middle.get)[-2:] == ["Dress", "Trouser"]  # narrow
    top = {name: m[:9].sum() / m.sum() for name, m in mean.items()}
    assert set(sorted(top, key=top.get)[:4]) == {
        "Sneaker",
        "Sandal",
        "Ankle boot",
        "Bag",
    }
    ink = {name: m.mean() for name, m in mean.items()}
    assert sorted(ink, key=ink.get)[:2] == ["Sandal", "Sneaker"]
    assert ink["Coat"] > ink["Shirt"] and ink["Pullover"] > ink["T-shirt/top"]


def test_no_two_images_are_equal_within_or_across_the_splits():
    images = [image.tobytes() for split in load_fashion_mnist() for image in split[0]]
    assert len(set(images)) == len(images) == 70_000
    assert "No two of the 70,000 images are equal" in README


def test_class_counts_are_those_of_the_datasheet():
    counts = [np.bincount(split.labels) for split in load_fashion_mnist()]
    for label, name in enumerate(CLASS_NAMES):
        row = " | ".join(f"{count[label]:,}" for count in counts)
        assert f"| {label} | {name} | {row} |" in README
    assert "| | all | 55,000 | 5,000 | 10,000 |" in README
    assert (counts[1].min(), counts[1].max()) == (450, 527)
    assert "450 and 527" in re.sub(r"\s+", " ", load_fashion_mnist.__doc__)


def test_validation_is_as_balanced_as_a_random_draw():
    # Drawing 5,000 of 60,000 without replacement shrinks the variance to 55/60; after
    # that correction, a chi-square with 9 degrees of freedom: 99th percentile 21.67.
    counts = np.bincount(load_fashion_mnist().validation.labels)
    assert ((counts - 500) ** 2).sum() / 500 / (55 / 60) < 21.67


def test_pixel_facts_of_the_datasheet():
    train, validation, _ = load_fashion_mnist()
    pixels = np.concatenate([train.images, validation.images])
    assert f"{(pixels == 0).mean():.1%}".replace("%", " %") == "50.2 %"
    assert f"{pixels.mean() / 255:.4f}" == "0.2860"
    assert np.unique(pixels).tolist() == list(range(256))
    assert "60,000 training images, 50.2 % of the pixels are exactly 0" in README
    assert "mean of x / 255 is 0.2860. All 256 grey levels occur." in README


def test_neighbour_distances_of_the_datasheet():
    train, _, test = load_fashion_mnist()
    x = to_unit(train.images).reshape(-1, 784)
    query = to_unit(test.images[:200]).reshape(-1, 784)
    squared = (query**2).sum(axis=1)[:, None] + (x**2).sum(axis=1) - 2 * query @ x.T
    distance = np.sqrt(squared)
    assert f"{np.median(distance.min(axis=1)):.1f}" == "3.4"
    assert f"{np.median(distance):.1f}" == "11.5"
    assert "of 3.4 to the nearest training image, and of 11.5 to all" in README


def test_arrays_are_read_only():
    for array in itertools.chain.from_iterable(load_fashion_mnist()):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
        with pytest.raises(ValueError, match="read-only"):
            array += 1


def test_files_are_read_once_in_a_process():
    assert load_fashion_mnist() is load_fashion_mnist()


def test_loading_from_read_only_files_writes_nothing(copy_of, fresh_cache):
    folder = copy_of(*FILES)
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o444)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    load_fashion_mnist()
    load_photo()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    for path in files:
        path.chmod(0o644)


def test_import_does_not_load_jax():
    code = "import sys, course_utils.data; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- the folder -----------------------------------------------------------------------


def test_folder_is_beside_the_package_unless_course_data_is_set(monkeypatch, tmp_path):
    assert data_dir() == DATA
    monkeypatch.setenv("COURSE_DATA", "")
    assert data_dir() == DATA
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    assert data_dir() == tmp_path.resolve()


def test_a_folder_without_the_course_s_data_is_explained(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"registry\.json is missing.*unset it"):
        read_verified(LABELS)


def test_a_damaged_registry_is_refused(copy_of):
    (copy_of() / "registry.json").write_text('{"fashion', encoding="utf-8")
    with pytest.raises(DataError, match=r"registry\.json is damaged: expected JSON"):
        read_verified(LABELS)


@pytest.mark.parametrize("name", ["photos/dog.png", "../pyproject.toml"])
def test_an_unregistered_name_is_refused(name):
    with pytest.raises(DataError, match="not registered.*photos/chelsea.png"):
        read_verified(name)


# --- damaged files of the course ------------------------------------------------------


def flip_bit(content, position):
    """The same number of bytes, one bit changed."""
    changed = bytearray(content)
    changed[position] ^= 1
    return bytes(changed)


DAMAGE = {
    "truncated": (lambda b: b[:-1], "5148 bytes", "5147 bytes"),
    "too long": (lambda b: b + b"\0", "5148 bytes", "5149 bytes"),
    "altered": (lambda b: flip_bit(b, 2500), "SHA-256 67da17c7", "SHA-256 67da17c7"),
}


@pytest.mark.parametrize(("problem", "case"), DAMAGE.items())
def test_damage_is_named_with_expected_found_and_repair(copy_of, problem, case):
    damage, expected, found = case
    folder = copy_of(LABELS)
    content = damage((folder / LABELS).read_bytes())
    (folder / LABELS).write_bytes(content)
    if problem == "altered":
        found = hashlib.sha256(content).hexdigest()[:16]
    with pytest.raises(DataError) as caught:
        read_verified(LABELS)
    message = str(caught.value)
    assert message.startswith(f"{data_dir() / LABELS} is {problem}: ")
    assert f"expected {expected}" in message
    assert f"found {found}" in message
    assert f"COURSE_DATA points to {data_dir()}: unset it" in message


def test_a_missing_file_is_named_with_its_repair(copy_of):
    copy_of()
    with pytest.raises(DataError, match=r"labels.*gz is missing: .*unset it"):
        read_verified(LABELS)


def test_an_unreadable_file_is_named(copy_of):
    folder = copy_of(LABELS)
    (folder / LABELS).unlink()
    (folder / LABELS).mkdir()
    with pytest.raises(DataError, match=r"labels.*gz is unreadable: .*unset it"):
        read_verified(LABELS)


def test_repair_in_a_clone_is_git_restore(copy_of, monkeypatch):
    clone = copy_of().parent / "clone"
    (clone / "data").mkdir(parents=True)
    shutil.copyfile(DATA / "registry.json", clone / "data" / "registry.json")
    monkeypatch.delenv("COURSE_DATA")
    monkeypatch.setattr(data, "__file__", str(clone / "course_utils" / "data.py"))
    with pytest.raises(DataError, match=f"git restore data/{re.escape(LABELS)} "):
        read_verified(LABELS)


@pytest.mark.parametrize("name", PUBLISHER_MD5)
def test_loader_refuses_a_change_that_only_the_hash_can_see(copy_of, fresh_cache, name):
    path = copy_of(*FILES) / "fashion-mnist" / name
    changed = flip_bit(path.read_bytes(), 4)  # the time stamp of the gzip header
    assert gzip.decompress(changed) == publisher_bytes(name)
    path.write_bytes(changed)
    with pytest.raises(DataError, match=f"{name} is altered"):
        load_fashion_mnist()


def test_a_refused_load_is_not_remembered(copy_of, fresh_cache):
    folder = copy_of(*FILES)
    content = (folder / LABELS).read_bytes()
    (folder / LABELS).unlink()
    with pytest.raises(DataError, match="missing"):
        load_fashion_mnist()
    (folder / LABELS).write_bytes(content)
    assert len(load_fashion_mnist().test.labels) == 10_000


def test_photograph_is_verified(copy_of):
    path = copy_of("photos/chelsea.png") / "photos/chelsea.png"
    path.write_bytes(flip_bit(path.read_bytes(), -1))  # the checksum of the last chunk
    with pytest.raises(DataError, match="chelsea.png is altered"):
        load_photo()


# --- IDX files ------------------------------------------------------------------------

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


# --- ranges ---------------------------------------------------------------------------

LEVELS = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)


def test_ranges_of_all_grey_levels():
    exact = np.arange(256) / 255
    for convert, expected in [(to_unit, exact), (to_signed, 2 * exact - 1)]:
        result = convert(LEVELS)
        assert type(result) is np.ndarray
        assert result.dtype == np.float32 and result.shape == LEVELS.shape
        np.testing.assert_allclose(result.ravel(), expected, atol=1e-7)
    assert (to_unit(LEVELS).min(), to_unit(LEVELS).max()) == (0, 1)
    assert (to_signed(LEVELS).min(), to_signed(LEVELS).max()) == (-1, 1)


def test_range_does_not_depend_on_the_content():
    dark = np.ones((1, 28, 28, 1), np.uint8)  # as if it were already in [0, 1]
    assert np.all(to_unit(dark) == np.float32(1 / 255))
    assert np.all(to_signed(dark) == np.float32(1 / 127.5 - 1))
    assert np.all(binarize(dark) == 0)


@pytest.mark.parametrize("threshold", [1, 77, 128, 255])
def test_binarize_is_one_from_the_threshold_on(threshold):
    result = binarize(LEVELS, threshold)
    assert type(result) is np.ndarray and result.dtype == bool
    assert result.ravel().tolist() == [x >= threshold for x in range(256)]


def test_binarize_at_128_unless_told_otherwise():
    assert binarize(np.array([0, 127, 128, 255], np.uint8)).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("threshold", [0.5, 0, 256, -1, 127.5])
def test_binarize_refuses_a_threshold_that_is_no_grey_level(threshold):
    with pytest.raises(ValueError, match=rf"1 to 255, found {threshold}"):
        binarize(LEVELS, threshold)


@pytest.mark.parametrize("convert", [to_unit, to_signed, binarize])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int8", "bool"])
def test_ranges_refuse_other_types(convert, dtype):
    with pytest.raises(TypeError) as caught:
        convert(LEVELS.astype(dtype))
    assert f"{convert.__name__} expects uint8" in str(caught.value)
    assert f"found {dtype}" in str(caught.value)
    assert "convert once" in str(caught.value)


def test_ranges_leave_the_input_alone():
    before = LEVELS.copy()
    for convert in (to_unit, to_signed, binarize):
        convert(LEVELS)
    np.testing.assert_array_equal(LEVELS, before)


# --- batches

ROWS = {"x": np.arange(10)[:, None], "label": np.arange(10)}


def test_every_epoch_is_another_order_of_the_rows_without_replacement():
    batch_at = batches(ROWS, 5, seed=0)
    epochs = [
        np.concatenate([batch_at(2 * e)["label"], batch_at(2 * e + 1)["label"]])
        for e in range(8)
    ]
    for order in epochs:
        assert sorted(order) == list(range(10))
    assert len({tuple(order) for order in [range(10), *epochs]}) == 9


def test_rows_stay_together():
    batch_at = batches(ROWS, 3, seed=1)
    for i in range(20):
        batch = batch_at(i)
        assert batch["x"].shape == (3, 1)
        np.testing.assert_array_equal(batch["x"][:, 0], batch["label"])


def test_a_batch_depends_on_nothing_but_its_number_and_the_seed():
    forwards, backwards = batches(ROWS, 3, seed=1), batches(ROWS, 3, seed=1)
    first = [forwards(i)["label"].tolist() for i in range(20)]
    assert first == [backwards(i)["label"].tolist() for i in range(19, -1, -1)][::-1]
    other = batches(ROWS, 3, seed=2)
    assert first != [other(i)["label"].tolist() for i in range(20)]


def test_the_incomplete_batch_is_left_out():
    """Three of ten rows: each epoch has three batches, and another row is left out."""
    batch_at = batches(ROWS, 3, seed=0)
    left_out = set()
    for e in range(30):
        rows = np.concatenate([batch_at(3 * e + j)["label"] for j in range(3)])
        assert len(set(rows.tolist())) == 9
        left_out |= set(range(10)) - set(rows.tolist())
    assert len(left_out) > 5


def test_a_batch_is_a_copy():
    batch_at = batches(ROWS, 10, seed=0)
    batch_at(0)["x"][:] = 99
    assert ROWS["x"].max() == 9


@pytest.mark.parametrize(
    ("arrays", "size", "words"),
    [
        ({}, 1, "arrays of one length, found {}"),
        ({"x": np.zeros(3), "y": np.zeros(4)}, 1, "'x': 3, 'y': 4"),
        (ROWS, 0, "batch_size from 1 to 10, found 0"),
        (ROWS, 11, "batch_size from 1 to 10, found 11"),
    ],
)
def test_batches_that_cannot_be_made(arrays, size, words):
    with pytest.raises(ValueError, match=words):
        batches(arrays, size, 0)
