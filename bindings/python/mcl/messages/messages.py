"""Message types: dictionaries with mandatory keys that know where they are published."""
import json
import sys
import time

from mcl._compat import PY2, metaclass, packed_types, set_cell, string_types
from mcl._readonly import ReadOnly
from mcl._short import short
from mcl._strings import strings
from mcl.codec import decode_topic, pack, unpack
from mcl.messages._json import jsonable
from mcl.messages._origin import Origin
from mcl.network.abstract import Connection

__all__ = ['Message', 'get_message_objects', 'list_messages', 'remove_message_object']

# The types that are defined, in order. Programs may assign a new empty list, which forgets them
# all; so it is looked up anew at each use.
_MESSAGES = []

_READ_ONLY = ('name', 'mandatory', 'connection')


class _MessageMeta(type):
    """Checks the declaration of a message type, and registers it."""

    def __new__(mcs, name, bases, names):
        parents = [base for base in bases if isinstance(base, _MessageMeta)]
        refines = any('_type_name' in vars(cls) for parent in parents for cls in parent.__mro__)
        if not parents or (refines and not ('mandatory' in names or 'connection' in names)):
            # Message itself, or a class that only adds methods to a type.
            return super(_MessageMeta, mcs).__new__(mcs, name, bases, names)
        mandatory = names.get('mandatory', getattr(parents[0], 'mandatory', None))
        connection = names.get('connection', getattr(parents[0], 'connection', None))
        origin, known = Origin(sys._getframe(1)), _find(name)
        if known is not None and known._declared_again(origin, mandatory, connection):
            if not known._origin.is_reloaded_by(origin):
                if '__classcell__' in names:  # of a body that uses super()
                    set_cell(names['__classcell__'], known)
                return known
        else:
            known = None
        _check_declaration(name, mandatory, connection, known)
        if isinstance(mandatory, list):
            mandatory = list(mandatory)
        names.update(
            _type_name=name,
            _origin=origin,
            name=ReadOnly('name', name),
            mandatory=ReadOnly('mandatory', mandatory),
            connection=ReadOnly('connection', connection))
        cls = super(_MessageMeta, mcs).__new__(mcs, name, bases, names)
        if known is None:
            _MESSAGES.append(cls)
        else:
            _MESSAGES[_MESSAGES.index(known)] = cls
        return cls

    def _declared_again(cls, origin, mandatory, connection):
        return (cls._origin.is_repeated_by(origin)
                and cls.mandatory == mandatory
                and cls.connection == connection
                and cls.connection.to_dict() == connection.to_dict())

    def __setattr__(cls, name, value):
        if name in _READ_ONLY:
            raise AttributeError("%s.%s cannot be changed" % (cls.__name__, name))
        super(_MessageMeta, cls).__setattr__(name, value)

    def __delattr__(cls, name):
        if name in _READ_ONLY:
            raise AttributeError("%s.%s cannot be deleted" % (cls.__name__, name))
        super(_MessageMeta, cls).__delattr__(name)


def _check_declaration(name, mandatory, connection, replaced):
    """Raise what a type cannot be defined for. `replaced` (type or None): the one it replaces."""
    if name == 'Message':
        raise NameError("a message type cannot be called 'Message'")
    if _find(name) is not replaced:
        raise NameError("a message type called %r exists already; remove_message_object(%r)"
                        " forgets it" % (name, name))
    if not isinstance(mandatory, (list, tuple)) or not all(isinstance(key, string_types)
                                                           for key in mandatory):
        raise TypeError("%s.mandatory must be a list or tuple of strings, not %r"
                        % (name, mandatory))
    if not isinstance(connection, Connection):
        raise TypeError("%s.connection must be an instance of a Connection class, not %r"
                        % (name, connection))
    for key in mandatory:
        if key in ('mandatory', 'connection'):
            raise ValueError("%r cannot be a mandatory key of %s" % (key, name))
        if list(mandatory).count(key) > 1:
            raise ValueError("the mandatory key %r of %s is given twice" % (key, name))
    for other in _MESSAGES:
        if other is not replaced and other.connection == connection:
            raise Exception("%s and %s cannot have the same connection, %r"
                            % (name, other.name, connection))


