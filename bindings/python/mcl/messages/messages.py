"""Message types: dictionaries with mandatory keys that know where they are published."""
import json
import sys
import time

from mcl._compat import PY2, metaclass, native_string, packed_types, set_cell, string_types
from mcl._readonly import ReadOnly
from mcl._short import short
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
    `timestamp`: now, in seconds since the Unix epoch (UTC, float), unless one is given.

    The class and its messages have the read-only attributes `name`, `mandatory` and `connection`.

    `copy.copy`, `copy.deepcopy` and `pickle` (by the name of its type) give a message with the same
    keys and `timestamp`. `message.copy()` and `dict(message)` give a plain dict, in which all may
    be changed; `ImuMessage(message.copy())` is a message again. Messages are equal to dicts with
    the same items; `json.dumps`, which takes no bytes and writes NaN, sees a dict (cf. `to_json`).

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
        given = self._given(args, kwargs)
        if not args and not kwargs:
            given = dict.fromkeys(self.mandatory)
        missing = [key for key in self.mandatory if key not in given]
        if missing:
            raise TypeError("%s lacks the mandatory key%s %s" % (
                self.name, "s" if len(missing) > 1 else "", ", ".join(map(repr, missing))))
        super(Message, self).update(given)
        super(Message, self).__setitem__('name', self.name)
        if 'timestamp' not in given:
            super(Message, self).__setitem__('timestamp', time.time())

    @classmethod
    def _type(cls):
        return getattr(cls, '_type_name', None)

    def _given(self, args, kwargs):
        """Return the arguments of __init__ and update as one dict, with `name` checked."""
        if len(args) > 1:
            raise TypeError("%s takes at most 1 positional argument (%d given)"
                            % (self.name, len(args)))
        given = {}
        if args:
            data = args[0]
            if isinstance(data, packed_types):
                data = self._unpacked(data)
            try:
                given.update(data)
            except (TypeError, ValueError):
                raise TypeError("%s cannot be made of %s: it needs a mapping, pairs, or a packed"
                                " message" % (self.name, short(data)))
        given = _with_text_keys(given)
        given.update(kwargs)
        self._check_name(given.get('name', self.name))
        return given

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

        `timestamp` is set to now unless a new one is given.

        Raises:
            TypeError: more than one positional argument, or data that is no map or cannot be
                unpacked.
            ValueError: `name` would be changed.
        """
        given = self._given(args, kwargs)
        super(Message, self).update(given)
        if 'timestamp' not in given:
            super(Message, self).__setitem__('timestamp', time.time())

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

        What JSON does not have becomes: bytes that are no UTF-8 in a string, U+FFFD; NaN and
        infinities, null; `bytes` on Python 3, base64.
        """
        return json.dumps(jsonable(self))


def _with_text_keys(given):
    """Return a dict whose keys, and name, are `str` where they are bytes.

    A Python 2 process with msgpack 1.0 or later sends each `str` as `bin`, which is bytes on Python
    3. Keys are names, so there is no doubt what is meant.
    """
    if not PY2 and any(isinstance(key, bytes) for key in given):
        given = {decode_topic(key) if isinstance(key, bytes) else key: value
                 for key, value in given.items()}
        if isinstance(given.get('name'), bytes):
            given['name'] = decode_topic(given['name'])
    return given


def _find(name):
    for message in _MESSAGES:
        if message.name == name:
            return message
    return None


def list_messages(include=None, exclude=None):
    """Return the names of the message types that are defined, in order of definition.

    Args:
        include (str or list of str): only these.
        exclude (str or list of str): not these.

    Raises:
        TypeError: an argument is something else.
    """
    include = None if include is None else _names('include', include)
    exclude = [] if exclude is None else _names('exclude', exclude)
    return [message.name for message in _MESSAGES
            if (include is None or message.name in include) and message.name not in exclude]


def get_message_objects(names):
    """Return the message type of a name, or a list of those of a list of names.

    Raises:
        NameError: there is none of that name.
        TypeError: `names` is neither a string nor a list of strings.
    """
    if isinstance(names, string_types):
        message = _find(names)
        if message is None:
            raise NameError("there is no message type called %r" % names)
        return message
    return [get_message_objects(name) for name in _names('names', names)]


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


def _names(argument, names):
    if isinstance(names, string_types):
        return [native_string(names)]
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, string_types)
                                                       for name in names):
        raise TypeError("'%s' must be a string or a list of strings, not %r" % (argument, names))
    return list(names)
