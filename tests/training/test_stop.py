"""Stop: the running call is finished, and nothing is lost."""

import contextlib
import io
import os
import random
import signal
import threading

import pytest
from IPython.core.interactiveshell import InteractiveShell
from runs import (
    BATCH_AT,
    KEY,
    STEP,
    assert_consistent,
    assert_equal,
    history_of,
    new_state,
    press_stop,
    pressing,
)

from course_utils.training import Stopped, fit, loop


def test_a_press_in_the_last_step_stops_as_well():
    """Or a loop over several trainings would go on with the next one."""
    state = new_state()
    with pytest.raises(Stopped, match="all 6 steps are done"):
        fit(STEP, state, pressing(5), 6, KEY)
    assert_consistent(state, 6)
    assert len(fit(STEP, state, BATCH_AT, 6, KEY)["loss"]) == 6


def test_several_trainings_in_a_loop_stop_as_one_and_resume_as_one():
    states, whole = [new_state() for _ in range(3)], new_state()

    def train_all(batch_at):
        for i, state in enumerate(states):
            fit(STEP, state, batch_at if i == 1 else BATCH_AT, 9, KEY)

    with pytest.raises(Stopped):
        train_all(pressing(4))
    assert [len(history_of(s).get("loss", [])) for s in states] == [9, 5, 0]
    train_all(BATCH_AT)
    fit(STEP, whole, BATCH_AT, 9, KEY)
    for state in states:
        assert_equal(state, whole)


def test_a_notebook_shows_the_sentence_alone():
    shell = InteractiveShell.instance()
    with pytest.raises(Stopped) as caught:
        fit(STEP, new_state(), pressing(2), 6, KEY)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        shell.showtraceback((Stopped, caught.value, caught.tb))
    assert out.getvalue().startswith("Stopped after 3 of 6 steps.")
    assert len(out.getvalue().splitlines()) == 1


@pytest.mark.parametrize(("scan", "done"), [(1, 6), (4, 8)])
def test_stop_finishes_the_running_call(scan, done, capsys):
    whole, state = new_state(), new_state()
    with pytest.raises(Stopped, match=f"after {done} of 20 steps.*run this cell again"):
        fit(STEP, state, pressing(5), 20, KEY, scan=scan)
    assert_consistent(state, done)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and lines[0].startswith("Stopping after the running step")
    fit(STEP, state, BATCH_AT, 20, KEY, scan=scan)
    fit(STEP, whole, BATCH_AT, 20, KEY, scan=scan)
    assert_equal(state, whole)


@pytest.mark.parametrize("scan", [1, 4])
def test_a_second_press_breaks_off_at_once_in_a_whole_state(scan):
    whole, state = new_state(), new_state()
    with pytest.raises(KeyboardInterrupt):
        fit(STEP, state, pressing(9, 9, 9), 20, KEY, scan=scan)
    assert_consistent(state, 9 if scan == 1 else 8)
    fit(STEP, state, BATCH_AT, 20, KEY, scan=scan)
    fit(STEP, whole, BATCH_AT, 20, KEY, scan=scan)
    assert_equal(state, whole)


def test_a_press_while_the_history_grows_leaves_no_ragged_one():
    """The worst moment: one list has grown, the other has not."""
    state, whole = new_state(), new_state()
    fit(STEP, whole, BATCH_AT, 6, KEY)

    class Growing(list):
        def extend(self, values):
            super().extend(values)
            if len(self) in (1, 4):
                press_stop()
                press_stop()

    for expected in (0, 3):

        def interrupted(*args, begin=loop._begin):
            run = begin(*args)
            run.history = {"loss": Growing(run.history.get("loss", []))} | {
                "weight": list(run.history.get("weight", []))
            }
            return run

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "_begin", interrupted)
            with pytest.raises(KeyboardInterrupt):
                fit(STEP, state, BATCH_AT, 6, KEY)
        assert_consistent(state, expected)
        fit(STEP, state, BATCH_AT, 3, KEY)
    fit(STEP, state, BATCH_AT, 6, KEY)
    assert_equal(state, whole)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process there")
@pytest.mark.parametrize("scan", [1, 3])
# A second press in a callback of the garbage collector is lost; the first one stops.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_fifty_real_interrupts_at_random_moments(scan, capsys):
    """Twice fifty: no broken state, no lost step, and the same weights at the end."""
    whole, state, rng = new_state(), new_state(), random.Random(scan)
    signal.signal(signal.SIGINT, lambda *_: None)  # for presses when fit has ended
    fit(STEP, state, BATCH_AT, scan, KEY, scan=scan)
    steps = scan
    for _ in range(50):
        with pressed_at_random_moments(rng), contextlib.suppress(KeyboardInterrupt):
            fit(STEP, state, BATCH_AT, 10**6, KEY, scan=scan)
        assert len(history_of(state).get("loss", [])) >= steps
        steps = len(history_of(state).get("loss", []))
        assert_consistent(state, steps)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assert capsys.readouterr().out.count("Stopping") == 50
    assert steps > 50
    fit(STEP, state, BATCH_AT, steps + 5, KEY, scan=scan)
    fit(STEP, whole, BATCH_AT, steps // scan * scan, KEY, scan=scan)
    fit(STEP, whole, BATCH_AT, steps + 5, KEY, scan=scan)
    assert_equal(state, whole)


@contextlib.contextmanager
def pressed_at_random_moments(rng):
    """Send real signals to this process, until the block ends."""
    ended = threading.Event()

    def press():
        while not ended.wait(rng.uniform(0, 0.03)):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_outside_the_main_thread_fit_leaves_signals_alone():
    state = new_state()
    thread = threading.Thread(target=fit, args=(STEP, state, BATCH_AT, 3, KEY))
    thread.start()
    thread.join()
    assert_consistent(state, 3)


def test_an_ignored_sigint_stays_ignored():
    """A shell that starts a job in the background protects it from Ctrl-C so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    state = new_state()
    fit(STEP, state, pressing(1, 1, 1), 4, KEY)
    assert_consistent(state, 4)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)