@metaclass(_MessageMeta)
class Message(dict):
    """A dictionary of a declared type. Base class; a type derives from it::

        class ImuMessage(Message):
            mandatory = ('gyro', 'accel')           # keys that every message has; list or tuple
            connection = Connection('ff15::1')      # where they are published

    Types are registered by their names as they are defined. Where the same declaration (name, keys,
    connection) is run again by another import of its source file, that is no error: under another
    name (a script that is `__main__`, and is imported by its own name too), the statement gives the
    type that there is, so that messages of both are of one type; under the same name
    (`importlib.reload`), the new type takes the place of the old one, whose messages and listeners
    stay what they are.

    `ImuMessage()` has every mandatory key as None. `ImuMessage(gyro=1, accel=2)`, or one mapping,
    iterable of pairs, or packed message (bytes), with or without keyword arguments, must have all
    of them, and may have more. Two keys are added: `name`, the type's, which cannot be changed, and
    `timestamp`: now, in seconds since the Unix epoch (UTC, float), unless one is given that is not
    None.

    The class and its messages have the read-only attributes `name`, `mandatory` and `connection`.

    `copy.copy`, `copy.deepcopy` and `pickle` (by the name of its type) give a message with the same
    keys and `timestamp`. `message.copy()` and `dict(message)` give a plain dict, in which all may
    be changed; `ImuMessage(message.copy())` is a message again. Messages are equal to dicts with
    the same items; `json.dumps`, which takes no bytes, sees a dict (cf. `to_json`).

    A message may be used by one thread at a time; in a child made by fork() it goes on.

    Raises:
        TypeError: a mandatory key is missing, there is more than one positional argument, or data
            that is no map or cannot be unpacked.
        ValueError: `name` is given, and is another type's.

    At the definition of a type:
        NameError: the name is taken, or 'Message'.
        TypeError: `mandatory` is no list or tuple of strings, or `connection` no instance of a
            Connection class.
        ValueError: a key is given twice, or is called 'mandatory' or 'connection'.
        Exception: another type has an equal connection.
    """

    def __init__(self, *args, **kwargs):
        super(Message, self).__init__()
        if type(self)._type() is None:
            raise TypeError("Message is a base class: a message type derives from it")
        if args or kwargs:
            data, given, packed = self._given(args, kwargs)
            self._check_mandatory(given)
        else:
            data, given, packed = [(key, None) for key in self.mandatory], {}, False
        # In the order of the legacy system, which a dict of Python 2 shows where hashes collide.
        super(Message, self).__setitem__('timestamp', None)
        self._put(data, given, kwargs, packed)
        super(Message, self).__setitem__('name', self.name)

    @classmethod
    def _type(cls):
        return getattr(cls, '_type_name', None)

    def _given(self, args, kwargs):
        """Take the arguments of __init__ and update, and check what can be before any is set.

        Returns:
            tuple: what was given by position, for dict.update, in its own order; all of it and of
            `kwargs`, as a dict; and whether it was packed.
        """
        if len(args) > 1:
            raise TypeError("%s takes at most 1 positional argument (%d given)"
                            % (self.name, len(args)))
        data = args[0] if args else ()
        packed = isinstance(data, packed_types)
        if packed:
            data = self._unpacked(data)
        try:
            if not isinstance(data, dict):  # a copy, as it may be an iterator
                data = ([(key, data[key]) for key in data.keys()] if hasattr(data, 'keys')
                        else list(data))
            given = data if isinstance(data, dict) and not kwargs else dict(data, **kwargs)
        except (TypeError, ValueError):
            raise TypeError("%s cannot be made of %s: it needs a mapping, pairs, or a packed"
                            " message" % (self.name, short(data)))
        if not PY2 and any(isinstance(key, bytes) for key in given):
            data, given = _with_text_keys(data), _with_text_keys(given)
        self._check_name(given.get('name', self.name))
        if packed:
            self._check_mandatory(given)
        return data, given, packed

    def _check_mandatory(self, given):
        missing = [key for key in self.mandatory if key not in given]
        if missing:
            raise TypeError("%s lacks the mandatory key%s %s" % (
                self.name, "s" if len(missing) > 1 else "", ", ".join(map(repr, missing))))

    def _put(self, data, given, kwargs, packed):
        """Set what `_given` has returned, and the timestamp to now, where that gives no new one."""
        before = self.get('timestamp')
        super(Message, self).update(data, **kwargs)
        if 'timestamp' not in given or not packed and given['timestamp'] == before:
            super(Message, self).__setitem__('timestamp', time.time())

    def _unpacked(self, packed):
        try:
            data = unpack(packed)
        except Exception as error:  # msgpack's own classes differ between its versions
            raise TypeError("%s cannot be unpacked: %s: %s"
                            % (self.name, type(error).__name__, error))
        if not isinstance(data, dict):
            raise TypeError("%s cannot be made of a packed %s: it needs a map"
                            % (self.name, type(data).__name__))
        return data

    def _check_name(self, name):
        if name != self.name:
            raise ValueError("the name of a message cannot be changed: it is %r, not %s"
                             % (self.name, short(name)))

    def update(self, *args, **kwargs):
        """Set keys, from what a message can be made of.

        `timestamp` is set to now unless another one than that of the message is given. A packed
        message's is kept in any case.

        Raises:
            TypeError: more than one positional argument, data that is no map or cannot be unpacked,
                or a packed message that lacks a mandatory key.
            ValueError: `name` would be changed.
        """
        data, given, packed = self._given(args, kwargs)
        self._put(data, given, kwargs, packed)

    def __ior__(self, other):
        self.update(other)
        return self

    def __setitem__(self, key, value):
        """Set a key, and leave `timestamp` alone. ValueError when `name` would be changed."""
        if key == 'name':
            self._check_name(value)
        super(Message, self).__setitem__(key, value)

    def encode(self):
        """Return the message as msgpack (bytes), which is what is published."""
        return pack(self)

    def to_json(self):
        """Return the message as JSON text (str).

        It is what `json.dumps` makes of the message, NaN and infinities included, save that this
        raises for some of what JSON does not have. That becomes: bytes that are no UTF-8 in a `str`
        of Python 2, U+FFFD; `bytes` on Python 3, base64; a key that is a tuple, the text of it.
        """
        try:
            return json.dumps(self)
        except (TypeError, UnicodeError):
            return json.dumps(jsonable(self))


