"""Draws results as SVG: small, without a library, and legible on light and dark pages."""
import math

from results import SIZE_NAMES, percent

# The pictures: lines by way, label, colour and dashes. Few in each, for legibility.
BARE = ("bare sendto, recv", "bare sendto/recv", '#888888', '4 3')
PICTURES = {
    'speeds.svg': (
        BARE,
        ("libmcl C", "libmcl C", '#0072b2', ''),
        ("libmcl Go", "libmcl Go", '#56b4e9', ''),
        ("LCM", "LCM", '#d55e00', ''),
        ("Cyclone DDS", "Cyclone DDS", '#cc79a7', ''),
        ("ZeroMQ epgm", "ZeroMQ epgm", '#e69f00', ''),
    ),
}
PYTHON_COLORS = ('#0072b2', '#d55e00')
WIDTH, HEIGHT, TOP, LEFT, GAP = 330, 220, 46, 64, 74
LEGEND = 140
TEXT = '#7d7d7d'  # reads on white and on black


def _escape(text):
    return text.replace('&', '&amp;').replace('<', '&lt;')


class Panel(object):
    """A plot of lines over sizes.

    Args:
        left (int): of its frame, in pixels.
        title (str)
        sizes (list of int): bytes, evenly spaced.
        marks (list): (value, text) of the scale.
        height (function): from a value to 0 (bottom) ... 1 (top).
    """
    def __init__(self, left, title, sizes, marks, height):
        self._left, self._sizes, self._height = left, sizes, height
        self.parts = [
            '<text x="%d" y="%d" class="title">%s</text>' % (left, TOP - 16, _escape(title))
        ]
        for value, text in marks:
            y = self._y(value)
            self.parts.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="grid"/>' %
                              (left, left + WIDTH, y, y))
            self.parts.append('<text x="%d" y="%.1f" class="end">%s</text>' %
                              (left - 6, y + 4, text))
        for size in sizes:
            self.parts.append('<text x="%.1f" y="%d" class="middle">%s</text>' %
                              (self._x(size), TOP + HEIGHT + 20, SIZE_NAMES[size]))

    def _x(self, size):
        return self._left + WIDTH * (self._sizes.index(size) + 0.5) / len(self._sizes)

    def _y(self, value):
        return TOP + HEIGHT * (1 - self._height(value))

    def line(self, points, color, dashes):
        """Draw {size: (value, text)}; the text is shown where the pointer rests."""
        places = [(self._x(size), self._y(value), text)
                  for size, (value, text) in sorted(points.items())]
        self.parts.append(
            '<polyline points="%s" fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>'
            % (' '.join('%.1f,%.1f' % place[:2] for place in places), color, dashes))
        for x, y, text in places:
            self.parts.append(
                '<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"><title>%s</title></circle>' %
                (x, y, color, _escape(text)))


