import numpy as np


def _by_queue(items, size, draws):
    waiting, buffer, emitted = iter(items), [], []
    for draw in draws:
        while len(buffer) < size and (item := next(waiting, None)) is not None:
            buffer.append(item)
        emitted.append(buffer.pop(int(draw * len(buffer))))
    return np.array(emitted)


def _by_swapping(items, size, draws):
    order, filled = list(items), size
    for i, draw in enumerate(draws):
        j = i + int(draw * (min(filled, len(items)) - i))
        order[i], order[j] = order[j], order[i]
        filled += 1
    return order


ALTERNATIVES = (_by_queue, _by_swapping)
