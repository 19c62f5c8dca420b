"""Multicast messages: publish to and listen on IPv6 multicast addresses, without a broker.

::

    from mcl import RawBroadcaster, RawListener
    from mcl.network.udp import Connection

    listener = RawListener(Connection('ff15::1'))
    listener.subscribe(lambda data: print(data['topic'], data['payload']))

    RawBroadcaster(Connection('ff15::1')).publish({'x': 1.5}, topic='pose')

Errors are `MclError`, which is an IOError; its subclasses are in `mcl.errors`. How strings become
bytes and back is in `mcl.codec`.

Everything may be used from any thread, a message by one at a time. In a child made by fork(), what
listens or logs raises ForkError, and the child opens its own; what publishes, reads logs, or holds
data goes on. Signal handlers run on the program's main thread, also while that waits here, and
Ctrl-C ends a wait.
"""
import os

from mcl._constants import MCL_VERSION as __version__
from mcl.errors import ClosedError, ForkError, MclError
from mcl.event.event import Event
from mcl.logging.file import LogConnection, LogNetwork, ReadDirectory, ReadFile, WriteFile
from mcl.messages.messages import Message
from mcl.network.network import (MessageBroadcaster, MessageListener, QueuedListener,
                                 RawBroadcaster, RawListener)

# The folder that holds the package.
MCL_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

__all__ = ['ClosedError', 'Event', 'ForkError', 'LogConnection', 'LogNetwork', 'MCL_ROOT',
           'MclError', 'Message', 'MessageBroadcaster', 'MessageListener', 'QueuedListener',
           'RawBroadcaster', 'RawListener', 'ReadDirectory', 'ReadFile', 'WriteFile', '__version__']
