"""CSV files of values from logs."""
from __future__ import absolute_import

import contextlib
import errno
import itertools
import os
import shutil

from mcl._compat import PY2, create_csv, native_string, string_types
from mcl.codec import decode_topic
from mcl.errors import MclError


def cell(value):
    """Return a value as the csv module is to write it."""
    if isinstance(value, string_types):
        return native_string(value)
    if isinstance(value, (bytes, bytearray)):
        return decode_topic(bytes(value))
    if PY2 and isinstance(value, float):
        return repr(value)  # of subclasses too
    return value


@contextlib.contextmanager
def complete_or_not(path):
    """Give a file for the csv module to write to, which becomes `path` at the end of the block.

    After an error there is none, or the former one. A device or a pipe is written to at once.

    Raises:
        IOError: it cannot be written. The text names it.
    """
    there = os.path.exists(path)
    direct = there and not os.path.isfile(path)
    target = path if direct else os.path.realpath(path)
    try:
        name = target if direct else _unused_name(os.path.dirname(target))
    except EnvironmentError as error:
        raise IOError(error.errno, os.strerror(error.errno), path)
    try:
        with create_csv(name) as file:
            yield file
        if not direct:
            if there:
                shutil.copymode(target, name)
            os.rename(name, target)
    except BaseException as error:
        if not direct:
            os.unlink(name)
        # One of writing does not name the file, or by its other name.
        if isinstance(error, EnvironmentError) and not isinstance(error, MclError):
            if error.filename in (None, name):
                error.filename = path
        raise


def _unused_name(folder):
    """Create an empty file, and return its path."""
    for number in itertools.count():
        # No .log or .tmp, which logs are called.
        name = os.path.join(folder, '.mcl-%d-%d.csv' % (os.getpid(), number))
        try:
            os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            return name
        except EnvironmentError as error:
            if error.errno != errno.EEXIST:
                raise
    return None
