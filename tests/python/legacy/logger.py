"""Log to two files of fixed names: python logger.py FOLDER NUMBER"""
from __future__ import print_function

import os
import sys
import time

from mcl import (LogConnection, MessageBroadcaster, QueuedListener, RawBroadcaster, ReadFile,
                 WriteFile)
from robot_messages import GnssMessage, ImuMessage

folder, run = sys.argv[1], int(sys.argv[2])

# One by a recorder, the other by hand.
logger = LogConnection(os.path.join(folder, 'imu'), ImuMessage)
gnss_log = WriteFile(os.path.join(folder, 'gnss'), GnssMessage, max_entries=2)
gnss_listener = QueuedListener(GnssMessage)
gnss_listener.subscribe(gnss_log.write)
counted = []
gnss_listener.subscribe(counted.append)
print(logger.is_alive(), logger.max_entries, gnss_log.max_entries, gnss_log.max_time)

imu = MessageBroadcaster(ImuMessage, topic='front')
gnss = MessageBroadcaster(GnssMessage)
for number in range(5):
    imu.publish(ImuMessage(gyro=run, accel=number))
    gnss.publish(GnssMessage(utc=number, lat=run, lon=151.2))
    time.sleep(0.02)
# What is none of its messages is data all the same.
RawBroadcaster(ImuMessage.connection).publish('reboot')
while len(counted) < 5:
    time.sleep(0.1)

logger.close()
gnss_listener.close()
gnss_log.write({'topic': 'last', 'payload': {'utc': 5, 'lat': run, 'lon': 0},
                'time_received': None})
gnss_log.close()

reader = ReadFile(os.path.join(folder, 'gnss'), message=True)
print(reader.header['type'].name, reader.header['type'] is GnssMessage)
while reader.is_data_pending():
    entry = reader.read()
    print(entry['topic'], int(entry['payload']['utc']), int(entry['payload']['lat']))

reader = ReadFile(os.path.join(folder, 'imu'))
print([entry for entry in iter(reader.read, None)][-1]['payload'])
