# SPDX-License-Identifier: GPL-2.0
"""The boots of a run of "lab", and the sum of the repeats over several runs."""
import contextlib
import importlib.machinery
import io
import pathlib
import re
import subprocess
import sys
import tempfile
import types
import unittest

import judge
from consoles import XEN_BUG, oops

LAB = judge.HERE / 'lab'
CHECK = judge.HERE.parent / 'check.sh'


class Lab(unittest.TestCase):
    """Consoles that are given here stand in for the emulator."""

    def lab(self, *consoles):
        loader = importlib.machinery.SourceFileLoader('lab', str(LAB))
        module = types.ModuleType(loader.name)
        module.__file__ = loader.path
        loader.exec_module(module)
        consoles = list(consoles)
        booted = self.booted = []

        class Boot:
            def __init__(self, options, names, bare, number, last):
                booted.append(names)
                self.judge = judge.Judge(options.kernel, names, number, last)

            def run(self):
                for line in consoles.pop(0):
                    self.judge.line(line)
                self.judge.end()

        module.Boot = Boot
        arguments = sys.argv
        sys.argv = ['lab', 'matrix', '--ko', '/dev/null', 'attach_detach', 'fio_verify']
        try:
            with contextlib.redirect_stdout(io.StringIO()) as output:
                status = module.main()
        finally:
            sys.argv = arguments
        return status, output.getvalue().splitlines()

    FIRST = ['LAB-BEGIN attach_detach', 'LAB-PASS attach_detach 1.0', 'LAB-BEGIN fio_verify']
    SECOND = ['LAB-BEGIN fio_verify', 'LAB-PASS fio_verify 1.0', 'LAB-END']

    def test_passed(self):
        status, lines = self.lab(self.FIRST + self.SECOND[1:])
        self.assertEqual((status, lines[-2:]), (0, ['repeated: 0', '2 passed, 0 failed']))

    def test_again(self):
        status, lines = self.lab(self.FIRST + oops(), self.SECOND)
        self.assertEqual(self.booted, [['attach_detach', 'fio_verify'], ['fio_verify']])
        self.assertEqual((status, lines[-2:]), (0, ['repeated: 1', '2 passed, 0 failed']))

    def test_three_times(self):
        report = self.SECOND[:1] + oops()
        status, lines = self.lab(self.FIRST + oops(), report, report)
        self.assertEqual((status, lines[-2:]), (1, ['repeated: 2', '1 passed, 2 failed']))

    def test_complaint_of_a_boot_that_was_followed_by_another(self):
        status, lines = self.lab([XEN_BUG] + self.FIRST + oops(), self.SECOND)
        self.assertEqual((status, lines[-2:]), (1, ['repeated: 1', '2 passed, 1 failed']))

    def test_crash_of_the_driver(self):
        report = oops(rip='RIP: e030:submit+0x1d/0x90 [xen_blkback]')
        status, lines = self.lab(self.FIRST + report)
        self.assertEqual(len(self.booted), 1)
        self.assertEqual((status, lines[-2:]), (1, ['repeated: 0', '1 passed, 2 failed']))

    def test_sum(self):
        script = CHECK.read_text()
        functions = ''.join(re.search(rf'^{name}\(\) {{\n.*?^}}\n', script, re.M | re.S)[0]
                            for name in ('chosen_for', 'lab'))
        with tempfile.TemporaryDirectory() as folder:
            for kernel, count in (('6.1', 2), ('7.2', 1)):
                pathlib.Path(folder, f'lab-{kernel}.log').write_text(f'ok\nrepeated: {count}\n')
            said = subprocess.run(
                ['bash', '-uc', f'{functions}\nsuite() {{ :; }}; stage() {{ echo "$@"; }}\n'
                 'logs=$1 kernels="6.1 7.2" extent= repeated=0 lab_logs=()\n'
                 'lab 6.1; lab 7.2; echo $repeated', 'test', folder],
                check=True, capture_output=True, text=True).stdout.splitlines()
        self.assertEqual(said[-1], '3')
        self.assertTrue(said[0].endswith('lab-6.1.log 6.1 --share 1/2'), said)
        self.assertTrue(said[1].endswith('lab-7.2.log 7.2 --share 2/2'), said)
