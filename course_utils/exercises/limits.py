"""Limits for a learner's code in a check: how long, how much print, how much memory."""

import _thread
import contextlib
import io
import signal
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TextIO

import jax

MEGABYTE = 1_000_000
_LARGE = 10_000  # entries of an array that is worth counting


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[SimpleNamespace]:
    """Break off the main thread's code, as a press of Stop would, if it takes too long.

    The seconds are those of the processor, so that a busy machine costs nobody
    anything; code that waits has ten times as many by the clock. A call into C runs to
    its end. In another thread nothing is limited. A real press of Stop goes through.

    Yields:
        `over`, True if the time was up.
    """
    state = SimpleNamespace(over=False, done=False)
    main = threading.main_thread()
    if threading.current_thread() is not main:
        yield state
        return
    watch = threading.Thread(target=_watch, args=(state, seconds, main), daemon=True)
    watch.start()
    try:
        yield state
    except KeyboardInterrupt:
        if not state.over:
            raise
    finally:
        state.done = True  # no call: a late interrupt cannot come before it
        try:
            watch.join()
            time.sleep(0)
        except KeyboardInterrupt:
            watch.join()


def _watch(state: SimpleNamespace, seconds: float, main: threading.Thread) -> None:
    """Interrupt the main thread when the time is up, again if it goes on regardless."""
    start, processor = time.monotonic(), time.process_time()
    while not state.done:
        time.sleep(0.05)
        clock = time.monotonic() - start
        # All threads count: many cores may use up seconds in an instant.
        used = time.process_time() - processor
        if state.done or not (min(used, 2 * clock) > seconds or clock > 10 * seconds):
            continue
        state.over = True
        if hasattr(signal, "pthread_kill"):  # wakes a thread that sleeps
            signal.pthread_kill(main.ident, signal.SIGINT)
        else:
            _thread.interrupt_main()
        for _ in range(20):  # some code catches it
            if state.done:
                return
            time.sleep(0.05)


@contextlib.contextmanager
def output_limit(characters: int) -> Iterator[None]:
    """Let the first characters of what is printed through, and say that more came."""
    with contextlib.redirect_stdout(_Bounded(sys.stdout, characters)):
        yield


class _Bounded(io.TextIOBase):
    """Hands some characters on to another stream and drops the others."""

    def __init__(self, stream: TextIO, characters: int):
        self.stream = stream
        self.characters = self.left = characters

    def write(self, text: str) -> int:
        if self.left >= 0:
            self.stream.write(text[: self.left])
            self.left -= len(text)
            if self.left < 0 < self.characters:
                self.stream.write("\n[the check prints no more of this]\n")
        return len(text)

    def flush(self) -> None:
        self.stream.flush()


@contextlib.contextmanager
def peak_memory() -> Iterator[SimpleNamespace]:
    """Measure the memory that arrays hold at most, beyond what they held.

    NumPy's are traced. JAX's are counted whenever a function of this thread returns a
    large one; what a compiled function keeps to itself is not seen.

    Yields:
        `bytes`, set at the end.
    """
    found, jax_before = SimpleNamespace(bytes=0), _jax_bytes()

    def look(frame, event, value):
        if event == "return" and isinstance(value, jax.Array) and value.size > _LARGE:
            found.bytes = max(found.bytes, _jax_bytes() - jax_before)

    running, profiler = tracemalloc.is_tracing(), sys.getprofile()
    if not running:
        tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(profiler)
        traced = tracemalloc.get_traced_memory()[1] - before
        found.bytes = max(traced, found.bytes)
        if not running:
            tracemalloc.stop()


def _jax_bytes() -> int:
    return sum(array.nbytes for array in jax.live_arrays())
