"""Exercise 1.1: the shuffle buffer."""

import inspect
from collections import Counter

import numpy as np

from course_utils.exercises.compare import Complaint
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer

_TRIALS = 1000  # each case has at most 54 orders: all of them turn up


def buffer_shuffle(items, size, draws):
    """Return the items in the order in which a shuffle buffer emits them.

    items: a list.
    size: how many items the buffer holds.
    draws: random numbers in [0, 1), one for each step.
    """
    buffer, emitted = list(items[:size]), []
    for step, draw in enumerate(draws):
        emitted.append(buffer.pop(int(draw * len(buffer))))
        buffer += items[size + step : size + step + 1]  # the next item, or none
    return emitted


def _orders(answer, items, size):
    """Return what makes a shuffle right: its orders, and a fair choice of the first.

    Or a word: None, "generator", "changes items" or "other draws".
    """
    orders = Counter()
    trials = np.random.default_rng(0).random((_TRIALS, len(items)))
    for draws in trials:
        given = list(items)
        order = answer(given, size, draws)
        if order is None:
            return None
        if inspect.isgenerator(order):
            return "generator"
        if given != list(items):
            return "changes items"
        orders[tuple(int(item) for item in order)] += 1
    twice = [[list(answer(list(items), size, d)) for d in trials[:20]] for _ in "ab"]
    if twice[0] != twice[1]:
        return "other draws"
    return frozenset(orders), _is_fair(orders, Counter(items[:size]))


def _is_fair(orders, waiting):
    """Return whether every item that waits at first is emitted first equally often."""
    firsts = Counter()
    for order, n in orders.items():
        firsts[order[:1]] += n / _TRIALS
    shares = {(i,): n / waiting.total() for i, n in waiting.items()}
    return max(abs(firsts[i] - share) for i, share in shares.items()) < 0.06


def _a_long_file(answer, items, size):
    """Return True for the order of a file as long as the notebook's, or what is odd."""
    draws = np.random.default_rng(1).random(len(items))
    order = np.array(answer(list(items), size, draws))
    if not np.array_equal(np.sort(order), np.sort(items)):
        return Complaint("Some items are missing, or come out twice")
    places = [items.index(int(item)) for item in order[:50]]
    if any(place >= size + i for i, place in enumerate(places)):
        return Complaint("An item comes out before it was read")
    if max(p for p in places if p < size) < size / 2:  # by chance once in 10^9
        return Complaint("Some places of the buffer are never chosen")
    return True


def _whole_list(items, size, draws):
    return [items[i] for i in np.argsort(draws)]


def _block_by_block(items, size, draws):
    starts = range(0, len(items), size)
    return [items[i + j] for i in starts for j in np.argsort(draws[i : i + size])]


def _leaves_the_rest(items, size, draws):
    return buffer_shuffle(items, size, draws)[: max(len(items) - size, 0)]


def _keeps_what_it_emits(items, size, draws):
    windows = [items[max(0, i + 1 - size) : i + size] for i in range(len(items))]
    return [w[int(d * len(w))] for w, d in zip(windows, draws, strict=True)]


def _first_in_first_out(items, size, draws):
    return list(items)


def _rounds(items, size, draws):
    buffer, emitted = list(items[:size]), []
    for step, draw in enumerate(draws):
        emitted.append(buffer.pop(round(draw * (len(buffer) - 1))))
        buffer += items[size + step : size + step + 1]
    return emitted


def _refills_too_early(items, size, draws):
    return buffer_shuffle(items, size + 1, draws)


def _yields(items, size, draws):
    yield from buffer_shuffle(items, size, draws)


def _empties_the_items(items, size, draws):
    order = buffer_shuffle(items, size, draws)
    items.clear()
    return order


def _own_draws(items, size, draws):
    return buffer_shuffle(items, size, np.random.default_rng().random(len(draws)))


def _drains_in_order(items, size, draws):
    buffer, emitted = list(items[:size]), []
    for item, draw in zip(items[size:], draws, strict=False):
        emitted.append(buffer.pop(int(draw * len(buffer))))
        buffer.append(item)
    return emitted + buffer


def _drains_in_order_of_place(items, size, draws):
    buffer, emitted = list(items[:size]), []
    for item, draw in zip(items[size:], draws, strict=False):
        place = int(draw * len(buffer))
        emitted.append(buffer[place])
        buffer[place] = item
    return emitted + buffer


def _never_removes(items, size, draws):
    buffer, emitted = list(items[:size]), []
    for step, draw in enumerate(draws):
        emitted.append(buffer[int(draw * len(buffer))])
        buffer += items[size + step : size + step + 1]
    return emitted


