"""What a listener must show of a case, by who sent it: where languages differ by right, and nowhere else."""
import zlib

from forms import build, parse, sort_maps, strings_as


def on_the_wire(case, publisher):
    """Return the payload as this publisher packs it."""
    if publisher.sends == 'both':
        return case.packed
    return build(strings_as(publisher.sends, parse(case.packed)))


def is_delivered(case, listener):
    """Tell if this listener shows the case at all. Legacy peers do not know message types."""
    return case.fits or listener.is_legacy


def _message_of_python3(tree):
    """Return a message as Python 3 has it: keys are text there, and so is the name."""
    if tree[0] != 'map':
        return tree
    items = [(strings_as('raw', key), value) for key, value in tree[1]]
    return 'map', [(key, strings_as('raw', value) if key == ('raw', b'name') else value) for key, value in items]


class Expectation(object):
    """Compares what listeners show of one case sent by one publisher."""

    def __init__(self, case, publisher):
        self.topic = '-' if case.topic is None else '=' + case.topic.hex()
        self.name = 'typed' if case.typed else 'raw'
        self.publisher = publisher
        self.wire = on_the_wire(case, publisher)
        self.forms = {}

    def _payload(self, listener):
        """Return the payload as this listener has it, and its checksum."""
        family = listener.family
        if family not in self.forms:
            payload = self.wire
            if family in ('python2', 'legacy'):
                payload = build(strings_as('raw', parse(payload)))
            elif family == 'python3' and self.name == 'typed':
                payload = build(_message_of_python3(parse(payload)))
            self.forms[family] = payload, '%08x' % zlib.crc32(payload)
        return self.forms[family]

    def fault(self, line, listener):
        """Return what is wrong with the line that a listener shows; '' when nothing is."""
        words = line.split(' ')
        if len(words) < 5:
            return "not understood: %r" % line[:200]
        name, topic, size, checksum, shown = words[:5]
        if name != self.name:
            return "came to the %s listener" % name
        if topic != self.topic:
            return "topic %s, not %s" % (topic, self.topic)
        payload, expected = self._payload(listener)
        if int(size) != len(payload):
            return "size %s, not %d: %s" % (size, len(payload), shown[:200])
        if shown != '*' and zlib.crc32(bytes.fromhex(shown)) != int(checksum, 16):
            return "the checksum is not that of the payload"
        if checksum == expected and (shown == '*' or shown == payload.hex()):
            return ""
        # A dict of Python 2 has no order. A message of Python 3 has its timestamp first.
        families = (listener.family, self.publisher.family)
        if ('python2' in families or 'python3' in families and self.name == 'typed') and shown != '*':
            if sort_maps(parse(bytes.fromhex(shown))) == sort_maps(parse(payload)):
                return ""
        return "checksum %s, not %s: %s, not %s" % (checksum, expected, shown[:100], payload[:50].hex())
