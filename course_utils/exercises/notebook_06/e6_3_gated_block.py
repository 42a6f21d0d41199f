"""Exercise 6.3: a gated block with two stacks."""

import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from course_utils.exercises.compare import Complaint, same
from course_utils.exercises.exercise import Case, Exercise, WrongAnswer
from course_utils.models.pixelcnn import GatedBlock


def gated_block(v, h, layers):
    """Return the outputs (v, h) of a gated block of a PixelCNN with two stacks.

    v: map of the vertical stack, [b, rows, columns, d]; at each pixel it
        knows the rows above.
    h: map of the horizontal stack, of the same shape; at each pixel it
        knows the pixels to the left as well.
    layers: has five functions from maps to maps, as attributes. `vertical`
        and `horizontal` make d numbers per pixel into 2 d, `link` makes 2 d
        into 2 d, and `up` and `out` make d into d.

    With a = vertical(v), the outputs are
        v + up(gate(a)) and h + out(gate(horizontal(h) + link(a))),
    where gate(x) = tanh(first half of x) * sigmoid(second half of x); both
    are halves of the last axis, so 2 d numbers per pixel become d.
    Returns the pair (v, h), each [b, rows, columns, d].
    """

    def gate(x):
        first, second = jnp.split(x, 2, axis=-1)
        return jnp.tanh(first) * jax.nn.sigmoid(second)

    # The old v feeds both stacks, h only its own: nothing leaks into v.
    above = layers.vertical(v)
    here = layers.horizontal(h) + layers.link(above)
    return v + layers.up(gate(above)), h + layers.out(gate(here))


def _normal(rng, *shape):
    return jnp.float32(rng.normal(size=shape))


def _layer(rng, fed, made, up=0, left=0):
    """Return a linear map of each pixel, and of the one `up` and `left` of it."""
    here, there = (_normal(rng, fed, made) / fed**0.5 for _ in range(2))
    bias = _normal(rng, made) / 2

    def layer(x):
        if np.ndim(x) != 4 or np.shape(x)[3] != fed:
            # The layer is not named: whichever comes first, the text is the same.
            expected = f"this layer takes a map [b, rows, columns, {fed}]"
            raise ValueError(f"{expected}, not one of shape {np.shape(x)}")
        return _linear(x, here, there, bias, up, left)

    return layer


# Compiled as a whole, once for each shape: many small operations would take longer.
@functools.partial(jax.jit, static_argnums=(4, 5))
def _linear(x, here, there, bias, up, left):
    result = x @ here + bias
    if up or left:
        padded = jnp.pad(x, ((0, 0), (up, 0), (left, 0), (0, 0)))
        result += padded[:, : x.shape[1], : x.shape[2]] @ there
    return result


def _layers(rng, d):
    return SimpleNamespace(
        vertical=_layer(rng, d, 2 * d, up=1),
        horizontal=_layer(rng, d, 2 * d, left=1),
        link=_layer(rng, 2 * d, 2 * d),
        up=_layer(rng, d, d),
        out=_layer(rng, d, d),
    )


def _masked_block(rng, d):
    """Return a block of masked convolutions, whose parameters NumPy draws.

    Flax's own initial values would take seconds to compile, and leave biases at 0.
    """
    shapes = nnx.eval_shape(lambda: GatedBlock(d, rngs=nnx.Rngs(0)))
    structure, leaves = nnx.split(shapes)
    drawn = jax.tree.map(lambda leaf: _normal(rng, *leaf.shape) / 2, leaves)
    return nnx.merge(structure, drawn)


def _maps(rng, *shape):
    return _normal(rng, *shape), _normal(rng, *shape)


def _case(name, rng, *shape, run=None):
    return Case(name, (*_maps(rng, *shape), _layers(rng, shape[-1])), run=run)


_NO_NUMPY = "NumPy cannot read an array while JAX traces it"


_NO_VALUES = (
    "while JAX traces it, an array has no values yet, as float(), .tolist() or an `if` "
    "would need them"
)


