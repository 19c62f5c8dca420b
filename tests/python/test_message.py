"""Message types and messages."""

import collections
import copy
import json
import pickle
import time

import msgpack
import pytest

from helpers import PY2
from mcl import Message
from mcl.messages import messages
from mcl.messages.messages import get_message_objects, list_messages, remove_message_object
from mcl.network.udp import Connection


def define(name='ImuMessage', mandatory=('gyro', 'accel'), connection=Connection('ff15::1')):
    return type(Message)(name, (Message,), {'mandatory': mandatory, 'connection': connection})


@pytest.fixture
def Imu():
    return define()


# ---- definition ----


def test_attributes(Imu):
    for holder in (Imu, Imu()):
        assert holder.name == 'ImuMessage'
        assert holder.mandatory == ('gyro', 'accel')
        assert holder.connection == Connection('ff15::1')
        for name in ('name', 'mandatory', 'connection'):
            with pytest.raises(AttributeError):
                setattr(holder, name, 'value')
    assert issubclass(Imu, dict)


def test_list_as_mandatory():
    assert define(mandatory=['gyro'])()['gyro'] is None


@pytest.mark.parametrize(
    'changes, error',
    [
        ({'name': 'Message'}, NameError),
        ({'mandatory': 'gyro'}, TypeError),
        ({'mandatory': None}, TypeError),
        ({'mandatory': {'gyro': 1}}, TypeError),
        ({'mandatory': ('gyro', 5)}, TypeError),
        ({'connection': None}, TypeError),
        ({'connection': Connection}, TypeError),
        ({'connection': ('ff15::1', 26000)}, TypeError),
        ({'mandatory': ('gyro', 'gyro')}, ValueError),
        ({'mandatory': ('mandatory',)}, ValueError),
        ({'mandatory': ('connection',)}, ValueError),
    ],
)
def test_ill_defined(changes, error):
    with pytest.raises(error):
        define(**changes)
    assert list_messages() == []


def test_missing_declarations():
    for body in ({}, {'mandatory': ('a',)}, {'connection': Connection('ff15::1')}):
        with pytest.raises(TypeError):
            type(Message)('Missing', (Message,), body)


def test_name_and_connection_are_taken(Imu):
    with pytest.raises(NameError):
        define(connection=Connection('ff15::2'))
    with pytest.raises(Exception) as caught:
        define(name='Other')
    assert 'connection' in str(caught.value)
    define(name='Other', connection=Connection('ff15::1', 2000))


def test_class_statement():
    class Pose(Message):
        mandatory = ('x',)
        connection = Connection('ff15::1')

        def double(self):
            return 2 * self['x']

    assert Pose(x=2).double() == 4
    assert messages._MESSAGES == [Pose]


def test_refined_type(Imu):
    class Refined(Imu):
        def sum(self):
            return self['gyro'] + self['accel']

    assert Refined(gyro=1, accel=2).sum() == 3
    assert Refined(gyro=1, accel=2)['name'] == 'ImuMessage'
    assert list_messages() == [Imu]


def test_the_base_class_has_no_instances():
    with pytest.raises(TypeError):
        Message()


# ---- making ----


def test_empty(Imu):
    before = time.time()
    message = Imu()
    assert message['gyro'] is None and message['accel'] is None
    assert message['name'] == 'ImuMessage'
    assert before <= message['timestamp'] <= time.time()
    assert set(message) == {'gyro', 'accel', 'name', 'timestamp'}


def test_ways_to_make(Imu):
    values = {'gyro': 1, 'accel': 2, 'extra': 3}
    packed = msgpack.packb(values, use_bin_type=not PY2)
    for message in (
        Imu(gyro=1, accel=2, extra=3),
        Imu(values),
        Imu(list(values.items())),
        Imu(packed),
        Imu({'gyro': 1}, accel=2, extra=3),
        Imu(iter(values.items())),
    ):
        assert {key: message[key] for key in values} == values
        assert message['name'] == 'ImuMessage'
        assert isinstance(message['timestamp'], float)
    assert Imu(gyro=1, accel=2, timestamp=5)['timestamp'] == 5
    assert Imu(dict(values, name='ImuMessage')) is not None


