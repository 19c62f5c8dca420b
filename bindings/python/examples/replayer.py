# python replayer.py DIRECTORY    publishes what recorder.py recorded, in its own timing
import sys
import time
from mcl import Message, ReadDirectory
from mcl.logging.replay import Replay
from mcl.network.udp import Connection


class Pose(Message):  # where entries of the type go
    mandatory = ('x', 'y')
    connection = Connection('ff15::1')


replay = Replay(ReadDirectory(sys.argv[1], message=True), speed=1.0)
replay.start()
while replay.is_alive():
    time.sleep(0.1)
