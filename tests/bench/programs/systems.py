"""What Python users choose between: publishers and subscribers of one topic, or of several at once.

    systems.py send, receive  --mode bare | mcl | lcm | zenoh | zmq | dds
                              --rate N --size BYTES, or --streams PER_SECOND:BYTES,...

Publishing takes bytes, and a callback gets them. Systems that carry nothing but bytes have them
packed by msgpack, as bare sockets and libmcl do: their users pack in some way, too. Cyclone DDS
packs by itself. All are asked for buffers as large as everybody's where they can be told, and to
wait rather than drop in the publisher. Each runs in a private network.
"""

import threading
import time

import msgpack

import bench


def until(found):
    """Wait until found(): other systems look for each other in threads of their own."""
    while not found():
        time.sleep(0.001)


def sizes(options):
    """Return the bytes of each topic's messages."""
    return [size for _, size in options.streams or [(options.rate, options.size)]]


class Bare(object):
    """Sockets, each topic with a group of its own, and a thread for each that listens."""
    def __init__(self, options):
        self._group, self._port = options.group, options.port

    def _address(self, topic):
        return '%s:%x' % (self._group, topic + 1), self._port

    def publisher(self, topic):
        """Return a function that publishes bytes."""
        import bare_python
        return bare_python.Broadcaster(self._address(topic)).publish

    def subscribe(self, topic, callback):
        import bare_python
        bare_python.Listener(self._address(topic), callback, blocked=True)

    def meet(self, topics):
        """Wait until no message would be missed."""

    def close(self):
        pass


class Libmcl(Bare):
    def __init__(self, options):
        super(Libmcl, self).__init__(options)
        import mcl
        from mcl.network.udp import Connection
        self._mcl, self._connection, self._open = mcl, Connection, []

    def publisher(self, topic):
        self._open.append(self._mcl.RawBroadcaster(self._connection(*self._address(topic))))
        return self._open[-1].publish

    def subscribe(self, topic, callback):
        self._open.append(self._mcl.RawListener(self._connection(*self._address(topic))))
        self._open[-1].subscribe(callback)

    def close(self):
        for each in self._open:
            each.close()


class Lcm(Bare):
    def __init__(self, options):
        import lcm
        self._lcm = lcm.LCM('udpm://239.255.190.156:7667?ttl=0&recv_buf_size=%d' %
                            bench.RECV_BUFFER)

    def publisher(self, topic):
        channel = 'topic%d' % topic
        return lambda data: self._lcm.publish(channel, msgpack.packb(data))

    def subscribe(self, topic, callback):
        subscription = self._lcm.subscribe('topic%d' % topic,
                                           lambda _, data: callback(msgpack.unpackb(data)))
        subscription.set_queue_capacity(0)  # no limit; the default is 30 messages
        if topic == 0:
            self._lcm.fileno()  # joins the group
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            self._lcm.handle()


class Zenoh(Bare):
    """Peers, by TCP: the sender connects to the receiver, with nothing between."""
    ENDPOINT = '["tcp/127.0.0.1:7447"]'

    def __init__(self, options):
        import zenoh
        config = zenoh.Config()
        receives = options.role == 'receive'
        for key, value in (('scouting/multicast/enabled', 'false'),
                           ('listen/endpoints', self.ENDPOINT if receives else '[]'),
                           ('connect/endpoints', '[]' if receives else self.ENDPOINT)):
            config.insert_json5(key, value)
        self._session = zenoh.open(config)
        self._wait = zenoh.CongestionControl.BLOCK
        self._publishers = []

    def publisher(self, topic):
        publisher = self._session.declare_publisher('bench/topic%d' % topic,
                                                    congestion_control=self._wait)
        self._publishers.append(publisher)
        return lambda data: publisher.put(msgpack.packb(data))

    def subscribe(self, topic, callback):
        self._session.declare_subscriber(
            'bench/topic%d' % topic,
            lambda sample: callback(msgpack.unpackb(sample.payload.to_bytes())))

    def meet(self, topics):
        until(lambda: all(each.matching_status for each in self._publishers))

    def close(self):
        self._session.close()


