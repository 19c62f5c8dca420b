"""A descriptor that tells of messages in the native queue and of those in Python's hand."""
import errno
import fcntl
import os
import select

from mcl import _constants as constants
from mcl.errors import MclError


class Pollable(object):
    """Polls readable while `descriptor` does, or while it is told to by `show`.

    Args:
        descriptor (int): the native listener's.
        where (str): names the listener in errors.

    Raises:
        MclError: there is no descriptor left.
    """

    _read = _write = None

    def __init__(self, descriptor, where):
        try:
            self._epoll = select.epoll()
            self._read, self._write = os.pipe()
            for each in (self._epoll.fileno(), self._read, self._write):
                fcntl.fcntl(each, fcntl.F_SETFD, fcntl.FD_CLOEXEC)  # not so on Python 2
            self._epoll.register(descriptor, select.EPOLLIN)
            self._epoll.register(self._read, select.EPOLLIN)
        except (IOError, OSError) as error:
            full = error.errno in (errno.EMFILE, errno.ENFILE)
            raise MclError("%s: cannot make a descriptor to poll: %s%s" % (
                where, error.strerror,
                ": close something, or raise the limit (`ulimit -n`)" if full else ""),
                constants.MCL_EDESCRIPTORS if full else constants.MCL_ESYSTEM, error.errno)
        self._shown = False
        self._pid = os.getpid()

    def fileno(self):
        return self._epoll.fileno()

    def show(self, readable):
        """Set whether it polls readable whatever the native listener's does."""
        if readable != self._shown:
            self._shown = readable
            if readable:
                os.write(self._write, b'.')
            else:
                os.read(self._read, 1)

    def close(self):
        """Give the descriptor back, and wake who polls it."""
        self.show(True)
        self._epoll.close()

    def __del__(self, close=os.close, getpid=os.getpid):  # Python 2 takes modules apart at exit
        # Not at close: who is just woken by that still has to see the pipe readable. And not in a
        # child, which may have closed all descriptors and opened its own with the same numbers.
        if getattr(self, '_pid', getpid()) != getpid():
            return
        for descriptor in (self._read, self._write):
            if descriptor is not None:
                close(descriptor)
