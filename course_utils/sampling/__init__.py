"""Samplers of pixel models: one pixel at a time, in raster order.

They take functions, and import nothing of ours.
"""

from course_utils.sampling.predictors import Predictor, naive, stateful
from course_utils.sampling.raster import choose, draw_images, draw_states

__all__ = [
    "Predictor",
    "choose",
    "draw_images",
    "draw_states",
    "naive",
    "stateful",
]
