"""A peer that behaves as a process of the legacy system: a bare socket and msgpack-python, on Python 2.7.

    legacy.py publish|listen ADDRESS TYPED_ADDRESS PORT

It uses nothing of libmcl. Which msgpack it uses is for PYTHONPATH to say; since 0.5 it is told to write bin,
which 1.0 does by itself. README.md has what it reads and writes; besides, it shows checksums of datagrams.
"""
import collections
import select
import socket
import struct
import sys
import zlib
from binascii import hexlify

import msgpack

import canonical
from peer_values import SHOWN, topic_of, value_of

MTU = 60000
HOPS = 3
# The legacy system leaves the size of its buffer to the machine's settings. This test is of the format, not of loss.
RECV_BUFFER = 4 << 20

BEFORE_BIN = msgpack.version < (0, 5)
PACKING = {} if BEFORE_BIN else {'use_bin_type': True}
# Since 1.0 strings would have to be UTF-8, with which it could not receive what 0.4 sends.
UNPACKING = {} if msgpack.version < (1, 0) else {'raw': True, 'strict_map_key': False}


def say(line):
    sys.stdout.write(line + '\n')
    sys.stdout.flush()


def checksum(data):
    return '%08x' % (zlib.crc32(data) & 0xffffffff)


def unpack_ordered(packed):
    return msgpack.unpackb(packed, object_pairs_hook=collections.OrderedDict, **UNPACKING)


def datagrams(topic, value):
    whole = msgpack.packb((topic, value), **PACKING)
    if len(whole) <= MTU:
        return [whole]
    payload = msgpack.packb(value, **PACKING)
    packets = len(payload) // MTU + 1
    return [msgpack.packb((topic, number + 1, packets, payload[number * MTU:(number + 1) * MTU]), **PACKING)
            for number in range(packets)]


def publish(address, typed_address, port):
    sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, HOPS)
    for line in iter(sys.stdin.readline, ''):
        topic, kind, word = line.rstrip('\n').split(' ')[1:]
        topic = topic_of(topic)
        target = typed_address if kind in ('message', 'misfit') else address
        sent = datagrams(topic, value_of(kind, word, unpack_ordered))
        for number, datagram in enumerate(sent):
            sender.sendto(datagram, (target, port))
            if number % 16 == 15:
                # Unlike the legacy system: it sends as fast as it can, and most of a large message is lost.
                select.select([], [], [], 0.002)
        if len(sent) > 1:
            select.select([], [], [], 0.05)  # a listener that is in doubt looks for 4 ms whether more comes
        say('sent ' + ','.join(checksum(datagram) for datagram in sent))


class Receiver(object):
    """Puts messages together as the legacy system does: by the sender's address, packets and topic."""

    def __init__(self, name):
        self.name = name
        self.parts = {}

    def receive(self, datagram, sender):
        try:
            message = unpack_ordered(datagram)
        except Exception:  # not msgpack, or bytes after the array
            return
        if not isinstance(message, (list, tuple)) or len(message) not in (2, 4):
            return
        if len(message) == 2:
            self.show(message[0], message[1], [datagram])
            return
        topic, packet, packets, fragment = message
        parts = self.parts.setdefault((sender, packets, topic), {})
        # What is compared is what it makes of a datagram: the headers may be wider than it would write them.
        parts[packet] = (fragment, msgpack.packb((topic, packet, packets, fragment), **PACKING))
        if len(parts) == packets:
            del self.parts[sender, packets, topic]
            ordered = [parts[number + 1] for number in range(packets)]
            payload = ''.join(part[0] for part in ordered)
            self.show(topic, unpack_ordered(payload), [part[1] for part in ordered])

    def show(self, topic, value, sent):
        packed = canonical.pack(value)
        say(' '.join([self.name, '-' if topic is None else '=' + hexlify(topic), str(len(packed)), checksum(packed),
                      hexlify(packed) if self.name == 'typed' or len(packed) <= SHOWN else '*',
                      ','.join(checksum(datagram) for datagram in sent)]))


def listen(address, typed_address, port):
    receivers = {}
    for name, group in (('raw', address), ('typed', typed_address)):
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECV_BUFFER)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                        socket.inet_pton(socket.AF_INET6, group) + struct.pack('@I', 0))
        sock.bind((group, port))
        receivers[sock] = Receiver(name)
    say('ready')
    while True:
        readable = select.select(list(receivers) + [sys.stdin], [], [])[0]
        if sys.stdin in readable:
            return
        for sock in readable:
            datagram, sender = sock.recvfrom(65535)
            receivers[sock].receive(datagram, sender[0])


def main():
    role, address, typed_address, port = sys.argv[1:]
    {'publish': publish, 'listen': listen}[role](address, typed_address, int(port))


if __name__ == '__main__':
    main()
