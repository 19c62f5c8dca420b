"""The peer in Python, 2.7 and 3: see README.md for what it reads and writes.

    peer.py publish|listen ADDRESS TYPED_ADDRESS PORT
"""
from __future__ import print_function

import sys
import zlib
from binascii import hexlify, unhexlify

import canonical
from mcl import Message, MessageBroadcaster, MessageListener, RawBroadcaster, RawListener, codec
from mcl.network.udp import Connection
from peer_values import PY2, SHOWN, topic_of, value_of


def say(line):
    sys.stdout.write(line + '\n')
    sys.stdout.flush()


def publish(connection, message_type):
    broadcaster = RawBroadcaster(connection)
    typed = MessageBroadcaster(message_type)
    misfits = RawBroadcaster(message_type.connection)
    for line in iter(sys.stdin.readline, ''):
        topic, kind, word = line.rstrip('\n').split(' ')[1:]
        topic = topic_of(topic)
        try:
            if kind == 'message':
                typed.publish(message_type(unhexlify(word)), topic)
            elif kind == 'misfit':
                misfits.publish(value_of(kind, word, codec.unpack), topic)
            else:
                broadcaster.publish(value_of(kind, word, codec.unpack), topic)
        except Exception as error:  # of any kind: what it was is for the test to judge
            say('failed %r' % (error,))
        else:
            say('sent')


def listen(connection, message_type):
    def show(name):
        def callback(data):
            packed = canonical.pack(data['payload'])
            topic = data['topic']
            if topic is not None:
                topic = topic if PY2 else topic.encode('utf-8', 'surrogateescape')
            say(' '.join([name, '-' if topic is None else '=' + hexlify(topic).decode(), str(len(packed)),
                          '%08x' % (zlib.crc32(packed) & 0xffffffff),
                          hexlify(packed).decode() if name == 'typed' or len(packed) <= SHOWN else '*']))
        return callback

    raw = RawListener(connection)
    raw.subscribe(show('raw'))
    typed = MessageListener(message_type)
    typed.subscribe(show('typed'))
    say('ready')
    sys.stdin.read()


def main():
    role, address, typed_address, port = sys.argv[1:]

    class Pose(Message):
        mandatory = ('x', 'y')
        connection = Connection(typed_address, int(port))

    {'publish': publish, 'listen': listen}[role](Connection(address, int(port)), Pose)


if __name__ == '__main__':
    main()
