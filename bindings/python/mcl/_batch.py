"""Takes messages out of a native listener, several by one call."""
import ctypes
import itertools
import operator
import struct

from mcl import _native
from mcl import _constants as constants
from mcl._compat import PY2
from mcl._unpacking import Packed, Stream, topics, try_unpack

# Bytes of a message, on average, up to which a batch is unpacked as one stream. That takes a third
# of the time of unpacking each by itself, half of it for 8 kB, and copies all of it once.
_STREAMED = 1 << 14
# Bytes of a batch up to which it is: msgpack keeps as much memory as it was given once.
_STREAMED_MAX = 1 << 19
# Bytes of larger messages that are taken at a time. What they are unpacked to lies in as much
# memory again; of that, malloc gives back to the system what is over 128 kB (M_TRIM_THRESHOLD,
# mallopt(3)), and each batch would come to fresh memory: it took nearly half of the time, of 59 kB.
_LARGE = 1 << 16

# Are these fields all of 8 bytes? Columns of them are then read by C code alone.
_WORDS = struct.calcsize('P') == 8


class Batch(object):
    """Memory that messages are received into, used again for each batch. For one thread at a time.

    The buffer grows to what the largest message needs and keeps that size.

    Attributes:
        full (bool): the last call took about what it may, so that there may be more.

    Args:
        handle (ListenerHandle): to take from.
        count (int): messages to take at most.
        size (int): bytes to take at most, save that one message is always taken, and as much as the
            largest one needed from then on.
        lends (bool): somebody may keep a view: what it shows is then left alone.
    """

    def __init__(self, handle, count, size, lends=False):
        self._handle = handle
        self._lends = lends
        self._count = count
        self._records = bytearray(_native.RECORD.size * count)
        self._records_address = _address(self._records)
        self._needed = ctypes.c_size_t()
        self._needed_pointer = ctypes.byref(self._needed)
        self._stream = Stream()
        self._allocate(size)
        self._asked = size  # bytes to take at most, of the buffer
        self.full = False

    def _allocate(self, size):
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)
        self._start = _address(self._buffer)

    def _ask(self, size):
        """Take as much at most from now on."""
        if size > len(self._buffer):
            self._allocate(size)
        self._asked = size

    def _is_lent(self):
        """Tell whether anybody has a view of the buffer: while one exists, it cannot grow."""
        self._view = None
        try:
            self._buffer.append(0)
            self._buffer.pop()
        except BufferError:
            return True
        # It may have moved.
        self._view = memoryview(self._buffer)
        self._start = _address(self._buffer)
        return False

    def skip(self):
        """Take the queued messages, at most `count`, and return how many they are.

        Raises:
            ClosedError: the listener is closed.
        """
        if self._lends and self._is_lent():
            self._allocate(len(self._buffer))
        while True:
            count = self._handle.recv_batch(self._records_address, self._count, self._start,
                                            self._asked, self._needed_pointer)
            if count != constants.MCL_EBUFFER:
                self.full = False
                return count
            self._ask(self._needed.value)

    def take(self):
        """Return the queued messages, at most `count`, without waiting.

        Returns:
            list: of (topic, payload, time, size): str or None, a view that holds until the next
            call (longer, if they are lent), nanoseconds since the Unix epoch, and bytes in all.

        Raises:
            ClosedError: the listener is closed.
        """
        messages = self._views(self.skip())
        self._note(messages, _STREAMED_MAX)
        return messages

    def _note(self, messages, large):
        """Take in what came; `large` is how many bytes of large messages are taken at a time."""
        count = len(messages)
        if not count or self._count == 1:
            return
        size = messages[-1][3]  # each is taken to be as large
        self.full = count == self._count or 2 * count * size > self._asked
        self._asked = min(len(self._buffer),
                          max(large, size) if size > _STREAMED else _STREAMED_MAX)

    def _views(self, count):
        view, start, messages = self._view, self._start, []
        for topic, topic_size, payload, payload_size, time in self._read(count):
            if topic:
                topic -= start
                topic = topics[view[topic:topic + topic_size].tobytes()]
            else:
                topic = None
            payload -= start
            messages.append((topic, view[payload:payload + payload_size], time,
                             topic_size + payload_size))
        return messages

    def take_unpacked(self):
        """Do what `take` does, with payloads unpacked.

        Returns:
            tuple: the list, and whether all are unpacked; those that Python cannot hold are Packed.
        """
        count = self.skip()
        messages = self._streamed(count) if count > 1 else None
        plain = messages is not None
        if not plain:
            messages = [(topic, try_unpack(payload), time, size)
                        for topic, payload, time, size in self._views(count)]
            plain = not any(type(payload) is Packed for _, payload, _, _ in messages)
        self._note(messages, _LARGE)
        return messages, plain

    def _streamed(self, count):
        """Return the messages; None when they have to be unpacked one by one.

        They lie one behind the other, each after its topic.
        """
        named, topic_sizes, payloads, sizes, times = self._columns(count)
        begin = (named[0] or payloads[0]) - self._start
        end = payloads[-1] + sizes[-1] - self._start
        if end - begin > min(count * _STREAMED, _STREAMED_MAX):
            return None
        unpacker = self._stream.unpacker()
        try:
            unpacker.feed(self._view[begin:end])
            if any(named):
                names, objects = _unpack_named(unpacker, named, topic_sizes)
                sizes = map(operator.add, topic_sizes, sizes)
            else:
                names, objects = itertools.repeat(None), list(unpacker)
            # Else they do not lie as is said above.
            if len(objects) == count and not unpacker.read_bytes(1):
                return list(zip(names, objects, times, sizes))
        except Exception:  # pylint: disable=broad-except
            pass  # one of them is what Python cannot hold
        self._stream.reset()
        return None

    def _columns(self, count):
        """Return the first fields of so many records, each of all: sequences of int."""
        if not _WORDS:
            return list(zip(*self._read(count)))
        step = _native.RECORD.size // 8
        if PY2:
            words = struct.unpack_from('@%dP' % (count * step), self._records)
            return [words[field::step] for field in range(5)]
        words = memoryview(self._records).cast('P')[:count * step]
        return [words[field::step].tolist() for field in range(5)]

    def _read(self, count):
        """Return the first fields of so many records, a tuple of each."""
        record = _native.RECORD_BEGINNING
        read = record.unpack_from
        return [read(self._records, offset)
                for offset in range(0, count * record.size, record.size)]


def _address(memory):
    return ctypes.addressof((ctypes.c_char * len(memory)).from_buffer(memory))


def _unpack_named(unpacker, named, topic_sizes):
    read_bytes, unpack, names, objects = unpacker.read_bytes, unpacker.unpack, [], []
    for has_topic, size in zip(named, topic_sizes):
        names.append(topics[read_bytes(size)] if has_topic else None)
        objects.append(unpack())
    return names, objects
