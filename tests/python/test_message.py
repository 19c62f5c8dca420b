"""Message types and messages."""

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
    assert list_messages() == ['ImuMessage']


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
    value = json.loads(Imu(gyro=[float('nan'), float('inf'), bad], accel={3: 1, None: 2}).to_json())
    assert value['gyro'] == [None, None, u'a\ufffd']
    assert value['accel'] == {'3': 1, 'null': 2}
    if not PY2:
        assert json.loads(Imu(gyro=b'\xff\0', accel=1).to_json())['gyro'] == '/wA='


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
    assert list_messages() == ['One', 'Two']
    assert list_messages(include=['Two']) == ['Two'] == list_messages(include='Two')
    assert list_messages(exclude=['Two']) == ['One'] == list_messages(exclude='Two')
    assert list_messages(include=['One', 'Two'], exclude=['One']) == ['Two']
    assert get_message_objects('One') is one
    assert get_message_objects(['Two', 'One']) == [two, one]
    for unknown in ('Three', ['One', 'Three']):
        with pytest.raises(NameError):
            get_message_objects(unknown)
    for wrong in (5, None, {'One': 1}, [5], one):
        with pytest.raises(TypeError):
            get_message_objects(wrong)
    for wrong in (5, [5]):
        with pytest.raises(TypeError):
            list_messages(include=wrong)
        with pytest.raises(TypeError):
            list_messages(exclude=wrong)
    assert remove_message_object('One') is True
    assert remove_message_object('One') is False
    assert list_messages() == ['Two']
    define('One', connection=Connection('ff15::1'))


def test_a_new_list_forgets_all_types(Imu):
    messages._MESSAGES = []
    assert list_messages() == []
    again = define()
    assert messages._MESSAGES == [again]
