"""Keys that a sender has chosen so that a dict takes very long are refused before any decoder."""

import contextlib
import random
import struct
import sys
import time

import pytest

from helpers import PY2, TIMEOUT, plain_sender, send, wait_for
from logs import header, line, write
from mcl import Message, QueuedListener, RawBroadcaster, RawListener, ReadFile, codec
from mcl.errors import MessageSizeError, PayloadError

GOOD = b'\x92\xa1t\x2a'  # ['t', 42]
FRAGMENT = 60000
BITS = (1 << 64) - 1
MODULUS = (1 << 61) - 1


# ---- keys ----


def packed_int(value):
    return struct.pack('>Bq' if value < 0 else '>BQ', 0xD3 if value < 0 else 0xCF, value)


def packed_float(value):
    return struct.pack('>Bd', 0xCB, value)


def packed_time(seconds, nanoseconds):
    return struct.pack('>BBbIq', 0xC7, 12, -1, nanoseconds, seconds)


def packed_map(keys):
    return struct.pack('>BI', 0xDF, len(keys)) + b''.join(key + b'\xc0' for key in keys)


def nan(count):
    return [struct.pack('>BQ', 0xCB, 0x7FF8 << 48 | number + 1) for number in range(count)]


def inverse(odd):
    found = odd
    for _ in range(6):
        found = found * (2 - odd * found) & BITS
    return found


def rotated(value, by):
    return (value << by | value >> (64 - by)) & BITS


def times(count, seconds_of):
    """Return timestamps of one hash; `seconds_of` gives the seconds, as 64 bits, to nanoseconds."""
    keys, nanoseconds = [], 0
    while len(keys) < count:
        nanoseconds += 1
        seconds = seconds_of(nanoseconds)
        seconds -= seconds >> 63 << 64
        if -MODULUS < seconds < MODULUS and seconds != -1:
            keys.append(packed_time(seconds, nanoseconds))
    return keys


def times_for_3_8(count):
    one, two, five = 11400714785074694791, 14029467366897019727, 2870177450012600261
    inverse_one, inverse_two = inverse(one), inverse(two)

    def seconds_of(nanoseconds):
        value = (0x1234567890ABCDEF - (2 ^ five ^ 3527539)) * inverse_one & BITS
        value = (rotated(value, 33) - nanoseconds * two) * inverse_one & BITS
        return (rotated(value, 33) - five) * inverse_two & BITS

    return times(count, seconds_of)


def times_for_3_6(count):
    first, second = inverse(1000003), inverse(1000003 + 82520 + 2)

    def seconds_of(nanoseconds):
        value = (0x1234567890ABCDEF - 97531) * second & BITS ^ nanoseconds
        return value * first & BITS ^ 0x345678

    return times(count, seconds_of)


def floats_for_2_7(count):
    """A hash there is the sum of two halves: one goes down where the other goes up."""
    return [
        packed_float((((1 << 31) - 1 - 512 * number) << 22 | number) * 2.0**-53)
        for number in range(count)
    ]


def texts_for_2_7(count):
    """Each is made of blocks of one of two kinds, after which the hash is in the same state.

    The differences are a short vector of the lattice of those that cancel out modulo 2**64.
    """
    differences = (-36, -3, -5, -12, -1, 20, -29, 10, -8, -15, 7)
    chance, state, texts = random.Random(1), (ord('x') << 7) * 1000003 & BITS ^ ord('x'), [b'x']
    while len(texts) < count:
        one, other, blocks = state, state, (bytearray(), bytearray())
        for difference in differences:
            one, other = one * 1000003 & BITS, other * 1000003 & BITS
            low, other_low = one & 255, other & 255
            change = chance.randrange(256) - low
            if not 0 <= other_low + change + difference < 256:
                break
            blocks[0].append(low ^ (low + change))
            blocks[1].append(other_low ^ (other_low + change + difference))
            one, other = one + change, (other + change + difference) & BITS
        else:
            assert one == other
            state = one
            texts = [text + bytes(block) for text in texts for block in blocks]
    return [struct.pack('>BH', 0xDA, len(text)) + text for text in texts[:count]]


def exts_for_2_7(count):
    """There they are tuples of a code and a string."""
    return [b'\xc8' + key[1:3] + b'\x05' + key[3:] for key in texts_for_2_7(count)]


