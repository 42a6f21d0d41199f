"""The coder against exact fractions, closed forms and damaged files."""

import hashlib
import itertools

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from flax import nnx

from course_utils.codec import (
    CodecError,
    PixelPredictor,
    RangeDecoder,
    RangeEncoder,
    decode,
    encode,
    payload_size,
    quantise,
)
from course_utils.data import binarize, load_fashion_mnist
from course_utils.models.context_table import (
    causal_neighbours,
    context_nll,
    fit_context_table,
)
from course_utils.models.pixelrnn import pixel_lstm
from course_utils.models.table_predictor import TablePredictor

HEADER = 4 + 1 + 8 + 8 + 1 + 2 + 3 * 4 + 1  # without the model's name


class Constant:
    """The same logits for every pixel: white or black, or k levels."""

    def __init__(self, *logits):
        self.logits = np.array(logits, float)

    def start(self, shape):
        return ()

    def advance(self, carry, x, i):
        return carry, np.tile(self.logits, (len(x), 1))


class Earlier:
    """Recurrent: the logits depend on a number that every earlier pixel enters."""

    def __init__(self, levels=2, scale=2.0, seed=0):
        width = 1 if levels == 2 else levels
        rng = np.random.default_rng(seed)
        self.table = scale * rng.normal(size=(97, width))

    def start(self, shape):
        return np.zeros(shape[0], int)

    def advance(self, carry, x, i):
        if i > 0:
            before = x.reshape(len(x), -1)[:, i - 1].astype(int)
            carry = (5 * carry + before + 1) % 97
        return carry, self.table[carry]


class Leaking(Earlier):
    """Looks at the pixel it predicts, or at one after it."""

    def __init__(self, ahead=0):
        self.ahead = ahead

    def advance(self, carry, x, i):
        pixels = x.reshape(len(x), -1)
        later = pixels[:, min(i + self.ahead, pixels.shape[1] - 1)]
        return carry, 4.0 * later[:, None] - 2.0


class Spy(Earlier):
    """Remembers what it is shown."""

    def start(self, shape):
        self.shape, self.seen = shape, []
        return super().start(shape)

    def advance(self, carry, x, i):
        self.seen.append((i, x.copy()))
        return super().advance(carry, x, i)


def random_images(n, h, w, levels=2, dtype=bool, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, levels, (n, h, w, 1)).astype(dtype)


def ideal_bits(images, predictor):
    """-sum log2 p, in another way than the codec's."""
    carry, bits = predictor.start(images.shape), 0.0
    for i in range(images[0].size):
        carry, logits = predictor.advance(carry, images, i)
        level = images.reshape(len(images), -1)[:, i].astype(int)
        if logits.shape[1] == 1:
            nats = -scipy.special.log_expit(np.where(level, 1, -1) * logits[:, 0])
        else:
            log_p = scipy.special.log_softmax(logits, axis=1)
            nats = -log_p[np.arange(len(level)), level]
        bits += nats.sum() / np.log(2)
    return bits


def assert_decodes(images, predictor, levels=2):
    """The images come back, and their size is what `encode` promises."""
    data = encode(images, predictor)
    back = decode(data, predictor)
    assert back.dtype == images.dtype and back.shape == images.shape
    np.testing.assert_array_equal(back, images)
    most = ideal_bits(images, predictor) + 8 + (levels + 1) * images.size / 2**23
    assert 8 * payload_size(data) <= most


# --- round trips


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "f4", "f8"])
def test_binary_images_come_back_in_their_dtype(dtype):
    assert_decodes(random_images(7, 4, 5, dtype=dtype), Earlier())


@pytest.mark.parametrize("levels", [3, 4, 16, 256])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "f4"])
def test_grey_levels_come_back(levels, dtype):
    images = random_images(5, 4, 3, levels, dtype)
    assert_decodes(images, Earlier(levels), levels)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 6, 5), (30, 1, 1), (3, 1, 9)])
@pytest.mark.parametrize("levels", [2, 4])
def test_one_pixel_one_image_one_row(shape, levels):
    for seed in range(5):
        images = random_images(*shape, levels, int, seed)
        assert_decodes(images, Earlier(levels), levels)


