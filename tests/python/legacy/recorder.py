"""Record the robot into a folder of its own: python recorder.py FOLDER"""
from __future__ import print_function

import sys
import time

from mcl import LogNetwork, MessageBroadcaster
from robot_messages import GnssMessage, ImuMessage

network = LogNetwork(sys.argv[1], [GnssMessage, ImuMessage])
directory = network.directory

imu = MessageBroadcaster(ImuMessage, topic='front')
gnss = MessageBroadcaster(GnssMessage)
for number in range(10):
    imu.publish(ImuMessage(gyro=[number, 0.5], accel=number * 0.25))
    if number % 5 == 0:
        gnss.publish(GnssMessage(utc=number, lat=str(number), lon=None))
    time.sleep(0.02)
time.sleep(0.1)

network.close()
print(directory)
