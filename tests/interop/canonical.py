"""Packs a received value again, byte for byte as it has travelled: what a peer in Python shows of it.

Not by the msgpack package, whose forms differ between its versions. These are the forms of its version
0.4, and bin for bytes on Python 3.
"""
import struct
import sys

if sys.version_info[0] == 2:
    INTEGERS, TEXT = (int, long), unicode  # noqa: F821
else:
    INTEGERS, TEXT = (int,), str


def _head(size, forms):
    """Return the shortest head for this size; forms are triples of a limit, a first byte and a layout."""
    for limit, first, layout in forms:
        if size < limit:
            return struct.pack('>B' + layout, first, size) if layout else struct.pack('>B', first | size)
    raise OverflowError(size)


RAW = ((32, 0xa0, ''), (1 << 16, 0xda, 'H'), (1 << 32, 0xdb, 'I'))
BIN = ((1 << 8, 0xc4, 'B'), (1 << 16, 0xc5, 'H'), (1 << 32, 0xc6, 'I'))
ARRAY = ((16, 0x90, ''), (1 << 16, 0xdc, 'H'), (1 << 32, 0xdd, 'I'))
MAP = ((16, 0x80, ''), (1 << 16, 0xde, 'H'), (1 << 32, 0xdf, 'I'))
UINT = ((128, 0, ''), (1 << 8, 0xcc, 'B'), (1 << 16, 0xcd, 'H'), (1 << 32, 0xce, 'I'), (1 << 64, 0xcf, 'Q'))
INT = ((1 << 7, 0xd0, 'b'), (1 << 15, 0xd1, 'h'), (1 << 31, 0xd2, 'i'), (1 << 63, 0xd3, 'q'))


def _integer(value):
    if value >= 0:
        return _head(value, UINT)
    if value >= -32:
        return struct.pack('>b', value)
    for limit, first, layout in INT:
        if value >= -limit:
            return struct.pack('>B' + layout, first, value)
    raise OverflowError(value)


def pack(value):
    if value is None:
        return b'\xc0'
    if isinstance(value, bool):  # before integers, which it is one of
        return b'\xc3' if value else b'\xc2'
    if isinstance(value, INTEGERS):
        return _integer(value)
    if isinstance(value, float):
        return struct.pack('>Bd', 0xcb, value)
    if isinstance(value, TEXT):
        value = value.encode('utf-8') if bytes is str else value.encode('utf-8', 'surrogateescape')
        return _head(len(value), RAW) + value
    if isinstance(value, bytes):
        return _head(len(value), RAW if bytes is str else BIN) + value
    if isinstance(value, (list, tuple)):
        return _head(len(value), ARRAY) + b''.join(pack(item) for item in value)
    if isinstance(value, dict):
        return _head(len(value), MAP) + b''.join(pack(key) + pack(item) for key, item in value.items())
    raise TypeError(type(value))