@pytest.mark.parametrize("scale", [0.1, 10.0, 40.0, 700.0, 1e6])
@pytest.mark.parametrize("levels", [2, 4])
def test_improbable_images_come_back(scale, levels):
    """The probabilities are near 0 and 1, and the images do not follow them."""
    assert_decodes(random_images(9, 6, 6, levels, int), Earlier(levels, scale), levels)


@pytest.mark.parametrize("log_odds", [-1e3, -11.5, 0.0, 11.5, 1e3])
@pytest.mark.parametrize("white", [0.0, 1e-3, 1.0])
def test_skewed_images_come_back_and_cost_no_byte_too_many(log_odds, white):
    images = np.random.default_rng(0).random((100, 20, 20, 1)) < white
    assert_decodes(images, Constant(log_odds))


@pytest.mark.slow
@pytest.mark.parametrize("white", [1e-5, 1e-7])
def test_two_million_pixels_that_are_almost_certain(white):
    """With frequencies of 16 bits this costs two, or five, bytes too many."""
    images = np.random.default_rng(0).random((2000, 32, 32, 1)) < white
    predictor = Constant(scipy.special.logit(white))
    size = payload_size(encode(images, predictor))
    assert 8 * size <= ideal_bits(images, predictor) + 8 + 3 * images.size / 2**23


@pytest.mark.parametrize("levels, bits", [(2, 1), (4, 2), (16, 4)])
def test_uniform_pixels_take_their_bits(levels, bits):
    images = random_images(20, 5, 8, levels, int)
    logits = [0.3] * levels if levels > 2 else [0.0]
    size = payload_size(encode(images, Constant(*logits)))
    assert 0 <= size - 20 * 5 * 8 * bits / 8 <= 3


@pytest.mark.slow
def test_a_jax_model_and_jax_images_are_taken():
    model = pixel_lstm(4, rngs=nnx.Rngs(0))
    assert isinstance(model, PixelPredictor)
    images = random_images(3, 4, 4, dtype="f4")
    data = encode(jnp.asarray(images), model)
    np.testing.assert_array_equal(decode(data, model), images)
    nats = float(model.nll(jnp.asarray(images)).sum())
    assert abs(8 * payload_size(data) - nats / np.log(2)) < 9


@pytest.mark.slow
def test_many_random_cases_come_back():
    for seed in range(400):
        rng = np.random.default_rng(seed)
        levels = int(rng.choice([2, 3, 5, 16, 200]))
        shape = rng.integers(1, [12, 9, 9])
        dtype = rng.choice(["uint8", "int32", "int64", "f4", "f8"])
        predictor = Earlier(levels, 10.0 ** rng.uniform(-2, 3), seed)
        images = random_images(*shape, levels, dtype, seed)
        assert_decodes(images, predictor, levels)


@pytest.mark.slow
def test_the_test_images_of_fashion_mnist_come_back_within_a_thousandth():
    fashion = load_fashion_mnist()
    neighbours = causal_neighbours(10)
    table = fit_context_table(binarize(fashion.train.images), neighbours)
    predictor = TablePredictor(table, neighbours)
    images = binarize(fashion.test.images)
    data = encode(images, predictor, "ten neighbours")
    ideal = context_nll(table, images, neighbours).sum() / np.log(2)
    assert 0 <= 8 * payload_size(data) - ideal <= 8 + 3 * images.size / 2**23
    assert 8 * len(data) <= 1.001 * ideal
    np.testing.assert_array_equal(decode(data, predictor), images)


# --- what the predictor sees


def test_the_encoder_shows_all_pixels_and_the_decoder_those_before():
    images, spy = random_images(4, 3, 5, dtype="f4"), Spy()
    data = encode(images, spy)
    assert spy.shape == (4, 3, 5, 1)
    assert [i for i, _ in spy.seen] == list(range(15))
    assert all((x == images).all() and x.dtype == "f4" for _, x in spy.seen)
    decode(data, spy)
    assert spy.shape == (4, 3, 5, 1)
    assert [i for i, _ in spy.seen] == list(range(15))
    for i, x in spy.seen:
        so_far = images.copy()
        so_far.reshape(4, -1)[:, i:] = 0
        np.testing.assert_array_equal(x, so_far)
        assert x.dtype == "f4"


