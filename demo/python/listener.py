"""The demo's listener in Python.

    listener.py LEDGER [--slow SECONDS] [--queue MESSAGES]

With --slow it is a QueuedListener whose callback sleeps so long for each Imu message, and --queue limits
what may wait meanwhile. LEDGER receives a line for each message: type, identity (its timestamp in
microseconds), topic, and when the callback and when the kernel got it (0: not known). It says `ready`
when it listens. It ends when its standard input has said how many messages were sent and all are here, or
none came for a while.
"""
import argparse
import datetime
import sys
import threading
import time

from mcl import Message, MessageListener, QueuedListener
from mcl.network.udp import Connection

QUIET = 5.0  # seconds without a message, after the publisher's end, before what is missing is lost
EPOCH = datetime.datetime(1970, 1, 1)


class Imu(Message):
    mandatory = ('gyro', 'accel')
    connection = Connection('ff15::d1:1')

    def __str__(self):
        return "gyro %6.3f %6.3f %6.3f  accel %6.3f %6.3f %6.3f" % tuple(self['gyro'] + self['accel'])


class Gps(Message):
    mandatory = ('lat', 'lon', 'speed', 'fix')
    connection = Connection('ff15::d1:2')

    def __str__(self):
        return "lat %(lat).6f  lon %(lon).6f  speed %(speed).2f  fix %(fix)s" % self


class Scan(Message):
    mandatory = ('ranges', 'angle_step')
    connection = Connection('ff15::d1:3')

    def __str__(self):
        return "%d ranges, first %.3f" % (len(self['ranges']), self['ranges'][0])


SHOWN = {Imu: 400, Gps: 20, Scan: 20}  # of so many messages one is shown


def say(text):
    sys.stdout.write(text + '\n')  # in one piece: print() writes two, and other callbacks are at it too
    sys.stdout.flush()


class Ledger(object):
    """Notes what came; the callbacks of three listeners use it at the same time."""

    def __init__(self, name):
        self.file = open(name, 'w')
        self.total = 0
        self.changed = threading.Condition()

    def callback(self, message_type, slow=0):
        """Return a callback for the messages of one type."""
        received = [0]

        def call(data):
            now = int(time.time() * 1e9)
            message, topic = data['payload'], '-' if data['topic'] is None else data['topic']
            kernel = data.get('time_received')
            if kernel is not None:
                kernel = (kernel - EPOCH) // datetime.timedelta(microseconds=1) * 1000
            if received[0] % SHOWN[message_type] == 0:
                say("%-5s#%-5d%-7s%s" % (message['name'], received[0] + 1, topic, message))
            received[0] += 1
            time.sleep(slow)
            with self.changed:
                self.file.write("%s\t%d\t%s\t%d\t%d\n" % (
                    message['name'], round(message['timestamp'] * 1e6), topic, now, kernel or 0))
                self.total += 1
                self.changed.notify()
        return call

    def wait(self, expected):
        """Wait for so many messages, as long as some come."""
        with self.changed:
            while self.total < expected and self.changed.wait(QUIET):
                pass


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument('ledger')
    arguments.add_argument('--slow', type=float)
    arguments.add_argument('--queue', type=int)
    given = arguments.parse_args()

    ledger = Ledger(given.ledger)
    listeners = []
    for message_type in (Imu, Gps, Scan):
        if given.slow is None:
            listener = MessageListener(message_type)
            listener.subscribe(ledger.callback(message_type))
        else:
            listener = QueuedListener(message_type, max_messages=given.queue)
            listener.subscribe(ledger.callback(message_type, given.slow if message_type is Imu else 0))
        listeners.append(listener)
    say("ready")

    ledger.wait(int(sys.stdin.readline() or 0))  # nothing there: whoever started this is gone
    for listener in listeners:
        listener.close()
    dropped = [sum(listener.stats()[cause] for listener in listeners)
               for cause in ('dropped_queue', 'dropped_kernel')]
    if any(dropped):
        say("dropped: %d by the queue, %d by the kernel" % tuple(dropped))
    ledger.file.close()


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:  # Ctrl-C goes to all programs of the demo
        sys.exit(130)
