"""Mistakes with messages and queued listeners."""

from typing import TYPE_CHECKING

from mcl import Message, MessageBroadcaster, MessageListener, QueuedListener
from mcl.messages.messages import get_message_objects, list_messages
from mcl.network.udp import Connection

if TYPE_CHECKING:
    from mcl._typing import Data, QueuedData


class Imu(Message):
    mandatory = ('gyro',)
    connection = Connection('ff15::1')

    def norm(self) -> float:
        return 1.0


class Gps(Message):
    mandatory = ('latitude',)
    connection = Connection('ff15::2')


class NoKeys(Message):
    mandatory = 'gyro'  # E: assignment "str"
    connection = Connection('ff15::3')


class NoConnection(Message):
    mandatory = (1, 2)  # E: assignment "int"
    connection = 'ff15::4'  # E: assignment "str"


class Named(Message):
    name = 'Other'  # E: misc "final"
    mandatory = ()
    connection = Connection('ff15::5')


imu = Imu(gyro=1)
Imu({}, {})  # E: call-arg "Too many"
Imu(5)  # E: arg-type "int"
Imu('packed')  # E: arg-type "str"
imu.update(5)  # E: arg-type "int"
imu.gyro  # E: attr-defined "gyro"
imu[5]  # E: index "int"
imu.name = 'Gps'  # E: misc "final"
imu.mandatory = ()  # E: misc "class variable"
imu.encode().upper() + ''  # E: operator "str"

MessageBroadcaster(Connection('ff15::1'))  # E: arg-type "Connection"
MessageBroadcaster(imu)  # E: arg-type "Imu"
MessageBroadcaster(Imu).publish(Gps())  # E: arg-type "Gps"
MessageBroadcaster(Imu).publish({'gyro': 1})  # E: arg-type "int]"
MessageBroadcaster(Imu).publish(imu, topic=1)  # E: arg-type "int"
MessageBroadcaster(Imu, topics='a')  # E: call-arg "topics"


def on_gps(data: 'Data[Gps]') -> None: ...


def on_queued_gps(data: 'QueuedData[Gps]') -> None: ...


listener = MessageListener(Imu)
listener.subscribe(on_gps)  # E: arg-type "Gps"
listener.subscribe(lambda data: data['payload'].speed())  # E: attr-defined "speed"
listener.receive()['payload'].speed()  # E: attr-defined "speed"
listener.receive()['time_received']  # E: typeddict-item "time_received"
listener.is_open()  # E: operator "bool"
MessageListener(Imu, topic='a')  # E: call-arg "topic"
MessageListener(Imu, policy='drop')  # E: arg-type "drop"
MessageListener(dict)  # E: type-var "MessageListener"
for data in listener:
    print(data['payload'].norm() + '')  # E: operator "str"
other: 'MessageListener[Gps]' = listener  # E: assignment "Imu"

queued = QueuedListener(Imu)
queued.subscribe(on_queued_gps)  # E: arg-type "Gps"
queued.receive()['payload'].speed()  # E: attr-defined "speed"
queued.receive()['received']  # E: typeddict-item "received"
queued.receive()['time_received'] + 1  # E: operator "datetime"
if queued.is_open:  # E: truthy-function
    queued.is_open.real  # E: attr-defined "real"
QueuedListener()  # E: call-overload
QueuedListener('ff15::1')  # E: call-overload "str"
QueuedListener(Imu, max_messages='5')  # E: call-overload "str"
QueuedListener(Imu, policy='drop_all')  # E: call-overload "QueuedListener"

get_message_objects(5)  # E: call-overload "int"
get_message_objects('Imu')()['gyro'] + list_messages(include=5)  # E: arg-type "int"
list_messages()[0].upper()  # E: attr-defined "upper"
