"""Takes messages out of a native listener, several by one call."""
import ctypes
import itertools
import operator
import struct

from mcl import _constants as constants
from mcl import _native
from mcl._unpacking import Packed, Stream, topics, try_unpack
from mcl.errors import ClosedError

# Are these fields all of 8 bytes? Columns of them are then read by C code alone.
_WORDS = struct.calcsize('P') == 8
# Memory of the library's, from an address on, as far as anything reaches. A type of each size would
# be made anew each time.
_Memory = ctypes.c_char * (1 << 30)


def _memory(address, size):
    return memoryview(_Memory.from_address(address))[:size]


class Batch(object):
    """Messages in hand: mcl_hand of mcl.h. For one thread at a time.

    They lie in the library's memory, and what is returned does not.

    Args:
        handle (ListenerHandle): to take from.
        most (int): messages to take at most.
        decode (bool): False: payloads stay packed, as views.
    """

    def __init__(self, handle, most, decode=True):
        self._handle, self._decode = handle, decode
        self._shown = bytearray(ctypes.sizeof(_native.Hand))
        hand = _native.Hand.from_buffer(self._shown)
        hand.size, hand.most, hand.wants_stream = len(self._shown), most, constants.MCL_ON
        self._pointer = ctypes.byref(hand)
        self._stream = Stream()

    def take(self):
        """Settle what is in hand as delivered, and take what is queued: how many."""
        return self._handle.take(self._pointer)

    def wait_and_take(self):
        """Do so after a wait, with the interpreter lock given up: how many, or MCL_EINTR."""
        return self._handle.wait_and_take(self._pointer)

    def settle(self, delivered):
        """End it: so many are delivered, and the rest is queued again."""
        self._handle.settle(self._pointer, delivered)

    def put_back(self):
        """Have what is in hand, if anything, queued again; what is closed has discarded it."""
        if _native.HAND_BEGINNING.unpack_from(self._shown)[1]:
            try:
                self.settle(0)
            except ClosedError:
                pass

    def size(self):
        """Return how many bytes the messages in hand have: topics and payloads."""
        _, _, count, records, _, _ = _native.HAND_BEGINNING.unpack_from(self._shown)
        return sum(topic_size + size for _, topic_size, _, size, _
                   in _read(_Memory.from_address(records), count))

    def messages(self):
        """Return what is in hand, and whether all is unpacked.

        Returns:
            list: of (topic, payload, time, size): str or None, what it is unpacked to (Packed where
            Python cannot hold that), nanoseconds since the Unix epoch, and bytes in all.
        """
        _, _, count, records, stream, stream_size = _native.HAND_BEGINNING.unpack_from(self._shown)
        records = _Memory.from_address(records)
        if self._decode and stream and count > 1:
            messages = self._streamed(records, count, _memory(stream, stream_size))
            if messages is not None:
                return messages, True
        make = try_unpack if self._decode else _copy
        messages = [_message(record, make) for record in _read(records, count)]
        return messages, not any(type(payload) is Packed for _, payload, _, _ in messages)

    def _streamed(self, records, count, stream):
        """Return the messages; None when they have to be unpacked one by one."""
        named, topic_sizes, _, sizes, times = _columns(records, count)
        unpacker = self._stream.unpacker()
        try:
            unpacker.feed(stream)
            if any(named):
                names, objects = _unpack_named(unpacker, named, topic_sizes)
                sizes = map(operator.add, topic_sizes, sizes)
            else:
                names, objects = itertools.repeat(None), list(unpacker)
            if len(objects) == count and not unpacker.read_bytes(1):
                return list(zip(names, objects, times, sizes))
        except Exception:  # pylint: disable=broad-except
            pass  # one of them is what Python cannot hold
        self._stream.reset()
        return None


def _copy(payload):
    return memoryview(payload.tobytes())


def _message(record, make):
    topic, topic_size, payload, payload_size, time = record
    return (topics[_memory(topic, topic_size).tobytes()] if topic else None,
            make(_memory(payload, payload_size)), time, topic_size + payload_size)


def _columns(records, count):
    """Return the first fields of so many records, each of all: sequences of int."""
    if not _WORDS:
        return list(zip(*_read(records, count)))
    step = _native.RECORD.size // 8
    words = struct.unpack_from('@%dP' % (count * step), records)
    return [words[field::step] for field in range(5)]


def _read(records, count):
    """Return the first fields of so many records, a tuple of each."""
    record = _native.RECORD_BEGINNING
    return [record.unpack_from(records, offset)
            for offset in range(0, count * _native.RECORD.size, _native.RECORD.size)]


def _unpack_named(unpacker, named, topic_sizes):
    read_bytes, unpack, names, objects = unpacker.read_bytes, unpacker.unpack, [], []
    for has_topic, size in zip(named, topic_sizes):
        names.append(topics[read_bytes(size)] if has_topic else None)
        objects.append(unpack())
    return names, objects
