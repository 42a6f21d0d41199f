"""Call every annotated function as the lessons do; a wrong annotation raises."""

import importlib
import inspect
import math
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

import course_utils
from course_utils import assertions, data, plotting, tinyworld

KEY = jax.random.key(0)
GREY = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28, 1)
WORLD = tinyworld.all_images(2, 2)
JOINT = tinyworld.asymmetric_world()
FLOAT32 = jnp.asarray(JOINT, jnp.float32)
BINARY = data.binarize(GREY)
NEAR = ((0, -1), (-1, 0))
TABLE = np.array([0.1, 0.4, 0.6, 0.9])
LABELS = np.arange(16) % 3
LABEL_FILE = "fashion-mnist/t10k-labels-idx1-ubyte.gz"
IDX = bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9])

# Calls by name; "module.function" of every public function with annotated arrays.
CALLS = {
    "assertions.assert_causal": lambda f: f(lambda x: 0.0 * x, WORLD),
    "assertions.assert_finite": lambda f: f({"a": JOINT, "b": [1.0, FLOAT32]}),
    "assertions.assert_normalized": lambda f: f(
        lambda x: jnp.full(len(x), -math.log(16)), WORLD
    ),
    "assertions.claim": lambda f: [f("true", np.all(WORLD == WORLD)), f("t", True)],
    "assertions.influence": lambda f: f(lambda x: x, jnp.asarray(WORLD, jnp.float32)),
    "data.binarize": lambda f: [f(GREY), f(GREY[0], threshold=1)],
    "data.load_photo": lambda f: f(),
    "data.parse_idx": lambda f: f(IDX, "two bytes"),
    "data.read_idx": lambda f: f(data.data_dir() / LABEL_FILE),
    "data.to_signed": lambda f: f(GREY),
    "data.to_unit": lambda f: f(GREY),
    "metrics.reliability": lambda f: f(np.array([0.5, 0.9]), np.array([True, False])),
    "models.context_table.context_index": lambda f: f(BINARY, NEAR),
    "models.context_table.context_nll": lambda f: f(TABLE, BINARY, NEAR),
    "models.context_table.fit_context_table": lambda f: f(BINARY, NEAR),
    "models.context_table.sample_context_table": lambda f: f(
        TABLE, NEAR, (3, 4), 5, KEY
    ),
    "plotting.image_grid": lambda f: [f(GREY), f(WORLD, titles=list("abcdefgh"))],
    "tinyworld.all_images": lambda f: f(2, 3),
    "tinyworld.asymmetric_world": lambda f: f(),
    "tinyworld.conditional": lambda f: [f(JOINT, {0: 1}), f(FLOAT32, {3: 0, 1: 1})],
    "tinyworld.designed_patterns": lambda f: f(),
    "tinyworld.designed_world": lambda f: f(),
    "tinyworld.entropy": lambda f: [f(JOINT), f(FLOAT32), f(np.array([0.5, 0.5]))],
    "tinyworld.jensen_shannon": lambda f: f(JOINT, FLOAT32),
    "tinyworld.join_label": lambda f: f(np.array([0.3, 0.7]), np.stack([JOINT, JOINT])),
    "tinyworld.joint_from_images": lambda f: [f(WORLD), f(WORLD.astype(np.float32))],
    "tinyworld.kl_divergence": lambda f: f(JOINT, FLOAT32),
    "tinyworld.labelled_joint": lambda f: f(WORLD, LABELS, 3, smoothing=0.5),
    "tinyworld.marginal": lambda f: [f(JOINT, (2, 0)), f(FLOAT32, ())],
    "tinyworld.nearest_pattern": lambda f: f(np.zeros((3, 4, 4, 1), bool)),
    "tinyworld.patch_joint": lambda f: f(data.binarize(GREY)),
    "tinyworld.sample_states": lambda f: f(JOINT, 5, KEY),
    "tinyworld.state_index": lambda f: f(WORLD),
    "tinyworld.total_variation": lambda f: f(JOINT, FLOAT32),
}


def annotated_functions():
    """Return every public function that has an array in its signature."""
    found = {}
    for info in pkgutil.walk_packages(course_utils.__path__, "course_utils."):
        if info.ispkg or info.name.split(".")[1] in {"__main__", "cli", "authoring"}:
            continue
        module = importlib.import_module(info.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            own = function.__module__ == info.name and not name.startswith("_")
            hints = getattr(function, "__annotations__", {}).values()
            if own and any("jaxtyping" in f"{type(h)} {h}" for h in hints):
                found[f"{info.name.removeprefix('course_utils.')}.{name}"] = function
    return found


FUNCTIONS = annotated_functions()


def test_every_annotated_function_is_called():
    assert set(CALLS) == set(FUNCTIONS)


@pytest.mark.parametrize("name", sorted(set(CALLS) & set(FUNCTIONS)))
def test_call(name):
    CALLS[name](FUNCTIONS[name])


@pytest.mark.parametrize(
    "call",
    [
        lambda: data.to_unit(np.zeros((2, 2), np.float32)),
        lambda: tinyworld.all_images("2", 2),
        lambda: tinyworld.kl_divergence(JOINT, JOINT[0]),
        lambda: assertions.claim("an array", np.array([True])),
        lambda: plotting.image_grid(GREY[0]),
    ],
)
def test_the_type_checker_is_on(call):
    with pytest.raises(TypeCheckError):
        call()


def test_broadcasting_is_refused():
    with pytest.raises(ValueError, match="rank_promotion"):
        jnp.zeros(3) - jnp.zeros((2, 3))
