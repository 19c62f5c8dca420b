"""mcl.h for ctypes: its structs, its handles and the prototypes of all its functions.

The order and names are the header's, which says what everything means; nothing is decided here. A
test compares this file with the header and with what a C compiler makes of it.
"""
import ctypes
import struct
from ctypes import (POINTER, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint8,
                    c_uint32, c_uint64, c_void_p)

from mcl import _constants as constants


# Handles are distinct types, so that ctypes refuses a listener where a broadcaster belongs.
class Type(c_void_p):
    """mcl_type *"""


class Message(c_void_p):
    """mcl_message *"""


class Broadcaster(c_void_p):
    """mcl_broadcaster *"""


class Listener(c_void_p):
    """mcl_listener *"""


class LogWriter(c_void_p):
    """mcl_log_writer *"""


class LogReader(c_void_p):
    """mcl_log_reader *"""


class Recorder(c_void_p):
    """mcl_recorder *"""


class Replay(c_void_p):
    """mcl_replay *"""


class Sized(ctypes.Structure):
    """A struct that begins with its size, which is set when it is made."""

    def __init__(self, **fields):
        super(Sized, self).__init__(size=ctypes.sizeof(self), **fields)


class Error(ctypes.Structure):
    _fields_ = [
        ('code', c_int32),
        ('system', c_int32),
        ('text', c_char * constants.MCL_ERROR_TEXT_MAX),
    ]


class Connection(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('url', c_char_p),
        ('interface_', c_char_p),
        ('port', c_int32),
        ('hops', c_int32),
        ('loopback', c_int32),
        ('reassembly_age_ms', c_int32),
        ('recv_buffer', c_int64),
        ('send_buffer', c_int64),
        ('message_max', c_int64),
        ('reassembly_bytes', c_int64),
        ('objects_max', c_int64),
    ]


class Settings(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('interface_index', c_int32),
        ('port', c_int32),
        ('local_port', c_int32),
        ('hops', c_int32),
        ('loopback', c_int32),
        ('reserved', c_int32),
        ('recv_buffer_asked', c_int64),
        ('recv_buffer', c_int64),
        ('send_buffer_asked', c_int64),
        ('send_buffer', c_int64),
        ('message_max', c_int64),
        ('reassembly_bytes', c_int64),
        ('reassembly_age_ms', c_int64),
        ('objects_max', c_int64),
    ]


class BroadcasterOptions(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('topic', c_char_p),
        ('topic_size', c_size_t),
        ('type', Type),
        ('verbatim', c_int32),
        ('coalesce_us', c_int32),
    ]


class Item(ctypes.Structure):
    """mcl_item"""

    _fields_ = [
        ('topic', c_char_p),
        ('topic_size', c_size_t),
        ('payload', c_char_p),
        ('payload_size', c_size_t),
    ]


class BroadcasterStats(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('messages', c_uint64),
        ('datagrams', c_uint64),
        ('bytes', c_uint64),
        ('send_errors', c_uint64),
    ]


class ListenerOptions(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('topics', POINTER(c_char_p)),
        ('topic_sizes', POINTER(c_size_t)),
        ('topic_count', c_size_t),
        ('type', Type),
        ('queued', c_int32),
        ('policy', c_int32),
        ('queue_messages', c_int64),
        ('queue_bytes', c_int64),
        ('quiet', c_int32),
        ('reserved', c_int32),
    ]


class Record(ctypes.Structure):
    # topic is no c_char_p: reading such a field copies up to a NUL, which is not there.
    _fields_ = [
        ('topic', c_void_p),
        ('topic_size', c_size_t),
        ('payload', c_void_p),
        ('payload_size', c_size_t),
        ('time_received', c_int64),
        ('sender', c_uint8 * 16),
        ('sender_port', c_uint32),
        ('interface_index', c_uint32),
    ]


# The same for struct.unpack_from, which reads all fields in the time that ctypes takes for one.
# 'P' stands for size_t too, which Python 2 has no letter for; the two are equally large.
RECORD = struct.Struct('@PPPPq16sII')
# Up to time_received, which is what Python tells; the rest would take as long again.
RECORD_BEGINNING = struct.Struct('@PPPPq24x')


class Hand(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('number', c_uint64),
        ('count', c_size_t),
        ('records', c_void_p),
        ('stream', c_void_p),
        ('stream_size', c_size_t),
        ('most', c_size_t),
        ('wants_stream', c_int32),
        ('reserved', c_int32),
    ]


# What comes out of it, likewise.
HAND_BEGINNING = struct.Struct('@PQPPPP')

CALL = ctypes.CFUNCTYPE(None, c_void_p, POINTER(Record))
DROP = ctypes.CFUNCTYPE(None, c_void_p)


