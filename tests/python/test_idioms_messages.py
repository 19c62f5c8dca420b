"""What programs do with messages, types and connections beside publishing them."""

import ast
import copy
import json
import pickle
import pprint

import pytest

import mcl
from helpers import PY2, run_python
from mcl import Message
from mcl.network.udp import Connection

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Pose(Message):
    mandatory = ('x', 'y')
    connection = Connection('ff15::1d:11', hops=1)

    def sum(self):
        return self['x'] + self['y']


class Subclass(Connection):
    """A class of a user's own, derived from a declared one."""


@pytest.fixture
def message():
    return Pose(x=[1, {'deep': [2]}], y=u'\xe9', extra=b'\xff', timestamp=5)


def pickles():
    """Both modules of Python 2; the one of Python 3, and its version in Python code."""
    if PY2:
        import cPickle

        return [pickle, cPickle]

    class InPython(object):
        dumps, loads = staticmethod(pickle._dumps), staticmethod(pickle._loads)

    return [pickle, InPython]


def same(one, other):
    return type(one) is type(other) and one == other and one is not other


# ---- pickle and copy ----


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_pickle_of_messages(message, protocol):
    for module in pickles():
        again = module.loads(module.dumps(message, protocol))
        assert same(again, message)
        assert again['timestamp'] == 5 and again.name == 'Pose' and again['extra'] == b'\xff'
        with pytest.raises(ValueError):
            again['name'] = 'Other'
        module.loads(module.dumps({'many': [message, message]}, protocol))
        # Not made by its type's rules: what its owner has done to it stays.
        odd = Pose(x=1, y=2)
        del odd['x'], odd['timestamp']
        assert same(module.loads(module.dumps(odd, protocol)), odd)


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_pickle_of_types_and_connections(protocol):
    plain = Connection('ff15::1', 2000, hops=2, interface='lo')
    for module in pickles():
        assert module.loads(module.dumps(Pose, protocol)) is Pose
        assert module.loads(module.dumps(Connection, protocol)) is Connection
        for connection in (plain, Subclass(*plain, hops=2), Pose.connection):
            again = module.loads(module.dumps(connection, protocol))
            assert same(again, connection) and again.to_dict() == connection.to_dict()


def test_copies_of_messages(message):
    shallow, deep = copy.copy(message), copy.deepcopy(message)
    assert same(shallow, message) and same(deep, message)
    assert shallow['timestamp'] == deep['timestamp'] == 5
    assert shallow['x'] is message['x']
    deep['x'][1]['deep'].append(3)
    shallow['y'] = 0
    assert message['x'] == [1, {'deep': [2]}] and message['y'] == u'\xe9'
    itself = Pose(x=None, y=None)
    itself['x'] = itself
    again = copy.deepcopy(itself)
    assert again['x'] is again and type(again) is Pose


def test_copies_of_connections_and_types():
    for connection in (Connection('ff15::1', hops=2), Subclass('ff15::1', loopback=False)):
        for again in (copy.copy(connection), copy.deepcopy(connection)):
            assert type(again) is type(connection) and again == connection
            assert again.to_dict() == connection.to_dict() and hash(again) == hash(connection)
    assert copy.deepcopy([Pose, Connection]) == [Pose, Connection]


def test_broadcasters_and_listeners_are_not_copied(connection):
    made = [
        mcl.RawBroadcaster(connection),
        mcl.MessageBroadcaster(Pose),
        mcl.RawListener(connection),
        mcl.MessageListener(Pose),
        mcl.QueuedListener(connection),
        mcl.QueuedListener(Pose, open_init=False),
    ]
    for each in made:
        kind = 'broadcaster' if hasattr(each, 'publish') else 'listener'
        for copying in (copy.copy, copy.deepcopy) + tuple(
            (lambda value, module=module, protocol=protocol: module.dumps(value, protocol))
            for module in pickles()
            for protocol in PROTOCOLS
        ):
            with pytest.raises(TypeError) as caught:
                copying(each)
            assert 'a %s cannot be copied or pickled' % kind in str(caught.value)
            assert 'connection' in str(caught.value)
    for each in made:
        each.close()


# ---- as a dict ----


def test_the_copy_method_gives_a_plain_dict(message):
    """As in the legacy API: in it everything may be changed."""
    for plain in (message.copy(), dict(message), {k: message[k] for k in message}):
        assert type(plain) is dict and plain == message
        plain.pop('timestamp')
        plain['name'] = 'Other'
    assert message['name'] == 'Pose' and message['timestamp'] == 5
    again = Pose(message.copy())
    assert same(again, message)
    with pytest.raises(TypeError):
        mcl.MessageBroadcaster.publish(_Stand(), message.copy())


