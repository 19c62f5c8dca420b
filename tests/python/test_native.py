"""What is generated from mcl.h is what a C compiler makes of it."""

import ctypes
import os
import re
import subprocess

import pytest

from helpers import ROOT
from mcl import _constants, _hand, _library, _native
from mcl.logging import _read

with open(os.path.join(ROOT, 'include', 'mcl.h')) as _header:
    HEADER = re.sub(r'/\*.*?\*/', ' ', _header.read(), flags=re.DOTALL)

def test_structs(tmpdir):
    """The C compiler gives the same sizes and offsets."""
    assert len(_native.STRUCTS) > 10
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


def test_the_fast_forms_of_structs():
    received = _native.Received(1, 2, 3, 4, -5, (ctypes.c_uint8 * 16)(*range(16)), 6, 7)
    assert _hand._SIZE == ctypes.sizeof(received)
    assert _hand._RECORD(bytes(bytearray(received))) == (1, 2, 3, 4, -5)

    hand = _native.Hand(number=2, count=3, records=4, stream=5, stream_size=6)
    assert _hand._HAND(bytes(bytearray(hand))) == (ctypes.sizeof(hand), 2, 3, 4, 5, 6)

    assert _read._RECORD.size == ctypes.sizeof(_native.LogRecord)
    entry = _native.LogRecord(-1, 2, 3, 4, 5, None)
    assert _read._RECORD.unpack(bytes(bytearray(entry))) == (-1, 2, 3, 4, 5, 0)


def test_the_library_is_the_header_s():
    library = _library.get()
    assert library.quick.mcl_version().decode('ascii') == _constants.MCL_VERSION
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
