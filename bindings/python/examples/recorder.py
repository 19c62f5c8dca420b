# python recorder.py    (and, in another terminal: python publisher.py; Ctrl-C ends it)
import time
from mcl import LogNetwork, Message
from mcl.network.udp import Connection


class Pose(Message):
    mandatory = ('x', 'y')
    connection = Connection('ff15::1')


with LogNetwork('.', [Pose]) as network:  # more types: each to a log of its own
    print('recording into', network.directory)
    while network.is_alive:
        time.sleep(1)  # the program's own work, which delays no recording
