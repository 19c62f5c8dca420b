"""Listen to raw data by a queue, so that slow work loses none, until Ctrl-C."""
from __future__ import print_function

import sys
import time

from mcl import QueuedListener
from mcl.network.udp import Connection


def work(d):
    time.sleep(0.15)
    sys.stdout.write('%s %s: %s\n' % (d['time_received'].isoformat(), d['topic'], d['payload']))


listener = QueuedListener(Connection('ff15::1', port=26001), topics=['text'])
listener.subscribe(work)

while True:
    time.sleep(0.1)
