"""Publish scans to a robot at the end of a radio link that takes small packets, one router away."""
from __future__ import print_function

import array
import sys

from mcl import RawBroadcaster
from mcl.network import udp

udp.ALLOWED_MULTICAST_HOPS = 2
udp.MTU = 1400

scans = RawBroadcaster(udp.Connection('ff15::21', port=26001), topic='scan')
points = array.array('d', [0.25 * number for number in range(500)]).tolist()

scans.publish(points)

# By cable the same program sends large packets.
for udp.MTU in [int(size) for size in sys.argv[1:]]:
    scans.publish(points)

scans.close()
print('done')
