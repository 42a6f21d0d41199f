"""An arithmetic coder: likelihoods become files."""

from course_utils.codec.images import PixelPredictor, decode, encode, payload_size
from course_utils.codec.range_coder import (
    CodecError,
    RangeDecoder,
    RangeEncoder,
    quantise,
)

__all__ = [
    "CodecError",
    "PixelPredictor",
    "RangeDecoder",
    "RangeEncoder",
    "decode",
    "encode",
    "payload_size",
    "quantise",
]
