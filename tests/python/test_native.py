"""The prototypes and structs are mcl.h's."""

import ctypes
import os
import re
import subprocess

import pytest

from helpers import ROOT
from mcl import _constants, _library, _native

with open(os.path.join(ROOT, 'include', 'mcl.h')) as _header:
    HEADER = re.sub(r'/\*.*?\*/', ' ', _header.read(), flags=re.DOTALL)

SCALARS = {
    'int': ctypes.c_int,
    'int64_t': ctypes.c_int64,
    'uint64_t': ctypes.c_uint64,
    'double': ctypes.c_double,
    'size_t': ctypes.c_size_t,
    'char': ctypes.c_char,
    'void': None,
}
HANDLES = {
    'mcl_type': _native.Type,
    'mcl_message': _native.Message,
    'mcl_broadcaster': _native.Broadcaster,
    'mcl_listener': _native.Listener,
    'mcl_log_writer': _native.LogWriter,
    'mcl_log_reader': _native.LogReader,
    'mcl_recorder': _native.Recorder,
    'mcl_replay': _native.Replay,
}


def declarations():
    """Return the functions of the header: {name: (result, [argument types])}, in C."""
    found = {}
    for result, name, arguments in re.findall(
        r'^((?:const )?\w+ \*?)(mcl_\w+)\(([^;]*?)\);', HEADER, re.MULTILINE | re.DOTALL
    ):
        types = [
            re.sub(r'\w+$', '', ' '.join(argument.split())).strip()
            for argument in arguments.split(',')
            if argument.strip() != 'void'
        ]
        found[name] = result.strip(), types
    return found


def expected(c_type):
    """Return the ctypes types that may stand for a C type."""
    words = c_type.replace('const', ' ').replace('*', ' * ').split()
    base, stars = words[0], words.count('*')
    if base in HANDLES:
        return [HANDLES[base]] if stars == 1 else [ctypes.POINTER(HANDLES[base])]
    if base in _native.STRUCTS:
        # log_read takes a buffer as its records.
        return [ctypes.POINTER(_native.STRUCTS[base])] + (
            [ctypes.c_void_p] if base == 'mcl_log_record' else []
        )
    if stars == 0:
        return [SCALARS[base]]
    if base == 'char':
        return (
            [ctypes.POINTER(ctypes.c_char_p)] if stars == 2 else [ctypes.c_char_p, ctypes.c_void_p]
        )
    if base == 'void':
        return [ctypes.c_void_p]
    return [ctypes.POINTER(SCALARS[base])]


def test_the_header_is_understood():
    assert len(declarations()) == len(re.findall(r'\bmcl_\w+\(', HEADER))
    assert len(declarations()) > 50


def test_every_function_is_there_and_no_other():
    assert set(_native.PROTOTYPES) == set(declarations())
    assert _native.QUICK <= set(_native.PROTOTYPES)


@pytest.mark.parametrize('name', sorted(declarations()))
def test_prototype(name):
    result, arguments = declarations()[name]
    restype, argtypes = _native.PROTOTYPES[name]
    assert restype in expected(result)
    assert len(argtypes) == len(arguments)
    for ours, theirs in zip(argtypes, arguments):
        assert ours in expected(theirs), theirs


