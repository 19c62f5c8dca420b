"""Send raw data and receive it in one program."""
from __future__ import print_function

import sys
import time

from mcl import RawBroadcaster, RawListener
from mcl.network.udp import Connection

connection = Connection('ff15::1', port=26001)

listener = RawListener(connection)
listener.subscribe(lambda d: sys.stdout.write('received: ' + d['payload'] + '\n'))

broadcaster = RawBroadcaster(connection)
for number in range(3):
    broadcaster.publish('hello world %i' % number)
    time.sleep(0.1)

broadcaster.close()
listener.close()
print('done')
