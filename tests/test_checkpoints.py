"""Checkpoints: what is saved comes back; anything else is refused with the reason."""

import json
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from safetensors.numpy import load as parse
from safetensors.numpy import save as to_bytes

from course_utils.checkpoints import CheckpointError, load, save


class Net(nnx.Module):
    """Two layers in a list and a count that is not trained."""

    def __init__(self, width=4, *, seed=0):
        rngs = nnx.Rngs(seed)
        self.layers = nnx.List(
            [nnx.Linear(3, width, rngs=rngs), nnx.Linear(width, 2, rngs=rngs)]
        )
        self.count = nnx.Variable(jnp.arange(seed, seed + 3))


def arrays(module):
    return [np.asarray(x) for x in jax.tree.leaves(nnx.state(module))]


def same(module, other):
    pairs = zip(arrays(module), arrays(other), strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


@pytest.fixture
def path(tmp_path):
    """A checkpoint of Net(seed=1)."""
    path = tmp_path / "folder" / "net.safetensors"
    save(path, Net(seed=1), {"recipe": "net", "steps": 3})
    return path


@pytest.fixture
def refused(path):
    """Loading must be refused with these words, and leave the module as it was."""

    def check(*words, module=None, target=path, **options):
        module = module or Net(seed=2)
        before = arrays(module)
        with pytest.raises(CheckpointError) as caught:
            load(target, module, **options)
        for word in (str(target), *words):
            assert word in str(caught.value)
        for a, b in zip(before, arrays(module), strict=True):
            np.testing.assert_array_equal(a, b)

    return check


# --- what comes back


def test_what_is_saved_comes_back(path):
    module = Net(seed=2)
    assert not same(module, Net(seed=1))
    assert load(path, module) == {"recipe": "net", "steps": 3}
    assert same(module, Net(seed=1))
    assert [p.name for p in path.parent.iterdir()] == ["net.safetensors"]


def test_any_reader_of_safetensors_finds_the_arrays_by_name(path):
    found = parse(path.read_bytes())
    names = ["layers.0.bias", "layers.0.kernel", "layers.1.bias", "layers.1.kernel"]
    assert sorted(found) == ["count", *names]
    kernel = Net(seed=1).layers[1].kernel[...]
    np.testing.assert_array_equal(found["layers.1.kernel"], kernel)


def test_modules_with_their_optimizers(tmp_path):
    def state(seed):
        model = Net(seed=seed)
        optimizer = nnx.Optimizer(model, optax.adam(0.1), wrt=nnx.Param)
        return {"model": model, "optimizer": optimizer}

    old, new = state(1), state(2)
    grads = nnx.grad(lambda m: m.layers[0].kernel[...].sum())(old["model"])
    old["optimizer"].update(old["model"], grads)
    save(tmp_path / "state", old, {})
    load(tmp_path / "state", new)
    assert same(old, new)
    assert int(new["optimizer"].step[...]) == 1


def test_half_precision_on_disk_only(tmp_path, path):
    small = tmp_path / "small.safetensors"
    save(small, Net(seed=1), {}, dtype="float16")
    assert parse(small.read_bytes())["layers.0.kernel"].dtype == np.float16
    assert parse(small.read_bytes())["count"].dtype == np.asarray(Net().count).dtype
    module = Net(seed=2)
    load(small, module)
    for a, b in zip(arrays(module), arrays(Net(seed=1)), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b.astype(np.float16).astype(b.dtype))


def test_a_number_too_large_for_half_precision_is_refused(path):
    content, module = path.read_bytes(), Net()
    module.layers[1].bias[...] = np.array([1.0, 70_000.0], np.float32)
    with pytest.raises(CheckpointError, match=r"layers\.1\.bias holds 7e\+04"):
        save(path, module, {}, dtype="float16")
    assert path.read_bytes() == content
    save(path, module, {})


def test_metadata_that_json_cannot_hold_is_refused(path):
    content = path.read_bytes()
    with pytest.raises(ValueError, match="JSON compliant"):
        save(path, Net(), {"loss": float("nan")})
    assert path.read_bytes() == content


# --- what is refused


def test_a_missing_file(refused, tmp_path):
    refused("missing", target=tmp_path / "none")
    refused("missing", target=tmp_path)


def test_a_file_cut_anywhere(refused, path):
    content = path.read_bytes()
    for end in [*range(0, len(content), 37), len(content) - 1]:
        path.write_bytes(content[:end])
        refused("damaged: expected a whole safetensors file")
    path.write_bytes(content + b"\0")
    refused("damaged")


def test_a_file_altered_anywhere(refused, path):
    """A bit in the header, the metadata, a name, a shape or a number."""
    content = path.read_bytes()
    for place in range(0, len(content), 3):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        refused()


def rewrite(path, change, metadata=None):
    """Write the file anew with other arrays, under its old metadata."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    old = json.loads(content[8 : 8 + length])["__metadata__"]
    path.write_bytes(to_bytes(change(parse(content)), metadata or old))


def test_other_arrays_under_the_old_digest(refused, path):
    def swapped(found):
        return found | {"layers.0.bias": found["layers.0.bias"] + 1}

    rewrite(path, swapped)
    refused("altered: expected SHA-256")


def test_metadata_altered_by_hand(refused, path):
    content = path.read_bytes()
    path.write_bytes(content.replace(b'steps\\\\\\": 3', b'steps\\\\\\": 4'))
    assert path.read_bytes() != content
    refused("altered: expected SHA-256")


@pytest.mark.parametrize("header", ["", "3", "[]", "{}", '{"metadata": 3}', "{"])
def test_a_header_of_another_form(refused, path, header):
    rewrite(path, lambda found: found, {"course": header})
    refused("altered: expected JSON metadata")


def test_files_of_others(refused, path):
    rewrite(path, lambda found: found, {"format": "pt"})
    refused("foreign: expected a checkpoint of this course")
    path.write_bytes(to_bytes({"a": np.zeros(3)}))
    refused("foreign")
    path.write_bytes(b"\x80\x04\x95 this was a pickle")
    refused("damaged: expected a whole safetensors file")


def test_a_renamed_file(refused, path):
    assert load(path, Net(), expect={"recipe": "net"})["steps"] == 3
    refused("expected recipe 'vae'", "found recipe 'net'", expect={"recipe": "vae"})
    refused("found data None", expect={"data": "1f3a"})


def test_the_layer_that_differs_is_named(refused):
    refused("layers.0.bias of shape (5,)", "found (4,)", module=Net(5))
    more, fewer, other = Net(seed=2), Net(seed=2), Net(seed=2)
    more.scale = nnx.Param(np.zeros(2))
    refused("an array scale", "found none", module=more)
    del fewer.count
    refused("no array count", "found one", module=fewer)
    other.count = nnx.Variable(np.zeros(3, np.float32))
    refused("count of type float32", "found int", module=other)


# --- killed while writing

WRITER = """
import sys
import numpy as np
from flax import nnx
from course_utils.checkpoints import save
model = nnx.Linear(1000, 3000, rngs=nnx.Rngs(0))
print("ready", flush=True)
for i in range(10**6):
    save(sys.argv[1], model, {"turn": i})
"""


@pytest.mark.slow
def test_whoever_is_killed_while_writing_leaves_a_whole_file(tmp_path):
    path = tmp_path / "model.safetensors"
    model = nnx.Linear(1000, 3000, rngs=nnx.Rngs(0))
    save(path, model, {"turn": -1})
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(0.1)
        process.kill()
    assert load(path, model)["turn"] >= -1


def test_an_interrupted_write_keeps_the_old_file(path, monkeypatch):
    content = path.read_bytes()

    def half_written(self, data):
        with open(self, "wb") as file:
            file.write(data[: len(data) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", half_written)
    with pytest.raises(KeyboardInterrupt):
        save(path, Net(seed=5), {})
    monkeypatch.undo()
    assert path.read_bytes() == content
    save(path, Net(seed=5), {})
    assert same_after_load(path, Net(seed=5))


def same_after_load(path, expected):
    module = Net(seed=2)
    load(path, module)
    return same(module, expected)