class Callback(ctypes.Structure):
    _fields_ = [
        ('context', c_void_p),
        ('call', CALL),
        ('drop', DROP),
    ]


class ListenerStats(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('datagrams', c_uint64),
        ('bytes', c_uint64),
        ('filtered', c_uint64),
        ('repeated', c_uint64),
        ('evicted', c_uint64),
        ('assembling', c_uint64),
        ('joined', c_uint64),
        ('messages', c_uint64),
        ('delivered', c_uint64),
        ('rejected', c_uint64),
        ('dropped_queue', c_uint64),
        ('discarded', c_uint64),
        ('queued', c_uint64),
        ('queued_bytes', c_uint64),
        ('dropped_kernel', c_uint64),
        ('messages_evicted', c_uint64),
        ('assembling_bytes', c_uint64),
        ('malformed', c_uint64 * 16),
    ]


class LogOptions(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('type_name', c_char_p),
        ('revision', c_char_p),
        ('time_origin', c_int64),
        ('has_time_origin', c_int32),
        ('reserved', c_int32),
        ('max_entries', c_int64),
        ('max_time', c_int64),
        ('existing', c_int32),
        ('unbuffered', c_int32),
    ]


class LogStats(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('entries', c_uint64),
        ('bytes', c_uint64),
        ('buffered', c_uint64),
        ('dropped', c_uint64),
        ('errors', c_uint64),
        ('files', c_uint64),
    ]


class LogReadOptions(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('min_time', c_int64),
        ('max_time', c_int64),
        ('has_min_time', c_int32),
        ('has_max_time', c_int32),
        ('refuse_raw', c_int32),
        ('reserved', c_int32),
    ]


class LogRecord(ctypes.Structure):
    # topic: see Record.
    _fields_ = [
        ('elapsed', c_int64),
        ('topic', c_void_p),
        ('topic_size', c_size_t),
        ('payload', c_void_p),
        ('payload_size', c_size_t),
        ('type_name', c_char_p),
    ]


# The same for struct.unpack_from, as RECORD.
LOG_RECORD = struct.Struct('@qPPPPP')


class LogHeader(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('created', c_int64),
        ('end', c_int64),
        ('text', c_char_p),
        ('version', c_char_p),
        ('revision', c_char_p),
        ('type_name', c_char_p),
        ('path', c_char_p),
    ]


class RecorderOptions(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('log', POINTER(LogOptions)),
        ('listener', POINTER(ListenerOptions)),
    ]


class ReplayOptions(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('buffer', c_int64),
        ('quiet', c_int32),
        ('reserved', c_int32),
        ('linger', c_int64),
    ]


class ReplayStats(Sized):
    _fields_ = [
        ('size', c_size_t),
        ('read', c_uint64),
        ('published', c_uint64),
        ('errors', c_uint64),
        ('buffered', c_uint64),
        ('discarded', c_uint64),
        ('late_max', c_int64),
    ]


# The C name of each struct.
STRUCTS = {
    'mcl_error': Error,
    'mcl_connection': Connection,
    'mcl_settings': Settings,
    'mcl_broadcaster_options': BroadcasterOptions,
    'mcl_item': Item,
    'mcl_broadcaster_stats': BroadcasterStats,
    'mcl_listener_options': ListenerOptions,
    'mcl_received': Record,
    'mcl_hand': Hand,
    'mcl_callback': Callback,
    'mcl_listener_stats': ListenerStats,
    'mcl_log_writer_options': LogOptions,
    'mcl_log_writer_stats': LogStats,
    'mcl_log_reader_options': LogReadOptions,
    'mcl_log_record': LogRecord,
    'mcl_log_header': LogHeader,
    'mcl_recorder_options': RecorderOptions,
    'mcl_replay_options': ReplayOptions,
    'mcl_replay_stats': ReplayStats,
}

_error = POINTER(Error)
_size = POINTER(c_size_t)
_key = [Message, c_char_p, c_size_t]  # a message, a key and its size
_topic = [Broadcaster, c_char_p, c_size_t]  # a broadcaster, a topic and its size
_many = [Broadcaster, POINTER(Item), c_size_t, _size]  # a broadcaster, items, count, those sent
_data = [c_void_p, c_size_t]  # const void * and its size
_text = [c_char_p, c_size_t]  # const char * and its size
_out = [c_void_p, c_size_t, _size]  # a buffer, its size, and the size needed

