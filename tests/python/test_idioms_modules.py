"""Programs whose modules are imported twice, reloaded, or run while they are imported."""

import os

import pytest

from helpers import PY2, ROOT, communicate, run_python, start_python

TYPES = """
from mcl import Message
from mcl.network.udp import Connection

class Pose(Message):
    mandatory = ('x',)
    connection = Connection('ff15::1d:1')

    def double(self):
        return 2 * self['x']

class Twist(Message):
    mandatory = ['v']
    connection = Connection('ff15::1d:2', hops=1)
"""
# A body with a __class__ cell, which must hold the class that the statement gives.
WITH_SUPER = """
class Named(Message):
    mandatory = ('n',)
    connection = Connection('ff15::1d:3')

    def keys(self):
        return sorted(super().keys())
"""
RELOAD = """
import sys
try:
    from importlib import reload
except ImportError:
    pass
"""


@pytest.fixture
def folder(tmpdir):
    """Makes modules, and runs programs that can import them."""

    class Folder(object):
        path = str(tmpdir)

        def write(self, name, text):
            tmpdir.join(name + '.py').write(text)
            return str(tmpdir.join(name + '.py'))

        def environment(self):
            return {'PYTHONPATH': os.pathsep.join([str(tmpdir), os.environ['PYTHONPATH']])}

        def run(self, text, *arguments):
            return run_python(text, *arguments, env=self.environment())

        def run_script(self, name, *options):
            """Run a module as a script, by its name as it is typed in its folder."""
            return run_python(
                "import subprocess, sys\n"
                "sys.exit(subprocess.call([sys.executable] + sys.argv[1:]))",
                *(options + (name,)),
                cwd=str(tmpdir),
                env=self.environment()
            )

    return Folder()


# ---- the same declaration twice ----


@pytest.mark.parametrize('options', [(), ('-m',)])
def test_a_script_that_is_imported_by_its_own_name(folder, options):
    folder.write('helper', "import script\ndef make(x):\n    return script.Pose(x=x)\n")
    folder.write(
        'script',
        TYPES
        + ("" if PY2 else WITH_SUPER)
        + """
import pickle, sys
import mcl
from mcl.messages.messages import get_message_objects, list_messages

if __name__ == '__main__':
    import helper
    import script
    assert script.Pose is Pose is get_message_objects('Pose') and script.Twist is Twist
    assert list_messages()[:2] == [Pose, Twist]
    assert helper.make(3).double() == 6
    if sys.version_info[0] > 2:
        assert script.Named is Named and Named(n=1).keys() == ['n', 'name', 'timestamp']
    message = pickle.loads(pickle.dumps(helper.make(4), pickle.HIGHEST_PROTOCOL))
    assert type(message) is Pose and message['x'] == 4
    with mcl.MessageListener(Pose) as listener, mcl.MessageBroadcaster(script.Pose) as broadcaster:
        broadcaster.publish(helper.make(5))
        assert isinstance(listener.receive(20)['payload'], Pose)
    print('well')
""",
    )
    assert folder.run_script('script' if options else 'script.py', *options) == 'well\n'


@pytest.mark.skipif(PY2, reason="Python 2 only forks")
@pytest.mark.parametrize('method', ['spawn', 'forkserver'])
def test_children_import_the_script_of_their_parent(folder, method):
    folder.write(
        'helper', "def types():\n    import script\n    return script.Pose, script.Twist\n"
    )
    folder.write(
        'script',
        TYPES
        + """
import multiprocessing
import mcl

def child(pose, kind, queue):
    import helper
    assert helper.types() == (Pose, Twist) and kind is Twist and type(pose) is Pose
    queue.put(helper.types()[0](x=pose['x'] + 1))

if __name__ == '__main__':
    context = multiprocessing.get_context('%s')
    queue = context.Queue()
    process = context.Process(target=child, args=(Pose(x=1), Twist, queue))
    process.start()
    message = queue.get(timeout=20)
    assert type(message) is Pose and message.double() == 4
    process.join()
    print(process.exitcode)
"""
        % method,
    )
    assert folder.run_script('script.py') == '0\n'


def test_reload_replaces_the_types(folder):
    path = folder.write('types_of_mine', TYPES)
    # A bytecode file would not be looked at for a change within the second.
    folder.run(
        RELOAD + """
sys.dont_write_bytecode = True
import types_of_mine as module
import mcl
from mcl.messages.messages import get_message_objects, list_messages
old, message = module.Pose, module.Pose(x=1)
with mcl.MessageListener(old) as listener:
    with open(sys.argv[1]) as file:
        text = file.read()
    with open(sys.argv[1], 'w') as file:
        file.write('# one line more' + text.replace('2 *', '3 *'))
    for _ in range(2):
        assert reload(module) is module
    assert list_messages() == [module.Pose, module.Twist]
    assert module.Pose is not old and get_message_objects('Pose') is module.Pose
    assert module.Pose(x=1).double() == 3 and message.double() == 2
    with mcl.MessageBroadcaster(module.Pose) as broadcaster:
        broadcaster.publish(module.Pose(x=7))
    payload = listener.receive(20)['payload']
    assert type(payload) is old and payload['x'] == 7
""", path
    )


@pytest.mark.parametrize(
    'change',
    [
        ("('x',)", "('x', 'y')"),
        ("ff15::1d:1", "ff15::1d:9"),
        ("hops=1", "hops=2"),
    ],
)
def test_another_declaration_is_still_refused(folder, change):
    path = folder.write('types_of_mine', TYPES)
    folder.run(
        RELOAD + """
sys.dont_write_bytecode = True
import types_of_mine as module
from mcl.messages.messages import list_messages
with open(sys.argv[1]) as file:
    text = file.read()
with open(sys.argv[1], 'w') as file:
    file.write('#' + text.replace(*sys.argv[2:]))
try:
    reload(module)
except NameError as error:
    assert 'remove_message_object' in str(error)
else:
    sys.exit('no NameError')
assert [kind.name for kind in list_messages()] == ['Pose', 'Twist']
""", path, *change
    )


