# python publisher.py   (in another terminal: python subscriber.py; MCL_HOPS=0: only this host)
import time
from mcl import RawBroadcaster
from mcl.network.udp import Connection

with RawBroadcaster(Connection('ff15::1'), topic='pose') as broadcaster:
    for number in range(10):
        broadcaster.publish({'x': number, 'y': 0.5})
        time.sleep(0.1)
