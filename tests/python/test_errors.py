"""The exceptions."""

import errno
import pickle
import socket

import pytest

import mcl
from helpers import PY2
from mcl import _constants, _native, errors


def failure(code, system=0, check=errors.check):
    with pytest.raises(errors.MclError) as caught:
        check(code, _native.Error(code=code, system=system, text=b'the text'))
    return caught.value


CODES = [
    value for name, value in vars(_constants).items() if name.startswith('MCL_E') and value < 0
]


def test_success_is_handed_through():
    assert errors.check(0, None) == 0
    assert errors.check(7, None) == 7


@pytest.mark.parametrize('code', CODES + [-1000])
def test_every_code_is_an_ioerror(code):
    error = failure(code, system=5)
    assert isinstance(error, IOError) and isinstance(error, mcl.MclError)
    assert error.code == code and error.errno == 5 and str(error) == 'the text'
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.code, again.errno, str(again)) == (type(error), code, 5, 'the text')


@pytest.mark.parametrize(
    'name, kind',
    [
        ('EINVAL', ValueError),
        ('EADDRESS', ValueError),
        ('EFORMAT', ValueError),
        ('ETOOLARGE', ValueError),
        ('ETYPE', TypeError),
        ('ECLOSED', errors.ClosedError),
        ('EFORKED', errors.ForkError),
        ('EBUSY', errors.BusyError),
        ('EROUTE', errors.RouteError),
    ],
)
def test_kinds(name, kind):
    assert isinstance(failure(getattr(_constants, 'MCL_' + name)), kind)


@pytest.mark.parametrize('check, code', [
    (errors.check, _constants.MCL_EINVAL),
    (errors.check_listener, _constants.MCL_EADDRESS),
    (errors.check_listener, _constants.MCL_EDESCRIPTORS),
    (errors.check_broadcaster, _constants.MCL_ECLOSED),
])
def test_a_plain_error(check, code):
    error = failure(code, system=24 if check is errors.check_listener else 0, check=check)
    assert (error.args, error.errno) == (('the text',), None)
    assert getattr(error, 'message', 'the text') == 'the text'  # Python 2
    if PY2:
        assert not isinstance(error, socket.error)


@pytest.mark.parametrize('code, system, number, kind', [
    ('EROUTE', 0, errno.ENETUNREACH, socket.error),
    ('EROUTE', errno.EADDRNOTAVAIL, errno.EADDRNOTAVAIL, socket.error),
    ('ETOOLARGE', 0, errno.EMSGSIZE, socket.error),
    ('ESYSTEM', errno.EPERM, errno.EPERM, socket.error),
    ('EDESCRIPTORS', errno.EMFILE, errno.EMFILE, socket.error),
    ('EADDRESS', 0, socket.EAI_NONAME, socket.gaierror),
    ('EINTERFACE', 0, socket.EAI_NONAME, socket.gaierror),
])
def test_what_the_system_refuses_a_broadcaster(code, system, number, kind):
    error = failure(getattr(_constants, 'MCL_' + code), system, errors.check_broadcaster)
    assert isinstance(error, kind) and isinstance(error, type(failure(error.code)))
    assert (error.args, error.errno, str(error)) == ((number, 'the text'), number, 'the text')
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.args, again.code) == (type(error), error.args, error.code)
