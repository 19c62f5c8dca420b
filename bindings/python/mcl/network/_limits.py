"""The options of listeners: checked, and the limits of their queues in C."""
from mcl import _constants as constants
from mcl._compat import is_integer, string_types
from mcl._short import short

POLICIES = {
    'drop_oldest': constants.MCL_DROP_OLDEST,
    'drop_newest': constants.MCL_DROP_NEWEST,
    'block': constants.MCL_BLOCK,
}


def check_limits(max_messages, max_bytes, policy):
    """Raise TypeError or ValueError for limits that cannot be."""
    for name, value in (('max_messages', max_messages), ('max_bytes', max_bytes)):
        if value is None:
            continue
        if not is_integer(value):
            raise TypeError("%s must be an integer, not %r" % (name, value))
        if not 1 <= value < 1 << 63:
            raise ValueError("%s must be 1 to %d, not %r" % (name, (1 << 63) - 1, value))
    if policy is not None and policy not in tuple(POLICIES):  # a tuple takes what has no hash, too
        error = ValueError if isinstance(policy, string_types) else TypeError
        raise error("policy must be one of %s, not %s"
                    % (", ".join(map(repr, sorted(POLICIES))), short(policy)))


def check_decode(decode, message_type=None):
    """Raise TypeError for what is no bool, and where messages are to be made of the payloads."""
    if not isinstance(decode, bool):
        raise TypeError("decode must be True or False, not %s" % short(decode))
    if message_type is not None and not decode:
        raise TypeError("payloads must be decoded to become messages of the type %s: leave decode"
                        " out, or listen on its connection" % message_type.__name__)


def native_limits(max_messages, max_bytes, policy, queued=False):
    """Return fields of _native.ListenerOptions. None stands for the default."""
    check_limits(max_messages, max_bytes, policy)
    return {
        'queue_messages': max_messages or 0,
        'queue_bytes': max_bytes or 0,
        'policy': POLICIES.get(policy, 0),
        'queued': constants.MCL_ON if queued else constants.MCL_OFF,
    }
