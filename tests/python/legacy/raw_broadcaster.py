"""Broadcast raw data until Ctrl-C."""
from __future__ import print_function

import time

from mcl import RawBroadcaster
from mcl.network.udp import Connection

broadcaster = RawBroadcaster(Connection('ff15::1', port=26001), topic='text')

number = 0
try:
    while True:
        broadcaster.publish('number %i' % number)
        broadcaster.publish({'number': number, 'half': number / 2.0}, topic='values')
        print('sent %i' % number)
        number += 1
        time.sleep(0.1)
except KeyboardInterrupt:
    broadcaster.close()
    print('stopped')
