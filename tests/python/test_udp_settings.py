"""mcl.network.udp.MTU and ALLOWED_MULTICAST_HOPS, which programs assign to."""

import contextlib
import errno
import socket

import msgpack
import pytest

from helpers import TIMEOUT, plain_receiver, plain_sender, run_python, send
from mcl import Message, MessageBroadcaster, MclError, RawBroadcaster, RawListener
from mcl.network import udp


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    """Put both back at the end of a test."""
    monkeypatch.setattr(udp, 'MTU', udp.MTU)
    monkeypatch.setattr(udp, 'ALLOWED_MULTICAST_HOPS', udp.ALLOWED_MULTICAST_HOPS)


@pytest.fixture
def sent(connection):
    """Return a function that publishes a value, and gives the datagrams, unpacked."""
    with contextlib.closing(plain_receiver(connection)) as receiver, RawBroadcaster(
        connection, topic='t'
    ) as broadcaster:

        def publish(value, many=False):
            before = broadcaster.stats()['datagrams']
            if many:
                broadcaster.publish_many([value])
            else:
                broadcaster.publish(value)
            count = broadcaster.stats()['datagrams'] - before
            datagrams = [receiver.recv(1 << 16) for _ in range(count)]
            return [msgpack.unpackb(datagram, raw=True) for datagram in datagrams]

        yield publish


@pytest.mark.parametrize('many', [False, True])
def test_mtu_is_the_size_of_fragments_from_the_next_publish_on(sent, many):
    value = list(range(300))
    packed = msgpack.packb(value)
    assert sent(value, many) == [[b't', value]]
    for mtu in (100, 7, 500):
        udp.MTU = mtu
        count = len(packed) // mtu + 1
        assert sent(value, many) == [
            [b't', number + 1, count, packed[number * mtu:(number + 1) * mtu]]
            for number in range(count)
        ]
        assert sent(5, many) == [[b't', 5]]
    udp.MTU = 60000
    assert sent(value, many) == [[b't', value]]


def test_what_the_mtu_holds_goes_in_one_piece(sent):
    udp.MTU = 103
    for size, count in ((97, 1), (98, 1), (99, 1), (100, 2)):
        datagrams = sent('x' * size)
        assert len(datagrams) == count
        # [topic, payload]: 1 + 2 + 3 + size bytes.
        assert len(datagrams[0]) == (2 if 6 + size <= 103 else 4)


def test_fragments_of_any_size_are_received(connection):
    connection = connection._replace(recv_buffer=32 << 20)
    value = 'abcdefghij' * 30000
    with RawBroadcaster(connection) as broadcaster, RawListener(connection) as listener:
        for mtu in (1400, 8000, 65000, 512, 60000):
            udp.MTU = mtu
            broadcaster.publish(value)
            assert listener.receive(TIMEOUT)['payload'] == value


def test_fragments_of_a_legacy_sender_with_another_mtu(connection):
    packed = msgpack.packb(list(range(300)))
    parts = [packed[at:at + 100] for at in range(0, len(packed), 100)]
    with contextlib.closing(plain_sender()) as sender, RawListener(connection) as listener:
        for number, part in enumerate(parts, 1):
            fragment = msgpack.packb([None, number, len(parts), part], use_bin_type=False)
            send(sender, connection, fragment)
        assert listener.receive(TIMEOUT)['payload'] == list(range(300))


def test_an_mtu_beyond_what_a_datagram_holds(sent, connection):
    default = udp.MTU
    udp.MTU = 10**6
    assert len(sent('x' * 64000)[0]) == 2
    with RawBroadcaster(connection) as broadcaster:
        for publish in (lambda: broadcaster.publish('x' * 70000),
                        lambda: broadcaster.publish_many(['x' * 70000])):
            with pytest.raises(socket.error) as caught:
                publish()
            assert caught.value.errno == errno.EMSGSIZE
            assert 'MTU' in str(caught.value) and '65000' in str(caught.value)
        assert broadcaster.stats()['datagrams'] == 0
    assert len(sent('small')) == 1
    udp.MTU = default
    assert len(sent('x' * 64000)) == 2


@pytest.mark.parametrize('wrong, error', [
    (0, ValueError), (-1, ValueError), (1400.0, TypeError), ('1400', TypeError), (None, TypeError),
    (True, TypeError),
])
def test_an_mtu_that_cannot_be(connection, wrong, error):
    with RawBroadcaster(connection) as broadcaster:
        udp.MTU = wrong
        for publish in (lambda: broadcaster.publish(1), lambda: broadcaster.publish_many([1])):
            with pytest.raises(error) as caught:
                publish()
            assert 'mcl.network.udp.MTU' in str(caught.value) and repr(wrong) in str(caught.value)
        udp.MTU = 100
        broadcaster.publish(1)
        assert broadcaster.stats()['datagrams'] == 1


