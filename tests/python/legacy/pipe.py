"""A transport of one's own: lines of JSON through a pipe of this program."""
import json
import os
import threading

from mcl.network import abstract

_pipes = {}


class RawBroadcaster(abstract.RawBroadcaster):

    def __init__(self, connection, topic=None):
        super(RawBroadcaster, self).__init__(connection, topic=topic)
        self.__file = None
        self._open()

    @property
    def is_open(self):
        return self.__file is not None

    def _open(self):
        if self.is_open:
            return False
        self.__file = os.fdopen(os.dup(self.connection.pipe()[1]), 'w')
        return True

    def publish(self, data, topic=None):
        super(RawBroadcaster, self).publish(data, topic=topic)
        if not self.is_open:
            raise IOError('the pipe is closed')
        topic = self.topic if topic is None else topic
        self.__file.write(json.dumps({'topic': topic, 'payload': data}) + '\n')
        self.__file.flush()

    def close(self):
        if not self.is_open:
            return False
        self.__file.close()
        self.__file = None
        return True


class RawListener(abstract.RawListener):

    def __init__(self, connection, topics=None):
        super(RawListener, self).__init__(connection, topics=topics)
        self.__stop = True
        self._open()

    @property
    def is_open(self):
        return not self.__stop

    def _open(self):
        if self.is_open:
            return False
        self.__stop = False
        lines = os.fdopen(os.dup(self.connection.pipe()[0]))
        thread = threading.Thread(target=self.__run, args=(lines,))
        thread.daemon = True
        thread.start()
        return True

    def __run(self, lines):
        count = 0
        while not self.__stop:
            data = json.loads(lines.readline())
            data = dict((str(key), value) for key, value in data.items())
            if not self.topics or data['topic'] in self.topics:
                count += 1
                data['line'] = count
                self.__trigger__(data)

    def close(self):
        closed, self.__stop = not self.__stop, True
        return closed


class Connection(abstract.Connection):
    mandatory = ('name',)
    optional = {'baud': 9600, 'parity': 'N', 'stop': 1}
    broadcaster = RawBroadcaster
    listener = RawListener

    def __init__(self, name, **options):
        super(Connection, self).__init__(name, **options)
        self.label = '%s at %i' % (self.name, self.baud)

    def pipe(self):
        if self.name not in _pipes:
            _pipes[self.name] = os.pipe()
        return _pipes[self.name]
