"""Text and bytes."""

import threading

import pytest

from helpers import PY2
from mcl import codec


@pytest.fixture(autouse=True)
def as_it_was():
    saved = codec.configure()
    yield
    codec.configure(**saved)


def test_any_received_bytes_go_out_again_unchanged():
    raw = bytes(bytearray(range(256)))
    packed = b'\xda\x01\x00' + raw
    value = codec.unpack(packed)
    assert isinstance(value, str)
    assert codec.pack(value) == packed
    topic = codec.decode_topic(raw)
    assert isinstance(topic, str)
    assert codec.encode_topic(topic) == raw


@pytest.mark.skipif(PY2, reason="Python 2 has one string type for both")
def test_python_3_types():
    assert codec.pack(b'ab') == b'\xc4\x02ab'
    assert codec.pack('ab') == b'\xa2ab'
    assert codec.unpack(b'\xc4\x02a\xff') == b'a\xff'
    assert codec.unpack(b'\xa2a\xff') == 'a\udcff'
    assert codec.unpack(b'\xa2\xc3\xb3') == u'\xf3'


@pytest.mark.skipif(not PY2, reason="as the legacy system did")
def test_python_2_types():
    assert codec.pack(b'ab') == b'\xa2ab'
    assert codec.pack(u'\xf3') == b'\xa2\xc3\xb3'
    assert type(codec.unpack(b'\xc4\x02a\xff')) is str
    assert codec.unpack(b'\xa2a\xff') == 'a\xff'
    assert codec.encode_topic(u'\xf3') == b'\xc3\xb3'


def test_configure():
    before = codec.configure(text=False, bin_type=False)
    assert codec.unpack(b'\xa1a') == b'a' and type(codec.unpack(b'\xa1a')) is bytes
    assert codec.pack(b'a') == b'\xa1a'
    codec.configure(text=True, bin_type=True)
    assert codec.unpack(b'\xa1a') == u'a' and type(codec.unpack(b'\xa1a')) is type(u'')
    assert codec.pack(bytearray(b'a')) == b'\xc4\x01a'
    assert codec.configure(**before) == dict(before, text=True, bin_type=True)
    assert codec.configure() == before


@pytest.mark.parametrize(
    'key', [b'\x01', b'\xc0', b'\xc3', b'\xcb\x3f\xf8\0\0\0\0\0\0', b'\xc4\x01a', b'\xa1a']
)
def test_map_keys_of_any_type(key):
    (decoded,) = codec.unpack(b'\x81' + key + b'\x01')
    assert (
        codec.pack({decoded: 1})
        == b'\x81' + (b'\xa1a' if PY2 and key[1:] == b'\x01a' else key) + b'\x01'
    )


def test_what_cannot_be_packed():
    for value, error in (
        (object(), TypeError),
        ({1, 2}, TypeError),
        (2**64, (OverflowError, ValueError)),
        ([1, [object()]], TypeError),
    ):
        with pytest.raises(error):
            codec.pack(value)
        assert codec.pack([1]) == b'\x91\x01', "nothing is left of the failure"


def test_texts_that_are_no_utf8():
    if PY2:  # to which they are UTF-8, too
        assert codec.pack([u'a\udcff']) == b'\x91\xa4a\xed\xb3\xbf'
        return
    value = {'a\udcff': ['\xf3', 'b', '\udcfe']}
    for _ in range(2):
        assert codec.pack(value) == b'\x81\xa2a\xff\x93\xa2\xc3\xb3\xa1b\xa1\xfe'
        assert codec.pack(['\xf3']) == b'\x91\xa2\xc3\xb3'
    codec.configure(errors='replace')
    assert codec.pack(value) == b'\x81\xa2a?\x93\xa2\xc3\xb3\xa1b\xa1?'
    codec.configure(errors='strict', bin_type=False)
    with pytest.raises(UnicodeEncodeError):
        codec.pack(value)
    assert codec.pack([b'a', '\xf3']) == b'\x92\xa1a\xa2\xc3\xb3', "nothing is left of the failure"
    codec.configure(errors='surrogateescape')
    assert codec.pack([b'a', '\udcff']) == b'\x92\xa1a\xa1\xff'


def test_large_values():
    for size in (1 << 20, 5 << 20):
        for value in (
            b'x' * size,
            u'x' * size,
            list(range(size >> 4)),
            dict.fromkeys(range(size >> 4)),
        ):
            assert codec.unpack(codec.pack(value)) == value


def test_threads():
    failures = []

    def work(number):
        value = [number] * 100
        for _ in range(300):
            if codec.unpack(codec.pack(value)) != value:
                failures.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