def _traced(answer, v, h, layers):
    """Return the outputs, if jax.jit can trace the answer, as it does in a model.

    Nothing is compiled, which each of the wrong answers would need anew.
    """
    try:
        jax.eval_shape(lambda v, h: answer(v, h, layers), v, h)
    except jax.errors.JAXTypeError as error:
        # JAX's own text names a file and a line, so no two of them are the same.
        by_numpy = isinstance(error, jax.errors.TracerArrayConversionError)
        text = _NO_NUMPY if by_numpy else _NO_VALUES
        raise TypeError(text).with_traceback(error.__traceback__) from None
    return answer(v, h, layers)


def _trained(answer, v, h, block):
    """Return the gradients of two blocks in a row, as a training step asks for them.

    Without jit, which would be compiled anew in every check: `_traced` stands for it.
    """
    structure, parameters = nnx.split(block)

    def loss(parameters, v, h):
        layers = nnx.merge(structure, parameters)
        for _ in range(2):
            v, h = answer(v, h, layers)
        return jnp.sum(v**2) + jnp.sum(jnp.sin(h))

    return tuple(jax.tree.leaves(jax.grad(loss, argnums=(0, 1, 2))(parameters, v, h)))


def _without_overflow(answer, v, h, layers):
    outputs = answer(v, h, layers)
    if all(np.isfinite(x).all() for x in outputs):
        return outputs
    return Complaint(
        "The values are right for small numbers, but exp(x) overflows when x is large. "
        "jnp.tanh and jax.nn.sigmoid do not"
    )


def _more(rng):
    """Single images, pixels and features; 0, large numbers; a real block, trained."""
    for shape in [(1, 1, 1, 1), (1, 3, 5, 2), (3, 5, 1, 4)]:
        b, rows, columns, d = shape
        yield _case(f"{b} of {rows}x{columns}, {d} features", rng, *shape)
    v, h = _maps(rng, 2, 4, 6, 3)
    yield Case("maps of 0", (0 * v, 0 * h, _layers(rng, 3)))
    large = 1000 * v, 1000 * h, _layers(rng, 3)
    yield Case("numbers in the thousands", large, run=_without_overflow)
    block = _masked_block(rng, 4)
    case = (*_maps(rng, 2, 5, 4, 4), block)
    yield Case("a block of masked convolutions, in a training step", case, _trained)
    yield Case("masked convolutions of 28x28 maps", (*_maps(rng, 2, 28, 28, 4), block))


def _gate(x, first=jnp.tanh, second=jax.nn.sigmoid, axis=-1):
    a, b = jnp.split(x, 2, axis=axis)
    return first(a) * second(b)


def _new_v(s):
    return s.v + s.up(s.gate(s.vertical(s.v)))


def _here(s):
    return s.horizontal(s.h) + s.link(s.vertical(s.v))


def _new_h(s):
    return s.h + s.out(s.gate(_here(s)))


def _with(new_v=_new_v, new_h=_new_h, gate=_gate, **others):
    """Return an answer in which something is changed.

    Args:
        new_v: makes the new v of v, h, gate and the layers, as attributes.
        new_h: makes the new h of the same.
        gate: what is used as the gate.
        **others: name of a layer or map: name of the one used in its place.
    """

    def answer(v, h, layers):
        found = {**vars(layers), "v": v, "h": h, "gate": gate}
        changed = {name: found[other] for name, other in others.items()}
        s = SimpleNamespace(**{**found, **changed})
        return new_v(s), new_h(s)

    return answer


def _linking(mixed):
    """Return an answer with something else inside the horizontal stack's gate."""
    return _with(new_h=lambda s: s.h + s.out(s.gate(mixed(s))))


def _with_numpy(v, h, layers):
    def gate(x):
        a, b = np.split(np.asarray(x), 2, axis=-1)
        return np.tanh(a) / (1 + np.exp(-b))

    return _with(gate=gate)(v, h, layers)


def _interleaved(x):
    return jnp.tanh(x[..., ::2]) * jax.nn.sigmoid(x[..., 1::2])


def _added(x):
    a, b = jnp.split(x, 2, axis=-1)
    return jnp.tanh(a) + jax.nn.sigmoid(b)