@pytest.mark.parametrize(
    'arguments, keywords',
    [
        ((), {'gyro': 1}),
        (({'gyro': 1},), {}),
        (({},), {}),
        (([('gyro', 1)],), {}),
        (({'gyro': 1, 'accel': 2}, {}), {}),
        ((5,), {}),
        (('text',), {}),
        (([1, 2],), {}),
        ((None,), {}),
        ((b'\xc1',), {}),
        ((b'',), {}),
        ((b'\x01',), {}),
        ((b'\x91\x01',), {}),
        ((b'\x81\xa1a\x01',), {}),
        ((b'\x80\x00',), {}),
        ((b'\x81\x90\x01',), {}),
    ],
)
def test_what_makes_no_message(Imu, arguments, keywords):
    with pytest.raises(TypeError):
        Imu(*arguments, **keywords)


def test_missing_keys_are_named(Imu):
    with pytest.raises(TypeError) as caught:
        Imu(gyro=1)
    assert "'accel'" in str(caught.value) and 'ImuMessage' in str(caught.value)


def test_keys_that_travelled_as_bin(Imu):
    packed = b'\x83\xc4\x04gyro\x01\xc4\x05accel\x02\xc4\x04name\xc4\x0aImuMessage'
    message = Imu(packed)
    assert (message['gyro'], message['accel'], message['name']) == (1, 2, 'ImuMessage')
    with pytest.raises(ValueError):
        Imu(packed.replace(b'ImuMessage', b'OtherThing'))


# ---- changing ----


def test_update_sets_the_timestamp(Imu):
    message = Imu(gyro=1, accel=2, timestamp=5)
    message.update(gyro=3)
    assert message['gyro'] == 3 and message['accel'] == 2
    assert abs(message['timestamp'] - time.time()) < 60
    message.update({'gyro': 4, 'timestamp': 6})
    assert message['timestamp'] == 6
    message.update([('accel', 7)])
    message.update(Imu(gyro=8, accel=9).encode())
    assert (message['gyro'], message['accel']) == (8, 9)
    with pytest.raises(TypeError):
        message.update({}, {})
    with pytest.raises(TypeError):
        message.update(b'\x01')


def test_assignment_leaves_the_timestamp_alone(Imu):
    message = Imu(gyro=1, accel=2, timestamp=5)
    message['gyro'] = 6
    message['new'] = 7
    assert message['timestamp'] == 5
    message['timestamp'] = 8
    assert message['timestamp'] == 8


def test_the_name_cannot_be_changed(Imu):
    message = Imu(gyro=1, accel=2)
    with pytest.raises(ValueError):
        message['name'] = 'Other'
    with pytest.raises(ValueError):
        message.update(name='Other', gyro=5)
    with pytest.raises(ValueError):
        message.update({'name': 'Other'})
    with pytest.raises(ValueError):
        Imu(gyro=1, accel=2, name='Other')
    assert message['name'] == 'ImuMessage' and message['gyro'] == 1
    if hasattr(dict, '__ior__'):
        with pytest.raises(ValueError):
            message |= {'name': 'Other'}


def test_the_timestamp_that_is_there_is_none_that_is_given(Imu):
    message = Imu(gyro=1, accel=2)
    first = message['timestamp']
    changed = dict(message, gyro=3)
    message.update(changed)
    assert message['gyro'] == 3 and message['timestamp'] > first
    for again in (lambda: message.update(timestamp=message['timestamp']),
                  lambda: message.update(message)):
        before = message['timestamp']
        again()
        assert message['timestamp'] > before
    message.update(timestamp=0)
    assert message['timestamp'] == 0
    message.update(timestamp=None)
    assert message['timestamp'] is None
    message.update(timestamp=None)
    assert abs(message['timestamp'] - time.time()) < 60
    given = {'gyro': 1, 'accel': 2, 'timestamp': None}
    for none in (Imu(given), Imu(**given)):
        assert abs(none['timestamp'] - time.time()) < 60
    assert Imu(message)['timestamp'] == message['timestamp']


