#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes a page and flame graphs of what the emulator's plugin has counted.

usage: report.py PROFILE PAGE FOLDER WORDS

PROFILE: the plugin's file; PAGE: the page (Markdown); FOLDER: for the graphs; WORDS: which
kernel and hypervisor were measured.
"""
import collections
import os
import pathlib
import sys

import counts
import flame
import layers

# The function that the disk runs once for each request.
DISK_FUNCTION = 'null_queue_rq'
INTREE, OURS, FLOOR = 'intree', 'ours', 'floor'
# The cell in which a program executes a known number of instructions, which is its name.
CHECK = 'check'
CHECK_ERROR = 0.001
# The part of the returns that may fit no call: those of threads that were made meanwhile, and
# some of switches between threads, of which there are two for each request at depth 1 (0.15 to
# 0.3 % were seen there).
MOST_ODD_RETURNS = 0.005
TITLES = {INTREE: 'in-tree', OURS: 'ours', FLOOR: 'floor'}
LEAST = 25  # instructions a request of a function that the tables name

INTRODUCTION = """\
# Performance

`make profile` measures this and makes this page: do not edit it. Measured: {words}.

Figures are instructions of dom0's CPU per request, with those that Xen executes on that CPU. An emulator counts each instruction. It is no
real machine: its figures say nothing of caches, of how long an instruction takes, or of what hardware virtualisation saves. `rep movsb`
counts once for each byte.

A PV guest with one CPU runs fio on a `null_blk` of dom0, through one queue. The disk answers at once, within the submission, or in an
interrupt after the time that the cell names, as real disks do. The *floor* is a kernel thread that submits
the same bios to the same `null_blk` at the same depth, without guest, ring and grants. What a driver costs above the floor is the backend's
own cost.

A function that works for its callers, such as one that copies memory or takes a lock, counts for the part of its caller.
"""


class Cell:
    """What one driver executed in one cell, per request."""

    def __init__(self, window):
        self.requests = window.calls(DISK_FUNCTION)
        if not self.requests:
            raise ValueError(f'no request in the window of {" ".join(window.cell)}')
        if window.odd_returns > MOST_ODD_RETURNS * window.returns:
            raise ValueError(f'{window.odd_returns} of {window.returns} returns in the window of '
                             f'{" ".join(window.cell)} end no call: its stacks are wrong')
        stacks = window.stacks()
        self.tree = flame.tree(stacks, self.requests)
        self.layers = {name: value / self.requests
                       for name, value in layers.layers(stacks).items()}
        self.functions = {function: (instructions / self.requests, calls / self.requests)
                          for function, (instructions, calls) in window.functions().items()}

    @property
    def total(self):
        return sum(self.layers.values())


def check(window, executed):
    counted = window.functions()[counts.USER][0]
    if abs(counted - executed) > CHECK_ERROR * executed:
        raise ValueError(f'the plugin counts {counted} instructions of a loop of {executed}')


def cells(lines):
    """{(WORKLOAD, PERSISTENT): {DRIVER: Cell}}; the floor is in both cells of a workload."""
    found = collections.defaultdict(dict)
    floors = {}
    for window in counts.windows(lines):
        driver, persistent, workload = window.cell
        if driver == CHECK:
            check(window, int(workload))
        elif driver == FLOOR:
            floors[workload] = Cell(window)
        else:
            found[workload, persistent][driver] = Cell(window)
    for (workload, _), drivers in found.items():
        if workload in floors:
            drivers[FLOOR] = floors[workload]
    return found


def title(key):
    workload, persistent = key
    kind, size, depth, *microseconds = workload.split('-')
    disk = f'disk of {microseconds[0].removesuffix("us")} µs, ' if microseconds else ''
    return (f'{kind} {size}, depth {depth.removeprefix("qd")}, {disk}'
            f'{"persistent" if persistent == "Y" else "ordinary"} grants')


def figure(value):
    return f'{value:.0f}' if value >= 0.5 else ('' if value == 0 else '<1')


def row(*columns):
    return '| ' + ' | '.join(columns) + ' |\n'


def head(*columns):
    return row(*columns) + '|---|' + '---:|' * (len(columns) - 1) + '\n'


def summary(found):
    text = head('cell', 'floor', 'in-tree', 'ours', 'in-tree above the floor',
                'ours above the floor', 'ours / in-tree')
    for key, drivers in found.items():
        floor, intree, ours = (drivers[name].total if name in drivers else None
                               for name in (FLOOR, INTREE, OURS))
        above = [figure(value - floor) if value and floor else '' for value in (intree, ours)]
        ratio = f'{(ours - floor) / (intree - floor):.2f}' if ours and intree and floor else ''
        text += row(title(key), *(figure(value or 0) for value in (floor, intree, ours)),
                    *above, ratio)
    return text


def layer_table(drivers):
    names = [name for name in (FLOOR, INTREE, OURS) if name in drivers]
    text = head('part', *(TITLES[name] for name in names))
    for part in layers.LAYERS:
        text += row(part, *(figure(drivers[name].layers.get(part, 0)) for name in names))
    return text + row('sum', *(figure(drivers[name].total) for name in names))


def function_table(drivers):
    names = [name for name in (INTREE, OURS) if name in drivers]
    most = collections.Counter()
    for name in names:
        for function, (instructions, _) in drivers[name].functions.items():
            most[function] = max(most[function], instructions)
    columns = [f'{TITLES[name]}{what}' for name in names for what in ('', ', calls')]
    text = head('function', *columns)
    for function, instructions in most.most_common():
        if instructions < LEAST:
            break
        values = []
        for name in names:
            count, calls = drivers[name].functions.get(function, (0, 0))
            values += [figure(count), f'{calls:.2f}' if calls else '']
        module = f' [{function.module}]' if function.module else ''
        text += row(f'`{function.name}`{module}', *values)
    return text


def page(found, words, folder):
    text = INTRODUCTION.format(words=words) + '\n' + summary(found)
    for key, drivers in found.items():
        text += f'\n## {title(key)[0].upper()}{title(key)[1:]}\n\n'
        text += layer_table(drivers)
        text += f'\n![Flame graph]({folder}/{file_name(key)})\n'
        text += f'\nFunctions with {LEAST} instructions a request or more:\n\n'
        text += function_table(drivers)
    return text


def file_name(key):
    workload, persistent = key
    return f'{workload}-{"persistent" if persistent == "Y" else "ordinary"}.svg'


def main():
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        return 2
    source, target, folder = map(pathlib.Path, sys.argv[1:4])
    with source.open() as lines:
        found = cells(lines)
    if not found:
        print(f'{source} has no cell', file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(page(found, sys.argv[4], os.path.relpath(folder, target.parent)))
    for key, drivers in found.items():
        columns = [(TITLES[name], drivers[name].tree) for name in (INTREE, OURS)
                   if name in drivers]
        (folder / file_name(key)).write_text(flame.draw(title(key), columns))
    print(summary(found), end='')
    return 0


if __name__ == '__main__':
    sys.exit(main())