def test_structs(tmpdir):
    """The C compiler gives the same sizes and offsets."""
    structs = set(re.findall(r'^typedef struct (mcl_\w+) \{', HEADER, re.MULTILINE))
    assert set(_native.STRUCTS) == structs
    lines, ours = [], []
    for name, struct in sorted(_native.STRUCTS.items()):
        body = re.search(r'typedef struct %s \{(.*?)\n\}' % name, HEADER, re.DOTALL).group(1)
        assert len(struct._fields_) == body.count(';'), "%s has other fields" % name
        lines.append('printf("%s %%zu\\n", sizeof(%s));' % (name, name))
        ours.append('%s %d' % (name, ctypes.sizeof(struct)))
        for field, _ in struct._fields_:
            lines.append(
                'printf("%s.%s %%zu %%zu\\n", offsetof(%s, %s), sizeof(((%s *)0)->%s));'
                % (name, field, name, field, name, field)
            )
            described = getattr(struct, field)
            ours.append('%s.%s %d %d' % (name, field, described.offset, described.size))
    source, program = tmpdir.join('structs.c'), tmpdir.join('structs')
    source.write(
        '#include <stdio.h>\n#include "mcl.h"\nint main(void) {\n%s\nreturn 0; }\n'
        % '\n'.join(lines)
    )
    subprocess.check_call(
        [
            'cc',
            '-Wall',
            '-Werror',
            '-I',
            os.path.join(ROOT, 'include'),
            '-o',
            str(program),
            str(source),
        ]
    )
    assert subprocess.check_output([str(program)]).decode('ascii').split('\n')[:-1] == ours


def test_the_fast_form_of_records():
    assert _native.RECORD.size == ctypes.sizeof(_native.Record)
    record = _native.Record(1, 2, 3, 4, -5, (ctypes.c_uint8 * 16)(*range(16)), 6, 7)
    assert _native.RECORD.unpack(bytes(bytearray(record))) == (
        1,
        2,
        3,
        4,
        -5,
        bytes(bytearray(range(16))),
        6,
        7,
    )

    assert _native.RECORD_BEGINNING.size == _native.RECORD.size
    beginning = _native.RECORD_BEGINNING.unpack(bytes(bytearray(record)))
    assert beginning == (record.topic, record.topic_size, record.payload, record.payload_size,
                         record.time_received)

    assert _native.LOG_RECORD.size == ctypes.sizeof(_native.LogRecord)
    entry = _native.LogRecord(-1, 2, 3, 4, 5, None)
    assert _native.LOG_RECORD.unpack(bytes(bytearray(entry))) == (-1, 2, 3, 4, 5, 0)


def test_the_library_is_the_header_s():
    library = _library.get()
    assert library.quick.mcl_version().decode('ascii') == _constants.MCL_VERSION
    assert library.quick.mcl_strerror(_constants.MCL_ECLOSED) != library.quick.mcl_strerror(-1000)
    names = [
        library.quick.mcl_malformed_name(cause) for cause in range(_constants.MCL_MALFORMED_COUNT)
    ]
    assert None not in names and len(set(names)) == len(names)
    assert library.quick.mcl_malformed_name(_constants.MCL_MALFORMED_COUNT) is None


def test_handles_are_distinct():
    publish = _library.get().quick.mcl_broadcaster_publish_within
    with pytest.raises(ctypes.ArgumentError):
        publish(_native.Listener(), None, 0, b'\xc0', 1, 0, None)
    assert publish(_native.Broadcaster(), None, 0, b'\xc0', 1, 0, None) < 0


def test_every_function_can_be_called():
    """What no class here uses: a message made and read by the library itself."""
    call = _library.get().blocking
    kind, message, needed = _native.Type(), _native.Message(), ctypes.c_size_t()
    keys = (ctypes.c_char_p * 1)(b'x')
    connection = _native.Connection(url=b'ff15::7:7')
    assert call.mcl_connection_check(ctypes.byref(connection), None) == 0
    assert (
        call.mcl_type_define(b'T', keys, 1, ctypes.byref(connection), ctypes.byref(kind), None) == 0
    )
    assert call.mcl_message_new(kind, ctypes.byref(message), None) == 0
    assert call.mcl_message_set_int(message, b'x', 1, -5, None) == 0
    value = ctypes.c_int64()
    assert call.mcl_message_get_int(message, b'x', 1, ctypes.byref(value), None) == 0
    assert value.value == -5
    text = ctypes.create_string_buffer(1000)
    assert call.mcl_message_json(message, text, len(text), ctypes.byref(needed), None) >= 0
    assert b'"x"' in text.raw[: needed.value]
    assert call.mcl_message_close(message) == 0
    assert call.mcl_type_close(kind) == 0
    assert call.mcl_type_remove(b'T', None) == 0
