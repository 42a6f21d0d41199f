import struct

import numpy as np


def _shape_by_struct(header):
    return struct.unpack(f">{header[3]}I", header[4 : 4 + 4 * header[3]])


def _shape_by_numpy(header):
    return tuple(np.frombuffer(header, ">u4", count=header[3], offset=4).tolist())


ALTERNATIVES = (_shape_by_struct, _shape_by_numpy)
