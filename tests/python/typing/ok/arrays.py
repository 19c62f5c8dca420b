"""Arrays of logs, where NumPy is installed."""

from typing import TYPE_CHECKING, Any, Optional

from mcl.logging.tools import dump_to_array

if TYPE_CHECKING:
    import numpy
    from typing_extensions import assert_type


def array() -> None:
    assert_type(
        dump_to_array('/data/imu', ['elapsed_time', 'temperature']),
        'Optional[numpy.ndarray[Any, numpy.dtype[numpy.float64]]]',
    )