class Zmq(Bare):
    """PUB and SUB over TCP: PyPI's pyzmq has no multicast."""
    ENDPOINT = 'tcp://127.0.0.1:7668'

    def __init__(self, options):
        import zmq
        self._sends = options.role == 'send'
        self._socket = zmq.Context().socket(zmq.XPUB if self._sends else zmq.SUB)
        self._socket.setsockopt(zmq.RCVBUF, bench.RECV_BUFFER)
        self._socket.setsockopt(zmq.LINGER, 0)
        if self._sends:
            self._socket.setsockopt(zmq.XPUB_NODROP, 1)
            self._socket.bind(self.ENDPOINT)
        else:
            self._socket.connect(self.ENDPOINT)
        self._subscribed, self._callback = zmq.SUBSCRIBE, None

    def publisher(self, topic):
        name = b'topic%d.' % topic
        return lambda data: self._socket.send_multipart([name, msgpack.packb(data)])

    def subscribe(self, topic, callback):
        self._callback = callback
        self._socket.setsockopt(self._subscribed, b'topic%d.' % topic)

    def meet(self, topics):
        if self._sends:
            for _ in range(topics):
                self._socket.recv()  # a subscription
        else:
            threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            self._callback(msgpack.unpackb(self._socket.recv_multipart()[1]))


class Dds(Bare):
    """Best effort, keeping all. Settings (CYCLONEDDS_URI) are in ../peers.py.

    A sample is an array of a fixed size: a sequence costs it thirty times as much.
    """
    def __init__(self, options):
        from cyclonedds.core import Policy, Qos
        from cyclonedds.domain import DomainParticipant
        self._sizes = sizes(options)
        self._participant = DomainParticipant()
        self._qos = Qos(Policy.Reliability.BestEffort, Policy.History.KeepAll)
        self._writers, self._readers = [], []

    def _topic(self, number):
        """Return a topic, and the class of its samples."""
        from dataclasses import dataclass

        from cyclonedds.idl import IdlStruct
        from cyclonedds.idl.types import array, uint8
        from cyclonedds.topic import Topic

        @dataclass
        class Sample(IdlStruct, typename='bench.Sample%d' % number):
            body: array[uint8, self._sizes[number]]

        return Topic(self._participant, 'topic%d' % number, Sample), Sample

    def publisher(self, topic):
        from cyclonedds.pub import DataWriter
        named, sample = self._topic(topic)
        writer = DataWriter(self._participant, named, self._qos)
        self._writers.append(writer)
        return lambda data: writer.write(sample(body=data))

    def subscribe(self, topic, callback):
        from cyclonedds.core import Listener
        from cyclonedds.sub import DataReader
        named, sample = self._topic(topic)

        class Arrivals(Listener):
            def on_data_available(self, reader):
                for each in reader.take(64):
                    if isinstance(each, sample):
                        callback(each.body)

        self._readers.append(DataReader(self._participant, named, self._qos, Arrivals()))

    def meet(self, topics):
        until(lambda: all(writer.get_matched_subscriptions() for writer in self._writers) and all(
            reader.get_matched_publications() for reader in self._readers))


SYSTEMS = {'bare': Bare, 'mcl': Libmcl, 'lcm': Lcm, 'zenoh': Zenoh, 'zmq': Zmq, 'dds': Dds}


def main():
    options = bench.parse('bare')
    topics = range(len(sizes(options)))
    system = SYSTEMS[options.mode](options)
    if options.role == 'send':
        data = [bytes(size) for size in sizes(options)]
        publishes = [system.publisher(topic) for topic in topics]
        system.meet(len(topics))
        if options.streams:
            bench.send_streams(options, publishes, data)
        else:
            bench.send(options, publishes[0], data[0])
    else:
        receiving = bench.Receiving(options)
        for topic in topics:
            system.subscribe(topic, receiving.add)
        system.meet(len(topics))
        receiving.run()
    system.close()


if __name__ == '__main__':
    main()
