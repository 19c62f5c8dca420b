"""The datagrams that were captured from the legacy system, in tests/vectors/wire."""

import binascii
import hashlib
import io
import json
import os
import struct

from helpers import PY2, ROOT

ENCODERS = ['0.4.8', '1.0.0']

# What was published, by the vector's name. A `str` of Python 2 is bytes, text or not.
VALUES = {
    'nil_topic_str': 'hello world',
    'topic_str': 'hello world',
    'topic_unicode': 'x',
    'empty_topic': 'x',
    'long_topic': 'x',
    'int_0': 0,
    'int_42': 42,
    'int_-1': -1,
    'int_-33': -33,
    'int_128': 128,
    'int_-129': -129,
    'int_65536': 65536,
    'int_2^40': 2**40,
    'int_-2^40': -(2**40),
    'uint_2^64-1': 2**64 - 1,
    'int_-2^63': -(2**63),
    'float': 3.141592653589793,
    'float_inf': float('inf'),
    'bool_true': True,
    'bool_false': False,
    'nil': None,
    'unicode': u'\u65e5\u672c\u8a9e \U0001f680',
    'binary_not_utf8': b'\0\xff\xfe\x80binary',
    'str_31': 'a' * 31,
    'str_32': 'a' * 32,
    'str_255': 'a' * 255,
    'str_256': 'a' * 256,
    'list': [1, 'two', 3.0, None, True, [4, [5]]],
    'tuple': [1, 2, 3],
    'empty_list': [],
    'empty_dict': {},
    'list_16': list(range(16)),
    'dict': {'a': 1},
    'nested': {'pose': {'xyz': [1.0, 2.0, 3.0]}},
    'int_keys': {1: 2},
}


class Vector(object):
    """One message: its name, topic (bytes or None), datagrams and packed payload (bytes)."""

    def __init__(self, encoder, data):
        self.encoder, self.name = encoder, data['name']
        self.topic = binascii.unhexlify(data['topic_hex']) if data['topic'] is not None else None
        self.pattern = None
        if 'payload_pattern_bytes' in data:
            self.pattern = pattern(data['payload_pattern_bytes'])
            self.payload = _header(self.pattern, encoder) + self.pattern
            assert hashlib.sha256(self.payload).hexdigest() == data['payload_msgpack_sha256']
            self.datagrams = self._rebuild()
            for rebuilt, described in zip(self.datagrams, data['datagrams']):
                if isinstance(described, dict):
                    assert len(rebuilt) == described['len']
                    assert hashlib.sha256(rebuilt).hexdigest() == described['sha256']
                else:
                    assert binascii.hexlify(rebuilt).decode('ascii') == described
            assert len(self.datagrams) == len(data['datagrams'])
        else:
            self.payload = binascii.unhexlify(data['payload_msgpack'])
            self.datagrams = [binascii.unhexlify(datagram) for datagram in data['datagrams']]

    def _rebuild(self):
        """The datagrams of a large payload, of which the vectors only have hashes."""
        topic = b'\xc0' if self.topic is None else _header(self.topic, self.encoder) + self.topic
        whole = b'\x92' + topic + self.payload
        if len(whole) <= 60000:
            return [whole]
        count = len(self.payload) // 60000 + 1
        fragments = [self.payload[60000 * index : 60000 * (index + 1)] for index in range(count)]
        return [
            b'\x94'
            + topic
            + _number(index)
            + _number(count)
            + _header(fragment, self.encoder)
            + fragment
            for index, fragment in enumerate(fragments, 1)
        ]

    def value(self):
        """What was published, as this Python has it."""
        if self.pattern is not None:
            return as_string(self.pattern)
        return as_string(VALUES[self.name])


def as_string(value):
    """Bytes that were a `str` of Python 2, as the `str` of this Python."""
    if PY2:
        return value.encode('utf-8') if type(value) is type(u'') else value
    return value.decode('utf-8', 'surrogateescape') if isinstance(value, bytes) else value


def pattern(size):
    return bytes(bytearray((7 * index + index // 251) % 256 for index in range(size)))


def _number(value):
    return struct.pack('B', value) if value < 128 else b'\xcc' + struct.pack('B', value)


def _header(data, encoder):
    size = len(data)
    if encoder == '0.4.8':
        if size < 32:
            return struct.pack('B', 0xA0 + size)
        return (
            b'\xda' + struct.pack('>H', size) if size < 65536 else b'\xdb' + struct.pack('>I', size)
        )
    if size < 256:
        return b'\xc4' + struct.pack('B', size)
    return b'\xc5' + struct.pack('>H', size) if size < 65536 else b'\xc6' + struct.pack('>I', size)


def load(encoder):
    path = os.path.join(ROOT, 'tests', 'vectors', 'wire', 'msgpack-%s.json' % encoder)
    with io.open(path, encoding='utf-8') as file:
        return [Vector(encoder, data) for data in json.load(file)['vectors']]


ALL = [vector for encoder in ENCODERS for vector in load(encoder)]
