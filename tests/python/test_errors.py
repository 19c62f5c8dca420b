"""The exceptions."""

import pickle

import pytest

import mcl
from mcl import _constants, _native, errors


def failure(code, system=0, text=b'the text'):
    with pytest.raises(errors.MclError) as caught:
        errors.check(code, _native.Error(code=code, system=system, text=text))
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


def test_no_system_error():
    assert failure(-1).errno is None
    assert 'MCL' not in repr(failure(-1).errno)
