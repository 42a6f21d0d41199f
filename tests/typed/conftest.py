"""Run the package under a type checker: every shape and dtype in a signature is tested.

This has to happen before anything of the package is imported, so these tests are a run
of their own: `course test typed`.
"""

import sys

import jax
from jaxtyping import install_import_hook

if any(name.startswith("course_utils.") for name in sys.modules):
    raise RuntimeError("course_utils is already imported; run `course test typed`")

install_import_hook("course_utils", "beartype.beartype")
jax.config.update("jax_numpy_rank_promotion", "raise")
