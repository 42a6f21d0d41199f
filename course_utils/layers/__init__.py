"""Layers that Flax lacks: what several models of the course are put together from."""

from course_utils.layers.diagonal import DiagonalBiLSTM, skew, unskew
from course_utils.layers.gaussian import sample_gaussian
from course_utils.layers.neighbourhood import earlier_at, earlier_pixels
from course_utils.layers.recurrent import (
    LSTMState,
    RasterLSTM,
    RowLSTM,
    lstm_cell,
    zero_state,
)
from course_utils.layers.upsampling import upsample

__all__ = [
    "DiagonalBiLSTM",
    "LSTMState",
    "RasterLSTM",
    "RowLSTM",
    "earlier_at",
    "earlier_pixels",
    "lstm_cell",
    "sample_gaussian",
    "skew",
    "unskew",
    "upsample",
    "zero_state",
]
