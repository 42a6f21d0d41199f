"""Safetensors in, safetensors out: what is in a checkpoint, and what is refused.

A checkpoint is one safetensors file: the arrays of a module by name, for example
``decoder.hidden1.kernel``, and metadata as JSON under the key ``course``. Unlike a
pickle, it cannot run code. Safetensors has no checksum, so the metadata holds a SHA-256
of all the rest: an altered file is refused, never loaded as a strange model. It has no
type for random keys either (those of dropout, for example): their words are stored, and
the generator's name stands behind the array's, as in ``dropout.rngs.key#threefry2x32``.
"""

import contextlib
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

_REMAKE = "Make it again or restore it."
_KEY = "course"


class CheckpointError(ValueError):
    """A checkpoint is missing, damaged, or not one of the model's."""


def save(path: str | Path, module: Any, metadata: dict, dtype: Any = None) -> None:
    """Write the arrays of a module and what is to be known about them.

    The file is written beside its place and then renamed: whoever reads it finds the
    old one or the new one, whole, even if this process is killed.

    Args:
        path: where; an existing file is replaced.
        module: a module, or a tuple of modules and optimizers.
        metadata: anything JSON can hold; finite numbers only.
        dtype: for the floats on disk, such as "float16"; None keeps theirs.

    Raises:
        CheckpointError: a finite number of the module is infinite in `dtype`, or the
            file cannot be written.
        ValueError: the metadata holds a number that is not finite.
    """
    path = Path(path)
    arrays = {
        name: _cast(array, dtype, name) for name, array in _arrays(module).items()
    }
    text = json.dumps(metadata, allow_nan=False)
    header = json.dumps({"metadata": text, "sha256": _digest(arrays, text)})
    content = to_bytes(arrays, {_KEY: header})
    _write(path, content)


