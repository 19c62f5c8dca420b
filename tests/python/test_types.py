"""What the stubs say and stubtest does not compare: keys of dicts, and annotated attributes."""

import datetime
import io
import os
import re

import pytest

try:
    import builtins
except ImportError:
    import __builtin__ as builtins

from helpers import ROOT, TIMEOUT
from mcl import Message, MessageBroadcaster, MessageListener, QueuedListener, codec, errors
from mcl.network import _limits, abstract, udp

C = udp.Connection('ff15::7a')
STUBS = os.path.join(ROOT, 'bindings', 'python', 'mcl')


class Typed(Message):
    mandatory = ('number',)
    connection = udp.Connection('ff15::7b')


def stub(*name):
    with io.open(os.path.join(STUBS, *name), encoding='utf-8') as file:
        return file.read()


def attributes(text, name):
    """Return the annotated names in a class of a stub, and what they are annotated with."""
    body = re.search(r'^class %s\b.*\n((?:[ )].*\n|\n)+)' % name, text, re.MULTILINE).group(1)
    return dict(re.findall(r'^    ([a-z_]+): (.+)$', body, re.MULTILINE))


def assert_is(name, value):
    """Assert that a dict has exactly the keys of a TypedDict of the stubs, and ints for int."""
    declared = attributes(stub('_typing.pyi'), name)
    assert sorted(declared) == sorted(value)
    for key, kind in declared.items():
        if kind in ('int', 'bool', 'str'):
            assert type(value[key]).__name__ in (kind, 'long'), key
        elif kind == 'dict[str, int]':
            assert value[key] and all(isinstance(count, int) for count in value[key].values())
        elif kind == 'datetime':
            assert isinstance(value[key], datetime.datetime)


@pytest.mark.parametrize('listener', [udp.RawListener, QueuedListener])
def test_listeners(listener):
    with listener(C) as opened, udp.RawBroadcaster(C) as broadcaster:
        broadcaster.publish(5)
        assert_is('QueuedData' if listener is QueuedListener else 'Data', opened.receive(TIMEOUT))
        assert_is('ListenerStats', opened.stats())
        assert_is('Settings', opened.settings())
        assert_is('BroadcasterStats', broadcaster.stats())
        assert_is('Settings', broadcaster.settings())


def test_a_transport_in_python_has_some_of_the_counters():
    class Listener(abstract.RawListener):
        is_open = True

        def _open(self):
            return True

        def close(self):
            return True

    class Broadcaster(abstract.RawBroadcaster):
        is_open = _open = publish = close = None

    class Own(abstract.Connection):
        mandatory = ('place',)
        broadcaster = Broadcaster
        listener = Listener

    with QueuedListener(Own('a')) as listener:
        names = re.search(
            r'on a transport written in Python has (.+?) only', stub('_typing.pyi'), re.DOTALL
        )
        assert sorted(re.findall('`(.+?)`', names.group(1))) == sorted(listener.stats())
        assert set(listener.stats()) < set(attributes(stub('_typing.pyi'), 'ListenerStats'))
        assert listener.settings() == {}


def test_codec():
    assert_is('CodecOptions', codec.configure())


def test_errors():
    text = stub('errors.pyi')
    for name, value in sorted(vars(errors).items()):
        if isinstance(value, type) and issubclass(value, errors.MclError):
            bases = re.search(r'^class %s\((.+?)\)' % name, text, re.MULTILINE).group(1)
            names = dict(vars(builtins), **vars(errors))
            bases = [eval(base, {}, names) for base in bases.split(', ')]
            assert value.__bases__ == tuple(bases), name


def test_policies():
    policies = re.search(r"Policy: TypeAlias = Literal\[(.+)\]", stub('_typing.pyi')).group(1)
    assert sorted(re.findall("'(.+?)'", policies)) == sorted(_limits.POLICIES)


def test_attributes():
    declared = [
        (C, 'network/udp.pyi', 'Connection'),
        (C, 'network/_connection.pyi', 'Connection'),
        (Typed(), 'messages/messages.pyi', 'Message'),
    ]
    opened = [kind(Typed) for kind in (MessageListener, MessageBroadcaster, QueuedListener)]
    for each in opened:
        declared.append((each, 'network/network.pyi', type(each).__name__))
    for instance, name, kind in declared:
        names = attributes(stub(*name.split('/')), kind)
        assert names, kind
        for attribute in set(names) - {'__getattr__'}:
            assert hasattr(instance, attribute), (kind, attribute)
    for each in opened:
        each.close()
    options = attributes(stub('network', 'udp.pyi'), 'Connection')
    assert sorted(set(options) - {'__getattr__'}) == sorted(
        name for name in vars(udp.Connection) if udp.Connection._is_option(name)
    )
