"""Message types, their broadcasters and their listeners."""

import math
from typing import TYPE_CHECKING, Any, List, Optional, Type

from mcl import Message, MessageBroadcaster, MessageListener
from mcl.messages.messages import get_message_objects, list_messages, remove_message_object
from mcl.network.udp import Connection

if TYPE_CHECKING:
    from mcl._typing import Data
    from typing_extensions import assert_type


class ImuMessage(Message):
    mandatory = ('gyro', 'accel')
    connection = Connection('ff15::1')

    def norm(self) -> float:
        return math.sqrt(sum(each * each for each in self['gyro']))


class GpsMessage(Message):
    mandatory = ['latitude', 'longitude']
    connection = Connection('ff15::2', hops=0)


class BetterImuMessage(ImuMessage):
    def twice(self) -> float:
        return 2 * self.norm()


class HeartbeatMessage(Message):
    mandatory = ()
    connection = Connection('ff15::3')


class Checked(Message):
    mandatory = ('value',)
    connection = Connection('ff15::4')

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self['value'] is None:
            raise ValueError("no value")


def make() -> None:
    message = ImuMessage(gyro=[0.0, 0.1, 0.2], accel=None, extra=1)
    ImuMessage()
    assert_type(ImuMessage.fromkeys(['gyro', 'accel'], 0), ImuMessage)
    ImuMessage({'gyro': 1, 'accel': 2}, topic='x')
    ImuMessage([('gyro', 1), ('accel', 2)])
    again = ImuMessage(message.encode())
    again.update(gyro=1)
    again.update({'gyro': 1})
    again |= {'gyro': 2}
    again['gyro'] = 3
    assert_type(again['timestamp'], Any)
    assert_type(again.to_json(), str)
    assert_type(again.encode(), bytes)
    assert_type(ImuMessage.name, str)
    assert_type(message.name, str)
    print(ImuMessage.connection, message.connection, sorted(again))
    print(list(message.mandatory), ImuMessage.mandatory[0])


def on_imu(data: 'Data[ImuMessage]') -> None:
    assert_type(data['payload'], ImuMessage)
    print(data['topic'], data['payload'].norm(), data['payload']['gyro'])


def on_any(data: 'Data') -> None:
    print(data['payload'])


def publish() -> None:
    with MessageBroadcaster(ImuMessage, topic='left') as broadcaster:
        assert_type(broadcaster, MessageBroadcaster[ImuMessage])
        broadcaster.publish(ImuMessage())
        broadcaster.publish(BetterImuMessage(gyro=1, accel=2), topic='right')
        print(broadcaster.is_open, broadcaster.stats()['messages'], broadcaster.message_type.name)


def listen() -> None:
    listener = MessageListener(ImuMessage, topics='left', max_messages=100)
    assert_type(listener, MessageListener[ImuMessage])
    assert_type(listener.is_open, bool)
    listener.subscribe(on_imu)
    listener.subscribe(on_any)
    listener.subscribe(lambda data: print(data['payload'].norm()))
    listener.unsubscribe(on_imu)
    assert_type(listener.receive()['payload'], ImuMessage)
    for data in listener:
        assert_type(data['payload'], ImuMessage)
    listener.close()


class Driver:
    """Holds one of each, of bare and of given types."""

    def __init__(self, kind: Type[Message]) -> None:
        self.any: MessageListener = MessageListener(kind)
        self.imu: 'MessageListener[ImuMessage]' = MessageListener(ImuMessage)
        self.out: 'MessageBroadcaster[GpsMessage]' = MessageBroadcaster(GpsMessage)
        self.out.publish(GpsMessage(latitude=1.0, longitude=2.0))
        self.listeners: List[MessageListener] = [
            MessageListener(ImuMessage),
            MessageListener(GpsMessage),
        ]


def types() -> None:
    assert_type(list_messages(include='ImuMessage', exclude={'GpsMessage'}), List[Type[Message]])
    assert_type(get_message_objects('ImuMessage'), Type[Message])
    assert_type(get_message_objects(['ImuMessage']), List[Type[Message]])
    assert_type(remove_message_object('ImuMessage'), bool)
    found: Optional[Type[Message]] = None
    for kind in list_messages(exclude=['ImuMessage']):
        found = kind
    if found is not None:
        MessageListener(found).subscribe(lambda data: print(data['payload']['timestamp']))
