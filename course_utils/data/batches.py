"""Batches that are a function of the step number, so that training can be resumed."""

import functools
from collections.abc import Callable

import numpy as np
from jaxtyping import Shaped


def batches(
    arrays: dict[str, Shaped[np.ndarray, "n ..."]], batch_size: int, seed: int
) -> Callable[[int], dict[str, Shaped[np.ndarray, "b ..."]]]:
    """Return `batch_at(i)`: the batch of step i, the same whenever it is asked for.

    Every epoch is a new order of all rows without replacement. What is left of it after
    its last whole batch, fewer than `batch_size` rows, is left out of that epoch.

    Args:
        arrays: by name, for example `{"x": images, "label": labels}`: row j of each
            belongs to row j of the others.
        batch_size: rows in a batch.
        seed: of the orders.

    Raises:
        ValueError: there are no arrays, their lengths differ, or not even one batch
            fits.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"expected arrays of one length, found {lengths}")
    n = min(lengths.values())
    if not 1 <= batch_size <= n:
        raise ValueError(f"expected a batch_size from 1 to {n}, found {batch_size}")

    @functools.lru_cache(maxsize=1)  # an epoch's order is asked for once a batch
    def order(epoch):
        return np.random.default_rng([seed, epoch]).permutation(n)

    def batch_at(i):
        epoch, place = divmod(i, n // batch_size)
        rows = order(epoch)[place * batch_size : (place + 1) * batch_size]
        return {name: array[rows] for name, array in arrays.items()}

    return batch_at
