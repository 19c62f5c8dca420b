"""Large messages are numbered in the widths of headers, which no decoder shows."""

import contextlib

import msgpack

from helpers import plain_receiver
from mcl import RawBroadcaster

# Of messages of less than 128 fragments, the first ones of processes left out:
# core/internal/wire/number.go
NUMBERS = 388


def test_each_number_is_decoded_as_the_same_message(connection):
    """Legacy processes have the msgpack of Python 2.7 here, or an older one (tests/interop)."""
    data = b'x' * 60000
    heads = set()
    with contextlib.closing(plain_receiver(connection)) as receiver, RawBroadcaster(
        connection
    ) as broadcaster:
        for _ in range(NUMBERS + 5):
            broadcaster.publish(data, topic='t')
            fragments = b''
            for packet in (1, 2):
                datagram = receiver.recv(70000)
                message = msgpack.unpackb(datagram, raw=True)
                assert message[:3] == [b't', packet, 2]
                assert [type(item) for item in message[1:3]] == [int, int]
                fragments += message[3]
                if packet == 1:
                    heads.add(datagram[: -len(message[3])])
            assert msgpack.unpackb(fragments, raw=True) == data
    assert NUMBERS <= len(heads) <= NUMBERS + 1
