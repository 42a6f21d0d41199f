"""Tiny worlds: binary images so small that every image there is can be listed.

`images` lists them, `tables` computes with the probability of each, `patches` counts
tables from data, and `designed` holds worlds made by hand.
"""

from course_utils.worlds.designed import (
    asymmetric_world,
    designed_patterns,
    designed_world,
    nearest_pattern,
)
from course_utils.worlds.images import MAX_PIXELS, all_images, state_index
from course_utils.worlds.patches import joint_from_images, labelled_joint, patch_joint
from course_utils.worlds.tables import (
    conditional,
    entropy,
    jensen_shannon,
    join_label,
    kl_divergence,
    marginal,
    sample_states,
    total_variation,
)

__all__ = [
    "MAX_PIXELS",
    "all_images",
    "asymmetric_world",
    "conditional",
    "designed_patterns",
    "designed_world",
    "entropy",
    "jensen_shannon",
    "join_label",
    "joint_from_images",
    "kl_divergence",
    "labelled_joint",
    "marginal",
    "nearest_pattern",
    "patch_joint",
    "sample_states",
    "state_index",
    "total_variation",
]
