"""Limits for a learner's code in a check: how long, how much print, how much memory."""

import _thread
import contextlib
import io
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TextIO

MEGABYTE = 1_000_000


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[SimpleNamespace]:
    """Break off the main thread's code, as a press of Stop would, if it takes too long.

    The seconds are those of the processor, so that a busy machine costs nobody
    anything; code that only waits has ten times as many by the clock. In another thread
    nothing is limited. A real press of Stop goes through.

    Yields:
        `over`, True if the time was up.
    """
    state = SimpleNamespace(over=False)
    if threading.current_thread() is not threading.main_thread():
        yield state
        return
    done, lock = threading.Event(), threading.Lock()
    processor, clock = time.process_time() + seconds, time.monotonic() + 10 * seconds

    def interrupt():
        while not done.wait(0.1 if not state.over else 1.0):  # some code catches it
            if time.process_time() < processor and time.monotonic() < clock:
                continue
            with lock:
                if not done.is_set():
                    state.over = True
                    _thread.interrupt_main()

    watch = threading.Thread(target=interrupt, daemon=True)
    watch.start()
    try:
        yield state
    except KeyboardInterrupt:
        if not state.over:
            raise
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            with lock:
                done.set()
            watch.join()


@contextlib.contextmanager
def output_limit(characters: int) -> Iterator[None]:
    """Let the first characters of what is printed through, and say that more came."""
    with contextlib.redirect_stdout(_Bounded(sys.stdout, characters)):
        yield


class _Bounded(io.TextIOBase):
    """Hands some characters on to another stream and drops the others."""

    def __init__(self, stream: TextIO, characters: int):
        self.stream = stream
        self.left = characters

    def write(self, text: str) -> int:
        if self.left > 0:
            self.stream.write(text[: self.left])
            self.left -= len(text)
            if self.left <= 0:
                self.stream.write("\n[the check prints no more of this]\n")
        return len(text)

    def flush(self) -> None:
        self.stream.flush()


@contextlib.contextmanager
def peak_memory() -> Iterator[SimpleNamespace]:
    """Measure the memory that NumPy and Python hold at most, beyond what they held.

    Yields:
        `bytes`, set at the end.
    """
    found = SimpleNamespace(bytes=0)
    running = tracemalloc.is_tracing()
    if not running:
        tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    try:
        yield found
    finally:
        found.bytes = tracemalloc.get_traced_memory()[1] - before
        if not running:
            tracemalloc.stop()
