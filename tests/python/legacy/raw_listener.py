"""Listen to raw data until Ctrl-C."""
from __future__ import print_function

import sys
import time

from mcl import RawListener
from mcl.network.udp import Connection

text = RawListener(Connection('ff15::1', port=26001), topics='text')
text.subscribe(lambda d: sys.stdout.write(d['topic'] + ': ' + d['payload'] + '\n'))

values = RawListener(Connection('ff15::1', port=26001), topics=['values', 'others'])
values.subscribe(lambda d: sys.stdout.write('%s: %.1f\n' % (d['topic'], d['payload']['half'])))

while True:
    time.sleep(0.1)
