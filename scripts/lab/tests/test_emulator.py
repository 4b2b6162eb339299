# SPDX-License-Identifier: GPL-2.0
"""How the emulator is run: a shell script stands in for it."""
import os
import pathlib
import sys
import tempfile
import time
import unittest
from unittest import mock

import judge

sys.path.append(str(judge.HERE.parent))
import emulator


class Emulator(unittest.TestCase):

    def run_emulator(self, script, seconds=60, line=None):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.log = pathlib.Path(folder.name, 'log')
        program = pathlib.Path(folder.name, 'qemu-system-x86_64')
        program.write_text(f'#!/bin/sh\n{script}\n')
        program.chmod(0o755)
        self.lines = []
        path = f'{folder.name}:{os.environ["PATH"]}'
        with mock.patch.dict(os.environ, PATH=path):
            return emulator.run(['-m', '2G'], self.log, seconds, line or self.lines.append)

    def is_alive(self):
        return pathlib.Path('/proc', self.log.read_text().split()[0]).exists()

    def test_each_line_once(self):
        status = self.run_emulator(r'printf "one\r\ntw"; sleep 0.5; printf "o\n\nend"')
        self.assertEqual((status, self.lines), (0, ['one', 'two', '', 'end']))

    def test_arguments(self):
        self.run_emulator('echo "$@" >&2')
        self.assertTrue(self.lines[0].endswith(' -m 2G'), self.lines)

    def test_status(self):
        self.assertEqual(self.run_emulator('exit 3'), 3)

    def test_time_limit(self):
        begin = time.monotonic()
        self.assertIsNone(self.run_emulator('echo $$; exec sleep 100', seconds=0.5))
        self.assertLess(time.monotonic() - begin, 50)
        self.assertEqual(len(self.lines), 1)
        self.assertFalse(self.is_alive())

    def test_failure_of_the_judge_ends_it(self):
        with self.assertRaises(ZeroDivisionError):
            self.run_emulator('echo $$; exec sleep 100', line=lambda text: 1 / 0)
        self.assertFalse(self.is_alive())


if __name__ == '__main__':
    unittest.main()
