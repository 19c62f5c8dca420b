"""The base class of connections: declared by class attributes, named tuples as instances."""
import collections
import keyword

from mcl._compat import is_identifier, metaclass, native_string, string_types
from mcl._readonly import ReadOnly

_RESERVED = ('mandatory', 'optional', 'broadcaster', 'listener')

# What a declaration's broadcaster and listener must derive from: classes of mcl.network.abstract,
# which say by an attribute which they are, since they need this module's Connection.
_BASES = {'broadcaster': 'RawBroadcaster', 'listener': 'RawListener'}


class _Field(object):
    """A read-only attribute of instances: the element of the tuple at `index`."""

    def __init__(self, name, index):
        self._name, self._index = name, index

    def __get__(self, instance, owner=None):
        return self if instance is None else tuple.__getitem__(instance, self._index)

    def __set__(self, instance, value):
        raise AttributeError("%s.%s cannot be changed" % (type(instance).__name__, self._name))


class ConnectionMeta(type):
    """Checks the declaration in a direct subclass of Connection, and makes its fields."""

    def __new__(mcs, name, bases, names):
        # Connection itself, and classes derived from a declared one, are left as they are.
        if not any(type(base) is mcs and base._fields is None for base in bases):
            return super(ConnectionMeta, mcs).__new__(mcs, name, bases, names)
        mandatory, optional, fields = _declared_fields(name, names)
        _check_methods(name, bases, names, fields)
        for role, base in sorted(_BASES.items()):
            value = names.get(role)
            if not (isinstance(value, type) and getattr(value, '_mcl_role', None) == role):
                raise TypeError("%s.%s must be a subclass of %s, not %r"
                                % (name, role, base, value))
        names.update(
            _fields=fields,
            _defaults=optional,
            mandatory=ReadOnly('mandatory', mandatory),
            optional=ReadOnly('optional', optional),
            broadcaster=ReadOnly('broadcaster', names['broadcaster']),
            listener=ReadOnly('listener', names['listener']))
        names.update((field, _Field(field, index)) for index, field in enumerate(fields))
        return super(ConnectionMeta, mcs).__new__(mcs, name, bases, names)


def _declared_fields(name, names):
    """Return the mandatory fields, a tuple, the optional ones, a dict, and all in their order."""
    mandatory, optional = names.get('mandatory'), names.get('optional', {})
    if not isinstance(mandatory, (list, tuple)):
        raise TypeError("%s.mandatory must be a list or tuple of strings, not %r"
                        % (name, mandatory))
    if not isinstance(optional, dict):
        raise TypeError("%s.optional must be a dict, not %r" % (name, optional))
    fields = list(mandatory) + list(optional)
    for field in fields:
        if not isinstance(field, string_types):
            raise TypeError("the names of fields of %s must be strings, not %r" % (name, field))
        if not is_identifier(field) or field.startswith('_') or keyword.iskeyword(field):
            raise ValueError("%r cannot be the name of a field of %s: it must be an identifier, no"
                             " keyword, and begin with a letter" % (field, name))
        if field in _RESERVED:
            raise ValueError("%r cannot be the name of a field of %s: it is taken" % (field, name))
        if fields.count(field) > 1:
            raise ValueError("the field %r of %s is given twice" % (field, name))
    fields = tuple(map(native_string, fields))
    return (fields[:len(mandatory)],
            {native_string(field): value for field, value in optional.items()}, fields)


def _check_methods(name, bases, names, fields):
    """Raise ValueError for a field that would take the place of a method."""
    inherited = [cls for base in bases for cls in base.__mro__ if cls not in (tuple, object)]
    for field in fields:
        own = names.get(field)
        if (callable(own) or isinstance(own, (classmethod, staticmethod, property))
                or any(field in vars(cls) for cls in inherited)):
            raise ValueError("%r cannot be the name of a field of %s: a method is called that"
                             % (field, name))


