"""Anything can arrive on a group. It is dropped and counted, and what is well goes on."""

import contextlib
import random
import struct

import pytest

from helpers import TIMEOUT, Collector, plain_sender, send, send_whole, wait_for
from mcl import QueuedListener, RawListener, _report

GOOD = b'\x92\xa1t\x2a'  # ['t', 42]

CAUSES = {
    'msgpack': [
        b'',
        b'\xc1',
        b'\x92',
        b'\x92\xc0',
        b'\x92\xc0\xda\xff\xff',
        b'\x92\xc0\xdd\xff\xff\xff\xff',
        b'\x92\xc0\xdf\xff\xff\xff\xff',
        b'\x92\xc0\xc1',
        b'\xdd\xff\xff\xff\xff',
        b'\x92\xc0\xc7\xff',
    ],
    'shape': [
        b'\xc0',
        b'\x2a',
        b'\x90',
        b'\x91\xc0',
        b'\x93\xc0\x01\x02',
        b'\x95\xc0\x01\x02\x03\x04',
        b'\x80',
        b'\x81\xc0\xc0',
        b'\xa5hello',
        b'\x94\xc0\x01\x01\x2a',
        b'\x94\xc0\xa1a\x01\xa1a',
        b'\x94\xc0\x01\xc0\xa1a',
        b'\xc3',
    ],
    'trailing': [GOOD + b'\0', GOOD + GOOD, b'\x94\xc0\x01\x01\xa1\x01\xff'],
    'topic': [
        b'\x92\x01\x2a',
        b'\x92\x90\x2a',
        b'\x92\x80\x2a',
        b'\x92\xc3\x2a',
        b'\x94\x01\x01\x01\xa1\x01',
    ],
    'packet': [
        b'\x94\xc0\x00\x02\xa1a',
        b'\x94\xc0\x03\x02\xa1a',
        b'\x94\xc0\xff\x02\xa1a',
        b'\x94\xc0\xce\xff\xff\xff\xff\x02\xa1a',
    ],
    'packets': [
        b'\x94\xc0\x01\x00\xa1a',
        b'\x94\xc0\x01\xce\xff\xff\xff\xff\xa1a',
        b'\x94\xc0\x01\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1a',
        b'\x94\xc0\x01\xff\xa1a',
    ],
    'depth': [b'\x92\xc0' + b'\x91' * 600 + b'\xc0', b'\x92\xc0' + b'\x81\xc0' * 5000 + b'\xc0'],
    'reassembled': [
        b'\x94\xc0\x01\x01\xa1\xc1',
        b'\x94\xc0\x01\x01\xa2\x2a\x2a',
        b'\x94\xc0\x01\x01\xa0',
    ],
}


@pytest.mark.parametrize('kind', [RawListener, QueuedListener])
@pytest.mark.parametrize('cause', sorted(CAUSES))
def test_malformed(cause, kind, connection):
    received = Collector()
    with contextlib.closing(plain_sender()) as sender, kind(connection) as listener:
        listener.subscribe(received)
        for datagram in CAUSES[cause]:
            send(sender, connection, datagram)
        send(sender, connection, GOOD)
        data = received.get()
        assert (data['topic'], data['payload']) == ('t', 42)
        malformed = listener.stats()['malformed']
        others = {name: count for name, count in malformed.items() if count and name != cause}
        assert malformed[cause] + sum(others.values()) == len(CAUSES[cause])
        assert not others
        assert received.empty()


def consistent(stats):
    return (
        stats['datagrams']
        == sum(stats['malformed'].values())
        + stats['filtered']
        + stats['repeated']
        + stats['evicted']
        + stats['assembling']
        + stats['joined']
        and stats['messages']
        == stats['delivered']
        + stats['rejected']
        + stats['dropped_queue']
        + stats['discarded']
        + stats['queued']
    )


def test_noise(connection, capsys):
    noise = random.Random(1)
    with contextlib.closing(plain_sender()) as sender, RawListener(connection) as listener:
        received = Collector()
        listener.subscribe(received)
        for count in range(5000):
            size = noise.choice([0, 1, 2, 5, 20, 200])
            body = bytes(bytearray(noise.getrandbits(8) for _ in range(size)))
            send(
                sender,
                connection,
                noise.choice([b'', b'\x92', b'\x94', b'\x92\xc0', b'\x94\xc0\x01\x02']) + body,
            )
            if count % 500 == 0:
                wait_for(lambda: listener.stats()['datagrams'] == count + 1)
        send(sender, connection, GOOD)
        while received.get() != {'topic': 't', 'payload': 42}:
            pass
        assert consistent(listener.stats())
    stats = listener.stats()
    assert stats['datagrams'] == 5001 and consistent(stats)
    for line in capsys.readouterr().err.splitlines():
        assert line.startswith('mcl: ') and 'cannot decode' in line


