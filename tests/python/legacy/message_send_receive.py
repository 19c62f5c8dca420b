"""Send messages and receive them in one program."""
from __future__ import print_function

import sys
import time

from mcl import MessageBroadcaster, MessageListener
from robot_messages import GnssMessage, ImuMessage

gnss_listener = MessageListener(GnssMessage)
imu_listener = MessageListener(ImuMessage, topics='imu')
gnss_listener.subscribe(lambda d: sys.stdout.write('%(name)s: %(lat).1f\n' % d['payload']))
imu_listener.subscribe(lambda d: sys.stdout.write('%s: %s\n' % (d['topic'], d['payload']['gyro'])))

gnss = MessageBroadcaster(GnssMessage)
imu = MessageBroadcaster(ImuMessage, topic='imu')

message = GnssMessage(utc=time.time(), lat=-33.9, lon=151.2)
gnss.publish(message)
time.sleep(0.1)

message.update(lat=-34.0)
gnss.publish(message)
time.sleep(0.1)

message = ImuMessage()
message['gyro'] = [0, 0.5, 1]
imu.publish(message)
imu.publish(message, topic='spare')
time.sleep(0.1)

for each in (gnss, imu, gnss_listener, imu_listener):
    each.close()
print('done')
