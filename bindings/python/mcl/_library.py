"""Finds and loads libmcl.so: at first use, and afresh in a process made by fork().

A copy of the library does not survive fork(): its threads exist in the parent only. It says so
itself (MCL_EFORKED), and a child then loads a copy of its own beside the dead one.
"""
import ctypes
import os
import resource
import tempfile
import threading

from mcl import _native
from mcl import _constants as constants
from mcl._compat import PY2
from mcl.errors import LibraryError

_SONAME = 'libmcl.so.0'

# Both as they are at import: a daemon changes its working folder before the first use, and relative
# paths, which sys.path gives to Python 2's modules, then lead nowhere.
_PACKAGE = os.path.dirname(os.path.abspath(__file__))
try:
    _FOLDER = os.getcwd()
except OSError:  # it was removed
    _FOLDER = os.sep


# Those that may be called with the interpreter lock held (through PyDLL): they never wait for
# anything that needs time, and least of all for another Python thread. Giving the lock up is cheap
# while no other Python thread is busy, and else it must be won back from that one.
#
# A publish may wait: while the socket's buffer is full, and for what another thread publishes. So
# mcl._handles holds the lock for a publish that waits not at all, of what travels in one datagram,
# and gives it up for one that would, and for larger payloads. Measured on 2 cores, with 50 bytes of
# payload, in microseconds a publish, holding / giving up:
#     no other thread 6 / 6     1 busy thread 13 / 33     2 busy threads 21 / 67   (Python 3.13)
QUICK = frozenset([
    'mcl_version', 'mcl_malformed_name',
    'mcl_broadcaster_publish_within', 'mcl_broadcaster_publish_many_within',
    'mcl_broadcaster_get_stats', 'mcl_broadcaster_get_settings',
    'mcl_listener_fd', 'mcl_listener_settle',
    'mcl_listener_get_stats', 'mcl_listener_get_settings',
])


class _Functions(object):
    """The functions of one loaded library, as attributes, with their prototypes set.

    Args:
        loaded (CDLL or PyDLL): the library.
        names (iterable): which functions.

    Raises:
        AttributeError: the library lacks one.
    """

    def __init__(self, loaded, names):
        for name in names:
            function = getattr(loaded, name)
            function.restype, function.argtypes = _native.PROTOTYPES[name]
            setattr(self, name, function)


class Library(object):
    """A loaded library. It is loaded twice, which gives two views of the same copy.

    Attributes:
        quick: functions that are called with the interpreter lock held; see QUICK.
        blocking: all functions, called with the lock given up.
        publish, take, take_waiting: mcl_broadcaster_publish_within and mcl_listener_take of
            `quick`, and the latter of `blocking`, for arguments that are of ctypes' types, bytes or
            None. To convert them by a prototype takes twice as long.
        path (str): the file, for children of this process.
        pid (int): the process that loaded it, and the only one that may call it.
    """

    def __init__(self, name, path=None):
        blocking, quick = ctypes.CDLL(name), ctypes.PyDLL(name)
        self.blocking = _Functions(blocking, _native.PROTOTYPES)
        self.quick = _Functions(quick, QUICK)
        self.publish = quick['mcl_broadcaster_publish_within']
        self.take, self.take_waiting = quick['mcl_listener_take'], blocking['mcl_listener_take']
        self.pid = os.getpid()
        version = self.quick.mcl_version()
        if _interface(version.decode('ascii')) != _interface(constants.MCL_VERSION):
            raise LibraryError("%s is libmcl %s, and this package needs %s: install both from"
                               " the same release"
                               % (name, version.decode('ascii'), constants.MCL_VERSION))
        self.path = path or (name if os.path.isabs(name) else _path_of(self.quick.mcl_version))


def _interface(version):
    """Return the part of a version that must be the same: while the major is 0, the minor too."""
    major, minor = version.split('.')[:2]
    return (major, minor) if major == '0' else (major,)


_loaded = None
# One lock a process: the parent's may be held, for ever, by a thread that fork() did not copy.
_locks = {}


def get():
    """Return the library of this process, loading it when this is the first use.

    To be called before anything is opened.

    Raises:
        LibraryError: it cannot be loaded; the text says what was tried.
    """
    global _loaded
    _occupy_standard_descriptors()
    library, pid = _loaded, os.getpid()
    if library is not None and library.pid == pid:
        return library
    with _locks.setdefault(pid, threading.Lock()):
        if _loaded is None:
            _loaded = _load()
        elif _loaded.pid != pid:
            _loaded = _load_copy(_loaded.path)
        return _loaded


