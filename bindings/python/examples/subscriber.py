# python subscriber.py       (and, in another terminal: python publisher.py)
from mcl import QueuedListener
from mcl.network.udp import Connection

with QueuedListener(Connection('ff15::1'), topics='pose') as listener:
    for data in listener:
        print(data['time_received'], data['payload'])
