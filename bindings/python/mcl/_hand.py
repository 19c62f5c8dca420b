"""Messages in hand: taken out of a native listener, several by one call, and unpacked."""
import ctypes
import itertools
import struct
import sys

import msgpack

from mcl import _constants as constants
from mcl import _native, codec
from mcl.errors import ClosedError, check

# Are the fields of a record all of 8 bytes? Columns of them are then read by C code alone.
_WORDS = struct.calcsize('P') == 8
# What comes out of an mcl_hand, and an mcl_received up to time_received. This reads all fields in
# the time that ctypes takes for one. 'P' stands for size_t too, which Python 2 has no letter for.
_HAND = struct.Struct('@PQPPPP').unpack_from
_RECORD, _SIZE = struct.Struct('@PPPPq24x').unpack_from, ctypes.sizeof(_native.Received)
_FOREVER, _AT_ONCE = ctypes.c_int(-1), ctypes.c_int(0)  # milliseconds


class Packed(bytes):
    """A payload that is not unpacked, as Python cannot hold what it is."""


class _Memory(object):
    """Of this process: memory[address:end] is a view of it, as far as a `char` array reaches."""

    _Array = ctypes.c_char * sys.maxsize

    def __getitem__(self, part):
        return memoryview(self._Array.from_address(part.start))[:part.stop - part.start]


# One view of all of it is faster to slice than an array of each address is to make.
_memory = memoryview(_Memory._Array.from_address(0)) if _WORDS else _Memory()


class _Topics(dict):
    """The topic of each topic's bytes: to look up the usual few is faster than to decode."""

    _COUNT, _SIZE = 256, 256  # how many are kept, and of how many bytes, as anybody can send any

    def __missing__(self, packed):
        topic = codec.decode_topic(packed)
        if len(packed) <= self._SIZE:
            if len(self) >= self._COUNT:
                self.clear()
            self[packed] = topic
        return topic


topics = _Topics()


class Hand(object):
    """Messages in hand: mcl_hand of mcl.h. For one thread at a time.

    They lie in the library's memory, and what is returned does not: a list of tuples of topic (str
    or None), payload, and time_received in nanoseconds since the Unix epoch. A payload is what it
    is unpacked to, or Packed; a view of it, where nothing is to be decoded.

    Args:
        handle (ListenerHandle): to take from.
        most (int): messages to take at most.
        decode (bool): False: payloads stay packed.
    """

    plain = True  # is none of them Packed

    def __init__(self, handle, most, decode):
        self._handle, self._decode = handle, decode
        self._shown = bytearray(ctypes.sizeof(_native.Hand))
        hand = _native.Hand.from_buffer(self._shown)
        hand.size, hand.most, hand.wants_stream = len(self._shown), most, constants.MCL_ON
        self._error = _native.Error()
        self._pointer, error = ctypes.byref(hand), ctypes.byref(self._error)
        self._take = handle.taking(False, _AT_ONCE, self._pointer, error)
        self._wait_and_take = handle.taking(True, _FOREVER, self._pointer, error)
        self._settings = self._unpacker = None

    def take(self, wait=True):
        """Settle what is in hand as delivered, and take what is queued.

        Args:
            wait (bool): wait for it, with the interpreter lock given up.

        Returns:
            list: of messages; empty when there is none, or after a signal.
        """
        count = self._wait_and_take() if wait else self._take()
        if count <= 0:
            if count != constants.MCL_EINTR:
                check(count, self._error)
            return []
        _, _, _, records, stream, stream_size = _HAND(self._shown)
        self.plain = True
        try:
            if count > 1 and stream and self._decode:
                messages = self._streamed(records, count, _memory[stream:stream + stream_size])
                if messages is not None:
                    return messages
            unpack, messages = codec._settings.unpack if self._decode else _copy, []
            for at in range(records, records + count * _SIZE, _SIZE):
                topic, topic_size, payload, size, time = _RECORD(_memory[at:at + _SIZE])
                topic = topics[_memory[topic:topic + topic_size].tobytes()] if topic else None
                try:
                    payload = unpack(_memory[payload:payload + size])
                except Exception:  # pylint: disable=broad-except
                    self.plain = False
                    payload = Packed(_memory[payload:payload + size].tobytes())
                messages.append((topic, payload, time))
            return messages
        except BaseException:  # there is no memory
            self.put_back()
            raise

    def settle(self, delivered):
        """End it: so many are delivered, and the rest is queued again."""
        self._handle.settle(self._pointer, delivered)

    def settle_open(self, delivered):
        """Do so if anything is in hand still; what is closed has discarded it."""
        if _HAND(self._shown)[1]:
            try:
                self.settle(delivered)
            except ClosedError:
                pass

    def put_back(self):
        """Have what is in hand, if anything, queued again."""
        self.settle_open(0)

    def _streamed(self, records, count, stream):
        """Return the messages; None when they have to be unpacked one by one."""
        named, topic_sizes, _, _, times = _columns(records, count)
        if self._settings is not codec._settings:
            self._settings = codec._settings
            self._unpacker = msgpack.Unpacker(read_size=1 << 16, **self._settings.unpacker)
        unpacker = self._unpacker
        try:
            unpacker.feed(stream)
            if any(named):
                names, objects = _unpack_named(unpacker, named, topic_sizes)
            else:
                names, objects = itertools.repeat(None), list(unpacker)
            if len(objects) == count and not unpacker.read_bytes(1):
                return list(zip(names, objects, times))
        except Exception:  # pylint: disable=broad-except
            pass  # one of them is what Python cannot hold
        self._settings = None  # with what it was fed
        return None


def _copy(payload):
    return memoryview(payload.tobytes())


def _read(records, count):
    """Return the first fields of so many records, a tuple of each."""
    return [_RECORD(_memory[at:at + _SIZE])
            for at in range(records, records + count * _SIZE, _SIZE)]


def _columns(records, count):
    """Return the first fields of so many records, each of all: sequences of int."""
    if not _WORDS:
        return list(zip(*_read(records, count)))
    step, end = _SIZE // 8, records + count * _SIZE
    words = struct.unpack_from('@%dP' % (count * step), _memory[records:end])
    return [words[field::step] for field in range(5)]


def _unpack_named(unpacker, named, topic_sizes):
    read_bytes, unpack, names, objects = unpacker.read_bytes, unpacker.unpack, [], []
    for has_topic, size in zip(named, topic_sizes):
        names.append(topics[read_bytes(size)] if has_topic else None)
        objects.append(unpack())
    return names, objects
