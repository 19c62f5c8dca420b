"""Makes values fit for JSON, where json.dumps refuses them."""
import base64
import collections

from mcl._compat import PY2, integer_types, string_types


def jsonable(value):
    """Return `value` with what JSON does not have replaced. NaN and infinities stay."""
    if isinstance(value, dict):
        return collections.OrderedDict((_key(key), jsonable(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if PY2 and isinstance(value, str):
        return value.decode('utf-8', 'replace')
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(bytes(value)).decode('ascii')
    return value


def _key(key):
    # json turns numbers, booleans and None into keys by itself.
    if key is None or isinstance(key, integer_types + (float,)):
        return key
    return jsonable(key) if isinstance(key, string_types + (bytes,)) else str(key)
