"""Send the pose once the network is there: at the start the radio is still off."""
from __future__ import print_function

import errno
import socket
import sys
import time

from mcl import RawBroadcaster
from mcl.network.udp import Connection

try:
    RawBroadcaster(Connection('robot.invalid'))
except socket.gaierror as error:
    sys.stdout.write('no such address: %s\n' % (len(error.args) == 2 and bool(error.args[1])))

broadcaster = RawBroadcaster(Connection('ff15::22', port=26001))
told = None
while True:
    try:
        broadcaster.publish({'x': 1.5, 'y': 2.5}, topic='pose')
    except socket.error as error:
        number, text = error.args
        if number not in (errno.ENETUNREACH, errno.EADDRNOTAVAIL):
            raise
        if number != told:
            sys.stdout.write('no network: %s %s\n' % (errno.errorcode[error.errno], bool(text)))
            told = number
        time.sleep(0.1)
    else:
        break
print('sent')

broadcaster.close()
try:
    broadcaster.publish('too late')
except socket.error as error:
    # Python 3 knows one class for all of these.
    print('closed: %s' % (sys.version_info[0] > 2 and error.errno is None))
except IOError as error:
    print('closed: %s' % (error.errno is None and error.args == (str(error),)))
