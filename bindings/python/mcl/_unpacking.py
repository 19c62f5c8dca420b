"""Unpacks what is received: many small payloads at once, and topics, which are mostly a few."""
import msgpack

from mcl import codec


class Packed(bytes):
    """A payload that is not unpacked."""


def try_unpack(packed):
    """Return what `unpack` does, or a copy of it, as Packed, where that raises."""
    try:
        return codec.unpack_checked(packed)
    except Exception:  # pylint: disable=broad-except
        return Packed(packed.tobytes())


class Stream(object):
    """An unpacker of what lies one behind the other. For one thread at a time."""

    _READ_SIZE = 1 << 16  # bytes of its buffer at first; msgpack's default is 1 MiB

    def __init__(self):
        self.reset()

    def unpacker(self):
        """Return the msgpack.Unpacker, by the settings of now."""
        settings = codec._settings
        if self._settings is not settings:
            self._settings = settings
            self._unpacker = msgpack.Unpacker(read_size=self._READ_SIZE, **settings.unpacker)
        return self._unpacker

    def reset(self):
        """Forget what it was fed with, and an error."""
        self._settings = self._unpacker = None


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
