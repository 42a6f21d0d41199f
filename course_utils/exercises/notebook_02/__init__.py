"""Exercises of notebook 02: Bayes' rule at work, and what a likelihood does not say."""

from course_utils.exercises.clinic import verdict_exercise
from course_utils.exercises.notebook_02.corrections import CLINIC
from course_utils.exercises.notebook_02.likelihood import FORWARD_GAUSSIAN, NOISY_NLL
from course_utils.exercises.notebook_02.orders import DRAW_TO_ORDER
from course_utils.exercises.notebook_02.posteriors import CHANGE_PRIOR, CLASS_POSTERIOR

EXERCISES = (
    CLASS_POSTERIOR,
    CHANGE_PRIOR,
    FORWARD_GAUSSIAN,
    NOISY_NLL,
    DRAW_TO_ORDER,
    verdict_exercise(CLINIC),
)
