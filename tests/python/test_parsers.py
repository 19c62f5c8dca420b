"""Whole datagrams are taken apart in C where that is sure, and in Go otherwise. The two agree.

A listener without a queue of its own goes the first way, one with a queue the second. Both get the
same datagrams: those of the vectors, of test_hostile.py, and made ones that are damaged at random.
MCL_PARSERS is for how many seconds (`make fuzz`).
"""

import binascii
import json
import os
import random
import struct
import time

import msgpack
import pytest

from helpers import ROOT, TIMEOUT, plain_sender, send
from mcl import QueuedListener, RawListener
from test_hostile import CAUSES

COUNTERS = ('datagrams', 'bytes', 'filtered', 'joined', 'messages', 'delivered', 'malformed')
MARK = b'\x92\xa1t\xa4mark'
SECONDS = float(os.environ.get('MCL_PARSERS', 1.5))


def vectors():
    """The datagrams that the legacy system sent, and hostile ones."""
    folder = os.path.join(ROOT, 'tests', 'vectors', 'wire')
    for name in sorted(os.listdir(folder)):
        if name.endswith('.json'):
            with open(os.path.join(folder, name)) as lines:
                for found in strings(json.load(lines)):
                    yield found
    for datagrams in CAUSES.values():
        for datagram in datagrams:
            yield datagram


def strings(value):
    """The texts in a JSON value that are datagrams in hex."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            for found in strings(each):
                yield found
    else:
        try:
            yield binascii.unhexlify(value)
        except (TypeError, ValueError, UnicodeError):
            pass


def bytes_of(*numbers):
    return struct.pack('%dB' % len(numbers), *numbers)


def make(draw):
    """Return a datagram with a topic and a payload of any kind, which is mostly well-formed."""
    topic = draw.choice([b'\xc0', b'\xa1t', b'\xa0', b'\xd9\x01t', b'\xda\0\x01t', b'\xc4\x01t',
                         b'\xc5\0\x02tt', b'\xdb\0\0\0\x01t', b'\xc6\0\0\0\x01t', b'\xa2tt'])
    array = draw.choice([b'\x92'] * 8 + [b'\xdc\0\x02', b'\xdd\0\0\0\x02'])
    return array + topic + payload(draw, draw.randrange(6))


def payload(draw, depth):
    kinds = [
        lambda: bytes_of(draw.randrange(128)),
        lambda: b'\xcb' + struct.pack('>d', draw.choice([0.0, 1.5, float('nan')])),
        lambda: b'\xd9\x05hello',
        lambda: b'\xc4\x03abc',
        lambda: b'\xc7\x0c\xff' + struct.pack('>Iq', 1, draw.randrange(9)),
        lambda: b'\xd6\x01abcd',
        lambda: msgpack.packb(draw.randrange(-(1 << 40), 1 << 40)),
        lambda: b'\xa7' + b'x' * 7,
        lambda: b'\x91' * draw.choice([1, 14, 15, 16, 17, 30, 509, 512, 513]) + b'\x90',
    ]
    if depth > 0:
        kinds += 3 * [
            lambda: b'\x93' + b''.join(payload(draw, depth - 1) for _ in range(3)),
            lambda: b'\x82' + b''.join(payload(draw, depth - 1) for _ in range(4)),
            lambda: many_keys(draw, draw.choice([15, 16, 17, 255, 256, 300]), depth),
        ]
    return draw.choice(kinds)()


def many_keys(draw, count, depth):
    key = draw.choice([lambda n: b'\xcd' + struct.pack('>H', n),
                       lambda n: b'\xcb\x7f\xf8\0\0\0\0' + struct.pack('>H', n),
                       lambda n: b'\xd6\xff\0\0' + struct.pack('>H', n)])
    return b'\xde' + struct.pack('>H', count) + b''.join(
        key(n) + (payload(draw, 0) if depth > 4 else b'\xc0') for n in range(count))


def damage(draw, datagram):
    """Change some bytes, cut some off, or put some in."""
    data = bytearray(datagram)
    for _ in range(draw.choice([0, 0, 1, 1, 2, 5])):
        at = draw.randrange(len(data) + 1)
        kind = draw.randrange(4)
        if kind == 0:
            del data[at:]
        elif kind == 1:
            data[at:at] = bytes_of(draw.randrange(256))
        elif at < len(data):
            data[at] = draw.choice([data[at] ^ 1 << draw.randrange(8), draw.randrange(256)])
    return bytes(data)


def is_fragment(datagram):
    """What becomes of those depends on when each listener reads them."""
    array = datagram[:1]
    return array == b'\x94' or array in (b'\xdc', b'\xdd') and b'\x04' in datagram[1:5]


def received(listener, messages):
    """Return these messages and what comes behind them until the mark."""
    while True:
        data = listener.receive(TIMEOUT)
        assert data is not None, messages[-3:]
        messages.append(content(data))
        if messages[-1] == ('t', MARK[3:]):
            return messages


def content(data):
    return data['topic'], data['payload'].tobytes()


OPTIONS = [{}, {'message_max': 60}, {'objects_max': 20}]


@pytest.mark.parametrize('options', OPTIONS, ids=['plain', 'message_max', 'objects_max'])
@pytest.mark.parametrize('topics', [None, ('t', u'tt')], ids=['all', 'some'])
def test_both_take_datagrams_apart_alike(connection, options, topics):
    connection = connection._replace(**options)
    draw = random.Random(os.environ.get('SEED', 'parsers %r' % (topics,)))
    known = [each for each in vectors() if not is_fragment(each)]
    assert len(known) > 40
    end = time.time() + SECONDS / 6
    sender = plain_sender()
    by_c = RawListener(connection, topics=topics, decode=False)
    by_go = QueuedListener(connection, topics=topics, decode=False)
    rounds = 0
    while rounds < 3 or time.time() < end:
        batch = known if rounds == 0 else [
            damage(draw, make(draw) if draw.random() < 0.7 else draw.choice(known))
            for _ in range(100)]
        batch = [each for each in batch if not is_fragment(each)]
        first = []
        for datagram in batch:
            send(sender, connection, datagram)
            # One by one: a read that brings anything unsure goes to Go as a whole.
            data = by_c.receive(0)
            if data is not None:
                first.append(content(data))
        send(sender, connection, MARK)
        assert received(by_c, first) == received(by_go, [])
        ours, theirs = by_c.stats(), by_go.stats()
        assert [ours[name] for name in COUNTERS] == [theirs[name] for name in COUNTERS]
        rounds += 1
    assert ours['messages'] > 100 and sum(ours['malformed'].values()) > 100
    for each in (by_c, by_go, sender):
        each.close()
