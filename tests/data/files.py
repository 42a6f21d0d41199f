"""The published files that the tests of the data share."""

import functools
import gzip
import json

from course_utils.paths import ROOT

DATA = ROOT / "data"


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


@functools.cache
def publisher_bytes(name):
    """The bytes of one of the publisher's files, unzipped by the standard library."""
    return gzip.decompress((DATA / "fashion-mnist" / name).read_bytes())


def flip_bit(content, position):
    """The same number of bytes, one bit changed."""
    changed = bytearray(content)
    changed[position] ^= 1
    return bytes(changed)
