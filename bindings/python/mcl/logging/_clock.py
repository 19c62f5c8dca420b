"""Recorded time: when an entry of a log is due."""
from __future__ import absolute_import, division


class Clock(object):
    """Recorded time, which runs at a speed, and can be halted. Knows no other clock.

    `now` is seconds of a clock that nobody sets. For one thread at a time.

    Args:
        speed (float): 2 is twice as fast as recorded; 0: everything is due at once.
    """

    def __init__(self, speed):
        self._speed = speed
        self.reset()

    @property
    def speed(self):
        return self._speed

    def reset(self):
        """Halt it, with no time known: it begins with the next entry."""
        self._recorded = None  # recorded time at _since
        self._since = None  # None: it is halted
        self._last = None  # elapsed time of the entry that was asked for last

    def resume(self, now):
        """Let it run."""
        self._since = now

    def halt(self, now):
        """Let it stand still."""
        self._recorded, self._since = self._time(now), None

    def set_speed(self, speed, now):
        """Run at another speed, from the time that it is."""
        self._recorded = self._time(now)
        self._since = None if self._since is None else now
        self._speed = speed

    def _time(self, now):
        if self._recorded is None or self._since is None or not self._speed:
            return self._recorded
        return self._recorded + (now - self._since) * self._speed

    def delay(self, elapsed, now):
        """Return in how many seconds an entry is due; None while it is halted.

        The first entry is due at once. So is one whose time is before that of the entry before it:
        the clock was set then, and time goes on from there.
        """
        if self._since is None:
            return None
        if self._recorded is None or not self._speed or elapsed < self._last:
            self._recorded, self._since = elapsed, now
        self._last = elapsed
        return (elapsed - self._time(now)) / self._speed if self._speed else 0.0
