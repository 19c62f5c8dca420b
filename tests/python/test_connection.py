"""Connections: of a user's own transport, and of UDP."""

import collections
import copy
import pickle
import pickletools

import pytest

from helpers import PY2
from mcl.network import abstract, udp


class Broadcaster(abstract.RawBroadcaster):
    is_open = True

    def _open(self):
        return False

    def publish(self, data, topic=None):
        pass

    def close(self):
        return False


class Listener(abstract.RawListener):
    is_open = True

    def _open(self):
        return False

    def close(self):
        return False


class Own(abstract.Connection):
    mandatory = ('A', 'B')
    optional = {'C': 2}
    broadcaster = Broadcaster
    listener = Listener


def declare(**changes):
    body = {
        'mandatory': ('A',),
        'optional': {'C': 2},
        'broadcaster': Broadcaster,
        'listener': Listener,
    }
    body.update(changes)
    body = {name: value for name, value in body.items() if value is not Ellipsis}
    return type(abstract.Connection)('Declared', (abstract.Connection,), body)


def test_fields():
    connection = Own('a', 'b')
    assert (connection.A, connection.B, connection.C) == ('a', 'b', 2)
    assert Own('a', 'b', C=5).C == 5
    assert Own(A='a', B='b', C=5) == Own('a', 'b', C=5)
    assert connection[0] == 'a' and connection[-1] == 2
    assert list(connection) == ['a', 'b', 2]
    assert len(connection) == 3


@pytest.mark.parametrize(
    'arguments, keywords',
    [
        ((), {}),
        (('a',), {}),
        ((), {'A': 1}),
        (('a', 'b'), {'D': 1}),
        (('a', 'b'), {'A': 1}),
        ((1, 2, 3, 4), {}),
    ],
)
def test_arguments_must_fit(arguments, keywords):
    with pytest.raises(TypeError):
        Own(*arguments, **keywords)


def test_the_base_class_has_no_instances():
    with pytest.raises(TypeError):
        abstract.Connection()


def test_equality_and_hash():
    assert Own(1, 2) == Own(1, 2)
    assert not Own(1, 2) != Own(1, 2)
    assert Own(1, 2) != Own(1, 3)
    assert hash(Own(1, 2)) == hash(Own(1, 2))
    assert Own(1, 2) != 5
    assert declare()(1) == (1, 2)
    assert declare()(1) != declare()(1), "of two transports"


def test_repr():
    assert repr(declare()('A')) == "Declared(A='A', C=2)"
    assert repr(Own(1, 'x')) == "Own(A=1, B='x', C=2)"


def test_dict():
    assert Own(1, 2).to_dict() == {'A': 1, 'B': 2, 'C': 2}
    assert Own.from_dict({'A': 1, 'B': 3, 'C': 4}) == Own(1, 3, C=4)
    assert Own.from_dict({'A': 1, 'B': 3}) == Own(1, 3)
    with pytest.raises(AttributeError):
        Own.from_dict({'A': 1, 'C': 3})


def test_asdict():
    assert list(Own(1, 2)._asdict().items()) == [('A', 1), ('B', 2), ('C', 2)]
    assert dict(udp.Connection('ff15::1', hops=1)._asdict()) == {'url': 'ff15::1', 'port': 26000}


@pytest.mark.parametrize('name', ['to_dict', 'from_dict', 'reset', 'make', 'ready'])
def test_fields_do_not_replace_methods(name):
    methods = {
        'reset': lambda self: None,
        'make': classmethod(lambda cls: None),
        'ready': property(lambda self: None),
    }
    if name not in methods:
        methods = {}
    for declaration in ({'mandatory': (name,)}, {'optional': {name: 1}}):
        with pytest.raises(ValueError) as caught:
            declare(**dict(methods, **declaration))
        assert name in str(caught.value) and 'method' in str(caught.value)


def test_fields_called_as_methods_of_tuples():
    """As namedtuple has it."""
    connection = declare(mandatory=('count', 'index'), optional={})(1, 2)
    assert (connection.count, connection.index) == (1, 2)
    assert connection.to_dict() == {'count': 1, 'index': 2}


@pytest.mark.parametrize(
    'options, range_',
    [
        ({'hops': -1}, '0 to 255'),
        ({'hops': 1 << 40}, '0 to 255'),
        ({'message_max': -1}, '1 to 1073741824'),
        ({'reassembly_age_ms': 1 << 70}, '1 to 86400000'),
    ],
)
def test_ranges_are_told(options, range_):
    with pytest.raises(ValueError) as caught:
        udp.Connection('ff15::1', **options)
    (name,) = options
    assert name in str(caught.value) and range_ in str(caught.value)


def test_make_and_replace():
    assert Own._make([1, 2, 3]) == Own(1, 2, C=3)
    assert Own(1, 2)._replace(B=5) == Own(1, 5)
    with pytest.raises(ValueError):
        Own(1, 2)._replace(D=5)
    with pytest.raises(TypeError):
        Own._make([1])