def _as_it_is(x):
    return x


# Faults of the gate, which may be made in both stacks or in one of them.
_GATES = {
    "halves swapped": (
        lambda x: _gate(x, jax.nn.sigmoid, jnp.tanh),
        "The halves are swapped: the first half goes through tanh, and the second half "
        "through the sigmoid.",
    ),
    "no sigmoid": (
        lambda x: _gate(x, second=_as_it_is),
        "The sigmoid is missing. It makes the second half a share between 0 and 1: how "
        "much of the first is let through.",
    ),
    "no tanh": (
        lambda x: _gate(x, first=_as_it_is),
        "The tanh is missing: the first half goes through it before it is multiplied.",
    ),
    "neither tanh nor sigmoid": (
        lambda x: _gate(x, _as_it_is, _as_it_is),
        "You multiply the two halves as they are: tanh of the first and the sigmoid of "
        "the second are missing.",
    ),
    "sigmoid twice": (
        lambda x: _gate(x, first=jax.nn.sigmoid),
        "You took the sigmoid of both halves, but the first half goes through tanh.",
    ),
    "tanh twice": (
        lambda x: _gate(x, second=jnp.tanh),
        "You took tanh of both halves, but the second half goes through the sigmoid: a "
        "share of what is let through is never negative.",
    ),
    "relu for tanh": (
        lambda x: _gate(x, first=jax.nn.relu),
        "You took relu of the first half. The gate has tanh there.",
    ),
    "softmax for sigmoid": (
        lambda x: _gate(x, second=jax.nn.softmax),
        "You took a softmax of the second half, so its numbers have to share 1 between "
        "them. Each has a gate of its own: the sigmoid.",
    ),
    "halves added": (
        _added,
        "You added tanh of the first half and the sigmoid of the second. Multiply "
        "them, or nothing is gated.",
    ),
    "every other number": (
        _interleaved,
        "You took every other number of the last axis. The first half is its first d "
        "numbers, [..., :d], and the second half its last d, [..., d:].",
    ),
    "a half by itself": (
        lambda x: jnp.tanh(x[..., : x.shape[-1] // 2]),
        "You only used tanh of the first half. It has to be multiplied by the sigmoid "
        "of the second half.",
    ),
}


_AXES = {"images": 0, "rows": 1, "columns": 2}


_RNG = np.random.default_rng(6)


# Even sizes: a split along a wrong axis gets through, and a layer refuses its shape.
_CASES = (
    _case("2 maps of 4x6, 3 features", _RNG, 2, 4, 6, 3),
    _case("4 maps of 2x2, 5 features", _RNG, 4, 2, 2, 5),
    _case("inside a model, under jax.jit", _RNG, 2, 4, 6, 3, run=_traced),
)


_WRONG = (
    WrongAnswer(
        "NumPy inside jit",
        _with_numpy,
        "Your maps are right, but the notebook calls the function inside a model that "
        "jax.jit compiles. There the maps have a shape but no numbers yet, and NumPy "
        "cannot read them. Use jnp throughout, and jax.nn.sigmoid.",
    ),
    *[WrongAnswer(name, _with(gate=g), text) for name, (g, text) in _GATES.items()],
    *[
        WrongAnswer(
            f"halves of the {name}",
            _with(gate=lambda x, axis=axis: _gate(x, axis=axis)),
            f"You cut the map along axis {axis}, which counts the {name}. Halve the "
            "last axis, axis=-1: every pixel keeps its place, and of its 2 d numbers "
            "d are left.",
        )
        for name, axis in _AXES.items()
    ],
    WrongAnswer(
        "not halved",
        _with(gate=lambda x: jnp.tanh(x) * jax.nn.sigmoid(x)),
        "A map with 2 d numbers per pixel goes into `up` or `out`, which take d. The "
        "gate has to make d of 2 d: tanh of the first half times the sigmoid of the "
        "second half.",
    ),
    WrongAnswer(
        "the gate of the horizontal stack in v",
        _with(new_v=lambda s: s.v + s.up(s.gate(_here(s)))),
        "Your v reads horizontal(h), so it knows pixels of its own row. `vertical` "
        "also looks to the right: in the next block a pixel would see itself, which is "
        "a leak. v + up(gate(a)) is made of v alone.",
    ),
    WrongAnswer(
        "the link the other way round",
        _with(
            new_v=lambda s: (
                s.v + s.up(s.gate(s.vertical(s.v) + s.link(s.horizontal(s.h))))
            ),
            new_h=lambda s: s.h + s.out(s.gate(s.horizontal(s.h))),
        ),
        "The link goes the wrong way: your v reads h, which knows its own row, so "
        "pixels leak; and h is not told of the rows above. link(a) is added to "
        "horizontal(h), and v is made of v alone.",
    ),
    WrongAnswer(
        "both gates get both",
        _with(
            new_v=lambda s: (
                s.v + s.up(s.gate(s.vertical(s.v) + s.link(s.horizontal(s.h))))
            )
        ),
        "Your h is right, but v gets a link from horizontal(h) as well. The link goes "
        "one way: v must know nothing of its own row, or pixels leak.",
    ),
    WrongAnswer(
        "h in the vertical layer",
        _with(
            new_v=lambda s: s.v + s.up(s.gate(s.vertical(s.h))),
            new_h=lambda s: (
                s.h + s.out(s.gate(s.horizontal(s.h) + s.link(s.vertical(s.h))))
            ),
        ),
        "You gave h to `vertical`. h knows its own row, so pixels leak into v: "
        "a = vertical(v).",
    ),
    WrongAnswer(
        "v in the horizontal layer",
        _linking(lambda s: s.horizontal(s.v) + s.link(s.vertical(s.v))),
        "You gave v to `horizontal`, so what h knows of the pixels to the left does "
        "not go through the gate. It is horizontal(h).",
    ),
    WrongAnswer(
        "the layers exchanged",
        _with(vertical="horizontal", horizontal="vertical"),
        "`vertical` and `horizontal` are exchanged. v goes through `vertical`, h "
        "through `horizontal`.",
    ),
    WrongAnswer(
        "the vertical layer twice",
        _with(horizontal="vertical"),
        "You put h through `vertical` as well. `horizontal` is the layer that looks "
        "to the left.",
    ),
    WrongAnswer(
        "the horizontal layer twice",
        _with(vertical="horizontal"),
        "You put v through `horizontal` as well. `vertical` is the layer that looks at "
        "the rows above: a = vertical(v).",
    ),
    WrongAnswer(
        "no link",
        _linking(lambda s: s.horizontal(s.h)),
        "Your h is not told of the rows above: link(a) is missing. Without it the "
        "horizontal stack sees its own row only. Add link(a) to horizontal(h), before "
        "the gate.",
    ),
    WrongAnswer(
        "added without the link",
        _linking(lambda s: s.horizontal(s.h) + s.vertical(s.v)),
        "You added a to horizontal(h) as it is. It goes through `link` first.",
    ),
    WrongAnswer(
        "the link of d numbers",
        _linking(lambda s: s.horizontal(s.h) + s.link(s.gate(s.vertical(s.v)))),
        "`link` was given a map with d numbers per pixel, and it takes 2 d. It is "
        "neither link(gate(a)) nor a link from v, old or new: link(a), with "
        "a = vertical(v) before the gate.",
    ),
    WrongAnswer(
        "the link from the new v",
        _linking(lambda s: s.horizontal(s.h) + s.link(s.vertical(_new_v(s)))),
        "You computed vertical(v) again from the new v and linked that. Did you "
        "overwrite v? Compute a = vertical(v) once, from the old v, and use this a in "
        "both stacks.",
    ),
    WrongAnswer(
        "the link from the horizontal stack",
        _linking(lambda s: s.horizontal(s.h) + s.link(s.horizontal(s.h))),
        "You linked horizontal(h) with itself. What h lacks is in a = vertical(v): "
        "link(a).",
    ),
    WrongAnswer(
        "everything linked",
        _linking(lambda s: s.link(s.horizontal(s.h) + s.vertical(s.v))),
        "You put the sum of horizontal(h) and a through `link`. Only a goes through "
        "it: horizontal(h) + link(a).",
    ),
    WrongAnswer(
        "multiplied by the link",
        _linking(lambda s: s.horizontal(s.h) * s.link(s.vertical(s.v))),
        "You multiplied horizontal(h) by link(a). They are added before the gate.",
    ),
    WrongAnswer(
        "two gates added",
        _with(
            new_h=lambda s: (
                s.h + s.out(s.gate(s.horizontal(s.h)) + s.gate(s.link(s.vertical(s.v))))
            )
        ),
        "You put horizontal(h) and link(a) through a gate each and added the results. "
        "Add first: gate(horizontal(h) + link(a)).",
    ),
    WrongAnswer(
        "the link after the gate",
        _with(
            new_h=lambda s: (
                s.h + s.out(s.gate(s.horizontal(s.h)) + s.link(s.vertical(s.v)))
            )
        ),
        "You added link(a), 2 d numbers per pixel, after the gate, where d are left. "
        "Add it before: gate(horizontal(h) + link(a)).",
    ),
    WrongAnswer(
        "v not kept",
        _with(new_v=lambda s: _new_v(s) - s.v),
        "Your v lacks the residual connection: the block adds to v, so it is v + "
        "up(gate(a)). Your h is right.",
    ),
    WrongAnswer(
        "h not kept",
        _with(new_h=lambda s: _new_h(s) - s.h),
        "Your h lacks the residual connection: the block adds to h, so it is h + "
        "out(gate(...)). Your v is right.",
    ),
    WrongAnswer(
        "neither kept",
        _with(lambda s: _new_v(s) - s.v, lambda s: _new_h(s) - s.h),
        "The residual connections are missing: the block adds to v and to h, v + "
        "up(...) and h + out(...).",
    ),
    WrongAnswer(
        "v kept twice",
        _with(new_v=lambda s: _new_v(s) + s.v),
        "v is added twice in your new v. Once is enough: v + up(gate(a)).",
    ),
    WrongAnswer(
        "h kept twice",
        _with(new_h=lambda s: _new_h(s) + s.h),
        "h is added twice in your new h. Once is enough: h + out(gate(...)).",
    ),
    WrongAnswer(
        "both kept twice",
        _with(lambda s: _new_v(s) + s.v, lambda s: _new_h(s) + s.h),
        "v and h are each added twice. Once is enough: v + up(...) and h + out(...).",
    ),
    WrongAnswer(
        "h kept in v",
        _with(new_v=lambda s: _new_v(s) - s.v + s.h),
        "Your new v is h + up(gate(a)). h knows its own row, so pixels leak: it is v "
        "+ up(gate(a)).",
    ),
    WrongAnswer(
        "v kept in h",
        _with(new_h=lambda s: _new_h(s) - s.h + s.v),
        "Your new h is v + out(gate(...)), so what h knew is not kept. It is h + "
        "out(gate(...)).",
    ),
    WrongAnswer(
        "the new v kept in h",
        _with(new_h=lambda s: _new_h(s) - s.h + _new_v(s)),
        "Your new h is the new v + out(gate(...)), so what h knew is not kept. It is "
        "h + out(gate(...)).",
    ),
    WrongAnswer(
        "the new v added to h",
        _with(new_h=lambda s: _new_h(s) + _new_v(s)),
        "You added the new v to h on top. The vertical stack tells the horizontal one "
        "through link(a) only.",
    ),
    WrongAnswer(
        "v and h kept by the other",
        _with(lambda s: _new_v(s) - s.v + s.h, lambda s: _new_h(s) - s.h + s.v),
        "You added h in the vertical stack and v in the horizontal one. Each keeps its "
        "own: v + up(...) and h + out(...).",
    ),
    WrongAnswer(
        "up and out exchanged",
        _with(up="out", out="up"),
        "`up` and `out` are exchanged: `up` belongs to v, `out` to h.",
    ),
    WrongAnswer(
        "up twice",
        _with(out="up"),
        "You used `up` in both stacks. The horizontal stack has `out`.",
    ),
    WrongAnswer(
        "out twice",
        _with(up="out"),
        "You used `out` in both stacks. The vertical stack has `up`.",
    ),
    WrongAnswer(
        "no up",
        _with(new_v=lambda s: s.v + s.gate(s.vertical(s.v))),
        "In your v the result of the gate is added as it is. It goes through `up` "
        "first. Your h is right.",
    ),
    WrongAnswer(
        "no out",
        _with(new_h=lambda s: s.h + s.gate(_here(s))),
        "In your h the result of the gate is added as it is. It goes through `out` "
        "first. Your v is right.",
    ),
    WrongAnswer(
        "neither up nor out",
        _with(
            lambda s: s.v + s.gate(s.vertical(s.v)), lambda s: s.h + s.gate(_here(s))
        ),
        "The results of the gates are added as they are. They go through `up` and "
        "`out` first.",
    ),
    WrongAnswer(
        "h first",
        lambda v, h, layers: gated_block(v, h, layers)[::-1],
        "Both maps are right, but you return (h, v). The next block takes the first "
        "for v, so pixels would leak. Return (v, h).",
    ),
    WrongAnswer(
        "nothing done",
        lambda v, h, layers: (v, h),
        "You return v and h as they came.",
    ),
    WrongAnswer(
        "the old v returned",
        _with(new_v=lambda s: s.v),
        "Your h is right, but you return v as it came. It is v + up(gate(a)).",
    ),
    WrongAnswer(
        "the horizontal map only",
        lambda v, h, layers: gated_block(v, h, layers)[1],
        "This is the new h, and it is right. But the next block needs both maps: "
        "return (v, h).",
    ),
)


def _diagnose(answer):
    """Say what is wrong without jit, or in one of the two stacks."""
    cases = [case.args for case in _CASES[:2]]
    found = [answer(*args) for args in cases]
    for wrong in _WRONG[1:]:
        if _equal(found, wrong.answer):
            return wrong.message
    if any(len(pair) != 2 for pair in found):
        return None
    right = [_equal(found, gated_block, stack) for stack in range(2)]
    for stack, name in enumerate(("vertical", "horizontal")):
        for gate, message in _GATES.values():
            if not right[stack] and _equal(found, _with(gate=gate), stack):
                return f"Look at the gate of the {name} stack. {message}"
    if all(right) or not any(right):
        return None
    if right[0]:
        return "Your v is right, but h is not: h + out(gate(horizontal(h) + link(a)))."
    return "Your h is right, but v is not: v + up(gate(a)), with a = vertical(v)."


def _equal(found, answer, stack=slice(None)):
    """Return whether an answer gives what was found, or the map of one stack."""
    for got, case in zip(found, _CASES, strict=False):
        try:
            wanted = answer(*case.args)
        except (TypeError, ValueError):  # a layer refuses its shape
            return False
        if not same(got[stack], wanted[stack], 1e-4, 1e-5):
            return False
    return True


EXERCISE = Exercise(
    id="6.3",
    title="a gated block with two stacks",
    reference=gated_block,
    cases=_CASES,
    more=_more,
    then=lambda maps: maps[1].mean(axis=-1),
    parts={0: "the vertical map v", 1: "the horizontal map h"},
    rtol=1e-4,
    atol=1e-5,
    wrong=_WRONG,
    diagnose=_diagnose,
    hints=(
        "Begin with the gate, a function inside the function: it cuts a map in two "
        "along the last axis. Then there are two equations to write down. Which maps "
        "may v read, if it must know nothing of its own row?",
        "first, second = jnp.split(x, 2, axis=-1) halves a map, and jnp.tanh and "
        "jax.nn.sigmoid go over all its numbers. Compute a = layers.vertical(v) once, "
        "before v is changed: both stacks use it.",
        "The vertical stack is v + layers.up(gate(a)). In the horizontal stack, the "
        "gate is given the sum of layers.horizontal(h) and layers.link(a), and "
        "layers.out comes after it. Return both, v first.",
    ),
)
