"""Finding and loading the library."""

import os
import shutil

import pytest

import mcl
from helpers import ROOT, communicate, run_python, start_python
from mcl import _library

ROUND_TRIP = """
import mcl
from mcl.network.udp import Connection
C = Connection('ff15::1')
with mcl.RawListener(C) as listener, mcl.RawBroadcaster(C) as broadcaster:
    broadcaster.publish(5)
    assert listener.receive(20)['payload'] == 5
"""
OPEN = """
import mcl
from mcl.network.udp import Connection
try:
    mcl.RawBroadcaster(Connection('ff15::1'))
except mcl.MclError as error:
    print(type(error).__name__)
    print(error)
"""
BUILT = os.path.join(ROOT, 'build', 'libmcl.so')


@pytest.fixture
def moved(tmpdir):
    """An environment in which the package lies without a library, outside the source tree."""
    shutil.copytree(
        os.path.dirname(mcl.__file__),
        str(tmpdir.join('mcl')),
        ignore=shutil.ignore_patterns('libmcl.so'),
    )
    others = [
        path
        for path in os.environ['PYTHONPATH'].split(os.pathsep)
        if not os.path.exists(os.path.join(path, 'mcl'))
    ]
    return {'PYTHONPATH': os.pathsep.join([str(tmpdir)] + others), 'MCL_LIBRARY': ''}


def test_source_tree():
    run_python(ROUND_TRIP, env={'MCL_LIBRARY': ''})


def test_environment(moved):
    run_python(ROUND_TRIP, env=dict(moved, MCL_LIBRARY=BUILT))


def test_in_the_package(moved, tmpdir):
    shutil.copy(BUILT, str(tmpdir.join('mcl', 'libmcl.so')))
    run_python(ROUND_TRIP, env=moved)


def test_system_loader(moved, tmpdir):
    shutil.copy(BUILT, str(tmpdir.join('libmcl.so.0')))
    run_python(
        ROUND_TRIP + "from mcl import _library; assert _library.get().path.startswith('/')",
        env=dict(moved, LD_LIBRARY_PATH=str(tmpdir)),
    )


def test_nowhere(moved, tmpdir):
    output = run_python(OPEN, env=moved)
    assert output.startswith('LibraryError\n')
    for part in (str(tmpdir.join('mcl', 'libmcl.so')), 'libmcl.so.0', 'make lib', 'MCL_LIBRARY'):
        assert part in output


@pytest.mark.parametrize('name', ['/nowhere/libmcl.so', '/etc/passwd', 'libc.so.6'])
def test_named_wrongly(name):
    output = run_python(OPEN, env={'MCL_LIBRARY': name})
    assert output.startswith('LibraryError\n') and name in output and 'make lib' in output


@pytest.mark.parametrize(
    'version, fits',
    [('0.1.9', True), ('0.0.0', False), ('0.2.0', False), ('1.1.0', False), ('0.10.0', False)],
)
def test_version_of_another_release(version, fits):
    """The package plays to be of another version; the library is of 0.1."""
    setting = "from mcl import _constants\n_constants.MCL_VERSION = '%s'\n" % version
    if fits:
        run_python(setting + ROUND_TRIP)
        return
    output = run_python(setting + OPEN)
    assert output.startswith('LibraryError\n') and version in output and 'same release' in output


@pytest.mark.parametrize(
    'ours, theirs, same',
    [('1.2.3', '1.3.0', True), ('1.2.3', '2.2.3', False), ('0.1.0', '0.1.5', True)],
)
def test_which_versions_fit(ours, theirs, same):
    assert (_library._interface(ours) == _library._interface(theirs)) is same


@pytest.mark.parametrize(
    'module',
    [
        'mcl.event.event',
        'mcl.messages.messages',
        'mcl.network.abstract',
        'mcl.network.network',
        'mcl.network.udp',
        'mcl.codec',
        'mcl.errors',
    ],
)
def test_each_module_can_be_imported_first(module):
    run_python('import %s' % module)


FEW_DESCRIPTORS = """
import datetime, os, resource, signal, sys
import mcl
from mcl.network.udp import Connection

C, folder, written = Connection('ff15::1'), sys.argv[1], []

def read():
    mcl.ReadFile(os.path.join(folder, 'log')).close()

def write():
    written.append('%d-%d' % (os.getpid(), len(written)))
    with mcl.WriteFile(os.path.join(folder, written[-1]), C) as file:
        file.write({'topic': '', 'payload': 1, 'time_received': datetime.datetime(2020, 1, 1)})

def listen():
    with mcl.QueuedListener(C) as listener:
        listener.subscribe(print)

def publish():
    with mcl.RawBroadcaster(C) as broadcaster:
        broadcaster.publish('x' * 300000)

def first_use(use, free):
    '''It works or raises, and works when there are more.'''
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    held = []
    try:
        while True:
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    for _ in range(free):
        os.close(held.pop())
    try:
        use()
    except mcl.MclError as error:
        assert free < 10
        assert 'ulimit -n' in str(error) or free == 0 and 'cannot load libmcl' in str(error), error
    for descriptor in held:
        os.close(descriptor)
    use()

for use in (read, write, listen, publish):
    for free in range(11):
        child = os.fork()    # in which the library is not loaded yet
        if child == 0:
            signal.alarm(60)
            first_use(use, free)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        assert status == 0, (use.__name__, free, status)
"""


def test_few_descriptors_at_the_first_use(log):
    code = "from __future__ import print_function\n" + FEW_DESCRIPTORS
    run_python(code, os.path.dirname(log(1, name='log')))


FEW_ADDRESSES = """
import os, resource, sys
import mcl
from mcl.errors import LibraryError
from mcl.network.udp import Connection

def use():
    with mcl.RawListener(Connection('ff15::1')):
        pass

def limit(more):
    with open('/proc/self/statm') as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (more << 20), resource.RLIM_INFINITY))

def refused():
    try:
        use()
    except LibraryError as error:
        return 'ulimit -v' in str(error)

limit(700)
assert refused()
limit(2048)
use()
child = os.fork()
if child == 0:
    assert refused()    # addresses for one copy only are left
    limit(2048)
    use()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
use()
"""


def test_few_addresses():
    """Go's runtime would end the process."""
    process = start_python(FEW_ADDRESSES)
    errors = communicate(process)[1]
    assert process.returncode == 0, errors
