"""The person at the computer: is there one, what do they see, did they press Stop?"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace

from IPython import get_ipython
from tqdm import tqdm


def is_live() -> bool:
    """Return whether a person sits at this kernel: not when COURSE_LIVE is "0"."""
    in_kernel = hasattr(get_ipython(), "kernel")
    return in_kernel and os.environ.get("COURSE_LIVE") != "0"


def shows_progress() -> bool:
    """Return whether somebody watches: at a kernel or at a terminal."""
    at_terminal = sys.stderr.isatty() and os.environ.get("COURSE_LIVE") != "0"
    return is_live() or at_terminal


@contextlib.contextmanager
def progress_bar(start: int, total: int) -> Iterator[Callable[[int, float], None]]:
    """Show how far a long computation is, if somebody watches.

    Yields:
        A function `show(done, loss)`. Its first call makes the bar, so that the time
        until then, which is compilation, does not count as speed.
    """
    if not shows_progress():
        yield lambda done, loss: None
        return
    # In a notebook, stderr is red and looks like an error.
    file = sys.stdout if is_live() else sys.stderr
    print("Compiling the first step, some seconds ...", file=file, flush=True)
    with contextlib.ExitStack() as stack:
        bar = None

        def show(done, loss):
            nonlocal bar
            if bar is None:
                bar = tqdm(total=total, initial=done, file=file, unit="step", ncols=80)
                stack.enter_context(bar)
            bar.set_postfix(loss=f"{loss:.4g}", refresh=False)
            bar.update(done - bar.n)

        yield show


class Stopped(KeyboardInterrupt):
    """Stop was pressed: a long computation has ended early, and nothing is lost.

    An error, so that *Run All* halts here. A notebook shows its text alone.
    """

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@contextlib.contextmanager
def stop_button() -> Iterator[SimpleNamespace]:
    """Let Stop (SIGINT, Ctrl-C) ask for an end instead of breaking in anywhere.

    The first press sets `asked` and prints a line. The second raises KeyboardInterrupt,
    once, unless `hold` is set: then something must be finished first. In a thread
    other than the main one, and where SIGINT is ignored, nothing changes.

    Yields:
        `asked`, False until Stop is pressed, and `hold`, to be set by the caller.
    """
    stop = SimpleNamespace(asked=False, hold=False)

    def press(signum, frame):
        if stop.asked and not stop.hold:
            stop.hold = True
            raise KeyboardInterrupt
        if not stop.asked:
            stop.asked = True
            with contextlib.suppress(RuntimeError):  # pressed in the middle of a print
                print("Stopping after the running step (press again to break off).")

    # None: a handler that is not Python's, which Python could not put back.
    off_limits = (None, signal.SIG_IGN)
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) in off_limits:
        yield stop
        return
    before = signal.signal(signal.SIGINT, press)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