def _with_text_keys(data):
    """Return a dict, or pairs, whose keys, and name, are `str` where they are bytes.

    A Python 2 process with msgpack 1.0 or later sends each `str` as `bin`, which is bytes on Python
    3. Keys are names, so there is no doubt what is meant.
    """
    def text(value):
        return decode_topic(value) if isinstance(value, bytes) else value

    pairs = data.items() if isinstance(data, dict) else data
    pairs = [(text(key), text(value) if text(key) == 'name' else value) for key, value in pairs]
    return dict(pairs) if isinstance(data, dict) else pairs


def _find(name):
    """Return the first type of this name; None when there is none."""
    return next((message for message in _MESSAGES if message.__name__ == name), None)


def list_messages(include=None, exclude=None):
    """Return the message types that are defined, in order of definition.

    Args:
        include (str or collection of str): only those of these names; None or an empty collection:
            all.
        exclude (str or collection of str): not those of these names.

    Raises:
        TypeError: an argument is something else.
    """
    include, exclude = strings('include', include), strings('exclude', exclude)
    return [message for message in _MESSAGES
            if (not include or message.__name__ in include) and message.__name__ not in exclude]


def get_message_objects(names):
    """Return the message type of a name, or a list of those of a list of names.

    Raises:
        NameError: there is none of that name, or there are several.
        TypeError: `names` is neither a string nor a list or tuple of strings.
    """
    if isinstance(names, string_types):
        found = list_messages(names)
        if len(found) != 1:
            raise NameError("there %s called %r" % (
                "are %d message types" % len(found) if found else "is no message type", names))
        return found[0]
    if not isinstance(names, (list, tuple)):
        raise TypeError("'names' must be a string or a list of strings, not %r" % (names,))
    return [get_message_objects(name) for name in strings('names', names)]


def remove_message_object(name):
    """Forget a message type.

    Returns:
        bool: True, or False when there is none of that name.
    """
    message = _find(name)
    if message is None:
        return False
    _MESSAGES.remove(message)
    return True
