"""Takes messages out of a native listener, several by one call."""
import ctypes

from mcl import _native
from mcl import _constants as constants


class Batch(object):
    """Memory that messages are received into, used again for each batch. For one thread at a time.

    The buffer grows to what the largest message needs and keeps that size.

    Args:
        handle (ListenerHandle): to take from.
        count (int): messages to take at most.
        size (int): bytes to take at most, save that one message is always taken.
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
        self._allocate(size)

    def _allocate(self, size):
        self._buffer = bytearray(size)
        self._view = memoryview(self._buffer)
        self._start = _address(self._buffer)

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

    def take(self):
        """Return the queued messages, at most `count`, without waiting.

        Returns:
            list: of (topic, payload, time): bytes or None, a view that holds until the next call
            (longer, if they are lent), and nanoseconds since the Unix epoch.

        Raises:
            ClosedError: the listener is closed.
        """
        if self._lends and self._is_lent():
            self._allocate(len(self._buffer))
        while True:
            count = self._handle.recv_batch(self._records_address, self._count, self._start,
                                            len(self._buffer), self._needed_pointer)
            if count != constants.MCL_EBUFFER:
                break
            self._allocate(self._needed.value)
        read, size = _native.RECORD.unpack_from, _native.RECORD.size
        view, start, messages = self._view, self._start, []
        for offset in range(0, count * size, size):
            record = read(self._records, offset)
            topic = None
            if record[0]:
                topic = view[record[0] - start:record[0] - start + record[1]].tobytes()
            payload = record[2] - start
            messages.append((topic, view[payload:payload + record[3]], record[4]))
        return messages


def _address(memory):
    return ctypes.addressof((ctypes.c_char * len(memory)).from_buffer(memory))
