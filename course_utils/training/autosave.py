"""The file of a running training, so that a crash costs seconds."""

import time
from pathlib import Path

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import PyTree

from course_utils import checkpoints

SAVE_EVERY = 30.0  # seconds of training that a crash may cost


class Autosave:
    """Writes arrays and history to a file and reads them back; no path, no file.

    The file also holds what makes a run another run though its arrays have the same
    shapes: its key and its `scan`.
    """

    def __init__(
        self,
        path: str | Path | None,
        graphdef: nnx.GraphDef,
        key: jax.Array,
        scan: int,
    ):
        self.path = path
        self.graphdef = graphdef
        key_data = jax.random.key_data(key).tolist()
        self.fingerprint = {"kind": "training run", "key": key_data, "scan": scan}
        self.saved_at = time.monotonic()

    def restore(self, tree: PyTree) -> tuple[PyTree, dict[str, list[float]]]:
        """Return what the file holds; the arrays given and no history if none is there.

        Raises:
            CheckpointError: the file is damaged, or of another model, key or scan.
        """
        if self.path is None or not Path(self.path).exists():
            return tree, {}
        # Merging does not copy: the file would be read into the arrays given.
        modules = nnx.merge(self.graphdef, jax.tree.map(jnp.copy, tree))
        metadata = checkpoints.load(self.path, modules, expect=self.fingerprint)
        return nnx.state(modules), metadata["history"]

    def is_due(self) -> bool:
        """Return whether a crash now would cost more than `SAVE_EVERY` seconds."""
        return self.path is not None and time.monotonic() - self.saved_at > SAVE_EVERY

    def save(self, tree: PyTree, history: dict[str, list[float]]) -> None:
        """Write arrays and history, if there is a path."""
        if self.path is None:
            return
        modules = nnx.merge(self.graphdef, tree)
        metadata = {**self.fingerprint, "history": history}
        checkpoints.save(self.path, modules, metadata)
        self.saved_at = time.monotonic()
