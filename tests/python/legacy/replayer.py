"""Replay a folder of logs at twice the speed, and listen to it: python replayer.py FOLDER"""
from __future__ import print_function

import sys
import time

from mcl import MessageListener, ReadDirectory
from mcl.logging.replay import BufferData, Replay, ScheduleBroadcasts
from robot_messages import GnssMessage, ImuMessage

received = []
listeners = [MessageListener(kind) for kind in (GnssMessage, ImuMessage)]
for listener in listeners:
    listener.subscribe(lambda data: received.append(data['payload']))


def show():
    print([message['accel'] for message in received if message['name'] == 'ImuMessage'],
          [message['utc'] for message in received if message['name'] == 'GnssMessage'])
    del received[:]


# Piece by piece, ...
reader = ReadDirectory(sys.argv[1], message=True)
print([kind.name for kind in reader.messages])
buffered = BufferData(reader, length=4)
scheduler = ScheduleBroadcasts(buffered.queue, speed=2.0)
print(buffered.is_data_pending(), buffered.is_ready(), scheduler.is_alive())
buffered.start()
while not buffered.is_ready():
    time.sleep(0.1)
scheduler.start()
while scheduler.is_alive():
    time.sleep(0.1)
print(buffered.is_data_pending(), scheduler.stop())
show()

# ... and in one.
replay = Replay(ReadDirectory(sys.argv[1], message=True), speed=2.0)
replay.start()
while replay.is_alive():
    time.sleep(0.1)
print(replay.is_data_pending(), replay.stop())
show()