def test_what_python_cannot_hold_is_reported(connection, capsys, monkeypatch):
    monkeypatch.setattr(_report, 'INTERVAL', 0)
    bad = [b'\x92\xc0\x81\x90\x01', b'\x92\xc0\x81\x80\x01', b'\x92\xc0\x91\x81\x91\x01\x01']
    with contextlib.closing(plain_sender()) as sender, RawListener(connection) as listener:
        for datagram in bad + [GOOD]:
            send(sender, connection, datagram)
        assert listener.receive(TIMEOUT)['payload'] == 42
        stats = listener.stats()
        assert (stats['rejected'], stats['delivered'], stats['messages']) == (3, 1, 4)
        assert consistent(stats)
    assert capsys.readouterr().err.count('cannot decode') == 3


def test_deep_but_legal(connection):
    with contextlib.closing(plain_sender()) as sender, RawListener(connection) as listener:
        send(sender, connection, b'\x92\xc0' + b'\x91' * 500 + b'\x2a')
        value = listener.receive(TIMEOUT)['payload']
        depth = 0
        while value != 42:
            value, depth = value[0], depth + 1
        assert depth == 500


def test_extension_types_do_no_harm(connection):
    with contextlib.closing(plain_sender()) as sender, RawListener(connection) as listener:
        for datagram in (
            b'\x92\xc0\xd4\x05a',
            b'\x92\xc0\xd6\xff\0\0\0\0',
            b'\x92\xc0\xd4\xff\0',
            b'\x92\xc0\xc7\x03\xffabc',
            GOOD,
        ):
            send(sender, connection, datagram)
        while listener.receive(TIMEOUT)['payload'] != 42:
            pass
        assert consistent(listener.stats())


def fragment(number, count, data):
    return (
        b'\x94\xc0'
        + struct.pack('BB', number, count)
        + b'\xda'
        + struct.pack('>H', len(data))
        + data
    )


def test_fragments_in_any_order_and_twice(connection):
    parts = [b'\xdb\0\x01\xd4\xc0' + b'a' * 59995, b'b' * 60000, b'c' * 5]
    with contextlib.closing(plain_sender()) as sender, RawListener(connection) as listener:

        def received(*numbers):
            datagrams = [fragment(number, 3, parts[number - 1]) for number in numbers]
            return send_whole(sender, connection, datagrams, listener)['payload']

        assert received(3, 1, 2) == 'a' * 59995 + 'b' * 60000 + 'c' * 5
        # A repeated one begins the message afresh.
        assert received(1, 2, 1, 2, 3) == 'a' * 59995 + 'b' * 60000 + 'c' * 5
        assert consistent(listener.stats())


def test_incomplete_messages_are_given_up(connection):
    connection = connection._replace(reassembly_age_ms=50)
    with contextlib.closing(plain_sender()) as sender, RawListener(connection) as listener:
        for _ in range(3):
            send(sender, connection, fragment(1, 2, b'a' * 60000))
        send(sender, connection, GOOD)
        assert listener.receive(TIMEOUT)['payload'] == 42
        wait_for(
            lambda: listener.stats()['assembling_bytes'] == 0, "the end of the incomplete messages"
        )
        assert consistent(listener.stats())


def test_too_large(connection):
    connection = connection._replace(message_max=60000)
    with contextlib.closing(plain_sender()) as sender, RawListener(connection) as listener:
        for number in (1, 2, 3):
            send(sender, connection, fragment(number, 3, b'a' * 60000))
        send(sender, connection, GOOD)
        assert listener.receive(TIMEOUT)['payload'] == 42
        assert sum(listener.stats()['malformed'].values()) == 3


def test_two_senders_of_one_host_are_kept_apart(connection):
    one, two = plain_sender(), plain_sender()
    with contextlib.closing(one), contextlib.closing(two), RawListener(connection) as listener:
        head = b'\xdb\0\0\xea\x65'  # a string of 60005 bytes
        payloads = set()
        for _ in range(20):  # again, when something has held up this process
            for sender, letter in ((one, b'1'), (two, b'2')):
                send(sender, connection, fragment(1, 2, head + letter * 59995))
            for sender, letter in ((two, b'2'), (one, b'1')):
                send(sender, connection, fragment(2, 2, letter * 10))
            for data in iter(lambda: listener.receive(1), None):
                payloads.add(data['payload'])
            if len(payloads) > 1:
                break
        assert payloads == {'2' * 60005, '1' * 60005}
