"""Listen to messages by a queue until Ctrl-C."""
from __future__ import print_function

import sys
import time

from mcl import QueuedListener
from robot_messages import ImuMessage

listener = QueuedListener(ImuMessage, open_init=False)
listener.subscribe(lambda d: sys.stdout.write(
    '%s %s\n' % (d['time_received'].strftime('%H:%M:%S.%f'), d['payload'].to_json())))

if listener.open():
    sys.stdout.write('listening\n')

try:
    while listener.is_open():
        time.sleep(0.1)
except KeyboardInterrupt:
    listener.close()
    print('stopped')