# name: (result, arguments)
PROTOTYPES = {
    'mcl_version': (c_char_p, []),
    'mcl_strerror': (c_char_p, [c_int]),

    'mcl_connection_check': (c_int, [POINTER(Connection), _error]),
    'mcl_packed_check': (c_int, _data + [_error]),

    'mcl_type_define': (c_int, [c_char_p, POINTER(c_char_p), c_size_t, POINTER(Connection),
                                POINTER(Type), _error]),
    'mcl_type_new': (c_int, [c_char_p, POINTER(c_char_p), c_size_t, POINTER(Connection),
                             POINTER(Type), _error]),
    'mcl_type_find': (c_int, [c_char_p, POINTER(Type), _error]),
    'mcl_type_list': (c_int, _out + [_error]),
    'mcl_type_remove': (c_int, [c_char_p, _error]),
    'mcl_type_name': (c_int, [Type] + _out + [_error]),
    'mcl_type_mandatory': (c_int, [Type] + _out + [_error]),
    'mcl_type_close': (c_int, [Type]),

    'mcl_message_new': (c_int, [Type, POINTER(Message), _error]),
    'mcl_message_decode': (c_int, [Type] + _data + [POINTER(Message), _error]),
    'mcl_message_close': (c_int, [Message]),
    'mcl_message_set_nil': (c_int, _key + [_error]),
    'mcl_message_set_bool': (c_int, _key + [c_int, _error]),
    'mcl_message_set_int': (c_int, _key + [c_int64, _error]),
    'mcl_message_set_uint': (c_int, _key + [c_uint64, _error]),
    'mcl_message_set_double': (c_int, _key + [c_double, _error]),
    'mcl_message_set_string': (c_int, _key + _text + [_error]),
    'mcl_message_set_bytes': (c_int, _key + _data + [_error]),
    'mcl_message_set_packed': (c_int, _key + _data + [_error]),
    'mcl_message_touch': (c_int, [Message, _error]),
    'mcl_message_count': (c_int, [Message, _error]),
    'mcl_message_key': (c_int, [Message, c_size_t] + _out + [_error]),
    'mcl_message_kind': (c_int, _key + [_error]),
    'mcl_message_get_bool': (c_int, _key + [POINTER(c_int), _error]),
    'mcl_message_get_int': (c_int, _key + [POINTER(c_int64), _error]),
    'mcl_message_get_uint': (c_int, _key + [POINTER(c_uint64), _error]),
    'mcl_message_get_double': (c_int, _key + [POINTER(c_double), _error]),
    'mcl_message_get_string': (c_int, _key + _out + [_error]),
    'mcl_message_get_bytes': (c_int, _key + _out + [_error]),
    'mcl_message_get_packed': (c_int, _key + _out + [_error]),
    'mcl_message_encode': (c_int, [Message] + _out + [_error]),
    'mcl_message_json': (c_int, [Message] + _out + [_error]),

    'mcl_broadcaster_open': (c_int, [POINTER(Connection), POINTER(BroadcasterOptions),
                                     POINTER(Broadcaster), _error]),
    'mcl_broadcaster_publish': (c_int, _topic + _data + [_error]),
    'mcl_broadcaster_publish_message': (c_int, _topic + [Message, _error]),
    'mcl_broadcaster_publish_nil': (c_int, _topic + [_error]),
    'mcl_broadcaster_publish_bool': (c_int, _topic + [c_int, _error]),
    'mcl_broadcaster_publish_int': (c_int, _topic + [c_int64, _error]),
    'mcl_broadcaster_publish_uint': (c_int, _topic + [c_uint64, _error]),
    'mcl_broadcaster_publish_double': (c_int, _topic + [c_double, _error]),
    'mcl_broadcaster_publish_string': (c_int, _topic + _text + [_error]),
    'mcl_broadcaster_publish_bytes': (c_int, _topic + _data + [_error]),
    'mcl_broadcaster_publish_within': (c_int, _topic + _data + [c_int, _error]),
    'mcl_broadcaster_publish_many': (c_int, _many + [_error]),
    'mcl_broadcaster_publish_many_within': (c_int, _many + [c_int, _error]),
    'mcl_broadcaster_set_fragment_size': (c_int, [Broadcaster, c_int, _error]),
    'mcl_broadcaster_flush': (c_int, [Broadcaster, _error]),
    'mcl_broadcaster_flush_within': (c_int, [Broadcaster, c_int, _error]),
    'mcl_broadcaster_get_stats': (c_int, [Broadcaster, POINTER(BroadcasterStats), _error]),
    'mcl_broadcaster_get_settings': (c_int, [Broadcaster, POINTER(Settings), _error]),
    'mcl_broadcaster_close': (c_int, [Broadcaster]),

    'mcl_listener_open': (c_int, [POINTER(Connection), POINTER(ListenerOptions), POINTER(Listener),
                                  _error]),
    'mcl_listener_subscribe': (c_int, [Listener, POINTER(Callback), POINTER(c_uint64), _error]),
    'mcl_listener_unsubscribe': (c_int, [Listener, c_uint64, _error]),
    'mcl_listener_fd': (c_int, [Listener, _error]),
    'mcl_listener_wait': (c_int, [Listener, c_int, _error]),
    'mcl_listener_recv': (c_int, [Listener, c_int, POINTER(Record)] + _out + [_error]),
    'mcl_listener_take': (c_int, [Listener, c_int, POINTER(Hand), _error]),
    'mcl_listener_settle': (c_int, [Listener, POINTER(Hand), c_size_t, c_size_t, _error]),
    'mcl_listener_get_stats': (c_int, [Listener, POINTER(ListenerStats), _error]),
    'mcl_listener_get_settings': (c_int, [Listener, POINTER(Settings), _error]),
    'mcl_malformed_name': (c_char_p, [c_int]),
    'mcl_listener_close': (c_int, [Listener, POINTER(ListenerStats)]),

    'mcl_log_writer_open': (c_int, [c_char_p, POINTER(LogOptions), POINTER(LogWriter), _error]),
    'mcl_log_writer_write': (c_int, [LogWriter, c_char_p, c_size_t] + _data + [c_int64, _error]),
    'mcl_log_writer_flush': (c_int, [LogWriter, _error]),
    'mcl_log_writer_get_stats': (c_int, [LogWriter, POINTER(LogStats), _error, _error]),
    'mcl_log_writer_close': (c_int, [LogWriter, POINTER(LogStats), _error]),

    'mcl_log_reader_open': (c_int, [c_char_p, POINTER(LogReadOptions), POINTER(LogReader), _error]),
    'mcl_log_reader_open_directory': (c_int, [c_char_p, POINTER(LogReadOptions), POINTER(LogReader),
                                       _error]),
    # The records are POINTER(LogRecord) in C; c_void_p takes a buffer that LOG_RECORD reads, too.
    'mcl_log_reader_read': (c_int, [LogReader, c_void_p, c_size_t] + _out + [_error]),
    'mcl_log_reader_pending': (c_int, [LogReader, _error]),
    'mcl_log_reader_reset': (c_int, [LogReader, _error]),
    'mcl_log_reader_get_header': (c_int, [LogReader, c_size_t, POINTER(LogHeader)] + _out
                                  + [_error]),
    'mcl_log_reader_torn': (c_int, [LogReader, POINTER(c_uint64), _error]),
    'mcl_log_reader_close': (c_int, [LogReader]),
    'mcl_log_make_directory': (c_int, [c_char_p, c_int64] + _out + [_error]),

    'mcl_recorder_open': (c_int, [c_char_p, POINTER(Connection), POINTER(RecorderOptions),
                                  POINTER(Recorder), _error]),
    'mcl_recorder_open_network': (c_int, [c_char_p, POINTER(Type), c_size_t,
                                          POINTER(RecorderOptions), POINTER(Recorder), _error]),
    'mcl_recorder_directory': (c_int, [Recorder] + _out + [_error]),
    'mcl_recorder_get_stats': (c_int, [Recorder, c_int, POINTER(LogStats), POINTER(ListenerStats),
                                       _error, _error]),
    'mcl_recorder_close': (c_int, [Recorder, POINTER(LogStats), POINTER(ListenerStats), _error]),

    'mcl_replay_open': (c_int, [LogReader, c_double, POINTER(ReplayOptions), POINTER(Replay),
                                _error]),
    'mcl_replay_target': (c_int, [Replay, c_char_p, Broadcaster, _error]),
    'mcl_replay_push': (c_int, [Replay, POINTER(LogRecord), c_int, _error]),
    'mcl_replay_end': (c_int, [Replay, _error]),
    'mcl_replay_start': (c_int, [Replay, _error]),
    'mcl_replay_pause': (c_int, [Replay, _error]),
    'mcl_replay_stop': (c_int, [Replay, _error]),
    'mcl_replay_set_speed': (c_int, [Replay, c_double, _error]),
    'mcl_replay_get_state': (c_int, [Replay, _error]),
    'mcl_replay_pending': (c_int, [Replay, _error]),
    'mcl_replay_wait': (c_int, [Replay, c_int, _error]),
    'mcl_replay_get_stats': (c_int, [Replay, POINTER(ReplayStats), _error]),
    'mcl_replay_close': (c_int, [Replay, POINTER(ReplayStats)]),
}

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
    'mcl_version', 'mcl_strerror', 'mcl_malformed_name', 'mcl_connection_check',
    'mcl_broadcaster_publish_within', 'mcl_broadcaster_publish_many_within',
    'mcl_broadcaster_get_stats', 'mcl_broadcaster_get_settings',
    'mcl_listener_fd', 'mcl_listener_take', 'mcl_listener_settle',
    'mcl_listener_get_stats', 'mcl_listener_get_settings',
])


class Functions(object):
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
            function.restype, function.argtypes = PROTOTYPES[name]
            setattr(self, name, function)
