# SPDX-License-Identifier: GPL-2.0
"""Makes consoles of kernels that died, and judges them."""
import re
import unittest

import judge

NOP = '0f 1f 44 00 00'
BEFORE = ' '.join(['48 89 e5'] * 13 + ['90 90'])
AFTER = '48 8b 45 08 5d'


def code(instruction):
    """The "Code:" line of a report of a breakpoint; memory holds the instruction again."""
    first, marked, *rest = instruction.split()
    return ' '.join(['Code:', BEFORE, first, f'<{marked}>', *rest, AFTER])


def oops(header='Oops: int3: 0000 [#1] PREEMPT SMP NOPTI', rip='RIP: e030:__schedule+0x1d/0x9a0',
         opcodes=code(NOP), panic=True, end=(), second=100):
    """The report of a kernel that ran into a breakpoint."""
    lines = [header, 'CPU: 1 UID: 0 PID: 812 Comm: fio Tainted: G           OE      6.12.57 #1',
             rip, opcodes, 'RSP: e02b:ffffc90040a3fd80 EFLAGS: 00000286',
             'Call Trace:', ' <TASK>', ' schedule+0x27/0xf0',
             ' thread_run+0x12/0x80 [xen_blkback]', ' </TASK>',
             'Modules linked in: xen_blkback(OE) loop', '---[ end trace 0000000000000000 ]---',
             rip, opcodes]
    if panic:
        lines += ['Kernel panic - not syncing: Fatal exception in interrupt',
                  'Kernel Offset: disabled']
    return stamped(lines + list(end), second)


def stamped(lines, second):
    return [f'[  {second}.{number:06}] {line}' for number, line in enumerate(lines) if line]


def quoted(name, lines):
    """A log in the form in which checks.sh prints it."""
    return ([f'LAB-LOG {name}'] +
            ['| ' + re.sub(r'\[( *\d+\.\d{6})\]', r'<\1>', line) for line in lines])


def failed(name, *logs, reason='a reason'):
    """The end of a scenario that failed, with logs that are (NAME, LINES)."""
    return sum((quoted(*log) for log in logs), []) + [f'LAB-FAIL {name} 2.0 {reason}']


BUG = '[   99.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008'
XEN_BUG = '(XEN) Xen BUG at common/grant_table.c:1234'


class Case(unittest.TestCase):

    def judge(self, *parts, names=('one', 'two'), last=False, cause='', by_itself=True):
        """Judges the console made of lines and lists of lines."""
        self.said = []
        done = judge.Judge('6.1', list(names), last=last, log='serial.log', say=self.said.append)
        for part in parts:
            for line in [part] if isinstance(part, str) else part:
                done.line(line)
        done.end(cause, by_itself)
        return done

    def passed(self, done):
        return {name for name, (passed, _, _) in done.results.items() if passed}


BEGIN = ['[    1.000000] Linux version 6.12.57', 'LAB-BEGIN one', '  one: it does this and that']
REST = ['LAB-BEGIN two', 'LAB-PASS two 1.0', 'LAB-END']
