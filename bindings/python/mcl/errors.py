"""The exceptions of this package, and the one check that raises those of the library.

All are an IOError, which is what programs of the legacy system catch. Where the library refuses a
value rather than fails at its work, they are a ValueError or TypeError too. What a broadcaster's
socket, or the network, refuses is a `socket.error` as well, which on Python 2 is a subclass of
IOError: with an `errno`, and that and the text as `args`.
"""
import errno
import socket

from mcl import _constants as c

__all__ = ['AddressError', 'AddressInfoError', 'ArgumentError', 'BusyError', 'ClosedError',
           'ForkError', 'LibraryError', 'MclError', 'MessageSizeError', 'MessageTypeError',
           'PayloadError', 'RouteError', 'SocketError']


class MclError(IOError):
    """The library refused or failed. The text names the operation, what it was done to, the remedy.

    Attributes:
        code (int): one of the MCL_E... codes of mcl.h, or 0 when the error is of this package.
        errno (int or None): the operating system's error number, of a file or a broadcaster.
    """

    _ERRNO = 0  # where the operating system was not asked

    def __init__(self, text, code=0, system=0):
        system = system or self._ERRNO
        super(MclError, self).__init__(*((system, text) if system else (text,)))
        self.text = text
        self.code = code

    def __str__(self):
        return self.text

    def __reduce__(self):
        return type(self), (self.text, self.code, self.errno or 0)


class ArgumentError(MclError, ValueError):
    """An argument is out of its range."""


class AddressError(MclError, ValueError):
    """Not an IPv6 multicast address, or what cannot be a network interface."""


class AddressInfoError(AddressError, socket.gaierror):
    """The AddressError of a broadcaster."""

    _ERRNO = socket.EAI_NONAME


class SocketError(MclError, socket.error):
    """The system refused what a broadcaster asked of it."""


class RouteError(SocketError):
    """The network cannot carry it now. The text says why, and has the command that mends it.

    Publishing works again as soon as the network does.
    """

    _ERRNO = errno.ENETUNREACH


class PayloadError(MclError, ValueError):
    """The payload is too large, not one msgpack object, or has keys that listeners refuse."""


class MessageSizeError(PayloadError, SocketError):
    """The payload or the topic is larger than a broadcaster can send."""

    _ERRNO = errno.EMSGSIZE


class MessageTypeError(MclError, TypeError):
    """The value or message is of another type."""


class ClosedError(MclError):
    """The broadcaster or listener is closed."""


class BusyError(MclError):
    """Callbacks are subscribed, which messages go to: unsubscribe them to receive otherwise."""


class ForkError(MclError):
    """The object was made before fork(), and this is the child: open a new one here."""


class LibraryError(MclError):
    """libmcl.so cannot be loaded."""


_CLASSES = {
    c.MCL_EINVAL: ArgumentError,
    c.MCL_ECLOSED: ClosedError,
    c.MCL_EADDRESS: AddressError,
    c.MCL_EINTERFACE: AddressError,
    c.MCL_EROUTE: RouteError,
    c.MCL_EFORMAT: PayloadError,
    c.MCL_ETOOLARGE: PayloadError,
    c.MCL_EFORKED: ForkError,
    c.MCL_ETYPE: MessageTypeError,
    c.MCL_EBUSY: BusyError,
}

_OF_BROADCASTERS = dict(_CLASSES)
_OF_BROADCASTERS.update({
    c.MCL_EADDRESS: AddressInfoError,
    c.MCL_EINTERFACE: AddressInfoError,
    c.MCL_ETOOLARGE: MessageSizeError,
    c.MCL_EDESCRIPTORS: SocketError,
    c.MCL_ENOBUFS: SocketError,
    c.MCL_ESYSTEM: SocketError,
})


def check(result, error, classes=_CLASSES):
    """Return `result` of a library call, or raise what it stands for when it is an error code.

    Args:
        result (int): what the call returned.
        error (_native.Error): what the call was given as its last argument.
        classes (dict): of each code; MclError stands for the others.
    """
    if result >= 0:
        return result
    raise classes.get(result, MclError)(
        error.text.decode('utf-8', 'replace') if str is not bytes else error.text,
        result, error.system)


def check_broadcaster(result, error):
    """Do what `check` does, of a broadcaster's calls."""
    return check(result, error, _OF_BROADCASTERS)


def check_listener(result, error):
    """Do what `check` does, of a listener's calls: as in the legacy system, without an errno."""
    if result < 0:
        error.system = 0
    return check(result, error)