def test_too_many_fragments(connection):
    udp.MTU = 1
    with RawBroadcaster(connection) as broadcaster, RawListener(connection) as listener:
        broadcaster.publish('x' * 500)
        assert listener.receive(TIMEOUT)['payload'] == 'x' * 500
        with pytest.raises(socket.error) as caught:
            broadcaster.publish('x' * 131072)
        assert caught.value.errno == errno.EMSGSIZE and isinstance(caught.value, ValueError)


def test_a_closed_broadcaster_is_closed_whatever_the_mtu(connection):
    broadcaster = RawBroadcaster(connection)
    broadcaster.close()
    udp.MTU = 100
    for publish in (lambda: broadcaster.publish(1), lambda: broadcaster.publish_many([1])):
        with pytest.raises(MclError) as caught:
            publish()
        assert 'closed' in str(caught.value)
    assert broadcaster._open()
    broadcaster.publish(1)
    broadcaster.close()


def test_messages_follow_it_too(connection):
    Line = type(Message)('Line', (Message,), {'mandatory': ('text',), 'connection': connection})
    udp.MTU = 50
    with MessageBroadcaster(Line) as broadcaster, RawListener(connection) as listener:
        broadcaster.publish(Line(text='x' * 200))
        assert listener.receive(TIMEOUT)['payload']['text'] == 'x' * 200
        assert listener.stats()['joined'] > 4


def hops(connection):
    with RawBroadcaster(connection) as broadcaster:
        return broadcaster.settings()['hops']


def test_hops_are_read_when_a_broadcaster_opens(connection):
    with RawBroadcaster(connection) as early:
        assert hops(connection) == 3
        for value in (7, 1, 255, 0):
            udp.ALLOWED_MULTICAST_HOPS = value
            assert hops(connection) == value
        assert hops(connection._replace(hops=9)) == 9
        assert early.settings()['hops'] == 3
        early.close()
        udp.ALLOWED_MULTICAST_HOPS = 12
        assert early._open() and early.settings()['hops'] == 12
    with RawListener(connection):
        pass


@pytest.mark.parametrize('wrong, error', [
    (256, ValueError), (-1, ValueError), (4.0, TypeError), ('3', TypeError), (None, TypeError),
])
def test_hops_that_cannot_be(connection, wrong, error):
    udp.ALLOWED_MULTICAST_HOPS = wrong
    with pytest.raises(error) as caught:
        RawBroadcaster(connection)
    assert 'mcl.network.udp.ALLOWED_MULTICAST_HOPS' in str(caught.value)
    assert repr(wrong) in str(caught.value)
    with RawListener(connection):
        pass


def test_the_environment_names_the_default_of_hops():
    run_python(
        "from mcl.network import udp\n"
        "connection = udp.Connection('ff15::5e:1')\n"
        "assert udp.RawBroadcaster(connection).settings()['hops'] == 5\n"
        "udp.ALLOWED_MULTICAST_HOPS = 7\n"
        "assert udp.RawBroadcaster(connection).settings()['hops'] == 7\n",
        env={'MCL_HOPS': '5'},
    )


def test_a_child_sends_as_its_parent_opened_it():
    run_python(
        "import os, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from mcl.network import udp\n"
        "udp.ALLOWED_MULTICAST_HOPS = 7\n"
        "broadcaster = udp.RawBroadcaster(udp.Connection('ff15::5e:2'))\n"
        "udp.ALLOWED_MULTICAST_HOPS = 9\n"
        "udp.MTU = 100\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    broadcaster.publish('x' * 150)\n"
        "    sent = broadcaster.settings()['hops'], broadcaster.stats()['datagrams']\n"
        "    os._exit(0 if sent == (7, 2) else 1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )


@pytest.mark.parametrize('name', ['UDP_PORT', 'MTU_MAX', 'READ_TIMEOUT'])
def test_assigning_to_the_others_changes_nothing(monkeypatch, connection, name):
    monkeypatch.setattr(udp, name, 1)
    assert udp.Connection('ff15::1').port == 26000
    with RawBroadcaster(connection) as broadcaster, RawListener(connection) as listener:
        broadcaster.publish(1)
        assert listener.receive(TIMEOUT)['payload'] == 1
