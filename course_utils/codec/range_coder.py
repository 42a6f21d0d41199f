"""The coder itself: levels with known shares of an interval, to digits and back.

Witten, Neal and Cleary 1987, doi:10.1145/214762.214771; with bytes for digits it is
called a range coder.
"""

import itertools
from bisect import bisect_right

import numpy as np

MAX_LEVELS = 256
BITS = 24
TOTAL = 2**BITS  # the frequencies of the levels of a pixel sum to this
SHORTEST = 2**48  # of an interval; a shorter one is made 256 times as long


class CodecError(ValueError):
    """Images that cannot be coded, or a file that cannot be decoded."""


def quantise(logits: np.ndarray) -> np.ndarray:
    """Return where the levels of each pixel begin and end in 0 ... `TOTAL`.

    Level j gets bounds[j] to bounds[j + 1]: one, so that no level is impossible, and
    its share of the other TOTAL - k, with both ends rounded. So it gets no less than
    p (TOTAL - k), and costs at most log2(TOTAL / (TOTAL - k)) bits too much: with two
    levels 0.00000017 bits, however near p is to 0 or 1.

    Args:
        logits: [n, 1], the log-odds of level 1, or [n, k].

    Returns:
        int64 [n, k + 1], increasing from 0 to `TOTAL`.

    Raises:
        CodecError: the logits have another shape or are not finite.
    """
    logits = np.asarray(logits, np.float64)
    if logits.ndim != 2 or not 1 <= logits.shape[1] <= MAX_LEVELS:
        raise CodecError(
            f"expected logits [n, 1] or [n, k] of up to {MAX_LEVELS} levels, found "
            f"shape {logits.shape}; a predictor returns (carry, logits)"
        )
    if not np.isfinite(logits).all():
        wrong = logits[~np.isfinite(logits)][0]
        raise CodecError(
            f"expected finite logits, found {wrong}; a probability of exactly 0 or 1 "
            "cannot be coded, and nan is a fault of the model"
        )
    if logits.shape[1] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    num_levels = p.shape[1]
    ends = np.cumsum(p, axis=1)
    ends = np.rint(ends / ends[:, -1:] * (TOTAL - num_levels)).astype(np.int64)
    return np.pad(ends, ((0, 0), (1, 0))) + np.arange(num_levels + 1)


class RangeEncoder:
    """Writes levels as the digits, to base 256, of a number.

    What the digits so far leave open is the interval from `low`, `length` long, in
    units of the seventh digit after them. The length is kept between 2**48 and 2**56,
    so that a piece of it is at most a 2**24th shorter than its share.
    """

    def __init__(self):
        self.low, self.length = 0, 256 * SHORTEST
        self.digits = []  # up to 511: what exceeds 255 is carried at the end

    def put(self, bounds: np.ndarray, levels: np.ndarray) -> None:
        """Append levels [n]; bounds [n, k + 1] are those that `quantise` returns."""
        low, length, rows = self.low, self.length, np.arange(len(levels))
        begins = bounds[rows, levels].tolist()
        ends = bounds[rows, levels.astype(int) + 1].tolist()
        for begin, end in zip(begins, ends, strict=True):
            below = length * begin >> BITS
            low += below
            length = (length * end >> BITS) - below
            while length < SHORTEST:
                self.digits.append(low // SHORTEST)
                low = low % SHORTEST << 8
                length <<= 8
        self.low, self.length = low, length

    def finish(self) -> bytes:
        """Return the digits of a number in the interval; all further ones are zero."""
        digits = [*self.digits, -(-self.low // SHORTEST)]  # rounded up
        number = int.from_bytes(bytes(digit % 256 for digit in digits))
        carries = int.from_bytes(bytes(digit // 256 for digit in digits))
        return (number + 256 * carries).to_bytes(len(digits))


class RangeDecoder:
    """Reads levels from the digits that a `RangeEncoder` wrote.

    `code` is the number minus the encoder's `low`: it lies in 0 ... `length` - 1. Any
    digits are the code of some levels, so wrong ones are not seen here.
    """

    def __init__(self, payload: bytes):
        self.digits = itertools.chain(payload, itertools.repeat(0))
        first = bytes(itertools.islice(self.digits, 7))
        self.code, self.length = int.from_bytes(first), 256 * SHORTEST

    def get(self, bounds: np.ndarray) -> list[int]:
        """Return the next n levels; bounds [n, k + 1] are those of the encoder."""
        code, length, levels = self.code, self.length, []
        # zip(*columns), not rows.tolist(): the garbage collector would go through
        # thousands of short lists again and again, and take most of the time.
        for row in zip(*bounds.T.tolist(), strict=True):
            # bound <= place exactly if (length * bound >> BITS) <= code
            place = ((code + 1 << BITS) - 1) // length
            level = bisect_right(row, place) - 1
            below = length * row[level] >> BITS
            code -= below
            length = (length * row[level + 1] >> BITS) - below
            while length < SHORTEST:
                code = code << 8 | next(self.digits)
                length <<= 8
            levels.append(level)
        self.code, self.length = code, length
        return levels