# A class statement as it is run again: at the top of a module, in a loop, and in a function.
AGAIN = {
    'twice': TYPES + "try:\n    class Pose(Message):\n        mandatory = ('x',)\n"
    "        connection = Connection('ff15::1d:1')\n"
    "except NameError:\n    print('refused')\n",
    'loop': """
from mcl import Message
from mcl.network.udp import Connection
try:
    for _ in range(2):
        class Pose(Message):
            mandatory = ('x',)
            connection = Connection('ff15::1d:1')
except NameError:
    print('refused')
""",
    'function': """
from mcl import Message
from mcl.network.udp import Connection
def define():
    class Pose(Message):
        mandatory = ('x',)
        connection = Connection('ff15::1d:1')
define()
try:
    define()
except NameError:
    print('refused')
""",
    'other file': TYPES + "try:\n    import copied\nexcept NameError:\n    print('refused')\n",
}


@pytest.mark.parametrize('case', sorted(AGAIN))
def test_a_taken_name_in_one_run_of_a_module(folder, case):
    """As ever: only another import of the same file may declare it again."""
    folder.write('copied', TYPES)
    folder.write('module', AGAIN[case])
    assert folder.run("import module") == 'refused\n'
    assert folder.run_script('module.py') == 'refused\n'


# ---- imports of the package ----


def test_import_star():
    run_python("""
from mcl import *
import mcl
assert RawListener is mcl.RawListener and Message is mcl.Message and QueuedListener and Event
assert MessageBroadcaster and MessageListener and RawBroadcaster and MCL_ROOT
from mcl.network.udp import *
from mcl.messages.messages import *
assert Connection('ff15::1').port == UDP_PORT and list_messages() == []
assert get_message_objects([]) == [] and remove_message_object('Pose') is False
import mcl.network.udp as udp
from mcl.network import udp as again
assert udp is again and udp.Connection is Connection
""")


def test_reload_of_the_package():
    run_python(RELOAD + TYPES + """
import mcl
with mcl.MessageListener(Pose) as listener, mcl.RawBroadcaster(Pose.connection) as broadcaster:
    before = mcl.Message
    assert reload(mcl) is mcl
    assert mcl.Message is before and issubclass(Pose, mcl.Message)
    broadcaster.publish({'x': 1})
    assert listener.receive(20)['payload'].double() == 2
    with mcl.MessageBroadcaster(Pose) as other:
        other.publish(Pose(x=2))
    assert listener.receive(20)['payload'].double() == 4
""")


def test_a_program_that_runs_while_it_is_imported(folder):
    """Python 2 holds one lock for all imports: a thread that needed it would wait for ever."""
    folder.write(
        'program',
        TYPES
        + """
import threading
import mcl

got = threading.Event()
seen = []
def callback(data):
    seen.append(data['payload'])
    got.set()
def failing(data):
    raise ValueError(data)
listeners = [mcl.MessageListener(Pose), mcl.QueuedListener(Pose), mcl.RawListener(Pose.connection)]
for listener in listeners:
    listener.subscribe(failing)
    listener.subscribe(callback)
with mcl.MessageBroadcaster(Pose, topic='p') as broadcaster:
    broadcaster.publish(Pose(x=u'\\xe9'))
    while len(seen) < 3:
        assert got.wait(20), 'no data'
        got.clear()
with mcl.RawBroadcaster(Pose.connection) as broadcaster:
    broadcaster.publish('does not fit')
    while len(seen) < 4:
        assert got.wait(20), 'no data'
        got.clear()
for listener in listeners[:2]:
    while not listener.stats()['rejected']:
        got.wait(0.01)
for listener in listeners:
    listener.close()
""",
    )
    process = start_python(
        "import signal; signal.alarm(50); import program", env=folder.environment()
    )
    errors = communicate(process)[1]
    assert process.returncode == 0, errors
    assert errors.count('ValueError: ') == 4 and 'is no Pose' in errors


# ---- working folder ----


@pytest.fixture
def relative(tmpdir):
    """A folder that holds a source tree called `tree`, and an environment without the package."""
    tmpdir.mkdir('tree').mkdir('bindings').mkdir('python')
    for name in ('include', 'build', os.path.join('bindings', 'python', 'mcl')):
        os.symlink(os.path.join(ROOT, name), str(tmpdir.join('tree', name)))
    others = [
        path
        for path in os.environ['PYTHONPATH'].split(os.pathsep)
        if not os.path.exists(os.path.join(path, 'mcl'))
    ]
    return {
        'cwd': str(tmpdir),
        'env': {'PYTHONPATH': os.pathsep.join(others), 'MCL_LIBRARY': ''},
    }


FROM_ELSEWHERE = """
import os, sys
sys.path.insert(0, os.path.join('tree', 'bindings', 'python'))
import mcl
from mcl.network.udp import Connection
os.chdir('/')
with mcl.RawListener(Connection('ff15::1d:4')) as listener:
    assert listener.is_open
"""


@pytest.mark.parametrize('library', ['', 'tree/build/libmcl.so'])
def test_a_daemon_s_working_folder(relative, library):
    """It goes to / before the first use, where relative paths lead nowhere."""
    relative['env']['MCL_LIBRARY'] = library
    run_python(FROM_ELSEWHERE, **relative)