@metaclass(ConnectionMeta)
class Connection(tuple):
    """Where to publish and listen. Base class: a transport's own declares what it consists of::

        class Connection(abstract.Connection):
            mandatory = ('address',)            # names of fields, list or tuple
            optional = {'speed': 9600}          # further ones, and defaults; may be left out
            broadcaster = Broadcaster           # subclass of RawBroadcaster
            listener = Listener                 # subclass of RawListener

    Its instances are immutable named tuples: `Connection('a')`, `Connection('a', speed=300)`. They
    can be compared, hashed, pickled and used from any thread. Optional fields come after the
    mandatory ones, in the order in which `optional` iterates: as declared, or on Python 2, where
    a dict has an order of its own, in that one. Other attributes can be set.

    Raises:
        TypeError, ValueError: at the declaration, when it is wrong; TypeError, for an instance
            whose arguments do not fit.
    """

    _fields = None
    _defaults = None

    def __new__(cls, *args, **kwargs):
        if cls._fields is None:
            raise TypeError("Connection is a base class: a transport's own derives from it")
        return tuple.__new__(cls, cls._bind(args, kwargs))

    def __init__(self, *args, **kwargs):
        """Do nothing: for the `__init__` of a declared class to call, whatever its arguments."""

    @classmethod
    def _bind(cls, args, kwargs):
        """Return the fields' values for these arguments."""
        name, fields = cls.__name__, cls._fields
        if len(args) > len(fields):
            raise TypeError("%s takes at most %d arguments (%d given)"
                            % (name, len(fields), len(args)))
        values = dict(cls._defaults)
        values.update(zip(fields, args))
        for field, value in kwargs.items():
            if field not in fields:
                raise TypeError("%s has no field %r" % (name, field))
            if field in fields[:len(args)]:
                raise TypeError("%s got two values for %r" % (name, field))
            values[field] = value
        missing = [field for field in fields if field not in values]
        if missing:
            raise TypeError("%s needs a value for %s" % (name, ", ".join(map(repr, missing))))
        return [values[field] for field in fields]

    def _options(self):
        """What an instance is made of beyond its fields: a dict of keyword arguments."""
        return {}

    @classmethod
    def _make(cls, iterable):
        """Make an instance of an iterable of all the fields' values."""
        values = list(iterable)
        if len(values) != len(cls._fields):
            raise TypeError("%s has %d fields, not %d"
                            % (cls.__name__, len(cls._fields), len(values)))
        return cls(**dict(zip(cls._fields, values)))

    def _replace(self, **kwargs):
        """Return an instance with some fields replaced. ValueError when there is no such field."""
        values = self.to_dict()
        unknown = [name for name in kwargs
                   if name not in self._fields and not self._is_option(name)]
        if unknown:
            raise ValueError("%s has no field %s"
                             % (type(self).__name__, ", ".join(map(repr, sorted(unknown)))))
        values.update(kwargs)
        return type(self)(**values)

    def _asdict(self):
        """Return the fields as an OrderedDict, without what an instance has beyond them."""
        return collections.OrderedDict(zip(self._fields, self))

    @classmethod
    def _is_option(cls, name):
        """Is `name` a keyword argument beyond the fields?"""
        return False

    def to_dict(self):
        """Return the fields as a dict."""
        return dict(zip(self._fields, self), **self._options())

    @classmethod
    def from_dict(cls, dictionary):
        """Make an instance of a dict as `to_dict` gives. Keys that are no fields are ignored.

        Raises:
            AttributeError: a mandatory field is missing.
        """
        for field in cls._fields:
            if field not in dictionary and field not in cls._defaults:
                raise AttributeError("%s needs a value for %r" % (cls.__name__, field))
        return cls(**{native_string(key): value for key, value in dictionary.items()
                      if key in cls._fields or cls._is_option(key)})

    def __repr__(self):
        items = list(zip(self._fields, self)) + sorted(self._options().items())
        return "%s(%s)" % (type(self).__name__, ", ".join("%s=%r" % item for item in items))

    # Connections of two transports are not the same place, whatever their fields are.
    def __eq__(self, other):
        return _comparable(self, other) and tuple.__eq__(self, other)

    def __ne__(self, other):
        return not self == other

    __hash__ = tuple.__hash__

    def __reduce_ex__(self, protocol):
        # By the class alone, where it can be: a process of the legacy system has no `_remake`. That
        # gives the fields by name, since several optional ones may have another order there.
        if len(self._defaults) > 1 or self._options():
            return _remake, (type(self), self.to_dict()), vars(self) or None
        return type(self), tuple(self), vars(self) or None


def _comparable(one, other):
    if not isinstance(other, Connection):
        return True
    return isinstance(other, type(one)) or isinstance(one, type(other))


def _remake(cls, values):
    return cls(**values)
