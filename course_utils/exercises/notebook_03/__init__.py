"""Exercises of notebook 03: subspaces, outputs and losses, distances, and codes."""

from course_utils.exercises.clinic import verdict_exercise
from course_utils.exercises.notebook_03.codes import SAMPLE_CODES
from course_utils.exercises.notebook_03.distances import SHARE_NEARER_STRANGER
from course_utils.exercises.notebook_03.outputs import CHOICES
from course_utils.exercises.notebook_03.subspaces import PRINCIPAL_ANGLES
from course_utils.exercises.notebook_03.wires import CLINIC

EXERCISES = (
    PRINCIPAL_ANGLES,
    CHOICES,
    SHARE_NEARER_STRANGER,
    SAMPLE_CODES,
    verdict_exercise(CLINIC),
)