def test_the_images_stay_as_they_were():
    class Painter(Constant):
        def advance(self, carry, x, i):
            logits = super().advance(carry, x, i)
            x[:] = 1
            return logits

    images = np.zeros((2, 3, 3, 1), bool)
    encode(images, Painter(0.0))
    assert not images.any()


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_a_model_that_looks_ahead_cannot_decode(ahead):
    images = random_images(5, 4, 4)
    data = encode(images, Leaking(ahead))
    assert 8 * payload_size(data) < ideal_bits(images, Constant(0.0)) or ahead
    with pytest.raises(
        CodecError, match="looks at pixels that have not been decoded yet"
    ):
        decode(data, Leaking(ahead))


def test_another_predictor_is_refused_and_the_right_one_named():
    images = random_images(5, 4, 4)
    data = encode(images, Earlier(seed=0), "règle de trois")
    for other in (Earlier(seed=1), Constant(0.0), Constant(20.0), Constant(-20.0)):
        with pytest.raises(
            CodecError, match=r"the model that wrote the file \(règle de tr"
        ):
            decode(data, other)


def test_one_logit_that_differs_is_seen():
    images, predictor = random_images(20, 40, 40), Earlier()
    data = encode(images, predictor)

    class Nearly(Earlier):
        def advance(self, carry, x, i):
            carry, logits = super().advance(carry, x, i)
            logits[3] += 1e-3 * (i == 1234)
            return carry, logits

    assert (decode(data, predictor) == images).all()
    with pytest.raises(CodecError, match="the model that wrote the file"):
        decode(data, Nearly())


@pytest.mark.parametrize("other", [Earlier(2), Earlier(3), Earlier(5)])
def test_a_predictor_of_other_levels_is_refused(other):
    data = encode(random_images(5, 4, 4, 4, int), Earlier(4))
    with pytest.raises(CodecError, match="5 images and 4 levels"):
        decode(data, other)


# --- the bits