def test_packed_data_keeps_its_timestamp(Imu):
    message = Imu(gyro=1, accel=2, timestamp=5)
    message.update(message.encode())
    assert message['timestamp'] == 5
    message.update(Imu(gyro=3, accel=4, timestamp=7).encode(), accel=6)
    assert message == {'gyro': 3, 'accel': 6, 'timestamp': 7, 'name': 'ImuMessage'}
    message.update(msgpack.packb({'gyro': 1, 'accel': 2}))
    assert abs(message['timestamp'] - time.time()) < 60


def test_an_update_of_packed_data_needs_all_keys(Imu):
    message = Imu(gyro=1, accel=2, timestamp=5)
    for packed in (msgpack.packb({'gyro': 3}), msgpack.packb({})):
        with pytest.raises(TypeError) as caught:
            message.update(packed)
        assert "'accel'" in str(caught.value)
        assert message == {'gyro': 1, 'accel': 2, 'timestamp': 5, 'name': 'ImuMessage'}
    message.update(msgpack.packb({'gyro': 3}), accel=4)
    assert (message['gyro'], message['accel']) == (3, 4)


# ---- order of keys ----


def in_order(*pairs):
    """A dict that these keys went into in this order, none of which is copied from another one."""
    made = {}
    for key in pairs:
        made[key] = None
    return made


def test_order_of_keys(Imu):
    """The timestamp, what is given in its own order, and the name: as the legacy system has it."""
    given = [('zeta', 1), ('gyro', 2), ('accel', 3), ('alpha', 4)]
    keys = ['timestamp'] + [key for key, _ in given] + ['name']
    ordered = collections.OrderedDict(given)
    for message in (Imu(given), Imu(iter(given)), Imu(given[:2], **dict(given[2:]))):
        assert list(message) == list(in_order(*keys))
        assert list(msgpack.unpackb(message.encode(), raw=False,
                                    object_pairs_hook=lambda pairs: [key for key, _ in pairs])
                    ) == list(message)
    if not PY2:
        assert list(Imu(ordered)) == list(Imu(**ordered)) == list(Imu(dict(ordered))) == keys
        assert list(Imu(dict(given, timestamp=5))) == keys
    assert list(Imu()) == list(in_order('timestamp', 'gyro', 'accel', 'name'))


@pytest.mark.skipif(not PY2, reason="on Python 3 the order of insertion is all there is")
def test_order_of_keys_whose_hashes_collide():
    names = [name for name in map('k%d'.__mod__, range(3000))
             if hash(name) & 7 == hash('timestamp') & 7][:2]
    first, second = names
    Colliding = define('Colliding', mandatory=names)
    for given in ([(first, 1), (second, 2)], [(second, 1), (first, 2)]):
        message = Colliding(given)
        assert list(message) == list(in_order('timestamp', given[0][0], given[1][0], 'name'))
    assert list(Colliding([(first, 1), (second, 2)])) != list(Colliding([(second, 2), (first, 1)]))


# ---- encoding ----


def test_encode(Imu):
    message = Imu(gyro=1, accel=[1.5, 'text', b'bytes', None], timestamp=5)
    packed = message.encode()
    assert isinstance(packed, bytes)
    assert Imu(packed) == message


def test_json(Imu):
    text = Imu(gyro=1, accel={'x': [1.5, None, True]}, timestamp=5).to_json()
    assert isinstance(text, str)
    assert json.loads(text) == {
        'gyro': 1,
        'accel': {'x': [1.5, None, True]},
        'timestamp': 5,
        'name': 'ImuMessage',
    }


