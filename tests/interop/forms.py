"""msgpack as a tree of what is on the wire, in which the forms that languages differ in can be changed.

A tree is ('raw', bytes), ('bin', bytes), ('array', [tree]), ('map', [(tree, tree)]) or ('atom', bytes): any
other object as it is packed.
"""
import struct

ATOMS = {0xc0: 0, 0xc2: 0, 0xc3: 0, 0xca: 4, 0xcb: 8, 0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8,
         0xd0: 1, 0xd1: 2, 0xd2: 4, 0xd3: 8}  # bytes after the first one
SIZED = {0xd9: ('raw', 'B'), 0xda: ('raw', 'H'), 0xdb: ('raw', 'I'),
         0xc4: ('bin', 'B'), 0xc5: ('bin', 'H'), 0xc6: ('bin', 'I'),
         0xdc: ('array', 'H'), 0xdd: ('array', 'I'), 0xde: ('map', 'H'), 0xdf: ('map', 'I')}
FIXED = ((0xa0, 0x20, 'raw'), (0x90, 0x10, 'array'), (0x80, 0x10, 'map'))
# Limits, first bytes and layouts of the heads, the shortest first.
HEADS = {'raw': ((32, 0xa0, ''), (1 << 16, 0xda, 'H'), (1 << 32, 0xdb, 'I')),
         'bin': ((1 << 8, 0xc4, 'B'), (1 << 16, 0xc5, 'H'), (1 << 32, 0xc6, 'I')),
         'array': ((16, 0x90, ''), (1 << 16, 0xdc, 'H'), (1 << 32, 0xdd, 'I')),
         'map': ((16, 0x80, ''), (1 << 16, 0xde, 'H'), (1 << 32, 0xdf, 'I'))}


def head(kind, size):
    """Return what stands before the bytes or items: as the 0.4 encoder writes it."""
    for limit, first, layout in HEADS[kind]:
        if size < limit:
            return struct.pack('>B' + layout, first, size) if layout else bytes([first | size])
    raise OverflowError(size)


def parse(packed):
    """Return the tree of one object."""
    tree, end = _parse(packed, 0)
    if end != len(packed):
        raise ValueError("bytes after the object")
    return tree


def _parse(packed, at):
    first = packed[at]
    if first < 0x80 or first >= 0xe0:
        return ('atom', packed[at:at + 1]), at + 1
    if first in ATOMS:
        end = at + 1 + ATOMS[first]
        return ('atom', packed[at:end]), end
    for base, count, kind in FIXED:
        if base <= first < base + count:
            return _parse_body(kind, first - base, packed, at + 1)
    kind, layout = SIZED[first]
    end = at + 1 + struct.calcsize('>' + layout)
    return _parse_body(kind, struct.unpack('>' + layout, packed[at + 1:end])[0], packed, end)


def _parse_body(kind, size, packed, at):
    if kind in ('raw', 'bin'):
        return (kind, packed[at:at + size]), at + size
    items = []
    for _ in range(size if kind == 'array' else 2 * size):
        item, at = _parse(packed, at)
        items.append(item)
    return (kind, items if kind == 'array' else list(zip(items[::2], items[1::2]))), at


def build(tree):
    """Return a tree packed, as the 0.4 encoder does it, and bin as bin."""
    kind, value = tree
    if kind == 'atom':
        return value
    if kind in ('raw', 'bin'):
        return head(kind, len(value)) + value
    if kind == 'array':
        return head(kind, len(value)) + b''.join(map(build, value))
    return head(kind, len(value)) + b''.join(build(key) + build(item) for key, item in value)


def strings_as(form, tree):
    """Return the tree with all its strings, of both forms, in one."""
    kind, value = tree
    if kind in ('raw', 'bin'):
        return form, value
    if kind == 'array':
        return kind, [strings_as(form, item) for item in value]
    if kind == 'map':
        return kind, [(strings_as(form, key), strings_as(form, item)) for key, item in value]
    return tree


def sort_maps(tree):
    """Return the tree with the items of its maps in one order, whatever they came in."""
    kind, value = tree
    if kind == 'array':
        return kind, [sort_maps(item) for item in value]
    if kind == 'map':
        return kind, sorted((sort_maps(key), sort_maps(item)) for key, item in value)
    return tree
