"""What Python users choose between: publishers and subscribers of one topic, or of several at once.

    systems.py send, receive  --mode bare | mcl | lcm | zenoh | zmq | dds
                              --rate N --size BYTES, or --streams PER_SECOND:BYTES,...

The sender begins when a line comes on its standard input. Until then it publishes a hello on each
topic now and then; the receiver is ready when it has heard one of each: systems tell that they have
found each other before they have.

Publishing takes bytes, and a callback gets them. Systems that carry nothing but bytes have them
packed by msgpack, as bare sockets and libmcl do: their users pack in some way, too. Cyclone DDS
packs by itself. All are asked for buffers as large as everybody's where they can be told, and to
wait rather than drop in the publisher. Each runs in a private network.
"""

import select
import sys
import threading

import msgpack

import bench


HELLO, HELLO_EVERY = b'h', 0.05  # seconds


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
        bare_python.Listener(self._address(topic), lambda data: callback(data['payload']),
                             blocked=True)

    def start(self):
        """Receive, after all is subscribed."""

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
        self._open[-1].subscribe(lambda data: callback(data['payload']))

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

    def start(self):
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

    def publisher(self, topic):
        publisher = self._session.declare_publisher('bench/topic%d' % topic,
                                                    congestion_control=self._wait)
        return lambda data: publisher.put(msgpack.packb(data))

    def subscribe(self, topic, callback):
        self._session.declare_subscriber(
            'bench/topic%d' % topic,
            lambda sample: callback(msgpack.unpackb(sample.payload.to_bytes())))

    def close(self):
        self._session.close()


class Zmq(Bare):
    """PUB and SUB over TCP: PyPI's pyzmq has no multicast."""
    ENDPOINT = 'tcp://127.0.0.1:7668'

    def __init__(self, options):
        import zmq
        sends = options.role == 'send'
        self._socket = zmq.Context().socket(zmq.PUB if sends else zmq.SUB)
        self._socket.setsockopt(zmq.RCVBUF, bench.RECV_BUFFER)
        self._socket.setsockopt(zmq.LINGER, 0)
        if sends:
            self._socket.setsockopt(zmq.XPUB_NODROP, 1)
            self._socket.bind(self.ENDPOINT)
        else:
            self._socket.connect(self.ENDPOINT)
        self._subscribe, self._callbacks = zmq.SUBSCRIBE, {}

    def publisher(self, topic):
        name = b'topic%d.' % topic
        return lambda data: self._socket.send_multipart([name, msgpack.packb(data)])

    def subscribe(self, topic, callback):
        self._callbacks[b'topic%d.' % topic] = callback
        self._socket.setsockopt(self._subscribe, b'topic%d.' % topic)

    def start(self):
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            name, data = self._socket.recv_multipart()
            self._callbacks[name](msgpack.unpackb(data))


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
        self._readers = []

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
        return lambda data: writer.write(sample(body=data))

    def subscribe(self, topic, callback):
        from cyclonedds.core import Listener
        from cyclonedds.sub import DataReader
        named, sample = self._topic(topic)

        class Arrivals(Listener):
            def on_data_available(self, reader):
                while True:
                    samples = reader.take(64)
                    for each in samples:
                        if isinstance(each, sample):
                            callback(each.body)
                    if len(samples) < 64:
                        break

        self._readers.append(DataReader(self._participant, named, self._qos, Arrivals()))


SYSTEMS = {'bare': Bare, 'mcl': Libmcl, 'lcm': Lcm, 'zenoh': Zenoh, 'zmq': Zmq, 'dds': Dds}


def send(options, system):
    publishes = [system.publisher(topic) for topic in range(len(sizes(options)))]
    while not select.select([sys.stdin], [], [], HELLO_EVERY)[0]:
        for publish, size in zip(publishes, sizes(options)):
            publish(HELLO * size)
    data = [bytes(size) for size in sizes(options)]
    if options.streams:
        bench.send_streams(options, publishes, data)
    else:
        bench.send_once(options, publishes[0], data[0])
    sys.stdin.read()  # what is queued leaves while the system is open


def receive(options, system):
    receiving, all_heard = bench.Receiving(options), threading.Event()
    unheard = set(range(len(sizes(options))))

    def callback(topic):
        def arrived(data):
            if data[:1] == HELLO:
                unheard.discard(topic)
                if not unheard:
                    all_heard.set()
            else:
                receiving.add(data)

        return arrived

    for topic in range(len(sizes(options))):
        system.subscribe(topic, callback(topic))
    system.start()
    all_heard.wait()
    receiving.run()


def main():
    options = bench.parse('bare')
    system = SYSTEMS[options.mode](options)
    {'send': send, 'receive': receive}[options.role](options, system)
    system.close()


if __name__ == '__main__':
    main()
