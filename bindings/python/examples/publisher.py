# python publisher.py        (and, in another terminal: python subscriber.py)
import time
from mcl import RawBroadcaster
from mcl.network.udp import Connection

with RawBroadcaster(Connection('ff15::1'), topic='pose') as broadcaster:
    for number in range(10):
        broadcaster.publish({'x': number, 'y': 0.5})
        time.sleep(0.1)
