"""Measures of models: likelihood, latents, sharpness, neighbours, calibration.

They take functions, arrays, and any model that is a `LatentVariableModel`; none reads
an attribute of a particular model. Likelihoods are in nats per image.
"""

from course_utils.metrics.calibration import Reliability, reliability
from course_utils.metrics.latents import AggregatePosterior, aggregate_posterior
from course_utils.metrics.likelihood import (
    elbo,
    importance_bound,
    log_weights,
    mean_bound,
)
from course_utils.metrics.neighbours import knn_accuracy, nearest_distance
from course_utils.metrics.quadrature import (
    LatentGrid,
    grid_elbo,
    grid_tables,
    latent_grid,
    log_marginal,
    posterior_gap,
    posterior_on_grid,
)
from course_utils.metrics.spectrum import power_spectrum, sharpness
from course_utils.metrics.tractable import bits_per_dimension, levels_of, log_prob

__all__ = [
    "AggregatePosterior",
    "LatentGrid",
    "Reliability",
    "aggregate_posterior",
    "bits_per_dimension",
    "elbo",
    "grid_elbo",
    "grid_tables",
    "importance_bound",
    "knn_accuracy",
    "latent_grid",
    "levels_of",
    "log_marginal",
    "log_prob",
    "log_weights",
    "mean_bound",
    "nearest_distance",
    "posterior_gap",
    "posterior_on_grid",
    "power_spectrum",
    "reliability",
    "sharpness",
]
