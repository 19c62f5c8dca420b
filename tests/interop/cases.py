"""What every peer publishes to every other."""
import struct

from forms import build, head

MIB = 1 << 20
# Bytes: what is larger travels in fragments, and may be sent again. A full buffer drops a part of it; and
# of a legacy sender that is held up amid it nobody knows that what comes late is of the same message.
REPEATED = 59000


def pattern(size):
    """Return the bytes of a large string, which the peers make themselves: byte i is 7 i + i / 251."""
    period = bytes((7 * i + i // 251) % 256 for i in range(251 * 256))
    return (period * (size // len(period) + 1))[:size]


class Case(object):
    """One value to publish.

    Attributes:
        request (str): how a peer is asked to publish it.
        topic (bytes or None)
        packed (bytes): the value.
        form (str): 'raw' or 'bin' when it is a string of this form, '' for what may hold others.
        typed (bool): it goes to the listeners for a message type.
        fits (bool): it is delivered by these.
    """

    def __init__(self, name, kind, word, packed, topic=None, form=''):
        self.name, self.packed, self.topic, self.form = name, packed, topic, form
        self.typed, self.fits = kind in ('message', 'misfit'), kind != 'misfit'
        self.request = 'publish %s %s %s' % ('-' if topic is None else '=' + topic.hex(), kind, word)


def string(value, name=None, topic=None):
    return Case(name or 'string of %d' % len(value), 'string', value.hex(), build(('raw', value)), topic, 'raw')


def raw_pattern(size, name):
    """A string of so many bytes when packed."""
    value = size - len(head('raw', size - 5))
    packed = head('raw', value) + pattern(value)
    assert len(packed) == size
    return Case(name, 'pattern', str(value), packed, None, 'raw')


def integer(value):
    for low, high, layout, first in ((0, 1 << 7, 'B', b''), (-32, 0, 'b', b''), (0, 1 << 8, 'B', b'\xcc'),
                                     (0, 1 << 16, 'H', b'\xcd'), (0, 1 << 32, 'I', b'\xce'),
                                     (0, 1 << 64, 'Q', b'\xcf'), (-1 << 7, 0, 'b', b'\xd0'),
                                     (-1 << 15, 0, 'h', b'\xd1'), (-1 << 31, 0, 'i', b'\xd2'),
                                     (-1 << 63, 0, 'q', b'\xd3')):
        if low <= value < high:
            packed = first + struct.pack('>' + layout, value)
            return Case('int %d' % value, 'uint' if value >= 0 else 'int', str(value), packed)
    raise OverflowError(value)


def double(bits):
    return Case('double %s' % bits, 'double', bits, b'\xcb' + bytes.fromhex(bits))


def packed(name, tree, kind='packed', topic=None):
    value = build(tree)
    return Case(name, kind, value.hex(), value, topic)


def text(value):
    return ('raw', value.encode())


def number(value):
    return ('atom', integer(value).packed)


def table(**items):
    return ('map', [(text(key), value) for key, value in items.items()])


def small():
    """Return the cases in one datagram, or a few."""
    nil = ('atom', b'\xc0')
    every_byte = bytes(range(256))
    topics = [b'imu', b'', b'with a space', 't\u00f3pico'.encode(), b'\xff\xfe\x00\x80', b't' * 31, b't' * 32,
              b't' * 300]
    cases = [string(b'a topic', 'topic %r' % topic, topic) for topic in topics]
    cases += [string(b'large, with a topic' * 5000, 'fragments with topic %r' % topic, topic)
              for topic in (b'', b'\xff\xfe')]
    cases += [Case('nil', 'nil', '-', b'\xc0'), Case('true', 'bool', 'true', b'\xc3'),
              Case('false', 'bool', 'false', b'\xc2')]
    cases += [integer(value) for bits in (7, 8, 16, 32, 63) for value in ((1 << bits) - 1, 1 << bits)]
    cases += [integer(value) for value in (0, (1 << 64) - 1, -1, -32, -33)]
    cases += [integer(value) for bits in (7, 15, 31) for value in (-1 << bits, (-1 << bits) - 1)]
    cases += [integer(-1 << 63)]
    # 0, -0, the largest, the smallest, pi, the infinities, NaN
    cases += [double(bits) for bits in (
        '0000000000000000', '8000000000000000', '7fefffffffffffff', '0000000000000001', '400921fb54442d18',
        '7ff0000000000000', 'fff0000000000000', '7ff8000000000000')]
    cases += [string(b'x' * size) for size in (0, 1, 31, 32, 255, 256, 65535, 65536)]
    cases += [string('\u00e9\u4e2d\U0001f697'.encode(), 'text'), string(every_byte, 'string not UTF-8')]
    cases += [Case('bytes of %d' % len(value), 'bytes', value.hex(), build(('bin', value)), None, 'bin')
              for value in (b'', b'\x00', every_byte, every_byte * 257)]
    deep = nil
    for _ in range(100):
        deep = ('array', [deep])
    cases += [
        packed('empty array', ('array', [])), packed('empty map', ('map', [])), packed('100 arrays deep', deep),
        packed('array of 15', ('array', [number(i) for i in range(15)])),
        packed('array of 16', ('array', [number(i) for i in range(16)])),
        packed('array of 70000', ('array', [nil] * 70000)),
        packed('map of 20', ('map', [(number(i), text(str(i))) for i in range(20)])),
        packed('nested', table(name=text('n'), list=('array', [table(a=nil), number(-5), ('raw', every_byte)]),
                               key=('map', [(number(7), ('array', [])), (nil, ('atom', b'\xc3'))])))]
    return cases


def typed():
    """Return the cases of messages of a type with the mandatory keys x and y."""
    pose = dict(name=text('Pose'), timestamp=('atom', b'\xcb' + struct.pack('>d', 1463012407.25)), x=number(1))
    extra = table(y=number(-2), more=('array', [text('beyond'), number(3)]), **pose)
    return [packed('message', table(y=('atom', b'\xc0'), **pose), 'message'),
            packed('message with topic', table(y=number(2), **pose), 'message', b'front'),
            packed('message with extra keys', extra, 'message'),
            packed('message of 70000 bytes', table(y=('raw', b'y' * 70000), **pose), 'message'),
            packed('misfit: key missing', table(**pose), 'misfit'),
            packed('misfit: another name', table(y=number(2), **dict(pose, name=text('Imu'))), 'misfit'),
            packed('misfit: no map', ('array', [number(1)]), 'misfit')]


def boundary():
    """Return the cases around the size where fragments begin, and where one more begins."""
    # Before the value stand two bytes: the head of the array, and nil.
    cases = [raw_pattern(whole - 2, 'datagram of %d' % whole) for whole in range(59990, 60003)]
    return cases + [raw_pattern(size, 'payload of %d' % size) for size in (60000, 60001, 119999, 120000, 120001)]


def large():
    return [raw_pattern(1000000, '1 MB'), raw_pattern(5000000, '5 MB')]


def largest():
    """Return the largest message that is sent and accepted by default."""
    return raw_pattern(64 * MIB, '64 MiB')
