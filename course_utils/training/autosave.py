"""The file of a running training, so that a crash costs seconds."""

import functools
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import PyTree

from course_utils import checkpoints

START = "initial weights"
SAVE_EVERY = 30.0  # seconds of training that a crash may cost


class Autosave:
    """Writes arrays and history to a file and reads them back; no path, no file.

    The file also holds what makes a run another run though its arrays have the same
    shapes: `identity`.
    """

    def __init__(
        self,
        path: str | Path | None,
        graphdef: nnx.GraphDef,
        identity: dict,
        program: Callable[[], str],
    ):
        """Make sure that the file can be written, long before it must be.

        Args:
            path: of the file, or None.
            graphdef: of the state.
            identity: what the run is, in words that JSON can hold.
            program: returns a hash of what a step computes.

        Raises:
            CheckpointError: the file cannot be written.
        """
        self.path = path
        self.graphdef = graphdef
        self.identity = {"kind": "training run", **identity}
        self.program = functools.cache(program)
        self.saved_at = time.monotonic()
        if path is not None:
            checkpoints.check_place(path)

    def restore(self, tree: PyTree) -> tuple[PyTree, dict[str, list[float]]]:
        """Return what the file holds; the arrays given and no history if none is there.

        Raises:
            CheckpointError: the file is damaged, or of another model or run.
        """
        if self.path is None or not Path(self.path).exists():
            return tree, {}
        start = {name: self.identity.get(name) for name in [START]}
        self._refuse_other({k: v for k, v in self.identity.items() if k != START})
        # Merging does not copy: the file would be read into the arrays given.
        modules = nnx.merge(self.graphdef, jax.tree.map(jnp.copy, tree))
        metadata = checkpoints.load(self.path, modules)  # names the array that differs
        self._refuse_other({**self._program(), **start})
        return nnx.state(modules), metadata["history"]

    def _program(self) -> dict[str, str]:
        return {"objective, optimiser or model": self.program()}

    def _refuse_other(self, mine: dict) -> None:
        """Raise if the file says of its run something else than this one does."""
        found = checkpoints.read_metadata(self.path)
        remedy = "give this run a file of its own, or delete that one to begin anew"
        if mine.keys() - found.keys():
            raise checkpoints.CheckpointError(
                f"{self.path} was written by an older version of the course, which did "
                f"not record of what run: {remedy}"
            )
        known = {k: v for k, v in mine.items() if None not in (v, found[k])}
        other = [name for name, value in known.items() if found[name] != value]
        if other:
            raise checkpoints.CheckpointError(
                f"{self.path} holds another run, with another {' and '.join(other)} "
                f"(or the same by another version of JAX): {remedy}"
            )

    def is_due(self) -> bool:
        """Return whether a crash now would cost more than `SAVE_EVERY` seconds."""
        return self.path is not None and time.monotonic() - self.saved_at > SAVE_EVERY

    def save(self, tree: PyTree, history: dict[str, list[float]]) -> None:
        """Write arrays and history, if there is a path.

        Raises:
            CheckpointError: the file cannot be written.
        """
        if self.path is None:
            return
        modules = nnx.merge(self.graphdef, tree)
        metadata = {**self.identity, **self._program(), "history": history}
        checkpoints.save(self.path, modules, metadata)
        self.saved_at = time.monotonic()


def program_digest(traced: jax.stages.Traced) -> str:
    """Return a hash of what a compiled step computes: objective, optimiser and model.

    Constants count: a learning rate is one of them.
    """
    text = re.sub(r"0x[0-9a-f]+", "", str(traced.jaxpr))  # addresses in memory
    digest = hashlib.sha256(text.encode())
    for constant in _constants(traced.jaxpr):
        digest.update(_bytes(constant))
    return digest.hexdigest()[:16]


def _constants(jaxpr: Any) -> Iterator:
    """Yield the arrays that a program closes over, those of its parts included."""
    yield from getattr(jaxpr, "consts", ())
    for equation in jaxpr.eqns:
        parameters = list(equation.params.values())
        for part in jax.tree.leaves(parameters, is_leaf=_is_program):
            if _is_program(part):
                yield from _constants(part)


def _is_program(value: Any) -> bool:
    return hasattr(value, "eqns")


def _bytes(array: Any) -> bytes:
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    return np.ascontiguousarray(array).tobytes()


def state_digest(tree: PyTree) -> str:
    """Return a hash of all arrays of a state."""
    digest = hashlib.sha256()
    for array in jax.tree.leaves(tree):
        digest.update(_bytes(array))
    return digest.hexdigest()[:16]


def batch_digest(batch: dict) -> str:
    """Return a hash of a batch: another data set or batch size gives another."""
    digest = hashlib.sha256()
    for name, array in sorted(batch.items()):
        digest.update(f"|{name}|{array.dtype}|{array.shape}|".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
