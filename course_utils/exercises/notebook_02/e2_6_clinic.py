"""Exercise 2.6: the bug clinic."""

import numpy as np

from course_utils.exercises.clinic import Clinic, verdict_exercise
from course_utils.exercises.notebook_02.e2_2_change_prior import change_prior
from course_utils.worlds import asymmetric_world, join_label

EQUAL = np.array([0.5, 0.5])


def _resample(joint, new):
    """Draw both classes equally often, train on it, correct for the new proportions."""
    balanced = joint / joint.sum(axis=1, keepdims=True)
    posterior = balanced / balanced.sum(axis=0)
    return change_prior(posterior.T, EQUAL, new).T


def _resample_and_reweight(joint, new):
    """The faulty one: balanced batches, and class weights in the loss as well."""
    frequency = joint.sum(axis=1, keepdims=True)
    balanced = joint / frequency
    weighted = balanced / frequency
    posterior = weighted / weighted.sum(axis=0)
    return change_prior(posterior.T, EQUAL, new).T


def _train_as_it_is(joint, new):
    """Leave the data alone, and change the prior of the posterior."""
    posterior = joint / joint.sum(axis=0)
    return change_prior(posterior.T, joint.sum(axis=1), new).T


def _clinic_world():
    """Two classes at 85/15 whose images are 2x2, and the exact posterior at 60/40."""
    old, new = np.array([0.85, 0.15]), np.array([0.6, 0.4])
    tables = np.stack([asymmetric_world(), asymmetric_world()[::-1, :, ::-1]])
    joint = join_label(old, tables).reshape(2, 16)
    return joint, new, join_label(new, tables).reshape(2, 16)


def _sums_to_one(program):
    joint, new, _ = _clinic_world()
    return bool(np.allclose(program(joint, new).sum(axis=0), 1))


def _ranks_alike(program):
    joint, new, truth = _clinic_world()
    order = np.argsort(program(joint, new)[1], kind="stable")
    odds = (truth[1] / truth[0])[order]
    return bool(np.all(np.diff(odds) >= -1e-9))


def _mean_belief_fits(program):
    joint, new, truth = _clinic_world()
    return bool(np.allclose(program(joint, new) @ truth.sum(axis=0), new))


CLINIC = Clinic(
    id="2.6",
    suspects={
        "A": _resample_and_reweight,
        "B": _train_as_it_is,
        "C": _resample,
    },
    guilty="A",
    fault="it balances the batches and weighs the classes too: corrected twice",
    instruments={
        "sums": _sums_to_one,
        "ranking": _ranks_alike,
        "mean belief": _mean_belief_fits,
    },
    blind={
        "sums": "whatever the proportions, the classes of an image still sum to one.",
        "ranking": "a wrong prior multiplies the odds of all images by one factor, so "
        "the order of the images stays as it was.",
    },
    hints=(
        "A wrong prior multiplies the odds of every image by the same factor. Which "
        "instruments would notice a factor?",
        "Averaged over the images where the classifier is used, the belief in a class "
        "must be the frequency of that class there.",
        "For each program: `beliefs[name] @ p_new` is the mean belief; compare it "
        "with `new`.",
    ),
)

EXERCISE = verdict_exercise(CLINIC)
