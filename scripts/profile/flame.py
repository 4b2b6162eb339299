# SPDX-License-Identifier: GPL-2.0
"""Draws call stacks as a flame graph in SVG: one column for each driver, to one scale."""
import collections
from xml.sax.saxutils import escape

import layers

WIDTH, GAP, LINE, FONT = 1600, 20, 16, 11
NARROWEST = 1.5  # of a box, in points

COLOURS = {
    layers.DRIVER: '#e4572e', layers.BLOCK: '#f0a830', layers.GRANTS: '#9a6fb0',
    layers.EVENTS: '#4f9d69', layers.SCHEDULER: '#4a90c2', layers.TIME: '#7fc8c2',
    layers.OTHER: '#d9cfb8', **{name: '#9c9c9c' for name in layers.XEN_LAYERS}}


class Frame:
    """A function in one place of the call tree."""

    def __init__(self, function=None, layer=layers.OTHER):
        self.function = function
        self.layer = layer
        self.total = 0.0
        self.inner = {}

    def add(self, stack, amount):
        self.total += amount
        frame = self
        for depth, function in enumerate(stack):
            if function not in frame.inner:
                frame.inner[function] = Frame(function, layers.layer(stack[:depth + 1]))
            frame = frame.inner[function]
            frame.total += amount

    def depth(self, least):
        return 1 + max((inner.depth(least) for inner in self.inner.values()
                        if inner.total >= least), default=0)


def tree(stacks, requests):
    root = Frame()
    for stack, instructions in stacks.items():
        root.add(stack, instructions / requests)
    return root


def draw(title, columns):
    """columns: (NAME, tree) of each driver; the trees' totals are per request."""
    scale = (WIDTH - GAP * (len(columns) + 1)) / sum(root.total for _, root in columns)
    depth = max(root.depth(NARROWEST / scale) for _, root in columns)
    height = (depth + 4) * LINE
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
             f'font-family="sans-serif" font-size="{FONT}">',
             f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
             f'<text x="{GAP}" y="{LINE}" font-size="14">{escape(title)}</text>']
    left = GAP
    for name in [name for name in layers.LAYERS if name not in layers.XEN_LAYERS] + ['Xen']:
        parts.append(f'<rect x="{left}" y="{LINE * 1.5:.0f}" width="10" height="10" '
                     f'fill="{COLOURS.get(name, COLOURS[layers.XEN])}"/><text x="{left + 14}" y="{LINE * 2.1:.0f}">'
                     f'{escape(name)}</text>')
        left += 30 + 7 * len(name)
    left = GAP
    for name, root in columns:
        label = Frame(f'{name}: {root.total:.0f} instructions a request')
        label.total, label.inner = root.total, root.inner
        box(parts, label, left, height - LINE, scale)
        left += root.total * scale + GAP
    parts.append('</svg>')
    return '\n'.join(parts) + '\n'


def box(parts, frame, left, top, scale):
    width = frame.total * scale
    if width < NARROWEST:
        return
    text = str(frame.function)
    parts.append(f'<g><title>{escape(text)}: {frame.total:.1f}</title>'
                 f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{LINE - 1}" '
                 f'fill="{COLOURS[frame.layer]}" stroke="#fff" stroke-width=".5"/>')
    letters = int((width - 4) / (FONT * 0.6))
    if letters >= 3:
        shown = text if len(text) <= letters else text[:letters - 1] + '…'
        parts.append(f'<text x="{left + 2:.1f}" y="{top + LINE - 4}">{escape(shown)}</text>')
    parts.append('</g>')
    for inner in sorted(frame.inner.values(), key=lambda inner: str(inner.function)):
        box(parts, inner, left, top - LINE, scale)
        left += inner.total * scale
