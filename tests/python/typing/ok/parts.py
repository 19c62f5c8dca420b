"""Events, errors and the codec."""

import mcl
from mcl import ClosedError, Event, ForkError, MclError, RawBroadcaster, codec, errors
from mcl.event import event
from mcl.network.udp import Connection


class Thermostat:
    def __init__(self) -> None:
        self.changed = Event()
        self.changed.subscribe(self.show)
        self.changed.subscribe(print)

    def show(self, old: float, new: float) -> None:
        print(old, new)

    def set(self, value: float) -> None:
        self.changed.__trigger__(20.0, new=value)


class Button(event.Event):
    def press(self) -> None:
        self.__trigger__()


def subscribe(source: Event) -> bool:
    return source.subscribe(lambda: None) and source.is_subscribed(print)


def publish() -> int:
    subscribe(Button())
    try:
        RawBroadcaster(Connection('ff15::1')).publish(1)
    except (ClosedError, ForkError, errors.RouteError) as error:
        return error.code
    except MclError as error:
        print(error.text, error.errno or 0)
    except IOError as io_error:
        print(io_error.errno)
    try:
        Connection('nothing')
    except ValueError as value_error:
        if isinstance(value_error, errors.AddressError):
            return value_error.code
    return 0


def code() -> None:
    before = codec.configure(text=False, errors='strict')
    codec.configure(**before)
    print(codec.pack({'a': 1}) + b'', codec.unpack(bytearray(b'\x01')) + 1, mcl.MCL_ROOT + '/mcl')
    print(codec.encode_topic('a').hex(), codec.decode_topic(b'a').upper())
