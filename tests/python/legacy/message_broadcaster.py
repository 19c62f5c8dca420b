"""Broadcast messages until Ctrl-C."""
from __future__ import print_function

import time

from mcl import MessageBroadcaster
from robot_messages import GnssMessage, ImuMessage

gnss = MessageBroadcaster(GnssMessage)
imu = MessageBroadcaster(ImuMessage, topic='front')

number = 0
while True:
    try:
        gnss.publish(GnssMessage(utc=time.time(), lat=number, lon=151.2))
        imu.publish(ImuMessage(gyro=[number, 0, 0], accel=None, sensor='xsens'))
        print('sent %i' % number)
        number += 1
        time.sleep(0.1)
    except KeyboardInterrupt:
        break

gnss.close()
imu.close()
print('stopped')
