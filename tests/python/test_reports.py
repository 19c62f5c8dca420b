"""What goes to stderr about data from the network is bounded in size and in rate."""

import pytest

from helpers import publish_all, wait_for
from mcl import Message, MessageListener, QueuedListener, RawBroadcaster, RawListener, _report
from mcl._short import cut, short

HUGE = 5000000


@pytest.fixture
def Pose(connection):
    return type(Message)('Pose', (Message,), {'mandatory': ('x',), 'connection': connection})


@pytest.mark.parametrize(
    'value',
    [
        'x' * HUGE,
        b'\0' * HUGE,
        bytearray(HUGE),
        u'\xf3' * HUGE,
        [0] * HUGE,
        {'x' * HUGE: ['y' * HUGE]},
        [['x' * HUGE] * 1000] * 1000,
        dict.fromkeys(range(10000), 'x' * 10000),
        (1, b'x' * HUGE),
    ],
)
def test_short(value):
    assert 3 < len(short(value)) < 150


def test_short_of_what_is_short():
    for value in (None, 1.5, 'text', b'a', [], [1, 'a', {}], {'a': (1, 2)}, ()):
        assert short(value).replace(',)', ')') == repr(value).replace(',)', ')')
    assert cut('a\nb') == 'a\\nb'


def test_a_huge_name(Pose, capsys):
    for wrong in ('n' * HUGE, ['n' * HUGE], {'n' * HUGE: 1}):
        with pytest.raises(ValueError) as caught:
            Pose(x=1, name=wrong)
        assert len(str(caught.value)) < 300
    with pytest.raises(TypeError) as caught:
        Pose(['abc', 'd' * HUGE])
    assert len(str(caught.value)) < 300
    connection = Pose.connection._replace(recv_buffer=64 << 20)
    with RawBroadcaster(connection) as broadcaster, MessageListener(Pose) as listener:
        listener.subscribe(len)
        broadcaster.publish({'x': 1, 'name': 'n' * 100000})
        wait_for(lambda: listener.stats()['rejected'] == 1)
    errors = capsys.readouterr().err
    assert 'Pose' in errors and len(errors) < 600


@pytest.mark.parametrize('what', ['message', 'queued', 'undecodable'])
def test_many_misfits(Pose, capsys, monkeypatch, what):
    """One line, then one that says how many were left out."""
    monkeypatch.setattr(_report, 'INTERVAL', 3600)
    kind = {'message': MessageListener, 'queued': QueuedListener}.get(what)
    misfit = 'text' if kind else {(1, 2): 3}
    connection = Pose.connection
    with RawBroadcaster(connection) as broadcaster:
        with kind(Pose) if kind else RawListener(connection) as listener:
            publish_all(broadcaster, listener, [misfit] * 1000)
            listener.subscribe(len)
            publish_all(broadcaster, listener, [misfit] * 1000)
            wait_for(lambda: listener.stats()['messages'] == 2000)
            wait_for(lambda: listener.stats()['queued'] == 0)
            rejected = listener.stats()['rejected']
            assert rejected > 100  # the others waited when the callback was subscribed
            errors = capsys.readouterr().err
            assert len(errors.splitlines()) == 1 and 'left out' not in errors
            monkeypatch.setattr(_report, 'INTERVAL', 0)
            broadcaster.publish(misfit)
            wait_for(lambda: listener.stats()['rejected'] == rejected + 1)
    errors = capsys.readouterr().err
    assert len(errors.splitlines()) == 1
    assert '%d more' % (rejected - 1) in errors
