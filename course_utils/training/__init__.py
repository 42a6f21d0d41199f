"""The training loop: any model, any objective; it can be stopped and resumed.

Training is a function of the step number: step i sees `batch_at(i)` and the key
`fold_in(key, i)`. So looking, stopping and resuming cannot change what is learned.
"""

from course_utils.live import Stopped
from course_utils.training.divergence import TrainingDiverged
from course_utils.training.loop import fit
from course_utils.training.state import TrainState, init_state, make_step

__all__ = [
    "Stopped",
    "TrainState",
    "TrainingDiverged",
    "fit",
    "init_state",
    "make_step",
]