class Table(object):
    """Where a dict of this size has keys, which are integers."""

    def __init__(self, size):
        self._taken, self._mask = bytearray(size), size - 1

    def look(self, number):
        """Return how many places are looked at for it, and the last."""
        slot, rest, count = number & self._mask, number, 1
        while self._taken[slot]:
            if PY2:
                slot, rest = (5 * slot + rest + 1) & self._mask, rest >> 5
            else:
                rest >>= 5
                slot = (5 * slot + rest + 1) & self._mask
            count += 1
        return count, slot

    def put(self, number):
        self._taken[self.look(number)[1]] = 1


def integers(count):
    """Integers that are looked for at the places of all those before, though no hashes are equal.

    A half fills a row of places that one comes upon from another; the others are to begin with it.
    """
    size = 8  # the table at the end
    while size * 2 // 3 <= count:
        size *= 4 if PY2 and size < 100000 else 2
    table, slot, keys, chance = Table(size), 1, [], random.Random(2)
    for number in range(count):
        if 2 * number < count:
            key = slot
            slot = (5 * slot + 1) & (size - 1)
        else:
            candidates = [chance.randrange(size << 4) for _ in range(40)]
            key = max(candidates, key=lambda candidate: table.look(candidate)[0])
        table.put(key)
        keys.append(packed_int(key))
    return keys


CHOSEN = {
    'NaN': nan,
    'equal NaN': lambda count: nan(1) * count,
    'times for 3.8': times_for_3_8,
    'times for 3.6': times_for_3_6,
    'texts for 2.7': texts_for_2_7,
    'floats for 2.7': floats_for_2_7,
    'exts for 2.7': exts_for_2_7,
}
# What takes this interpreter long.
HERE = {'integers'}
if sys.version_info < (3, 10):
    HERE |= {'NaN', 'equal NaN'}
if PY2:
    HERE |= {'texts for 2.7', 'floats for 2.7', 'exts for 2.7'}
else:
    HERE.add('times for 3.8' if sys.version_info >= (3, 8) else 'times for 3.6')


def honest(count):
    return [packed_float(number + 0.1) for number in range(count)]


def seconds_to_unpack(packed):
    """Unpack without the check."""
    best = float('inf')
    for _ in range(3):
        begin = time.time()
        codec.unpack_checked(packed)
        best = min(best, time.time() - begin)
    return best


