"""Call every annotated function as the lessons do; a wrong annotation raises."""

import importlib
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from course_utils import assertions, data, plotting, tinyworld