class _Stand(object):
    """Has what MessageBroadcaster.publish looks at first."""

    message_type = Pose


def test_equality(message):
    assert message == dict(message) and dict(message) == message
    assert not message != dict(message)
    assert message != Pose(message, timestamp=6)
    assert message in [dict(message)] and [message].index(dict(message)) == 0
    with pytest.raises(TypeError):
        hash(message)
    with pytest.raises(TypeError):
        {message: 1}


def test_iteration_and_sorting(message):
    names = ['extra', 'name', 'timestamp', 'x', 'y']
    assert sorted(message) == names == sorted(message.keys()) and len(message) == 5
    assert sorted(key for key, _ in message.items()) == names
    assert list(zip(message.keys(), message.values())) == list(message.items())
    assert 'x' in message and 'z' not in message and message.get('z', 7) == 7
    messages = [Pose(x=x, y=0, timestamp=-x) for x in (2, 3, 1)]
    assert [m['x'] for m in sorted(messages, key=lambda m: m['timestamp'])] == [3, 2, 1]
    assert min(messages, key=lambda m: m['x'])['x'] == 1
    if PY2:
        assert message.has_key('x') and sorted(message.iterkeys()) == names
        assert [m['x'] for m in sorted(messages)] == sorted(m['x'] for m in messages)[::-1]
    else:
        with pytest.raises(TypeError):
            sorted(messages)
    assert '%(x)s and %(name)s' % Pose(x=1, y=2) == '1 and Pose'
    assert (lambda **keys: keys)(**message) == message


def test_changes_as_of_a_dict(message):
    assert message.setdefault('z', 1) == 1 and message.pop('z') == 1
    assert message.setdefault('name', 'Other') == 'Pose'
    del message['extra']
    assert set(message) == {'x', 'y', 'name', 'timestamp'}
    assert type(Pose.fromkeys(['x', 'y'], 3)) is Pose and Pose.fromkeys(['x', 'y'], 3).sum() == 6


def test_json_and_pprint(message):
    del message['extra']
    assert json.loads(json.dumps(message)) == message == json.loads(message.to_json())
    assert json.loads(json.dumps({'list': [message]}, sort_keys=True))['list'] == [message]
    # A dict of Python 2 that is copied may have another order.
    assert ast.literal_eval(repr(message)) == ast.literal_eval(repr(message.copy()))
    text = pprint.pformat(Pose(x='a' * 60, y='b' * 60, timestamp=5))
    assert text.splitlines()[0] == "{'name': 'Pose'," and len(text.splitlines()) == 4


# ---- between processes ----

PROGRAM = """
import multiprocessing, signal, sys
import mcl
from mcl import Message
from mcl.network.udp import Connection
signal.alarm(50)

class Pose(Message):
    mandatory = ('x',)
    connection = Connection('ff15::1d:12', hops=1)

def answer(queue, answers, pipe):
    signal.alarm(30)
    message, kind, connection = queue.get()
    assert type(message) is Pose is kind and connection == Pose.connection
    assert connection.hops == 1 and message['timestamp'] == 5
    message.update(x=2, timestamp=6)
    answers.put(message)
    for _ in range(3):
        message = pipe.recv()
        assert type(message) is Pose
        pipe.send(kind(x=message['x'] + 1))
    with mcl.MessageBroadcaster(kind) as broadcaster:
        broadcaster.publish(pipe.recv())
    pipe.close()

if __name__ == '__main__':
    method = sys.argv[1]
    context = multiprocessing.get_context(method) if method else multiprocessing
    with mcl.MessageListener(Pose) as listener:
        queue, answers = context.Queue(), context.Queue()
        pipe, other = context.Pipe()
        process = context.Process(target=answer, args=(queue, answers, other))
        process.start()
        queue.put((Pose(x=1, timestamp=5), Pose, Pose.connection))
        message = answers.get(timeout=20)
        assert type(message) is Pose and (message['x'], message['timestamp']) == (2, 6), message
        for number in range(3):
            pipe.send(Pose(x=number))
            message = pipe.recv()
            assert type(message) is Pose and message['x'] == number + 1
        pipe.send(Pose(x='published'))
        assert listener.receive(20)['payload']['x'] == 'published'
        process.join()
        assert process.exitcode == 0
    print('well')
"""


@pytest.mark.parametrize('method', [''] if PY2 else ['fork', 'spawn', 'forkserver'])
def test_queues_and_pipes(tmpdir, method):
    path = tmpdir.join('program.py')
    path.write("import warnings\nwarnings.simplefilter('ignore')\n" + PROGRAM)
    output = run_python(
        "import subprocess, sys; sys.exit(subprocess.call([sys.executable] + sys.argv[1:]))",
        str(path),
        method,
    )
    assert output == 'well\n'
