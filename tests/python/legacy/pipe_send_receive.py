"""Send a message through a transport of one's own, and receive it by a queue."""
from __future__ import print_function

import sys
import threading

from mcl import Message, MessageBroadcaster, QueuedListener
from pipe import Connection


class PumpMessage(Message):
    mandatory = ('level', 'on')
    connection = Connection('pump', baud=1200)


done = threading.Event()


def show(data):
    sys.stdout.write('line %i, %s: %s %s\n' % (
        data['line'], data['topic'], data['payload'].name, data['payload']['level']))
    assert sorted(data) == ['line', 'payload', 'time_received', 'topic']
    if data['payload']['level'] == 3:
        done.set()


print(PumpMessage.connection.label)
name, rest = PumpMessage.connection[0], PumpMessage.connection[1:]
print(name, sorted(map(str, rest)))

listener = QueuedListener(PumpMessage, topics=('levels', 'alarms'))
listener.subscribe(show)
broadcaster = MessageBroadcaster(PumpMessage, topic='levels')
for level in range(3):
    broadcaster.publish(PumpMessage(level=level, on=True), topic='alarms' if level == 2 else None)
broadcaster.publish(PumpMessage(level=9, on=True), topic='tests')
broadcaster.publish(PumpMessage(level=3, on=False))
done.wait(20)

try:
    broadcaster.publish(PumpMessage(level=9, on=True), topic=5)
except TypeError:
    print('a topic is a string')
broadcaster.close()
try:
    broadcaster.publish(PumpMessage(level=9, on=True))
except IOError as error:
    print(error)
listener.close()
print('done')