def _always_size_places(items, size, draws):
    buffer, emitted = list(items[:size]), []
    for step, draw in enumerate(draws):
        emitted.append(buffer.pop(int(draw * size)))
        buffer += items[size + step : size + step + 1]
    return emitted


def _more(rng):
    yield Case("4 items, two of them equal, a buffer of 3", ((3, 8, 3, 5), 3))
    yield Case("a buffer of 1", ((4, 2, 6), 1))
    yield Case("as many items as the buffer holds", ((6, 1, 4), 3))
    items = tuple(rng.permutation(10_000).tolist())
    for size in (100, 5_000):
        name = f"10,000 items, a buffer of {size:,}"
        yield Case(name, (items, size), run=_a_long_file)


EXERCISE = Exercise(
    id="1.1",
    title="the shuffle buffer",
    reference=buffer_shuffle,
    cases=(
        Case("5 items, a buffer of 3", ((50, 10, 40, 20, 30), 3)),
        Case("6 items, a buffer of 2", ((7, 0, 9, 1, 8, 3), 2)),
        Case("3 items, a buffer of 10", ((5, 2, 9), 10)),
    ),
    run=_orders,
    more=_more,
    parts={
        0: "the orders that can come out are not those of such a buffer",
        1: "the item that comes out first is no fair choice among those in the buffer",
    },
    wrong=(
        WrongAnswer(
            "shuffles the whole list",
            _whole_list,
            "The last item can come out first: this shuffles the whole list. A buffer "
            "of 3 knows only the first 3 items when it emits the first one.",
        ),
        WrongAnswer(
            "shuffles block by block",
            _block_by_block,
            "This shuffles one block after the other. The buffer is refilled after "
            "every single item, so an item may stay behind for a long time.",
        ),
        WrongAnswer(
            "leaves items in the buffer",
            _leaves_the_rest,
            "Items are missing: when nothing is waiting any more, the buffer still "
            "holds some. Go on emitting until it is empty.",
        ),
        WrongAnswer(
            "keeps what it emits",
            _keeps_what_it_emits,
            "Some items come out twice and others never. An emitted item leaves the "
            "buffer: its place goes to the next one, or disappears.",
        ),
        WrongAnswer(
            "emits the oldest",
            _first_in_first_out,
            "The items come out in the order they came in: the draws have no effect. "
            "Use the draw of each step to choose a place in the buffer.",
        ),
        WrongAnswer(
            "rounds",
            _rounds,
            "Every order can come out, but not fairly: the first and the last place of "
            "the buffer come up half as often as the others, because you rounded. "
            "int(draw * len(buffer)) cuts the interval into equal parts.",
        ),
        WrongAnswer(
            "refills too early",
            _refills_too_early,
            "An item can come out one step too early, as if the buffer were one "
            "larger. Emit first, then refill.",
        ),
        WrongAnswer(
            "a generator",
            _yields,
            "The order is right, but `yield` makes this a generator, which cannot be "
            "indexed. Collect what is emitted in a list and return it.",
        ),
        WrongAnswer(
            "changes the items",
            _empties_the_items,
            "Your function changes `items`, the caller's own list: whoever shuffles it "
            "again finds something else. Work on a copy, list(items).",
        ),
        WrongAnswer(
            "draws of its own",
            _own_draws,
            "The same `draws` gave two different orders, so the chance comes from "
            "somewhere else. Use the given draws: then a seed fixes the order.",
        ),
        WrongAnswer(
            "drains in order",
            _drains_in_order,
            "When the file has ended, you emit the rest of the buffer in order. Go on "
            "drawing: a random place at every step, until the buffer is empty.",
        ),
        WrongAnswer(
            "drains by place",
            _drains_in_order_of_place,
            "When the file has ended, you emit the rest of the buffer place by place. "
            "Go on drawing: each step has a draw of its own, to the last item.",
        ),
        WrongAnswer(
            "never removes",
            _never_removes,
            "An emitted item stays in the buffer, so it comes out again and the buffer "
            "grows. Take it out: buffer.pop(place).",
        ),
        WrongAnswer(
            "always `size` places",
            _always_size_places,
            "You ask for a place that does not exist. Near the end the buffer holds "
            "fewer than `size` items, and a short file never fills it. "
            "int(draw * len(buffer)) always is a place; refill only if an item is "
            "left.",
        ),
    ),
    hints=(
        "Keep two lists: the buffer, and what has been emitted so far.",
        "place = int(draw * len(buffer)) turns a draw into a random place.",
        "At step i (from 0) the next item is items[size + i], as long as "
        "size + i < len(items). buffer.pop(place) takes an item out.",
    ),
)