def interval(images, predictor):
    """Return low and length of the last interval, in units of 256**-num_digits.

    Pixel by pixel and image by image, with integers as long as they get.
    """
    low, length, num_digits = 0, 256**7, 7
    carry = predictor.start(images.shape)
    for i in range(images[0].size):
        carry, logits = predictor.advance(carry, images, i)
        for bounds, image in zip(quantise(logits).tolist(), images, strict=True):
            level = int(image.ravel()[i])
            ends = [length * bound // 2**24 for bound in bounds]
            low, length = low + ends[level], ends[level + 1] - ends[level]
            while length < 256**6:
                low, length, num_digits = 256 * low, 256 * length, num_digits + 1
    return low, length, num_digits


@pytest.mark.parametrize("levels, scale", [(2, 1.0), (2, 20.0), (4, 3.0)])
@pytest.mark.parametrize("seed", range(5))
def test_the_coded_pixels_are_a_number_in_the_interval(levels, scale, seed):
    images = random_images(3, 3, 4, levels, int, seed)
    predictor = Earlier(levels, scale, seed)
    payload = encode(images, predictor)[HEADER:]
    low, length, num_digits = interval(images, predictor)
    number = int.from_bytes(payload) * 256 ** (num_digits - len(payload))
    assert low <= number < low + length
    assert len(payload) == num_digits - 6


@pytest.mark.parametrize(
    "last, payload", [(0, b"\x7f" + b"\xff" * 27 + b"\xfe"), (1, b"\x80" + bytes(28))]
)
def test_a_carry_goes_through_any_number_of_digits(last, payload):
    """1/2 +- 2**-230 takes 231 bits, and its lower and upper half differ in all."""
    middle = np.array([[0, 2**23 - 1, 2**23 + 1, 2**24]])
    half = np.array([[0, 2**23, 2**24]])
    encoder = RangeEncoder()
    for _ in range(10):
        encoder.put(middle, np.array([1]))
    encoder.put(half, np.array([last]))
    assert encoder.finish() == payload
    decoder = RangeDecoder(payload)
    assert [decoder.get(middle) for _ in range(10)] == [[1]] * 10
    assert decoder.get(half) == [last]


@pytest.mark.parametrize("seed", range(20))
def test_levels_of_the_least_frequency_come_back_at_their_price(seed):
    """One of three levels has frequency 1, and comes as often as the others."""
    rng = np.random.default_rng(seed)
    inner = rng.integers(1, 2**24 - 1, (500, 1))
    bounds = np.pad(np.hstack([inner, inner + 1]), ((0, 0), (1, 1)))
    bounds[:, -1] = 2**24
    levels = rng.integers(0, 3, 500)
    encoder = RangeEncoder()
    encoder.put(bounds, levels)
    payload = encoder.finish()
    sizes = np.diff(bounds)[np.arange(500), levels]
    bits = -np.log2(sizes / 2**24).sum()
    assert bits <= 8 * len(payload) <= bits + 8 + 500 / 2**23
    assert RangeDecoder(payload).get(bounds) == levels.tolist()


def test_any_bytes_are_the_code_of_some_levels():
    bounds = quantise(Earlier(5).table[:50])
    for payload in (b"", b"\xff" * 40, np.random.default_rng(0).bytes(40)):
        levels = RangeDecoder(payload).get(bounds)
        assert len(levels) == 50 and set(levels) <= set(range(5))


@pytest.mark.parametrize("levels", [2, 4, 16, 256])
@pytest.mark.parametrize("scale", [0.1, 3.0, 12.0, 1e3])
def test_no_level_gets_less_than_it_is_promised(levels, scale):
    logits = Earlier(levels, scale).table
    bounds = quantise(logits)
    sizes = np.diff(bounds)
    assert bounds.dtype == np.int64 and bounds.shape == (97, levels + 1)
    assert (bounds[:, 0] == 0).all() and (bounds[:, -1] == 2**24).all()
    assert sizes.min() >= 1
    both = np.hstack([0 * logits, logits]) if levels == 2 else logits
    p = scipy.special.softmax(both, axis=1)
    assert (sizes >= p * (2**24 - levels) - 1e-6).all()
    assert (sizes <= p * (2**24 - levels) + 2 + 1e-6).all()


def test_the_bounds_of_known_probabilities():
    """Files stay readable only as long as they are rounded like this."""
    for p in ([0.1, 0.2, 0.3, 0.4], [0.7, 0.3], [1 - 1e-12, 1e-12]):
        shares = np.cumsum([0, *p]) * (2**24 - len(p))
        expected = [round(share) + j for j, share in enumerate(shares)]
        assert quantise(np.log([p])).tolist() == [expected]


def test_the_logits_of_levels_count_up_to_a_constant():
    logits = Earlier(4).table
    np.testing.assert_allclose(quantise(logits + 9), quantise(logits), atol=1)
    np.testing.assert_array_equal(
        quantise(np.array([[0.0, 1.5]])), quantise(np.array([[1.5]]))
    )


# --- damaged files


SMALL = random_images(3, 2, 3)
FILE = encode(SMALL, Earlier(), "m")


def test_the_header_is_as_documented():
    assert (decode(FILE, Earlier()) == SMALL).all()
    assert FILE[:5] == b"PIXC\x01"
    assert FILE[5:13] == hashlib.sha256(FILE[13:]).digest()[:8]
    assert FILE[13:21] == hashlib.sha256(SMALL.tobytes()).digest()[:8]
    assert list(FILE[21:24]) == [0, 0, 2]
    assert list(FILE[24:36]) == [0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 3]
    assert FILE[36:38] == b"\x01m"
    assert payload_size(FILE) == len(FILE) - HEADER - 1


def test_every_flipped_bit_is_seen():
    for i, bit in itertools.product(range(len(FILE)), range(8)):
        damaged = bytearray(FILE)
        damaged[i] ^= 1 << bit
        for read in (lambda d: decode(d, Earlier()), payload_size):
            with pytest.raises(CodecError, match="expected .* found"):
                read(bytes(damaged))


def test_every_cut_and_every_further_byte_is_seen():
    longer = [FILE + bytes([byte]) for byte in range(256)]
    for damaged in [*(FILE[:end] for end in range(len(FILE))), *longer]:
        with pytest.raises(CodecError, match="expected .* found"):
            decode(damaged, Earlier())


def sealed(data, place, content):
    """Return a file with other content at a place, and the right checksum."""
    rest = (data[:place] + content + data[place + len(content) :])[13:]
    return data[:5] + hashlib.sha256(rest).digest()[:8] + rest


@pytest.mark.parametrize(
    "place, content",
    [
        (24, b"\xff" * 12),  # more pixels than any machine holds
        (24, (2**26 // 6 + 1).to_bytes(4)),  # too many images of 6 pixels by one
        (24, b"\x00\x00\x00\x00"),
        (32, b"\x00\x00\x00\x00"),
        (21, b"\x06"),
        (22, b"\x00\x01"),
        (22, b"\x00\x00"),
        (22, b"\x01\x01"),
    ],
)
def test_an_absurd_header_is_refused_before_anything_is_done(place, content):
    with pytest.raises(CodecError, match="expected one of 6 dtypes.*found dtype"):
        decode(sealed(FILE, place, content), None)


def test_a_header_that_fits_no_file_gives_no_images():
    assert (decode(sealed(FILE, 37, b"n"), Earlier()) == SMALL).all()
    for place, content in [(36, b"\xff"), (27, b"\x04"), (31, b"\x03"), (13, b"12")]:
        with pytest.raises(CodecError, match="the model that wrote the file"):
            decode(sealed(FILE, place, content), Earlier())


def test_other_files_are_refused():
    for data in (b"", b"PIXC", b"\x89PNG" + bytes(100), bytes(1000)):
        with pytest.raises(CodecError, match="begin with"):
            decode(data, Earlier())
    with pytest.raises(CodecError, match="expected version 1, found 2"):
        decode(FILE[:4] + b"\x02" + FILE[5:], Earlier())


# --- what cannot be encoded


@pytest.mark.parametrize(
    "images, words",
    [
        (np.full((1, 2, 2, 1), 0.5), "found values from 0.5 to 0.5; threshold"),
        (np.full((1, 2, 2, 1), -1), "whole levels 0 to 255, found values from -1"),
        (np.full((1, 2, 2, 1), 256), "found values from 256"),
        (np.full((1, 2, 2, 1), np.nan), "found values from nan"),
        (np.full((1, 2, 2, 1), 2), "levels 0 to 1, found 2; quantise"),
        (np.zeros((2, 2, 1), bool), r"expected images \[n, h, w, 1\], found \(2, 2"),
        (np.zeros((1, 2, 2, 3), bool), r"found \(1, 2, 2, 3\)"),
        (np.zeros((0, 2, 2, 1), bool), "pixels, found 0"),
        (np.zeros((1, 2, 2, 1), np.float16), "found float16; convert"),
        (np.zeros((1, 2, 2, 1), object), "found object"),
        (np.broadcast_to(False, (2**13, 2**13 + 1, 1, 1)), "pixels, found 67117056"),
    ],
)
def test_other_images_are_refused(images, words):
    with pytest.raises(CodecError, match=words):
        encode(images, Constant(0.0))


def test_too_long_a_name_is_refused():
    assert len(encode(SMALL, Constant(0.0), "é" * 127)) > 254
    with pytest.raises(CodecError, match="up to 255 bytes, found 256"):
        encode(SMALL, Constant(0.0), "é" * 128)


class Then(Constant):
    """Good logits, and other ones at pixel 4."""

    def __init__(self, other):
        super().__init__(0.0)
        self.other = other

    def advance(self, carry, x, i):
        return carry, self.other if i == 4 else super().advance(carry, x, i)[1]


@pytest.mark.parametrize(
    "logits, words",
    [
        (np.array([[0.0], [np.nan], [0.0]]), "expected finite logits, found nan"),
        (np.array([[0.0], [0.0], [np.inf]]), "found inf; a probability of exactly 0"),
        (np.array([[-np.inf], [0.0], [0.0]]), "found -inf"),
        (np.zeros(3), r"found shape \(3,\)"),
        (np.zeros((3, 1, 1)), r"found shape \(3, 1, 1\)"),
        (np.zeros((3, 0)), r"found shape \(3, 0\)"),
        (np.zeros((3, 257)), r"found shape \(3, 257\)"),
        (np.zeros((2, 1)), r"3 images and 2 levels, found \(2, 1\) for pixel 4"),
        (np.zeros((3, 4)), r"3 images and 2 levels, found \(3, 4\) for pixel 4"),
    ],
)
def test_other_logits_are_refused(logits, words):
    with pytest.raises(CodecError, match=words):
        encode(SMALL, Then(logits))
    with pytest.raises(CodecError, match=words):
        decode(encode(SMALL, Constant(0.0)), Then(logits))
