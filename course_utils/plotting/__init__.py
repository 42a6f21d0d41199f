"""Figures that everybody can read: in colour, in print, and through their alt text.

Importing this package sets the style of the course (colours told apart by colour-blind
readers, a marker for every colour, readable text). Nothing else imports Matplotlib.
"""

from course_utils.plotting.curves import plot_history
from course_utils.plotting.diagrams import draw_gated_block
from course_utils.plotting.filmstrips import explore, filmstrip
from course_utils.plotting.grids import image_grid
from course_utils.plotting.lines import plot_lines
from course_utils.plotting.orders import draw_orders
from course_utils.plotting.receptive import draw_receptive_fields
from course_utils.plotting.scatter import scatter_latents
from course_utils.plotting.style import show
from course_utils.plotting.trees import draw_tree

__all__ = [
    "draw_gated_block",
    "draw_orders",
    "draw_receptive_fields",
    "draw_tree",
    "explore",
    "filmstrip",
    "image_grid",
    "plot_history",
    "plot_lines",
    "scatter_latents",
    "show",
]
