"""Where a message type is declared, to tell the same declaration run again from another one."""
import os
import weakref


class Origin(object):
    """The place of a class statement: made by the metaclass, of the frame that runs it."""

    def __init__(self, frame):
        names = frame.f_globals
        self._module = names.get('__name__')
        # Within a function it may run any number of times, and that is no import.
        in_module = frame.f_code.co_name == '<module>' and names.get('__file__')
        self._file = _source(names['__file__']) if in_module else None
        # An import makes a code object of its own, so another one means another import.
        self._code = weakref.ref(frame.f_code)

    def is_repeated_by(self, other):
        """Is `other` the same source file, imported again?"""
        return (self._file is not None and self._file == other._file
                and self._code() is not other._code())

    def is_reloaded_by(self, other):
        """Is it that, and under the same name?"""
        return self.is_repeated_by(other) and self._module == other._module


def _source(path):
    """Return the absolute path of a module's source: Python 2 may give that of its .pyc."""
    path = os.path.realpath(path)
    return path[:-1] if path.endswith(('.pyc', '.pyo')) else path
