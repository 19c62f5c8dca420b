# mypy: allow-untyped-defs, allow-untyped-calls, check-untyped-defs
"""Written for Python 2 and 3 alike, without a single annotation."""
from __future__ import print_function

from mcl import (Message, MessageBroadcaster, MessageListener, QueuedListener, RawBroadcaster,
                 RawListener)
from mcl.network import abstract
from mcl.network.udp import Connection


class Broadcaster(abstract.RawBroadcaster):
    def __init__(self, connection, topic=None):
        super(Broadcaster, self).__init__(connection, topic=topic)
        self._is_open = False
        self._open()

    @property
    def is_open(self):
        return self._is_open

    def _open(self):
        self._is_open = True
        return True

    def publish(self, data, topic=None):
        print(self.connection.address, data, topic or self.topic)

    def close(self):
        self._is_open = False
        return True


class Listener(abstract.RawListener):
    def __init__(self, connection, topics=None):
        super(Listener, self).__init__(connection, topics=topics)
        self._open()

    @property
    def is_open(self):
        return True

    def _open(self):
        self.__trigger__({'topic': None, 'payload': self.connection.speed})
        return True

    def close(self):
        return True


class Serial(abstract.Connection):
    mandatory = ('address',)
    optional = {'speed': 9600}
    broadcaster = Broadcaster
    listener = Listener


class OldImu(Message):
    mandatory = ('gyro',)
    connection = Connection('ff15::21', 26001)


def on_data(data):
    print(data['topic'], data['payload'], data.get('time_received'))


def main():
    listeners = [RawListener(Connection('ff15::1')), RawListener(Serial('/dev/ttyS0', 300)),
                 QueuedListener(OldImu), MessageListener(OldImu)]
    for listener in listeners:
        listener.subscribe(on_data)
    MessageBroadcaster(OldImu).publish(OldImu(gyro=1))
    RawBroadcaster(Serial('/dev/ttyS0')).publish({'x': 1}, topic='a')
    for listener in listeners:
        listener.close()