@pytest.mark.parametrize(
    'connection',
    [Own(1, 'b', C=None), udp.Connection('ff15::1'), udp.Connection('ff15::1', 2000, hops=1)],
)
def test_pickle_and_copy(connection):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(connection, protocol))
        assert again == connection
        assert type(again) is type(connection)
        assert repr(again) == repr(connection)
    assert copy.copy(connection) == copy.deepcopy(connection) == connection


@pytest.mark.parametrize('connection', [Own(1, 2), udp.Connection('ff15::1', hops=1)])
def test_fields_are_immutable(connection):
    before, options = repr(connection), ('hops', 'interface') * isinstance(
        connection, udp.Connection)
    for name in type(connection)._fields + ('broadcaster', 'listener', 'mandatory') + options:
        with pytest.raises(AttributeError):
            setattr(connection, name, 'value')
        with pytest.raises(AttributeError):
            delattr(connection, name)
    with pytest.raises(TypeError):
        connection[0] = 1
    assert repr(connection) == before


@pytest.mark.parametrize('connection', [Own(1, 2), udp.Connection('ff15::1', hops=1)])
def test_other_attributes_can_be_set(connection):
    before, text = copy.copy(connection), repr(connection)
    connection.note = ['mine']
    assert connection.note == ['mine']
    assert (connection, hash(connection), repr(connection)) == (before, hash(before), text)
    assert connection._replace().to_dict() == before.to_dict()
    assert copy.copy(connection).note == copy.deepcopy(connection).note == ['mine']
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(connection, protocol)).note == ['mine']
    del connection.note
    assert not hasattr(connection, 'note')


def test_optional_fields_come_in_the_order_of_their_dict():
    optional = {'B': 1, 'C': 2, 'D': 3}
    names = tuple(optional)
    assert names == (('C', 'B', 'D') if PY2 else ('B', 'C', 'D'))
    Many = declare(optional=optional)
    many = Many('a', 10, 20, 30)
    assert tuple(many) == many[:] == ('a', 10, 20, 30)
    assert [getattr(many, name) for name in names] == [10, 20, 30] == list(many)[1:]
    assert repr(many) == "Declared(A='a', %s=10, %s=20, %s=30)" % names
    assert Many._make(many) == many and list(many._asdict()) == ['A'] + list(names)
    ordered = collections.OrderedDict([('Z', 1), ('B', 2)])
    assert repr(declare(optional=ordered)('a')) == "Declared(A='a', Z=1, B=2)"


def test_own_init():
    """It takes what the class takes, and may hand it to the base class, which has no use for it."""

    class Serial(abstract.Connection):
        mandatory = ('device',)
        optional = {'speed': 9600}
        broadcaster = Broadcaster
        listener = Listener

        def __init__(self, device, speed=9600):
            super(Serial, self).__init__(device, speed=speed)
            self.label = '%s at %d' % (device, speed)

    serial = Serial('/dev/ttyS0', speed=300)
    assert (tuple(serial), serial.label) == (('/dev/ttyS0', 300), '/dev/ttyS0 at 300')
    assert Serial.from_dict(serial.to_dict()).label == copy.copy(serial).label == serial.label
    assert serial._replace(speed=1200).label == '/dev/ttyS0 at 1200'


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_names_the_class_alone(protocol):
    """A process of the legacy system loads it."""
    pickled = pickle.dumps(udp.Connection('ff15::1', 2000), protocol)
    named = {argument if ' ' in argument else None
             for code, argument, _ in pickletools.genops(pickled) if code.name == 'GLOBAL'}
    if protocol < 4:
        assert named == {'mcl.network.udp Connection'}
    assert b'_remake' not in pickled and b'_connection' not in pickled
    assert b'ff15::1' in pickled and b'hops' not in pickled


def test_broadcaster_and_listener():
    assert Own(1, 2).broadcaster is Broadcaster and Own.broadcaster is Broadcaster
    assert Own(1, 2).listener is Listener
    assert udp.Connection('ff15::1').broadcaster is udp.RawBroadcaster
    assert udp.Connection('ff15::1').listener is udp.RawListener


@pytest.mark.parametrize(
    'changes',
    [
        {'mandatory': Ellipsis},
        {'mandatory': 'A'},
        {'mandatory': 5},
        {'mandatory': ('A', 5)},
        {'mandatory': {'A': 1}},
        {'optional': ('C',)},
        {'optional': {5: 1}},
        {'optional': 'C'},
        {'optional': None},
        {'broadcaster': Ellipsis},
        {'listener': Ellipsis},
        {'broadcaster': Listener},
        {'listener': Broadcaster},
        {'broadcaster': 5},
        {'listener': None},
        {'broadcaster': object},
    ],
)
def test_ill_declared_types(changes):
    with pytest.raises(TypeError):
        declare(**changes)


