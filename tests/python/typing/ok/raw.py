"""Raw broadcasters and listeners over UDP."""

import select
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional

import mcl
from mcl import RawBroadcaster, RawListener
from mcl.network import udp
from mcl.network.udp import Connection

if TYPE_CHECKING:
    from mcl._typing import BroadcasterStats, Data, ListenerStats, Settings
    from typing_extensions import assert_type

HERE = Connection('ff15::1')
FULL = Connection(
    'ff15::2',
    26001,
    interface='eth0',
    hops=0,
    loopback=True,
    recv_buffer=1 << 20,
    send_buffer=1 << 20,
    message_max=1 << 20,
    objects_max=100000,
    reassembly_bytes=1 << 20,
    reassembly_age_ms=100,
)


def publish() -> None:
    with RawBroadcaster(HERE, topic='pose') as broadcaster:
        assert_type(broadcaster, udp.RawBroadcaster)
        broadcaster.publish({'x': 1.5})
        broadcaster.publish([1, None, b'bytes'], topic='other')
        assert_type(broadcaster.is_open, bool)
        assert_type(broadcaster.topic, Optional[str])
        assert_type(broadcaster.connection, Connection)
        stats = broadcaster.stats()
        assert_type(stats, 'BroadcasterStats')
        print(stats['send_errors'] + 1, broadcaster.settings()['send_buffer'] // 2)
    assert_type(broadcaster.close(), bool)


def show(data: 'Data') -> None:
    assert_type(data['topic'], Optional[str])
    assert_type(data['payload'], Any)
    print(data['topic'], data['payload']['x'])



def show_any(data: Mapping[str, Any]) -> None:
    print(data['payload'])


class Node:
    def __init__(self) -> None:
        self.seen: List[float] = []
        self.listener = RawListener(
            HERE, topics=['pose', 'other'], max_messages=10, policy='drop_newest'
        )
        self.listener.subscribe(self.on_pose)
        self.listener.subscribe(lambda data: self.seen.append(data['payload']))

    def on_pose(self, data: 'Data[float]') -> bool:
        self.seen.append(data['payload'])
        return True


def listen() -> None:
    with RawListener(HERE) as listener:
        assert_type(listener, udp.RawListener)
        assert_type(listener.is_open, bool)
        assert_type(listener.subscribe(show), bool)
        listener.subscribe(lambda data: print(data['topic'], data['payload']))
        listener.subscribe(show_any)
        assert_type(listener.is_subscribed(show), bool)
        assert_type(listener.num_subscriptions(), int)
        assert_type(listener.unsubscribe(show), bool)
        assert_type(listener.receive()['payload'], Any)
        data = listener.receive(timeout=0.5)
        if data is not None:
            print(data['topic'], data['payload'])
        for each in listener:
            assert_type(each['topic'], Optional[str])
        select.select([listener], [], [], 0)
        select.poll().register(listener.fileno())
        stats: 'ListenerStats' = listener.stats()
        print(stats['messages'] - stats['delivered'], sum(stats['malformed'].values()))
        settings: 'Settings' = listener.settings()
        print(settings['recv_buffer'])


def connections() -> None:
    assert_type(FULL.url, str)
    assert_type(FULL.port, int)
    assert_type(FULL.interface, Optional[str])
    assert_type(FULL.hops, Optional[int])
    assert_type(FULL.to_dict(), Dict[str, Any])
    assert_type(Connection.from_dict(FULL.to_dict()), Connection)
    assert_type(FULL._replace(port=26002, hops=1), Connection)
    url, port = FULL
    print({FULL: 'hashed'}, FULL == HERE, FULL[0], url, port)
    print(udp.UDP_PORT + 1, mcl.__version__.split('.'))


def either(listener: udp.RawListener, broadcaster: udp.RawBroadcaster) -> None:
    direct = udp.RawListener(HERE, None, 10, 1000, 'block')
    direct.subscribe(show)
    either(direct, udp.RawBroadcaster(HERE))