def check_place(path: str | Path) -> None:
    """Make sure that a checkpoint can be written there, before the work is done.

    Raises:
        CheckpointError: the folder cannot be made, or no file written in it.
    """
    path = Path(path)
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder: expected the name of a file in it")
    part = _part(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"")
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _write(path: Path, content: bytes) -> None:
    """Write a file beside its place, under a name of its own, and rename it."""
    part = _part(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None
    finally:  # after an error, or a second press of Stop, it is still there
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _part(path: Path) -> Path:
    """Return a name beside a file that no other writer has."""
    return path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")


def _unwritable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(
        f"{path} cannot be written: {error.strerror or error}. Make room or take "
        "another folder; nothing in memory is lost."
    )


def load(path: str | Path, module: Any, expect: dict | None = None) -> dict:
    """Fill a module with the arrays of a checkpoint, in place; return the metadata.

    Floats are cast to the module's dtype. If the file is refused, the module stays as
    it was.

    Args:
        path: of a file that `save` wrote.
        module: made like the one that was saved.
        expect: what the metadata must say, for example `{"recipe": "vae-conv"}`, so
            that a renamed file is refused.

    Raises:
        CheckpointError: the file is missing, truncated, altered, no checkpoint of this
            course, says other than expected, or has other arrays than the module.
    """
    path = Path(path)
    arrays, metadata = _read(path)
    for name, wanted in (expect or {}).items():
        if metadata.get(name) != wanted:
            found = f"{name} {metadata.get(name)!r}"
            raise _refusal(path, "another checkpoint", f"{name} {wanted!r}", found)
    own = _arrays(module)
    for name in sorted(own.keys() | arrays.keys()):
        _check_layer(path, name, own.get(name), arrays.get(name))
    flat = nnx.to_flat_state(nnx.state(module))
    new = [
        (key, leaf.replace(_restored(arrays[_name(key, leaf)], leaf[...])))
        for key, leaf in flat
    ]
    nnx.update(module, nnx.from_flat_state(new))
    return metadata


def read_metadata(path: str | Path) -> dict:
    """Return what a checkpoint says of itself.

    Raises:
        CheckpointError: the file is missing, damaged, or no checkpoint of this course.
    """
    return _read(Path(path))[1]


def _arrays(module) -> dict[str, np.ndarray]:
    """Return the arrays of a module by their names."""
    flat = nnx.to_flat_state(nnx.state(module))
    return {_name(key, leaf): _stored(leaf[...]) for key, leaf in flat}


def _name(key: tuple, leaf: nnx.Variable) -> str:
    name = ".".join(str(part) for part in key)
    array = leaf[...]
    return f"{name}#{jax.random.key_impl(array)}" if _is_key(array) else name


def _is_key(array: jax.Array) -> bool:
    return jnp.issubdtype(array.dtype, jax.dtypes.prng_key)


def _stored(array: jax.Array) -> np.ndarray:
    """Return an array as it is stored: of a random key its words."""
    return np.asarray(jax.random.key_data(array) if _is_key(array) else array)


def _restored(array: np.ndarray, own: jax.Array) -> jax.Array:
    """Return a stored array as the module has it: as a random key, or in its dtype."""
    if _is_key(own):
        impl = jax.random.key_impl(own)
        return jax.random.wrap_key_data(jnp.asarray(array), impl=impl)
    return jnp.asarray(array.astype(own.dtype))


def _cast(array: np.ndarray, dtype: Any, name: str) -> np.ndarray:
    if dtype is None or not jnp.issubdtype(array.dtype, jnp.floating):
        return array
    with np.errstate(over="ignore"):
        cast = array.astype(dtype)
    if np.isfinite(array).all() and not np.isfinite(cast).all():
        largest = np.abs(array).max()
        raise CheckpointError(
            f"{name} holds {largest:.4g}, which is infinite as {cast.dtype}: save it "
            "with dtype=None"
        )
    return cast


def _digest(arrays: dict[str, np.ndarray], text: str) -> str:
    """Return the SHA-256 of names, dtypes, shapes, bytes and the metadata."""
    digest = hashlib.sha256(text.encode("utf-8"))
    for name, array in sorted(arrays.items()):
        digest.update(f"|{name}|{array.dtype}|{array.shape}|".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Return the arrays and the metadata of a file after checking its digest."""
    if not path.is_file():
        raise _refusal(path, "missing", "a file", "none")
    try:
        with safe_open(path, framework="numpy") as file:
            header = (file.metadata() or {}).get(_KEY)
            arrays = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise _refusal(path, "damaged", "a whole safetensors file", error) from None
    if header is None:
        raise _refusal(path, "foreign", "a checkpoint of this course", "another file")
    try:
        header = json.loads(header)
        text, wanted = header["metadata"], header["sha256"]
    except (ValueError, TypeError, KeyError):
        raise _refusal(path, "altered", "JSON metadata", "other text") from None
    found = _digest(arrays, text)
    if found != wanted:
        found = f"{found[:16]}..."
        raise _refusal(path, "altered", f"SHA-256 {wanted[:16]}...", found)
    return arrays, json.loads(text)


def _check_layer(path: Path, name: str, own, found) -> None:
    """Raise unless an array of the file fits the module's array of the same name."""
    if found is None:
        raise _refusal(path, "another model", f"an array {name}", "none")
    if own is None:
        raise _refusal(path, "another model", f"no array {name}", "one")
    if own.shape != found.shape:
        expected = f"{name} of shape {own.shape}"
        raise _refusal(path, "another model", expected, found.shape)
    floats = [jnp.issubdtype(x.dtype, jnp.floating) for x in (own, found)]
    if own.dtype != found.dtype and not all(floats):
        expected = f"{name} of type {own.dtype}"
        raise _refusal(path, "another model", expected, found.dtype)


def _refusal(path: Path, problem: str, expected, found) -> CheckpointError:
    return CheckpointError(
        f"{path} is {problem}: expected {expected}, found {found}. {_REMAKE}"
    )
