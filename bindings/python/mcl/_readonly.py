"""A value that is an attribute of a class and of its instances, and cannot be set on the latter."""


class ReadOnly(object):
    """A property with a fixed value that, unlike a property, can be read from the class too."""

    def __init__(self, name, value):
        self._name, self._value = name, value

    def __get__(self, instance, owner=None):
        return self._value

    def __set__(self, instance, value):
        raise AttributeError("%s.%s cannot be changed" % (type(instance).__name__, self._name))

    def __delete__(self, instance):
        raise AttributeError("%s.%s cannot be deleted" % (type(instance).__name__, self._name))
