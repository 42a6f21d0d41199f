"""Fashion-MNIST and the photograph, as the datasheet describes them."""

import gzip
import itertools
import re

import numpy as np
import pytest
from files import FILES, LABELS, PUBLISHER_MD5, README, flip_bit, publisher_bytes

from course_utils.data import (
    CLASS_NAMES,
    DataError,
    load_fashion_mnist,
    load_photo,
    to_unit,
)


def test_photograph_is_in_colour_with_the_channels_in_order():
    red, green, blue = load_photo().reshape(-1, 3).mean(axis=0)
    assert red > green > blue  # a ginger cat


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
