"""Values of a log's payloads, by key: as rows, and as columns."""
from __future__ import absolute_import

import collections

from mcl._compat import native_string, string_types
from mcl._short import short
from mcl.logging._read import Reader

_MISSING = object()
# What an entry has besides its payload, and may be asked for as if it were a key of it.
OF_ENTRIES = ('elapsed_time', 'topic')
# What a data frame has of each entry.
OF_FRAMES = OF_ENTRIES + ('time',)


def checked_keys(keys):
    """Return keys as a list of str.

    Raises:
        TypeError: it is neither a string nor a collection of strings.
        ValueError: there is none.
    """
    try:
        listed = [keys] if isinstance(keys, string_types) else list(keys)
    except TypeError:
        listed = [None]
    if not all(isinstance(key, string_types) for key in listed):
        raise TypeError("keys must be a string or a list of strings, not %r" % (keys,))
    if not listed:
        raise ValueError("keys must have one key at least")
    return [native_string(key) for key in listed]


def rows(reader, entries, keys):
    """Generate of each entry its number, from 1, the entry, and a list of its values.

    Raises:
        KeyError: a payload lacks a key.
        TypeError: payloads are of different types, as their key `name` says.
    """
    of = None
    for number, entry in enumerate(entries, 1):
        payload = entry['payload']
        fields = payload if isinstance(payload, dict) else {}
        name = fields.get('name', of)
        of = name if of is None else of
        if name != of:
            raise TypeError("%s: the payload is of type %s, those before it of %s: take each log by"
                            " itself" % (_where(reader, number, entry), short(name), short(of)))
        row = [fields.get(key, _MISSING) for key in keys]
        for index, value in enumerate(row):
            if value is _MISSING:
                key = keys[index]
                if key not in OF_ENTRIES:
                    raise _lacks(reader, number, entry, key)
                row[index] = entry[key]
        yield number, entry, row


def floats(reader, entries, keys):
    """Generate the values of all rows, one after the other, as floats.

    Raises:
        KeyError: a payload lacks a key.
        TypeError: a value is no number; or payloads are of different types.
    """
    for number, entry, row in rows(reader, entries, keys):
        for key, value in zip(keys, row):
            try:
                yield float('nan' if value is None else value)
            except (TypeError, ValueError, OverflowError):
                raise TypeError("%s: %r is no number: %s" % (_where(reader, number, entry), key,
                                                             short(value)))


def columns(reader, entries, keys):
    """Return what all entries hold, as columns.

    Args:
        keys (list of str or None): None: all that occur.

    Returns:
        tuple: of the OrderedDict of the entries' own values, a list each, and that of the
        payloads'. In the latter, None is what a payload lacks.

    Raises:
        KeyError: a payload lacks a key that was asked for.
        TypeError: `keys` is None, and a payload is no map.
    """
    own = collections.OrderedDict((name, []) for name in OF_ENTRIES)
    found = collections.OrderedDict((key, []) for key in keys or () if key not in OF_FRAMES)
    for number, entry in enumerate(entries, 1):
        payload = entry['payload']
        if not isinstance(payload, dict):
            if keys is None:
                raise TypeError("%s: the payload is no map: %s" % (_where(reader, number, entry),
                                                                   short(payload)))
            payload = {}
        for key in payload if keys is None else keys:
            if key in payload:
                column = found.setdefault(key, [])
                column.extend([None] * (number - 1 - len(column)))
                column.append(payload[key])
            elif key not in OF_FRAMES:
                raise _lacks(reader, number, entry, key)
        for name, column in own.items():
            column.append(entry[name])
    for column in found.values():
        column.extend([None] * (len(own['topic']) - len(column)))
    return own, found


def _lacks(reader, number, entry, key):
    return KeyError("%s: the payload has no %r: %s" % (_where(reader, number, entry), key,
                                                       short(entry['payload'])))


def _where(reader, number, entry):
    """Name an entry in an error."""
    name = reader._source if isinstance(reader, Reader) else repr(reader)
    return "%s: entry %d, at %.5f s" % (name, number, entry['elapsed_time'])
