"""Texts about data from the network, which may be of any size: cut, and never built in full."""
import itertools

from mcl._compat import text_type

_LIMIT = 100  # characters
_ITEMS = 4  # of a container
_DEPTH = 3


def short(value):
    """Return repr(value), cut to about 100 characters."""
    return cut(_short(value, _DEPTH))


def cut(text, limit=_LIMIT):
    """Return a text on one line, and not much longer than `limit` characters."""
    if len(text) > limit:
        text = "%s... (%d characters)" % (text[:limit], len(text))
    return text.replace('\n', '\\n').replace('\r', '\\r')


def _short(value, depth):
    if isinstance(value, (text_type, bytes, bytearray)):
        if len(value) <= _LIMIT:
            return repr(value)
        return "%r... (%d)" % (value[:_LIMIT // 2], len(value))
    if isinstance(value, dict):
        return _several("{%s}", value, ("%s: %s" % (_short(key, depth - 1), _short(item, depth - 1))
                                        for key, item in value.items()), depth)
    if isinstance(value, list):
        return _several("[%s]", value, (_short(item, depth - 1) for item in value), depth)
    if isinstance(value, tuple):
        return _several("(%s)", value, (_short(item, depth - 1) for item in value), depth)
    return repr(value)


def _several(brackets, value, items, depth):
    if not value or depth <= 0:
        return brackets % ("..." if value else "")
    texts = list(itertools.islice(items, _ITEMS))
    return brackets % ", ".join(texts + ["..."] * (len(value) > _ITEMS))
