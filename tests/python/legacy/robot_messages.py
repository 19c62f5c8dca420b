"""The messages of a robot."""
from mcl import Message
from mcl.network.udp import Connection


class GnssMessage(Message):
    mandatory = ('utc', 'lat', 'lon')
    connection = Connection('ff15::11', port=26001)


class ImuMessage(Message):
    mandatory = ('gyro', 'accel')
    connection = Connection('ff15::12', port=26001)