@pytest.mark.parametrize(
    'name',
    [
        'class',
        'for',
        '5a',
        '_a',
        'a b',
        'a-b',
        '',
        'mandatory',
        'optional',
        'broadcaster',
        'listener',
    ],
)
def test_ill_named_fields(name):
    with pytest.raises(ValueError):
        declare(mandatory=(name,))
    with pytest.raises(ValueError):
        declare(optional={name: 1})


@pytest.mark.parametrize('changes', [{'mandatory': ('A', 'A')}, {'mandatory': ('C',)}])
def test_fields_given_twice(changes):
    with pytest.raises(ValueError):
        declare(**changes)


def test_well_declared():
    assert declare(optional=Ellipsis)(1) == (1,)
    assert declare(mandatory=['A', 'Z'])(1, 2).Z == 2
    assert declare(mandatory=[])(C=3).C == 3


def test_derived_class_is_left_alone():
    class Derived(Own):
        mandatory = 5

        def sum(self):
            return self.A + self.B

    assert Derived(1, 2).sum() == 3
    assert Derived.mandatory == 5
    assert isinstance(Derived(1, 2), Own)
    assert repr(Derived(1, 2)) == 'Derived(A=1, B=2, C=2)'
    derived = Derived(1, 2)
    derived.note = 'mine'
    assert copy.copy(derived).note == 'mine'
    with pytest.raises(AttributeError):
        derived.A = 5


def test_own_new():
    class Checked(abstract.Connection):
        mandatory = ('A',)
        optional = {'C': 2}
        broadcaster = Broadcaster
        listener = Listener

        def __new__(cls, A, C=2):
            return super(Checked, cls).__new__(cls, A * 2, C)

    assert Checked(1) == (2, 2)


# ---- UDP ----


def test_udp_legacy():
    connection = udp.Connection('ff15::1')
    assert (connection.url, connection.port) == ('ff15::1', 26000)
    assert udp.Connection('ff15::1', 2000) == udp.Connection('ff15::1', port=2000)
    assert repr(connection) == "Connection(url='ff15::1', port=26000)"
    assert connection.to_dict() == {'url': 'ff15::1', 'port': 26000}
    assert udp.Connection.from_dict({'url': 'ff15::1', 'port': 2000}).port == 2000
    assert tuple(connection) == ('ff15::1', 26000)
    with pytest.raises(AttributeError):
        udp.Connection.from_dict({'port': 26000})


@pytest.mark.parametrize(
    'arguments',
    [
        (),
        (5,),
        (None,),
        (b'ff15::1' if str is not bytes else 5,),
        ('ff15::1', '26000'),
        ('ff15::1', 2000.0),
        ('ff15::1', None),
        ('ff15::1', 1023),
        ('ff15::1', 65536),
        ('ff15::1', 0),
        ('ff15::1', -1),
        ('ff15::1', True),
        ('ff15::1', 2**40),
    ],
)
def test_udp_types(arguments):
    with pytest.raises(TypeError):
        udp.Connection(*arguments)


@pytest.mark.parametrize('port', [1024, 26000, 65535])
def test_udp_ports(port):
    assert udp.Connection('ff15::1', port).port == port


def test_udp_address_is_checked_later():
    assert udp.Connection('no address').url == 'no address'


def test_udp_options():
    connection = udp.Connection('ff15::1', hops=0, loopback=False, interface='lo')
    assert (connection.hops, connection.loopback, connection.interface) == (0, False, 'lo')
    assert connection.recv_buffer is None
    assert connection == udp.Connection('ff15::1')
    assert len(connection) == 2
    assert repr(connection) == (
        "Connection(url='ff15::1', port=26000, hops=0, interface='lo', loopback=False)"
    )
    assert repr(udp.Connection.from_dict(connection.to_dict())) == repr(connection)
    assert connection._replace(hops=5, port=2000).hops == 5
    assert connection._replace(port=2000).interface == 'lo'
    with pytest.raises(AttributeError):
        connection.hops = 5


@pytest.mark.parametrize(
    'options',
    [
        {'hops': '3'},
        {'hops': 1.0},
        {'loopback': 1},
        {'interface': 1},
        {'unknown': 1},
        {'recv_buffer': 'big'},
        {'message_max': None, 'colour': 'red'},
    ],
)
def test_udp_option_types(options):
    with pytest.raises(TypeError):
        udp.Connection('ff15::1', **options)


@pytest.mark.parametrize(
    'options',
    [{'hops': -1}, {'hops': 2**32 + 1}, {'recv_buffer': 2**63}, {'reassembly_age_ms': 2**31}],
)
def test_udp_option_ranges(options):
    with pytest.raises(ValueError):
        udp.Connection('ff15::1', **options)
