# SPDX-License-Identifier: GPL-2.0
"""features.sh --check, in a tree of its own."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[3]


class Features(unittest.TestCase):
    TABLE = ('| feature | own | this driver | scenario |\n|---|---|---|---|\n'
             '| F one | yes | yes: 6.1, 7.2 | `one` |\n| F two | no | yes: 6.12 | `two` |\n'
             '| F rare | no | not run | `rare` |\n')

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name)
        scenarios = self.top / 'scripts/lab/scenarios'
        scenarios.mkdir(parents=True)
        shutil.copy(TOP / 'scripts/features.sh', self.top / 'scripts')
        for name, header in (('one', 'shows: F one | yes'), ('two', 'lab: main\n# shows: F two | no'),
                             ('rare', 'lab: rare\n# shows: F rare | no')):
            (scenarios / f'{name}.sh').write_text(f'#!/bin/bash\n# {header}\n')

    def check(self, log=(), old='', new=''):
        table = self.TABLE.replace(old, new) if old else self.TABLE
        (self.top / 'table').write_text(table)
        (self.top / 'log').write_text(''.join(f'{line}\n' for line in log))
        logs = ['log'] if log else []
        done = subprocess.run(['scripts/features.sh', '--check', 'table', *logs], cwd=self.top,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode != 0, bool(done.stderr), done)
        return done.stderr

    def test_good(self):
        self.assertEqual(self.check(), '')

    def test_other_rows(self):
        self.assertIn('other rows', self.check(old='F one', new='F uno'))
        self.assertIn('other rows', self.check(old='`two`', new='`one`'))

    def test_fails(self):
        self.assertIn('one: the table says "FAILS: 6.1"',
                      self.check(old='yes: 6.1, 7.2', new='FAILS: 6.1'))
        self.assertIn('two: the table says', self.check(old='6.12', new='6.1; FAILS: 6.12'))

    def test_not_run(self):
        self.assertIn('two: the table says "not run"', self.check(old='yes: 6.12', new='not run'))
        self.assertIn('two: the table says ""', self.check(old='yes: 6.12', new=''))

    def test_seen_as_claimed(self):
        self.assertEqual(self.check(['ok   6.1 one 1.0 s', 'ok   6.12 two 1.0 s']), '')

    def test_seen_where_it_is_not_claimed(self):
        self.assertEqual(self.check(['ok   6.12 one 1.0 s', 'FAIL 6.12 one 1.0 s: x']), '')

    def test_failed_where_it_is_claimed(self):
        for kernel in ('6.1', '7.2'):
            self.assertIn(f'but it has failed on {kernel}',
                          self.check([f'FAIL {kernel} one 1.0 s: reason']))

    def test_kernels_are_compared_as_a_whole(self):
        self.assertEqual(self.check(['FAIL 6.1 two 1.0 s: reason']), '')

    def test_passed_though_it_says_not_run(self):
        self.assertIn('rare: the table says "not run", but it has passed on 6.1 7.2',
                      self.check(['ok   7.2 rare 1.0 s', 'ok   6.1 rare 1.0 s']))

    def test_no_such_log(self):
        done = subprocess.run(['scripts/features.sh', '--check', '/dev/null', 'nowhere'],
                              cwd=self.top, capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
