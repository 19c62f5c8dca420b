"""What callers give, checked and as the library takes it: paths, times, what is logged."""
from __future__ import absolute_import, division

import datetime
import decimal
import math
import numbers
import os
import sys

from mcl import _constants as constants
from mcl import _native
from mcl._compat import PY2, integer_types, is_integer, string_types, text_type
from mcl.codec import encode_topic
from mcl.errors import ArgumentError
from mcl.messages.messages import Message
from mcl.network import udp
from mcl.network.abstract import Connection

EPOCH = datetime.datetime(1970, 1, 1)
_INT64_MAX = (1 << 63) - 1


def path_text(name, path):
    """Return a path as a string. TypeError when it is none."""
    if hasattr(path, '__fspath__'):
        path = path.__fspath__()
    if not isinstance(path, string_types):
        raise TypeError("%s must be a path, a string, not %r" % (name, path))
    return path


def path_bytes(path):
    """Return the absolute form of a path, a string, as C takes it."""
    path = os.path.abspath(path)
    if isinstance(path, text_type):
        path = path.encode(sys.getfilesystemencoding()) if PY2 else os.fsencode(path)
    return without_nul("a path", path)


def path_of_bytes(path):
    """The `str` of a path that C gives."""
    return path if PY2 else os.fsdecode(path)


def text_bytes(name, text):
    """Return a string as C takes it. TypeError when it is none."""
    if not isinstance(text, string_types):
        raise TypeError("%s must be a string, not %r" % (name, text))
    return without_nul(name, encode_topic(text))


def without_nul(name, text):
    """Return `text`, bytes. ArgumentError when there is a NUL in it, where C would see its end."""
    if b'\0' in text:
        raise ArgumentError("%s cannot hold a NUL: %r" % (name, text), constants.MCL_EINVAL)
    return text


def moment(name, time):
    """Return a datetime, UTC when it is naive, as nanoseconds since the Unix epoch.

    Raises:
        TypeError: it is no datetime.
        ValueError: it is before 1678 or after 2261.
    """
    if not isinstance(time, datetime.datetime):
        raise TypeError("%s must be a datetime.datetime, not %r" % (name, time))
    if time.utcoffset() is not None:
        time = time.replace(tzinfo=None) - time.utcoffset()
    since = time - EPOCH
    result = ((since.days * 86400 + since.seconds) * 10 ** 6 + since.microseconds) * 1000
    if abs(result) > _INT64_MAX:
        raise ArgumentError("%s is out of range: %s" % (name, time), constants.MCL_EINVAL)
    return result


def is_number(value):
    """Is `value` a real number? True and False are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def nanoseconds(name, seconds, rounding):
    """Return seconds as nanoseconds, cut to what 64 bits hold.

    Taken are the decimals that Python shows of a float, so that an entry's own elapsed time is a
    limit which includes it.

    Args:
        name (str): of the argument, for errors.
        seconds (number): not infinite.
        rounding: ROUND_CEILING or ROUND_FLOOR of `decimal`.

    Raises:
        TypeError: it is no number.
        ValueError: it is none (NaN).
    """
    if not is_number(seconds):
        raise TypeError("%s must be a number of seconds, not %r" % (name, seconds))
    if seconds != seconds:
        raise ValueError("%s must be a number of seconds, not NaN" % name)
    if is_integer(seconds):
        exact = seconds * 10 ** 9
    elif math.isinf(seconds):
        exact = _INT64_MAX if seconds > 0 else -_INT64_MAX
    else:
        exact = decimal.Decimal(repr(float(seconds))).scaleb(9).to_integral_value(rounding)
    return max(-_INT64_MAX, min(_INT64_MAX, int(exact)))


def seconds_of(elapsed):
    """Return nanoseconds, an int, as seconds: the float that their decimal notation is read as."""
    # A quotient of long integers is rounded once; of others, Python 2 rounds the operands first.
    return integer_types[-1](elapsed) / 10 ** 9


def check_window(min_time, max_time):
    """Raise TypeError or ValueError unless these, seconds or None, are an interval from 0 on."""
    for name, value in (('min_time', min_time), ('max_time', max_time)):
        if value is not None and nanoseconds(name, value, decimal.ROUND_FLOOR) < 0:
            raise TypeError("%s must be 0 or more seconds, not %r" % (name, value))
    if min_time is not None and max_time is not None and min_time > max_time:
        raise ValueError("min_time is more than max_time: %r > %r" % (min_time, max_time))


def native_window(min_time, max_time):
    """Return fields of _native.LogReaderOptions for an interval of elapsed seconds, or None."""
    fields = {}
    if min_time is not None:
        fields.update(has_min_time=constants.MCL_ON,
                      min_time=nanoseconds('min_time', min_time, decimal.ROUND_CEILING))
    if max_time is not None:
        fields.update(has_max_time=constants.MCL_ON,
                      max_time=nanoseconds('max_time', max_time, decimal.ROUND_FLOOR))
    return fields


def is_message_type(value):
    """Is `value` a subclass of Message?"""
    return isinstance(value, type) and issubclass(value, Message) and value is not Message


def message_type(source):
    """Return what is logged: a message type, or None for the raw data of a connection.

    Raises:
        TypeError: `source` is neither a Message subclass nor a Connection instance.
    """
    if is_message_type(source):
        return source
    if isinstance(source, Connection):
        return None
    raise TypeError("a Connection instance or a subclass of Message is needed, not %r" % (source,))


def is_native(connection):
    """Is this a connection that the library itself publishes and listens on?"""
    return (isinstance(connection, udp.Connection) and connection.listener is udp.RawListener
            and connection.broadcaster is udp.RawBroadcaster)


def check_prefix(prefix):
    """Return the path of a log without extension. TypeError when it is no string, or has one."""
    prefix = path_text("prefix", prefix)
    if prefix.endswith(('.log', '.tmp')):
        raise TypeError("prefix must be given without %r, which is added: %r"
                        % (prefix[-4:], prefix))
    return prefix


class LogSettings(object):
    """How a log is written: the arguments of WriteFile and of the recorders.

    Attributes:
        begun (bool): has the log begun, so that a further opening goes on with it; False: a log
            that has its name is an older one, which makes way for it.

    Raises:
        TypeError: an argument is of another type, or below its range.
    """

    def __init__(self, message, revision, time_origin, max_entries, max_time):
        fields = {}
        if message is not None:
            fields['type_name'] = text_bytes("the name of a message type", message.name)
        if revision is not None:
            fields['revision'] = text_bytes("revision", revision)
        if time_origin is not None:
            fields.update(has_time_origin=constants.MCL_ON,
                          time_origin=moment("time_origin", time_origin))
        if max_entries is not None:
            if not is_integer(max_entries) or not 0 < max_entries <= _INT64_MAX:
                raise TypeError("max_entries must be None or a positive integer, not %r"
                                % (max_entries,))
            fields['max_entries'] = max_entries
        if max_time is not None:
            if not is_number(max_time) or not max_time > 0:
                raise TypeError("max_time must be None or a positive number of seconds, not %r"
                                % (max_time,))
            fields['max_time'] = nanoseconds("max_time", max_time, decimal.ROUND_CEILING)
        self._fields = fields
        self.begun = False

    def native(self):
        """Return them as _native.LogWriterOptions."""
        existing = constants.MCL_LOG_CONTINUE if self.begun else constants.MCL_LOG_MOVE
        return _native.LogWriterOptions(existing=existing, **self._fields)

    def closed(self, handle):
        """Note what a handle that is closed has done."""
        self.begun = self.begun or handle.stats()['files'] > 0
