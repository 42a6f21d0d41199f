"""How much faster images are drawn if the recurrent layers keep their states.

The naive sampler runs the whole model once for every pixel, the stateful one goes one
pixel further in it. Both draw the same images from the same uniform numbers.
"""

import os
import statistics
import sys
import time

import jax
import numpy as np
from tqdm import tqdm

from course_utils import recipes
from course_utils.live import shows_progress
from course_utils.sampling import Predictor, draw_states, naive, stateful

MODEL = "pixel-lstm"
PREDICTORS = {"naive": naive, "stateful": stateful}
MOST_TIMES, ENOUGH_SECONDS = 5, 2.0  # of drawing, for each predictor


def measure(num_images: int = 64, size: int = 28) -> dict:
    """Return what it takes to draw images of size x size, compilation excluded.

    Returns:
        `seconds` by the predictors' names, `speedup` (naive / stateful), `identical`:
        whether both drew the same images, and what was drawn, with what.

    Raises:
        ValueError: there is nothing to draw.
        CheckpointError: the reference model is missing or damaged.
    """
    if min(num_images, size) < 1:
        raise ValueError(
            f"expected at least one image of at least 1x1, found {num_images} of "
            f"{size}x{size}: give --images and --size numbers from 1"
        )
    model = recipes.load(MODEL)
    uniforms = jax.random.uniform(jax.random.key(0), (num_images, size, size))
    seconds, images = {}, {}
    for name, make in PREDICTORS.items():
        seconds[name], images[name] = _timed(name, make(model), uniforms)
    return {
        "name": "sampling",
        "images": num_images,
        "size": size,
        "model": MODEL,
        "seconds": seconds,
        "speedup": seconds["naive"] / seconds["stateful"],
        "identical": np.array_equal(images["naive"], images["stateful"]),
        "jax": jax.__version__,
        "device": jax.devices()[0].device_kind,
        "cores": os.cpu_count(),
    }


def _timed(
    name: str, predictor: Predictor, uniforms: jax.Array
) -> tuple[float, np.ndarray]:
    """Return the seconds of drawing images, and the images.

    What is over in a moment is drawn several times; the median counts.
    """
    # The first row compiles everything, for these shapes.
    jax.block_until_ready(next(draw_states(predictor, uniforms)))
    seconds = []
    while len(seconds) < MOST_TIMES and sum(seconds) < ENOUGH_SECONDS:
        start = time.perf_counter()
        images = _drawn(name, predictor, uniforms)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), images


def _drawn(name: str, predictor: Predictor, uniforms: jax.Array) -> np.ndarray:
    """Return the images; who watches sees the rows go by."""
    with tqdm(
        draw_states(predictor, uniforms),
        name,
        total=uniforms.shape[1],
        unit="row",
        ncols=80,
        file=sys.stderr,
        disable=not shows_progress(),
    ) as bar:
        for _, images in bar:
            images.block_until_ready()  # or the bar runs ahead of the work
    return np.asarray(images)


def table(found: dict) -> str:
    """Return what was measured as a small table."""
    size = f"{found['size']}x{found['size']}"
    rows = [f"{name:10}{s:8.2f} s" for name, s in found["seconds"].items()]
    return "\n".join(
        [
            f"{found['images']} images of {size} from {found['model']}",
            *rows,
            f"{'speedup':10}{found['speedup']:8.1f}",
            f"{'identical':10}{'yes' if found['identical'] else 'no':>8}",
        ]
    )