def candidates():
    """Return what to try, in order: pairs of a name for dlopen() and where that comes from."""
    named = os.environ.get('MCL_LIBRARY')
    if named:
        # A name without a folder is left to the system's loader.
        return [(os.path.join(_FOLDER, named) if os.sep in named else named, "MCL_LIBRARY")]
    found = [(os.path.join(_PACKAGE, 'libmcl.so'), "the installed package")]
    tree = os.path.normpath(os.path.join(_PACKAGE, '..', '..', '..'))
    if os.path.exists(os.path.join(tree, 'include', 'mcl.h')):
        found.append((os.path.join(tree, 'build', 'libmcl.so'), "the source tree"))
    found.append((_SONAME, "the system's loader"))
    return found


def _check_addresses():
    """Raise LibraryError where Go's runtime would get too few addresses, and end the process."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return
    try:
        with open('/proc/self/statm') as file:
            left = limit - int(file.read().split()[0]) * resource.getpagesize()
    except (IOError, OSError):
        return
    if left < constants.MCL_LOAD_ADDRESSES:
        raise LibraryError(
            "cannot load libmcl: %d MiB of addresses are left (ulimit -v), and it takes more than"
            " %d: raise the limit by 2 GiB. In a forked child of a process that has used it, it"
            " takes them again." % (left >> 20, constants.MCL_LOAD_ADDRESSES >> 20))


def _load():
    _check_addresses()
    tried = []
    for name, origin in candidates():
        if os.path.isabs(name) and not os.path.exists(name):
            tried.append("%s (%s): no such file" % (name, origin))
            continue
        try:
            return Library(name)
        except (OSError, AttributeError) as error:
            if isinstance(error, LibraryError):
                raise
            tried.append("%s (%s): %s" % (name, origin, error))
    raise LibraryError("cannot load libmcl. Tried:\n  %s\nBuild it with `make lib` in the"
                       " source tree, install the package with pip, or name the file in the"
                       " environment variable MCL_LIBRARY." % "\n  ".join(tried))


def _occupy_standard_descriptors():
    """Open /dev/null as each of descriptors 0 to 2 that is closed.

    A daemon may have closed them, or was started so (`2>&-`). The library's sockets would take
    their numbers, and what somebody writes to stderr would be sent to the group.
    """
    try:
        while True:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor > 2:
                os.close(descriptor)
                return
            if hasattr(os, 'set_inheritable'):
                os.set_inheritable(descriptor, True)  # as these three are
    except OSError:  # no /dev, or no descriptor left: what follows will tell
        pass


def _load_copy(path):
    """Load a private copy of the file `path`, although this process has it mapped already."""
    _check_addresses()
    try:
        with open(path, 'rb') as file:
            content = file.read()
    except (IOError, OSError) as error:
        raise LibraryError("cannot load libmcl afresh after a fork: %s" % error)
    # Another file, since dlopen() takes two names of the same file for one library.
    descriptor, name = _memory_file() or _disk_file()
    try:
        with os.fdopen(descriptor, 'wb') as file:
            file.write(content)
            file.flush()
            return Library(name, path)
    except (IOError, OSError) as error:
        raise LibraryError("cannot load libmcl (%s) afresh after a fork: %s" % (path, error))
    finally:
        if not name.startswith('/proc/'):
            os.unlink(name)


def _memory_file():
    """Return a file without a name on disk: its descriptor and a path. None where there are none.

    The path has this process's number: glibc takes /proc/self/fd/N, in a child of a child, for the
    copy that its parent loaded under the same name.
    """
    create = getattr(ctypes.CDLL(None, use_errno=True), 'memfd_create', None)  # glibc 2.27
    if create is None:
        return None
    descriptor = create(b'libmcl', 1)  # MFD_CLOEXEC
    path = '/proc/%d/fd/%d' % (os.getpid(), descriptor)
    if descriptor < 0:
        return None
    if not os.path.exists(path):  # /proc may be absent, or number processes otherwise
        os.close(descriptor)
        return None
    return descriptor, path


def _disk_file():
    return tempfile.mkstemp(prefix='libmcl-', suffix='.so')


def _path_of(function):
    """Return the file that holds a function: the loader does not say where it found a library."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    with open('/proc/self/maps', 'rb') as maps:  # names may be of any bytes
        for line in maps:
            fields = line.split(None, 5)
            start, end = (int(part, 16) for part in fields[0].split(b'-'))
            if start <= address < end and len(fields) > 5:
                path = fields[5].rstrip(b'\n')
                return path if PY2 else os.fsdecode(path)
    raise LibraryError("cannot find the file of libmcl in /proc/self/maps")
