"""Listen to messages until Ctrl-C."""
from __future__ import print_function

import sys
import time

from mcl import MessageListener
from robot_messages import GnssMessage, ImuMessage


def show_imu(d):
    message = d['payload']
    sys.stdout.write('%s: %s of %s\n' % (d['topic'], message['gyro'][0], message['sensor']))


try:
    gnss = MessageListener(GnssMessage)
    gnss.subscribe(lambda d: sys.stdout.write('%(name)s: %(lat)i\n' % d['payload']))

    imu = MessageListener(ImuMessage, topics='front')
    imu.subscribe(show_imu)

    while True:
        time.sleep(0.1)

except KeyboardInterrupt:
    gnss.close()
    imu.close()
    print('stopped')
