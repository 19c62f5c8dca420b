"""Payloads and topics to bytes and back: msgpack, and what is text.

A process of the legacy system sends its `str` as one msgpack type (`raw`), text or not, and the
wire does not tell which. So, unless `configure` says otherwise:

=====================  ==============================================  ==============
\\                      Python 3                                        Python 2
=====================  ==============================================  ==============
received `raw`/`str`   `str`: UTF-8, other bytes as lone surrogates    `str`
received `bin`         `bytes`                                         `str`
sent `str`             `raw`/`str`: lone surrogates as their bytes     `raw`
sent `bytes`           `bin`                                           `raw`
sent `unicode`                                                         `raw`, UTF-8
=====================  ==============================================  ==============

Any bytes therefore survive being received and sent again. `text.encode('utf-8', 'surrogateescape')`
gives the bytes of a received `str` on Python 3.

A topic is text in both directions by the same rule, whatever is configured.
"""
import functools
import re
import threading

import msgpack

from mcl import _library, _native
from mcl._compat import PY2, text_type
from mcl.errors import check

__all__ = ['configure', 'decode_topic', 'encode_topic', 'pack', 'unpack']

# Lone surrogates carry the bytes that are no UTF-8 (PEP 383). Python 2 has no such handler.
_TEXT_ERRORS = 'strict' if PY2 else 'surrogateescape'

_DEFAULTS = {'text': not PY2, 'bin_type': not PY2, 'errors': _TEXT_ERRORS}


# Bytes of the largest object after which a packer is kept: it never gives its memory back.
_PACKER_KEEPS = 1 << 20


class _Packing(threading.local):
    """Packs for a thread, which calls __init__ at its first use.

    The packer is kept, since a new one allocates a large buffer: that takes longer than a small
    message. It serves one thread at a time: it may give up the interpreter lock in the middle of an
    object whose class has methods written in Python.
    """

    def __init__(self, options, handler):
        super(_Packing, self).__init__()
        self._options, self._handler = options, handler
        self.renew()

    def renew(self):
        """Take a new packer, for texts that are UTF-8."""
        self.pack = msgpack.Packer(autoreset=True, **self._options).pack
        self._escape = None

    def pack_any(self, value):
        """Pack texts that are no UTF-8, too. Told of a handler, msgpack encodes each text apart."""
        if self._escape is None:
            options = dict(self._options, **self._handler)
            self._escape = msgpack.Packer(autoreset=True, **options).pack
        return self._escape(value)


class _Settings(object):
    """What is configured now, and the arguments of msgpack that follow from it."""

    def __init__(self, text, bin_type, errors):
        self.text, self.bin_type, self.errors = text, bin_type, errors
        self.packing = _Packing(
            {'use_bin_type': bin_type}, {} if PY2 else {'unicode_errors': errors}
        )
        # strict_map_key: map keys may be of any type. The limits of lengths are left to msgpack's
        # own default, which is the size of the data: the library has checked that against
        # message_max.
        self.unpacker = {'raw': not text, 'strict_map_key': False}
        if text:
            self.unpacker['unicode_errors'] = errors
        self.unpack = functools.partial(msgpack.unpackb, **self.unpacker)


_settings = _Settings(**_DEFAULTS)


def configure(text=None, bin_type=None, errors=None):
    """Set how strings are coded, for all of this process; for its beginning, not between messages.

    Args:
        text (bool): received `raw`/`str` becomes text (`str` on Python 3, `unicode` on Python 2),
            else bytes. Message types need keys that are `str`, hence the default: True on Python 3,
            False on Python 2.
        bin_type (bool): sent bytes travel as `bin`, else as `raw` like a legacy `str`. The default
            is True on Python 3, False on Python 2.
        errors (str): the handler for bytes that are no UTF-8 and back. The default is
            'surrogateescape' on Python 3, which loses nothing, and 'strict' on Python 2.

    None leaves an option as it is.

    Returns:
        dict: the options as they were; `configure(**those)` puts them back.
    """
    global _settings
    now = {'text': _settings.text, 'bin_type': _settings.bin_type, 'errors': _settings.errors}
    given = {'text': text, 'bin_type': bin_type, 'errors': errors}
    _settings = _Settings(**{k: now[k] if given[k] is None else given[k] for k in now})
    return now


def pack(value):
    """Return `value` as msgpack (bytes).

    Raises:
        TypeError, ValueError, OverflowError: as msgpack does for what cannot be packed.
    """
    packing = _settings.packing
    try:
        packed = packing.pack(value)
    except UnicodeEncodeError:
        packed = packing.pack_any(value)
    if len(packed) > _PACKER_KEEPS:
        packing.renew()
    return packed


# What may be the header of a map with 16 keys or more: the library looks at those, and its check
# refuses none with fewer.
_MANY_KEYS = re.compile(b'\xde(?:[\x01-\xff]|\x00[\x10-\xff])|\xdf', re.DOTALL)
_MANY_KEYS_SIZE = 3 + 16 * (6 + 1)  # bytes, at least, of such a map that is refused


def unpack(packed):
    """Return the object that `packed` (bytes, or a view of some) holds.

    A map with many keys is checked by the library first, as all is that is received and read from
    logs: keys can be chosen so that a dict takes hours (SECURITY.md).

    Raises:
        LibraryError: the library is needed for that, and cannot be loaded.
        PayloadError: the keys of a map are such ones; the text says what to do. It is a ValueError.
        Exception: it is not exactly one msgpack object that Python can hold; what is raised is
            msgpack's choice, and differs between its versions.
    """
    if len(packed) >= _MANY_KEYS_SIZE:
        _check(packed if isinstance(packed, bytes) else memoryview(packed).tobytes())
    return _settings.unpack(packed)


def _check(packed):
    if _MANY_KEYS.search(packed):
        error = _native.Error()
        check(_library.get().blocking.mcl_packed_check(packed, len(packed), error), error)


def unpack_checked(packed):
    """Do what `unpack` does, for what the library has given, which it has checked."""
    return _settings.unpack(packed)


def encode_topic(topic):
    """Return a topic's bytes."""
    return topic.encode('utf-8', _TEXT_ERRORS) if isinstance(topic, text_type) else topic


def decode_topic(topic):
    """Return the topic, a `str`, that these bytes are."""
    return topic if PY2 else topic.decode('utf-8', _TEXT_ERRORS)
