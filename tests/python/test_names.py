"""What holds of all public names. Which there are is in test_api.py."""

import importlib
import inspect
import os


import mcl
from helpers import run_python
from mcl.logging import replay
from mcl.messages import messages
from mcl.network import abstract, udp
from test_api import public_modules


def test_kinds_of_names():
    for kind in (
        mcl.Event,
        mcl.LogConnection,
        mcl.LogNetwork,
        mcl.Message,
        mcl.MessageBroadcaster,
        mcl.MessageListener,
        mcl.QueuedListener,
        mcl.ReadDirectory,
        mcl.ReadFile,
        mcl.WriteFile,
        abstract.Connection,
        abstract.RawBroadcaster,
        abstract.RawListener,
        udp.Connection,
        udp.RawBroadcaster,
        udp.RawListener,
        replay.BufferData,
        replay.Replay,
        replay.ScheduleBroadcasts,
    ):
        assert isinstance(kind, type), "programs derive from %r" % kind
    assert type(messages._MESSAGES) is list
    assert type(mcl.MCL_ROOT) is str


NEEDED = [name for name in public_modules()
          if name not in ('mcl.logging.replay', 'mcl.logging.tools')]


def test_import_of_the_package_is_enough():
    run_python("import mcl\n" + '\n'.join(NEEDED))


def test_a_star_import_gives_the_public_names_only():
    """`Connection` stays that of UDP, which a program has imported before."""
    given = {}
    exec("from mcl.network.udp import Connection\nfrom mcl.network.network import *", given)
    given.pop('__builtins__')
    assert given.pop('Connection') is udp.Connection
    assert sorted(given) == [
        'MessageBroadcaster',
        'MessageListener',
        'QueuedListener',
        'RawBroadcaster',
        'RawListener',
        'TIMEOUT',
    ]


def test_root_holds_the_package():
    assert os.path.samefile(os.path.join(mcl.MCL_ROOT, 'mcl'), os.path.dirname(mcl.__file__))


def test_import_does_not_load_the_library():
    run_python(
        "import mcl, mcl.network.udp, mcl.messages.messages\n"
        "import mcl.logging.replay, mcl.logging.tools\n"
        "mcl.network.udp.Connection('ff15::1')\n"
        "files = [line.rstrip().split('/')[-1] for line in open('/proc/self/maps')]\n"
        "assert not [name for name in files if name.startswith('libmcl')]\n"
        "mcl.RawBroadcaster(mcl.network.udp.Connection('ff15::1')).close()\n"
        "files = [line.rstrip().split('/')[-1] for line in open('/proc/self/maps')]\n"
        "assert 'libmcl.so' in files"
    )


def test_every_public_name_has_a_docstring():
    for module in ['mcl'] + public_modules():
        imported = importlib.import_module(module)
        assert imported.__doc__
        for name, value in vars(imported).items():
            if (
                name.startswith('_')
                or not callable(value)
                or not value.__module__.startswith('mcl')
            ):
                continue
            assert value.__doc__, name
            for attribute, member in vars(value).items() if isinstance(value, type) else ():
                if not attribute.startswith('_') and callable(member):
                    # An override may leave it to the method that it overrides.
                    assert any(
                        getattr(vars(cls).get(attribute), '__doc__', None) for cls in value.__mro__
                    ), (name, attribute)


def public_classes():
    classes = [getattr(mcl, name) for name in mcl.__all__]
    classes += [getattr(module, name) for module in (udp, replay) for name in module.__all__]
    classes = [one for one in classes if inspect.isclass(one) and not issubclass(one, Exception)]
    assert len(classes) > 12
    return classes


def test_what_is_opened_says_what_threads_and_forks_may_do():
    for one in public_classes():
        assert 'thread' in one.__doc__.lower(), one
        assert 'fork()' in one.__doc__ or one is mcl.Event, one


# Methods that may wait: for data, for the kernel, for a disk, or for what runs on another thread.
WAIT = set(
    '__iter__ close discard flush next pause publish publish_many read receive reset stop'
    ' write'.split()
)
# The others. A new one belongs in one of the two.
DO_NOT = set(
    'fileno has_ended is_alive is_data_pending is_open is_ready is_subscribed left_out'
    ' num_subscriptions open release settings start stats subscribe torn unsubscribe'
    ' with_messages'.split()
)


def test_what_waits_says_what_a_signal_does():
    waiting = set()
    # Those that are left out are data, and an Event waits for no more than its callbacks.
    for one in set(public_classes()) - {mcl.Event, mcl.Message, udp.Connection}:
        names = [name for name in dir(one) if not name.startswith('_') or name in WAIT]
        for name in names:
            if name in DO_NOT or not callable(getattr(one, name)):
                continue
            assert name in WAIT, "%s.%s: does it wait?" % (one.__name__, name)
            texts = [vars(cls)[name].__doc__ for cls in one.__mro__ if name in vars(cls)]
            # An override may leave it to the method that it overrides.
            text = [text for text in texts if text][0]
            assert 'ignals ' in text or 'Ctrl-C' in text, (one, name)
            waiting.add(name)
    assert waiting == WAIT
