import shutil

import pytest
from files import DATA

from course_utils.data import (
    load_fashion_mnist,
)


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