def test_json_of_what_json_has_not(Imu):
    bad = msgpack.unpackb(b'\xa2a\xff', raw=True) if PY2 else 'a\udcff'
    message = Imu(gyro=[float('-inf'), bad], accel={(1, 2): 1, None: 2, 3: {'z': 1, 'a': 2}})
    text = message.to_json()
    assert text.startswith('{"%s": ' % next(iter(message)))
    value = json.loads(text, object_pairs_hook=collections.OrderedDict)
    assert list(value) == list(message)
    assert value['gyro'] == [float('-inf'), u'a\ufffd' if PY2 else bad]
    assert value['accel'] == {'(1, 2)': 1, 'null': 2, '3': {'z': 1, 'a': 2}}
    if not PY2:
        assert json.loads(Imu(gyro=b'\xff\0', accel=1).to_json())['gyro'] == '/wA='
    for wrong in (object(), {1}):
        with pytest.raises(TypeError):
            Imu(gyro=wrong, accel=1).to_json()


@pytest.mark.parametrize('value', [
    1, 1.5, float('nan'), [float('inf'), float('-inf')], u'Z\xfcrich', {'z': 1, 'a': [{}]}, None,
    {1: 2, None: True, 0.5: []},
], ids=repr)
def test_json_is_what_json_dumps_makes(Imu, value):
    message = Imu([('zeta', 1), ('gyro', value), ('accel', 2)], alpha=3)
    assert message.to_json() == json.dumps(message)


class Global(dict):
    """Stands where the test below puts a message type: pickle looks it up by name."""


def test_pickle_and_copy():
    saved = Global
    try:
        globals()['Global'] = define(name='Global', mandatory=('x',))
        message = Global(x=[1], timestamp=5)
        Global.__module__ = __name__
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(message, protocol)) == message
        assert copy.deepcopy(message) == message
        assert type(copy.copy(message)) is Global
    finally:
        globals()['Global'] = saved


# ---- the registry ----


def test_registry():
    one = define('One', connection=Connection('ff15::1'))
    two = define('Two', connection=Connection('ff15::2'))
    assert list_messages() == [one, two]
    assert list_messages(include=['Two', 'One']) == [one, two]
    assert list_messages(include=['One', 'Two'], exclude=['One']) == [two]
    for names in ('Two', u'Two', ['Two'], ('Two', 'No'), {'Two'}, frozenset(['Two']), {'Two': 5}):
        assert list_messages(include=names) == [two]
        assert list_messages(exclude=names) == [one]
    for nothing in (None, [], (), set(), {}):
        assert list_messages(include=nothing, exclude=nothing) == [one, two]
    assert list_messages(include='') == [] and list_messages(exclude='') == [one, two]
    assert get_message_objects('One') is one
    assert get_message_objects(['Two', 'One']) == [two, one]
    for unknown in ('Three', ['One', 'Three']):
        with pytest.raises(NameError):
            get_message_objects(unknown)
    for wrong in (5, None, {'One': 1}, [5], one):
        with pytest.raises(TypeError):
            get_message_objects(wrong)
    for wrong in (5, 0, False, [5], {5: 'One'}, ['One', None], b'One' if not PY2 else 5, one):
        with pytest.raises(TypeError):
            list_messages(include=wrong)
        with pytest.raises(TypeError):
            list_messages(exclude=wrong)
    assert remove_message_object('One') is True
    assert remove_message_object('One') is False
    assert list_messages() == [two]
    define('One', connection=Connection('ff15::1'))


def test_types_of_one_name():
    """As a program makes them that renames one, or puts one back."""
    one = define('One', connection=Connection('ff15::1'))
    two = define('Two', connection=Connection('ff15::2'))
    two.__name__ = 'One'
    for names in ('One', ['One']):
        with pytest.raises(NameError) as caught:
            get_message_objects(names)
        assert '2' in str(caught.value)
    with pytest.raises(NameError):
        get_message_objects('Two')
    assert list_messages('One') == [one, two] and list_messages('Two') == []
    assert remove_message_object('One') is True
    assert get_message_objects('One') is two


def test_a_new_list_forgets_all_types(Imu):
    messages._MESSAGES = []
    assert list_messages() == []
    again = define()
    assert messages._MESSAGES == [again]
