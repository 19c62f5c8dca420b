"""What the peers in Python read from the words of a request, on Python 2.7 and 3."""
import struct
from binascii import unhexlify

PY2 = bytes is str
SHOWN = 5000  # bytes: larger raw payloads are shown by their size and checksum only


def text(data):
    """Return a string (str) of these bytes, whatever they are."""
    return data if PY2 else data.decode('utf-8', 'surrogateescape')


def pattern(size):
    """Return the bytes of a large string: with no short period, so that fragments in wrong order show."""
    period = bytearray((7 * i + i // 251) % 256 for i in range(251 * 256))
    return bytes((period * (size // len(period) + 1))[:size])


def topic_of(word):
    return None if word == '-' else text(unhexlify(word[1:]))


def value_of(kind, word, unpack):
    """Return the value of a request; `unpack` is for those that come packed."""
    if kind in ('packed', 'message', 'misfit'):
        return unpack(unhexlify(word))
    return {
        'nil': lambda word: None,
        'bool': lambda word: word == 'true',
        'int': int,
        'uint': int,
        'double': lambda word: struct.unpack('>d', unhexlify(word))[0],
        'string': lambda word: text(unhexlify(word)),
        'bytes': unhexlify,
        'pattern': lambda word: text(pattern(int(word))),
    }[kind](word)