def _short(number):
    for unit, name in ((10**6, ' M'), (10**3, ' k')):
        if number >= unit:
            return '%d%s' % (number // unit, name)
    return '%d' % number


def _decades(values):
    """Return the scale's marks and its function, for values on a logarithmic scale."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    marks = [(10**n, _short(10**n)) for n in range(low, high + 1)]
    return marks, lambda value: (math.log10(value) - low) / (high - low)


def _speeds_and_losses(speeds, wanted):
    lines = {}
    for speed in speeds:
        if not speed.failure and speed.delivered > 0:
            lines.setdefault(speed.way, {})[speed.size] = speed
    shown = [line for line in wanted if line[0] in lines]
    if not shown:
        return None
    sizes = sorted({size for line in shown for size in lines[line[0]]})
    marks, height = _decades([v.delivered for line in shown for v in lines[line[0]].values()])
    rates = Panel(LEFT, "Delivered messages a second", sizes, marks, height)
    losses = Panel(LEFT + WIDTH + GAP, "Lost, at that rate of sending", sizes,
                   [(n / 4, '%d %%' % (25 * n)) for n in range(5)], lambda value: value)
    legend = []
    x = LEFT + 2 * WIDTH + GAP + 16
    for number, (name, label, color, dashes) in enumerate(shown):
        values = lines[name]
        rates.line(
            {
                s: (v.delivered, "%s, %s: %s/s" %
                    (label, SIZE_NAMES[s], '{:,.0f}'.format(v.delivered)))
                for s, v in values.items()
            }, color, dashes)
        losses.line(
            {
                s: (max(0, v.lost), "%s, %s: %s lost" %
                    (label, SIZE_NAMES[s], percent(v.lost)))
                for s, v in values.items()
            }, color, dashes)
        y = TOP + 14 + 22 * number
        legend.append(
            '<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="%s" stroke-width="2" '
            'stroke-dasharray="%s"/>'
            % (x, x + 22, y - 4, y - 4, color, dashes))
        legend.append('<text x="%d" y="%d">%s</text>' % (x + 28, y, _escape(label)))
    return _document(x + LEGEND, rates.parts + losses.parts + legend)


def _document(width, parts, height=TOP + HEIGHT + 32):
    return '\n'.join([
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" '
        'font-family="sans-serif" font-size="12">'
        % (width, height),
        '<style>text{fill:%s}.title{font-size:14px;font-weight:bold}'
        '.end{text-anchor:end}.middle{text-anchor:middle}'
        '.grid{stroke:%s;stroke-width:.5;opacity:.5}</style>' % (TEXT, TEXT)
    ] + parts + ['</svg>', ''])


BAR, PANEL = 22, 190  # pixels: from one bar to the next, and of the longest one
BAR_COLORS = {'libmcl': '#0072b2', 'bare': '#888888'}
OTHERS_COLOR = '#e69f00'


def _day(rows):
    """Draw a bar for each system, of each of the rows."""
    rows = [row for row in rows if row.entries]
    if not rows:
        return None
    title = rows[0].title.split(': ')[0]
    parts = ['<text x="8" y="20" class="title">%s</text>' % _escape(title)]
    names = [entry.case for entry in rows[0].entries]
    for number, name in enumerate(names):
        parts.append('<text x="110" y="%d" class="end">%s</text>' %
                     (TOP + 36 + BAR * number, _escape(name)))
    for column, row in enumerate(rows):
        left = 120 + column * (PANEL + 70)
        parts.append('<text x="%d" y="%d">%s</text>' %
                     (left, TOP + 8, _escape(row.title.split(': ')[1])))
        longest = max([entry.value for entry in row.entries] + [1e-9])
        for entry in row.entries:
            y = TOP + 24 + BAR * names.index(entry.case)
            color = BAR_COLORS.get(entry.case.split()[0], OTHERS_COLOR)
            width = PANEL * max(0.0, entry.value) / longest
            parts.append('<rect x="%d" y="%d" width="%.1f" height="15" fill="%s"/>' %
                         (left, y, width, color))
            parts.append('<text x="%.1f" y="%d">%s</text>' %
                         (left + width + 5, y + 12, _escape(entry.write(entry.value))))
    return _document(120 + len(rows) * (PANEL + 70), parts, TOP + 30 + BAR * len(names))


def _python_lines(speeds):
    """libmcl and the bare loop, on the first and the last version."""
    versions = []
    for speed in speeds:
        if speed.way.startswith("libmcl Python ") and speed.way[14:] not in versions:
            versions.append(speed.way[14:])
    lines = [BARE]
    for version, color in zip(versions[:1] + versions[1:][-1:], PYTHON_COLORS):
        lines += [("libmcl Python " + version, "libmcl, " + version, color, ''),
                  ("bare Python " + version, "bare loop, " + version, color, '4 3')]
    return lines


def plots(rows, speeds):
    """Return {name of a file: its text}."""
    wanted = dict(PICTURES, **{'python.svg': _python_lines(speeds)})
    drawn = {name: _speeds_and_losses(speeds, lines) for name, lines in wanted.items()}
    drawn['day.svg'] = _day([row for row in rows if row.name == 'day'])
    return {name: text for name, text in drawn.items() if text}
