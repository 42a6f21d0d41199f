"""Exercises of notebook 04: variational autoencoders."""

from course_utils.exercises.clinic import verdict_exercise
from course_utils.exercises.notebook_04.bounds import BOUND_FROM_WEIGHTS
from course_utils.exercises.notebook_04.closed_form import GAUSSIAN_KL
from course_utils.exercises.notebook_04.decoders import DRAW_IMAGES
from course_utils.exercises.notebook_04.gap import GRID_TERMS
from course_utils.exercises.notebook_04.information import LATENT_INFORMATION
from course_utils.exercises.notebook_04.samplers import CLINIC

EXERCISES = (
    GAUSSIAN_KL,
    GRID_TERMS,
    BOUND_FROM_WEIGHTS,
    DRAW_IMAGES,
    LATENT_INFORMATION,
    verdict_exercise(CLINIC),
)
