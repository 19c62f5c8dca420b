"""What differs between Python 2.7 and 3, so that dropping 2.7 one day costs this file.

The rest of the package is written in the language that both share.
"""
import abc
import codecs
import ctypes
import io
import re
import sys
import threading
import time
import types

PY2 = sys.version_info[0] == 2

if PY2:
    string_types = (basestring,)  # noqa: F821  (a builtin of Python 2)
    integer_types = (int, long)  # noqa: F821
    text_type = unicode  # noqa: F821
    # Packed data. bytearray is none here: as in the legacy API, only `str` is.
    packed_types = (str,)
else:
    string_types = (str,)
    integer_types = (int,)
    text_type = str
    packed_types = (bytes, bytearray, memoryview)

if PY2:
    # Found at the first use otherwise, in a file; and never, once no descriptor was left for that.
    for _name in ('ascii', 'utf-8'):
        codecs.lookup(_name)

    class _Timespec(ctypes.Structure):
        _fields_ = [('seconds', ctypes.c_long), ('nanoseconds', ctypes.c_long)]

    _clock_gettime = ctypes.CDLL(None).clock_gettime
    _clock_gettime.argtypes = [ctypes.c_int, ctypes.POINTER(_Timespec)]
    _MONOTONIC = 1  # CLOCK_MONOTONIC of Linux: clock_gettime(2)

    # Bound, since a daemon thread may come here while the interpreter takes modules apart.
    def monotonic(timespec=_Timespec, clock_gettime=_clock_gettime, byref=ctypes.byref,
                  clock_id=_MONOTONIC):
        """Return seconds by the clock that nobody can set. Python 2 has no function for it."""
        now = timespec()
        clock_gettime(clock_id, byref(now))  # which fails for unknown clocks only
        return now.seconds + now.nanoseconds * 1e-9

    class Condition(threading._Condition):
        """threading.Condition, whose waits end by the time of day on Python 2."""

        _wait = threading._Condition.wait.__func__
        wait = types.FunctionType(_wait.__code__, dict(vars(threading), _time=monotonic), 'wait',
                                  _wait.__defaults__)
else:
    monotonic = time.monotonic
    Condition = threading.Condition


if sys.version_info >= (3, 11):
    join = threading.Thread.join
else:
    def join(thread, seconds):
        """Thread.join, which goes by the time of day here. Somebody may set that."""
        end, moment = monotonic() + seconds, 0.0005
        while thread.is_alive() and monotonic() < end:
            time.sleep(moment)
            moment = min(2 * moment, 0.02)

if PY2:
    class ReentrantLock(object):
        """The like of threading.RLock, which is Python code here and slow.

        What never comes to it twice, on a thread that runs no signal handlers, may take `plain`.

        A handler may raise between any two steps of the interpreter. So to take the lock and to
        note who has it is one, by functions in C: else it would be left locked and nobody's, as
        RLock is, and who was interrupted would wait for it for ever. (Python 2 may also raise
        before it calls __exit__, of any lock: that leaves it with who was interrupted.)
        """

        def __init__(self):
            self.plain = threading.Lock()
            self._owners = []  # who has it, as often as that
            self._take = self.plain.acquire, self._owners.append
            self._give = self._owners.pop, self.plain.release

        def __enter__(self):
            me = threading._get_ident()
            depth = self._owners.count(me)
            try:
                if depth:
                    self._owners.append(me)
                else:
                    map(apply, self._take, ((), (me,)))  # noqa: F821
                return  # a step with the one before: nothing is raised between them
            except:
                if self._owners.count(me) > depth:
                    self._leave(depth)
                raise

        def __exit__(self, kind=None, value=None, traceback=None, depth=None):
            # The interpreter enters a `try` that has a `finally` before it runs any handler.
            try:
                depth = self._owners.count(threading._get_ident()) - 1
                self._leave(depth)
            finally:
                count = self._owners.count(threading._get_ident())
                if count and (depth is None or count > depth):
                    self._leave(count - 1)

        def _leave(self, depth):
            if depth:
                self._owners.pop()
            else:
                map(apply, self._give, ((), ()))  # noqa: F821
else:
    ReentrantLock = threading.RLock

def set_cell(cell, value):
    """Set what a closure's cell holds. Python 3.6 has no other way."""
    ctypes.pythonapi.PyCell_Set(ctypes.py_object(cell), ctypes.py_object(value))


def is_main_thread():
    """Is this the thread that Python runs signal handlers on?"""
    current = threading.current_thread()
    if PY2:
        return isinstance(current, threading._MainThread)
    return current is threading.main_thread()


_ASCII_IDENTIFIER = re.compile(r'[A-Za-z_][A-Za-z0-9_]*\Z')


def is_identifier(name):
    """Is `name` an identifier? Python 2 knows ASCII ones only."""
    return bool(_ASCII_IDENTIFIER.match(name)) if PY2 else name.isidentifier()


def is_integer(value):
    """Is `value` an integer? True and False are not: as a port they are always a mistake."""
    return isinstance(value, integer_types) and not isinstance(value, bool)


def native_string(value):
    """`str` of either version: Python 2's unicode becomes UTF-8, the rest is left alone."""
    return value.encode('utf-8') if PY2 and isinstance(value, text_type) else value


def create_csv(path):
    """Open a file for the csv module to write to: bytes on Python 2, text in UTF-8 on Python 3."""
    if PY2:
        return open(path, 'wb')
    return io.open(path, 'w', encoding='utf-8', errors='surrogateescape', newline='')


def abstract_property(getter):
    """A property that an abstract base class has, for what derives from it to define."""
    return abc.abstractproperty(getter) if PY2 else property(abc.abstractmethod(getter))


def metaclass(kind):
    """A class decorator that sets the metaclass, which the versions write differently."""
    def rebuild(cls):
        names = dict(vars(cls))
        names.pop('__dict__', None)
        names.pop('__weakref__', None)
        return kind(cls.__name__, cls.__bases__, names)
    return rebuild
