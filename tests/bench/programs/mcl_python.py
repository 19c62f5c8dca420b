"""libmcl from Python.

    mcl_python.py send     --mode publish | many
    mcl_python.py receive  --mode raw | undecoded | queued  [--spin THREADS]  [--bursts TRANSFERS]
    mcl_python.py start    opens a broadcaster and publishes once, in a new process
"""

from __future__ import print_function

import bench

began = bench.clock()
import mcl  # noqa: E402
from mcl.network.udp import Connection  # noqa: E402

imported = bench.clock()


def send(options):
    data = bench.message(options.size)
    with mcl.RawBroadcaster(Connection(options.group, options.port)) as broadcaster:
        if options.mode == 'publish':
            bench.send(options, broadcaster.publish, data)
        else:
            bench.send(options, broadcaster.publish_many, [data] * options.batch, options.batch)


def receive(options):
    receiving = bench.Receiving(options)
    connection = Connection(options.group, options.port)
    if options.mode == 'queued':
        listener = mcl.QueuedListener(connection)
    else:
        listener = mcl.RawListener(connection, decode=options.mode == 'raw')
    listener.subscribe(receiving.add)
    receiving.run(lambda: listener.stats()['dropped_kernel'])
    listener.close()


def start(options):
    opening = bench.clock()
    broadcaster = mcl.RawBroadcaster(Connection(options.group, options.port))
    opened = bench.clock()
    broadcaster.publish(bench.message(options.size))
    published = bench.clock()
    bench.report(imported=(imported - began) * 1e3,
                 opened=(opened - opening) * 1e3,
                 published=(published - opened) * 1e3)
    broadcaster.close()


if __name__ == '__main__':
    options = bench.parse('publish')
    {'send': send, 'receive': receive, 'start': start}[options.role](options)
