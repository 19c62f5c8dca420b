"""Watch all messages on some topics, and restart what falls silent, until Ctrl-C."""
from __future__ import print_function

import sys
import time

import robot_messages  # noqa: F401  (defines the types)
from mcl import QueuedListener
from mcl.messages.messages import list_messages

TOPICS = set(['front', 'rear'])
SILENCE = 0.5


class Watch(object):

    def __init__(self, message):
        self.message = message
        self.count = 0
        self.heard = time.time()
        self.listener = QueuedListener(message, topics=TOPICS, open_init=False)
        self.listener.subscribe(self.on_data)
        self.listener.open()

    def on_data(self, data):
        self.count += 1
        self.heard = time.time()
        if data['topic'] in self.listener.topics:
            sys.stdout.write('%s on %s\n' % (data['payload'].name, data['topic']))

    def check(self):
        if self.count >= 5 or time.time() - self.heard > SILENCE:
            why = 'is silent' if self.count == 0 else 'was heard'
            closed, opened = self.listener.close(), self.listener.open()
            self.count = 0
            self.heard = time.time()
            sys.stdout.write('%s %s: restarted %s %s\n' % (
                self.message.name, why, closed, opened))


# Commands are of no interest, whether this robot has them or not.
types = list_messages(exclude=set(['CommandMessage', 'StopMessage']))
sys.stdout.write('watching %s\n' % ', '.join(
    '%s on %s' % (message.name, message.connection.url) for message in types))

watches = [Watch(message) for message in types]
try:
    while True:
        for watch in watches:
            watch.check()
        time.sleep(0.05)
except KeyboardInterrupt:
    for watch in watches:
        watch.listener.close()
    print('stopped')