def times_as_long(packed):
    """Return how many times as long a byte takes as one of honest maps."""
    count = 1000
    maps = max(1, len(packed) // (10 * count))
    other = struct.pack('>BI', 0xDD, maps) + packed_map(honest(count)) * maps
    return seconds_to_unpack(packed) / len(packed) / (seconds_to_unpack(other) / len(other))


# ---- tests ----


def fragments(packed):
    """Return the datagrams of a message as a legacy process sends it."""
    if len(packed) < FRAGMENT:
        return [b'\x92\xc0' + packed]
    parts = [packed[at:at + FRAGMENT] for at in range(0, len(packed) + 1, FRAGMENT)]
    return [
        struct.pack('>BBBBBH', 0x94, 0xC0, number, len(parts), 0xDA, len(part)) + part
        for number, part in enumerate(parts, 1)
    ]


@pytest.mark.parametrize('kind', [RawListener, QueuedListener])
@pytest.mark.parametrize('name', sorted(CHOSEN))
def test_they_are_refused(name, kind, connection):
    counted = 0
    connection = connection._replace(reassembly_age_ms=300)
    with contextlib.closing(plain_sender()) as sender, kind(connection) as listener:
        for count in 256, 4000:
            packed = packed_map(CHOSEN[name](count))
            for message in packed, b'\x92' + packed + b'\x01', b'\x81\xa1k' + packed:
                datagrams = fragments(message)
                # Again, when something has held up this process: see helpers.send_whole.
                while listener.stats()['malformed']['keys'] == counted:
                    for datagram in datagrams:
                        send(sender, connection, datagram)
                    send(sender, connection, GOOD)
                    assert listener.receive(TIMEOUT)['payload'] == 42
                    wait_for(lambda: listener.stats()['assembling'] == 0, "its end")
                counted += len(datagrams)
                assert listener.stats()['malformed']['keys'] == counted
        assert listener.receive(0) is None


@pytest.mark.parametrize('name', sorted(HERE))
def test_they_would_take_long(name):
    packed = packed_map(integers(5400) if name == 'integers' else CHOSEN[name](3000))
    ratio = times_as_long(packed)
    assert ratio > 3, "it took %.1f times as long: the attack is none here" % ratio
    with pytest.raises(PayloadError) as refused:
        codec.unpack(packed)
    assert 'array of pairs' in str(refused.value)


LONG = 400

# The worst that is not refused, as a pair of what a map's keys are and how many they are.
ALLOWED = {
    'NaN': (nan, 255),
    'some NaN': (lambda count: honest(count - 250) + nan(250), 2400),
    'times for 3.8': (times_for_3_8, 15),
    'times for 3.6': (times_for_3_6, 15),
    'texts for 2.7': (texts_for_2_7, 255),
    'floats for 2.7': (floats_for_2_7, 255),
    'exts for 2.7': (exts_for_2_7, 15),
    'integers': (integers, 255),
}
if PY2:  # whose msgpack has no timestamps
    ALLOWED = {name: worst for name, worst in ALLOWED.items() if not name.startswith('times')}


@pytest.mark.parametrize('name', sorted(ALLOWED))
def test_what_is_not_refused_takes_not_long(name):
    keys, count = ALLOWED[name]
    one = packed_map(keys(count))
    number = 300000 // len(one)
    packed = struct.pack('>BI', 0xDD, number) + one * number
    codec.unpack(packed)
    ratio = times_as_long(packed)
    print('%s: %.1f' % (name, ratio))
    assert ratio < LONG, "a byte took %.0f times as long" % ratio


def test_honest_maps_arrive(connection):
    values = [
        {number: None for number in range(5000)},
        {number / 1024.0: None for number in range(5000)},
        {'joint %d' % number: number for number in range(5000)},
        {number << 32: None for number in range(5000)},
        {2.0**number: None for number in range(-1000, 1000)},
    ]
    with RawBroadcaster(connection) as broadcaster, RawListener(connection) as listener:
        for value in values:
            broadcaster.publish(value)
            assert listener.receive(TIMEOUT)['payload'] == value
        assert sum(listener.stats()['malformed'].values()) == 0


def test_codec(new_connection):
    packed = packed_map(nan(300))
    for form in packed, bytearray(packed), memoryview(packed):
        with pytest.raises(PayloadError):
            codec.unpack(form)
    assert len(codec.unpack(packed_map(honest(300)))) == 300
    assert len(codec.unpack(b'\xdc\x02\0' + b'\xa1\xdf' * 512)) == 512  # as of a map's header

    class Kind(Message):
        mandatory = ()
        connection = new_connection()

    with pytest.raises(TypeError) as refused:
        Kind(packed)
    assert 'keys' in str(refused.value)


def test_publish(connection):
    value = {float('nan'): number for number in range(300)}
    with RawBroadcaster(connection) as broadcaster, RawListener(connection) as listener:
        for publish in broadcaster.publish, lambda value: broadcaster.publish_many([1, value]):
            with pytest.raises(PayloadError) as refused:
                publish(value)
            assert 'array of pairs' in str(refused.value)
        broadcaster.publish(42)
        assert listener.receive(TIMEOUT)['payload'] == 42


def test_log(tmpdir):
    path = tmpdir.join('log.log')
    packed = packed_map(nan(300))
    digits = ''.join('%02x' % byte for byte in bytearray(packed))
    write(path, header() + [line(0.0), line(1.0, digits), line(2.0, '2b')])
    reader = ReadFile(str(path))
    assert reader.read()['payload'] == 42
    with pytest.raises(IOError) as refused:
        reader.read()
    assert 'keys' in str(refused.value)
    assert reader.read()['payload'] == 43


def test_objects(connection):
    few = connection._replace(objects_max=5)
    with RawBroadcaster(connection) as broadcaster, RawListener(few) as listener:
        assert listener.settings()['objects_max'] == 5
        for value in [1, 2, 3, 4], {1: 2, 3: 4}, [[], [], [], []], 'text':
            broadcaster.publish(value)
            assert listener.receive(TIMEOUT)['payload'] == value
        for value in [1, 2, 3, 4, 5], {1: 2, 3: 4, 5: 6}, [[1, 1], [1]], [0] * 100000:
            broadcaster.publish(value)
        broadcaster.publish(7)
        assert listener.receive(TIMEOUT)['payload'] == 7
        assert listener.stats()['malformed']['objects'] == 3 + 2
        with RawBroadcaster(few) as limited:
            with pytest.raises(MessageSizeError) as refused:
                limited.publish([1, 2, 3, 4, 5])
            assert 'objects_max' in str(refused.value)
            limited.publish([1, 2, 3, 4])
        assert listener.receive(TIMEOUT)['payload'] == [1, 2, 3, 4]
    with RawListener(connection) as listener:
        assert listener.settings()['objects_max'] == 0
