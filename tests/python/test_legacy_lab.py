"""More programs in the folder `legacy`, as labs have them that work with the legacy system: each
uses a corner of it, and is run unchanged on every interpreter.
"""

import collections
import contextlib
import socket
import time

import msgpack
import pytest

from helpers import PY2, TIMEOUT, plain_receiver
from mcl.network.udp import Connection
from test_legacy_programs import Program, start  # noqa: F401  (a fixture)


def lines_until(program, ready):
    """Read lines until there are as many of each as `ready`, a dict, says. Return their counts."""
    counts, deadline = collections.Counter(), time.time() + TIMEOUT
    while any(counts[line] < count for line, count in ready.items()):
        assert time.time() < deadline, counts
        counts[program.line()] += 1
    return counts


def test_watchdog(start):  # noqa: F811
    start('message_broadcaster.py')
    watchdog = start('watchdog.py')
    assert watchdog.line() == 'watching GnssMessage on ff15::11, ImuMessage on ff15::12'
    counts = lines_until(
        watchdog,
        {
            'ImuMessage on front': 12,
            'ImuMessage was heard: restarted True True': 2,
            'GnssMessage is silent: restarted True True': 2,
        },
    )
    # Restarted, and not because it was quiet; and a message without a topic is not on one of these.
    assert not [line for line in counts if line.startswith('GnssMessage on')]
    code, lines, errors = watchdog.interrupt()
    assert (code, lines[-1], errors) == (0, 'stopped', '')


SIZES = 1400, 8000, 300


def test_narrow_link():
    """What is sent is what the legacy system sends: fragments of those sizes, with those hops."""
    points = [0.25 * number for number in range(500)]
    packed = msgpack.packb(points)
    connection = Connection('ff15::21', port=26001)
    with contextlib.closing(plain_receiver(connection)) as receiver:
        receiver.setsockopt(socket.IPPROTO_IPV6, getattr(socket, 'IPV6_RECVHOPLIMIT', 51), 1)
        code, lines, errors = Program('narrow_link.py', arguments=map(str, SIZES[1:])).end()
        assert (code, lines, errors) == (0, ['done'], '')
        for size in SIZES:
            fragments = [packed[at:at + size] for at in range(0, len(packed), size)]
            expected = [['scan', points]] if len(fragments) == 1 else [
                ['scan', number, len(fragments), fragment]
                for number, fragment in enumerate(fragments, 1)
            ]
            assert [unpacked(receiver) for _ in expected] == expected


def unpacked(receiver):
    """Return what the next datagram holds, whose hop limit must be the program's."""
    if PY2:
        return msgpack.unpackb(receiver.recv(1 << 16))
    datagram, hops, _, _ = receiver.recvmsg(1 << 16, 100)
    assert [int.from_bytes(data, 'little') for _, _, data in hops] == [2]
    values = msgpack.unpackb(datagram, raw=True)
    return [values[0].decode()] + values[1:]


def test_transport_over_a_pipe():
    assert Program('pipe_send_receive.py').end() == (
        0,
        [
            'pump at 1200',
            "pump ['1', '1200', 'N']",
            'line 1, levels: PumpMessage 0',
            'line 2, levels: PumpMessage 1',
            'line 3, alarms: PumpMessage 2',
            'line 4, levels: PumpMessage 3',
            'a topic is a string',
            'the pipe is closed',
            'done',
        ],
        '',
    )


# A host whose network comes, a line at a time; see tests/netns for the route.
APPEARS = """
"$@" </dev/null &
read line && ip link set lo up
read line && ip -6 route add local ff00::/8 dev lo table local
wait $!
"""


@pytest.fixture
def no_network_yet():
    """The program on a host of its own, which has no network at first."""
    program = Program('no_network.py', before=['unshare', '--net', 'sh', '-c', APPEARS, 'sh'])
    yield program
    if program.process.poll() is None:
        program.process.stdin.close()
        program.process.wait()


def test_no_network(no_network_yet):
    program = no_network_yet
    assert program.line() == 'no such address: True'
    # Each is what the kernel gives there.
    for line in ('no network: EADDRNOTAVAIL True', 'no network: ENETUNREACH True'):
        assert program.line() == line
        program.process.stdin.write('\n')
        program.process.stdin.flush()
    assert program.line() == 'sent'
    assert program.line() == 'closed: True'
    assert program.end() == (0, [], '')
