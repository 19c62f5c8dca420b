"""Mistakes with logs, recordings and replays."""

from mcl import LogConnection, LogNetwork, Message, ReadDirectory, ReadFile, WriteFile
from mcl.logging.file import retrieve_git_hash
from mcl.logging.replay import BufferData, Replay, ScheduleBroadcasts
from mcl.logging.tools import dump_to_array, dump_to_csv, dump_to_dataframe, dump_to_list
from mcl.network.udp import Connection


class Imu(Message):
    mandatory = ('gyro',)
    connection = Connection('ff15::1')

    def norm(self) -> float:
        return 1.0


class Gps(Message):
    mandatory = ('latitude',)
    connection = Connection('ff15::2')


file = WriteFile('/data/imu', Imu)
WriteFile('/data/imu')  # E: call-arg "connection"
WriteFile('/data/imu', 'Imu')  # E: arg-type "str"
WriteFile('/data/imu', Imu())  # E: arg-type "Imu"
WriteFile(b'/data/imu', Imu)  # E: arg-type "bytes"
WriteFile('/data/imu', Imu, time_origin=5.0)  # E: arg-type "float"
WriteFile('/data/imu', Imu, max_entries=1.5)  # E: arg-type "float"
file.write(5)  # E: arg-type "int"
file.stats()['lost']  # E: typeddict-item "lost"
file.stats()['error'].upper()  # E: union-attr "None"
file.prefix = 'other'  # E: misc "read-only"

ReadFile()  # E: call-overload
ReadFile(5)  # E: call-overload "int"
ReadFile('/data/imu', message=dict)  # E: type-var
ReadFile('/data/imu', '1')  # E: call-overload "str"
ReadFile('/data/imu', max=5)  # E: call-overload "ReadFile"
reader = ReadFile('/data/imu', message=Imu)
other: 'ReadFile[Gps]' = reader  # E: assignment "Imu"
reader.read()['payload']  # E: index "LogEntry"
reader.header['created']  # E: index "LogHeader"
reader.is_data_pending + 1  # E: operator
reader.min_time = 5  # E: misc "read-only"
for entry in reader:
    entry['payload'].speed()  # E: attr-defined "speed"
    entry['time_received']  # E: typeddict-item "time_received"
    entry['elapsed_time'] + ''  # E: operator "str"
for entry in ReadFile('/data/imu', message=True):  # E: assignment "Message"
    pass
for each in ReadFile('/data/imu', message=True):
    each['payload'].norm()  # E: attr-defined "norm"
ReadDirectory('/data', message=Imu)  # E: call-overload "Imu"
ReadDirectory('/data').header  # E: attr-defined "header"

one = LogConnection('/data/imu', Imu)
if one.is_alive:  # E: truthy-function
    pass
one.stats()['listener']['lost']  # E: typeddict-item "lost"
LogConnection('/data/imu', [Imu])  # E: arg-type "LogConnection"
network = LogNetwork('/data', [Imu, Gps])
network.is_alive()  # E: operator "bool"
network.directory.upper()  # E: union-attr "None"
LogNetwork('/data', [Imu()])  # E: arg-type "LogNetwork"
LogNetwork('/data', 'Imu')  # E: arg-type "str"
LogNetwork('/data', [Imu], time_origin=None)  # E: call-arg "time_origin"
retrieve_git_hash(5)  # E: arg-type "int"
retrieve_git_hash('.').upper()  # E: union-attr "None"

Replay('/data')  # E: arg-type "str"
Replay(reader, speed='2')  # E: arg-type "str"
replay = Replay(reader)
replay.speed = 'fast'  # E: assignment "str"
replay.is_alive + 1  # E: operator
replay.stats()['lost']  # E: typeddict-item "lost"
BufferData(reader, length=1.5)  # E: arg-type "float"
BufferData(reader).queue = 5  # E: misc "read-only"
ScheduleBroadcasts(reader)  # E: arg-type "ReadFile"

dump_to_list(5)  # E: call-overload "int"
dump_to_list('/data/imu', message=Imu)[0]['payload'].speed()  # E: attr-defined "speed"
dump_to_list('/data/imu')[0]['time']  # E: typeddict-item "time"
dump_to_array('/data/imu')  # E: call-arg "keys"
dump_to_array('/data/imu', 5)  # E: arg-type "int"
dump_to_csv('/data/imu', ['gyro'])  # E: call-arg "keys"
dump_to_csv('/data/imu', 5, ['gyro'])  # E: arg-type "int"
dump_to_dataframe('/data/imu', 5)  # E: arg-type "int"
