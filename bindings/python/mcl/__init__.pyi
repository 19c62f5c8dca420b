from mcl.errors import ClosedError, ForkError, MclError
from mcl.event.event import Event
from mcl.logging.file import (
    LogConnection,
    LogNetwork,
    ReadDirectory,
    ReadFile,
    WriteFile,
)
from mcl.messages.messages import Message
from mcl.network.network import (
    MessageBroadcaster,
    MessageListener,
    QueuedListener,
    RawBroadcaster,
    RawListener,
)

MCL_ROOT: str
__version__: str

__all__ = ['ClosedError', 'Event', 'ForkError', 'LogConnection', 'LogNetwork', 'MCL_ROOT',
           'MclError', 'Message', 'MessageBroadcaster', 'MessageListener', 'QueuedListener',
           'RawBroadcaster', 'RawListener', 'ReadDirectory', 'ReadFile', 'WriteFile', '__version__']
