"""Makes values fit for JSON, by the rules of mcl_message_json in mcl.h."""
import base64
import math

from mcl._compat import PY2, integer_types, string_types, text_type


def jsonable(value):
    """Return `value` with what JSON does not have replaced."""
    if isinstance(value, dict):
        return {_key(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) or math.isinf(value) else value
    if isinstance(value, string_types):
        return _text(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(bytes(value)).decode('ascii')
    return value


def _key(key):
    # json turns numbers, booleans and None into keys by itself.
    if key is None or isinstance(key, integer_types + (float,)):
        return key
    return jsonable(key) if isinstance(key, string_types + (bytes,)) else str(key)


def _text(value):
    if PY2:
        return value if isinstance(value, text_type) else value.decode('utf-8', 'replace')
    return value.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace')
