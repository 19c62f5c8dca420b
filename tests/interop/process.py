"""A peer that runs: lines to it, and lines from it with a limit on the waiting."""
import queue
import subprocess
import threading


class Process(object):
    """A running peer.

    Attributes:
        peer (Peer)
        is_silent (bool): it did not answer a request.
    """

    def __init__(self, peer, role, connection, errors):
        self.peer = peer
        self.is_silent = False
        self.lines = queue.Queue()  # None when it has ended
        self.process = subprocess.Popen(
            peer.command + [role] + connection, env=peer.environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=errors, universal_newlines=True, bufsize=1)
        reader = threading.Thread(target=self._read)
        reader.daemon = True
        reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip('\n'))
        self.lines.put(None)

    def say(self, line):
        try:
            self.process.stdin.write(line + '\n')
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the next hear() tells

    def hear(self, limit):
        """Return the next line; None when there was none within so many seconds, or it has ended."""
        try:
            line = self.lines.get(timeout=max(0, limit))
        except queue.Empty:
            return None
        if line is None:
            self.lines.put(None)  # for the next one who asks
        return line

    @property
    def has_ended(self):
        return self.process.poll() is not None

    def end(self):
        """End it as whoever uses it would: its standard input ends. Returns its exit code."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "no end, killed"
