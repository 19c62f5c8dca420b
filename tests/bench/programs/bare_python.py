"""The bare Python loop: msgpack, a socket and a receiving thread, as the legacy system has them.

    bare_python.py send
    bare_python.py receive --mode timeout | blocked  [--spin THREADS]  [--bursts TRANSFERS]

Uses nothing of libmcl. It does what a legacy process does for each message and no more: to publish,
pack and send; to receive, read with a time limit, unpack, look at the shape, put fragments
together, and call back with a dict. `blocked` is the least that a thread can do: recv without a
time limit, which is a system call less, and fragments of one sender only. Its buffer is as large as
everybody's, where the legacy system left it to the machine's settings.
"""

from __future__ import print_function

import socket
import struct
import threading

import msgpack

import bench

MTU = 60000
MTU_MAX = 65000
READ_TIMEOUT = 0.2  # seconds
FRAGMENT = b'\x94'  # msgpack: an array of 4


class Broadcaster(object):
    def __init__(self, address, topic=None):
        self._address, self._topic = address, topic
        self._socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 3)

    def publish(self, data, topic=None):
        if topic is None:
            topic = self._topic
        packed = msgpack.packb((topic, data))
        if len(packed) <= MTU:
            self._socket.sendto(packed, self._address)
            return
        packed = msgpack.packb(data)
        packets = (len(packed) + MTU - 1) // MTU
        for number in range(packets):
            fragment = packed[number * MTU:(number + 1) * MTU]
            self._socket.sendto(msgpack.packb((topic, number + 1, packets, fragment)),
                                self._address)


class Listener(threading.Thread):
    def __init__(self, address, callback, blocked=False):
        super(Listener, self).__init__()
        self.daemon = True
        self._blocked = blocked
        self._callback, self._over, self._parts = callback, threading.Event(), {}
        self._socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, bench.RECV_BUFFER)
        self._socket.setsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
            socket.inet_pton(socket.AF_INET6, address[0]) + struct.pack('@I', 0))
        self._socket.bind(address)
        if not blocked:
            self._socket.settimeout(READ_TIMEOUT)
        self.start()

    def run(self):
        while self._blocked:
            self._take(self._socket.recv(MTU_MAX), None)
        while not self._over.is_set():
            try:
                data, sender = self._socket.recvfrom(MTU_MAX)
            except socket.timeout:
                continue
            self._take(data, sender[0])

    def _take(self, data, sender):
        # A fragment is a string of bytes.
        message = msgpack.unpackb(data, raw=True) if data[:1] == FRAGMENT else msgpack.unpackb(data)
        if len(message) == 2:
            self._callback({'topic': message[0], 'payload': message[1]})
        elif len(message) == 4:
            self._join(sender, *message)

    def _join(self, sender, topic, packet, packets, fragment):
        parts = self._parts.setdefault((sender, packets, topic), {})
        if packet == 1:  # over loopback fragments come in order: what was begun before has lost one
            parts.clear()
        parts[packet] = fragment
        if len(parts) == packets:
            del self._parts[sender, packets, topic]
            packed = b''.join(parts[number + 1] for number in range(packets))
            self._callback({'topic': topic, 'payload': msgpack.unpackb(packed)})

    def close(self):
        self._over.set()
        if not self._blocked:
            self.join()


def main():
    options = bench.parse('timeout')
    address = (options.group, options.port)
    if options.role == 'send':
        bench.send(options, Broadcaster(address).publish, bench.message(options.size))
    else:
        receiving = bench.Receiving(options)
        listener = Listener(address, receiving.add, options.mode == 'blocked')
        receiving.run()
        listener.close()


if __name__ == '__main__':
    main()
