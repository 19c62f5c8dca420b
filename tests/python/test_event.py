"""Event."""

import copy
import pickle

import pytest

from mcl import Event


def test_subscribe_and_unsubscribe_tell_if_they_changed_something():
    event, callback = Event(), lambda: None
    assert event.num_subscriptions() == 0
    assert not event.is_subscribed(callback)
    assert event.unsubscribe(callback) is False
    assert event.subscribe(callback) is True
    assert event.subscribe(callback) is False
    assert event.is_subscribed(callback)
    assert event.num_subscriptions() == 1
    assert event.unsubscribe(callback) is True
    assert event.unsubscribe(callback) is False
    assert event.num_subscriptions() == 0


@pytest.mark.parametrize('callback', [None, 5, 'callback', []])
def test_callback_must_be_callable(callback):
    with pytest.raises(TypeError):
        Event().subscribe(callback)


def test_trigger_passes_the_arguments_in_order():
    event, calls = Event(), []
    event.subscribe(lambda *args, **kwargs: calls.append(('first', args, kwargs)))
    event.subscribe(lambda *args, **kwargs: calls.append(('second', args, kwargs)))
    event.__trigger__(1, 'two', three=3)
    assert calls == [('first', (1, 'two'), {'three': 3}), ('second', (1, 'two'), {'three': 3})]


def test_bound_methods_are_known_again():
    class Receiver(object):
        def method(self):
            pass

    event, receiver = Event(), Receiver()
    assert event.subscribe(receiver.method)
    assert not event.subscribe(receiver.method)
    assert event.unsubscribe(receiver.method)


def test_callbacks_may_change_the_subscriptions():
    event, calls = Event(), []

    def once():
        calls.append('once')
        assert event.unsubscribe(once)
        event.subscribe(late)

    def late():
        calls.append('late')

    event.subscribe(once)
    event.subscribe(lambda: calls.append('always'))
    event.__trigger__()
    assert calls == ['once', 'always']
    event.__trigger__()
    assert calls == ['once', 'always', 'always', 'late']


class Alarm(Event):
    """As a program derives one."""

    def __init__(self, level):
        super(Alarm, self).__init__()
        self.level = [level]

    def rise(self):
        self.level.append(1)


def copies(event):
    return [copy.deepcopy(event)] + [
        pickle.loads(pickle.dumps(event, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ]


def test_copies_have_the_callbacks_and_are_apart():
    for event in (Event(), Alarm(3)):
        event.subscribe(max)
        event.subscribe(min)
        for made in copies(event):
            assert type(made) is type(event) and made.num_subscriptions() == 2
            assert made.unsubscribe(max) and made.subscribe(len)
            assert event.is_subscribed(max) and not event.is_subscribed(len)
            assert getattr(made, 'level', [3]) == [3]
    for made in copies(Event()):
        assert made.num_subscriptions() == 0 and made.subscribe(max)


def test_a_deep_copy_calls_its_own_methods():
    alarm = Alarm(0)
    alarm.subscribe(alarm.rise)
    made = copy.deepcopy(alarm)
    made.__trigger__()
    assert (alarm.level, made.level) == ([0], [0, 1])
