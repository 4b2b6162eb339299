# SPDX-License-Identifier: GPL-2.0
"""No scenario is dropped from the shares, and none is without a result."""
import pathlib
import tempfile
import unittest

import choice


class Shares(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in 'abcdefg':
            self.scenario(name)
        for name, word in (('m', 'main'), ('d', 'domain'), ('e', 'domain'), ('r', 'rare'),
                           ('h', 'by hand'), ('k', 'debug'), ('l', 'release'),
                           ('o', 'locks')):
            self.scenario(f'x{name}', word)

    def scenario(self, name, word=None):
        text = '#!/bin/bash\n# SPDX\n' + (f'# lab: {word}\n' if word else '') + '# Text.\n'
        (self.folder / f'{name}.sh').write_text(text)

    @property
    def files(self):
        return choice.scenario_files(self.folder)

    def dropped(self, *runs):
        return sorted(line.partition(':')[0] for line in
                      choice.dropped(self.files, [choice.parse(run.split()) for run in runs]))

    def test_all_shares(self):
        for count in (1, 2, 3, 4, 20):
            runs = [f'6.1 --share {first}/{count}' for first in range(1, count + 1)]
            self.assertEqual(self.dropped(*runs), [])

    def test_a_share_is_forgotten(self):
        self.assertNotEqual(self.dropped('6.1 --share 1/3', '6.12 --share 3/3'), [])

    def test_the_same_share_twice(self):
        self.assertNotEqual(self.dropped('6.1 --share 1/2', '6.12 --share 1/2'), [])

    def test_a_choice_that_forgets_one_is_noticed(self):
        """Planted fault: a choice that drops a scenario."""
        matrix = choice.matrix
        choice.matrix = lambda *arguments: [name for name in matrix(*arguments) if name != 'c']
        try:
            self.assertEqual(self.dropped('6.1 --share 1/2', '6.12 --share 2/2'), ['c'])
        finally:
            choice.matrix = matrix

    def test_release_in_the_share_of_a_debug_kernel(self):
        self.assertIn('xl', self.dropped('6.1 --share 1/2', '6.12-lockdep --share 2/2') +
                      self.dropped('6.1 --share 2/2', '6.12-lockdep --share 1/2'))

    def test_locks_in_each_share_of_a_debug_kernel(self):
        for first in (1, 2, 3):
            names = choice.matrix(self.files, '6.12-lockdep', False, first, 3)
            self.assertEqual((names.count('xo'), names.count('xk')), (1, 1))
        self.assertEqual(sum(choice.matrix(self.files, '6.1', False, first, 3).count('xo')
                             for first in (1, 2, 3)), 1)

    def test_an_installed_kernel_is_no_debug_kernel(self):
        self.assertEqual(choice.matrix(self.files, '6.12.117+deb12-amd64', False, 1, 1),
                         choice.matrix(self.files, '6.12', False, 1, 1))

    def test_rare_and_debug(self):
        self.assertEqual(self.dropped('6.1 --rare', '6.12-lockdep --rare --set many_disks=30'), [])
        for first, other in ((1, 2), (2, 1)):
            self.assertEqual(self.dropped(f'6.1 --rare --share {first}/2'),
                             sorted(choice.matrix(self.files, '6.1', True, other, 2)))

    def test_odd_words(self):
        self.assertEqual(list(choice.odd_words(self.files)), [])
        self.scenario('a', 'rar')
        (self.folder / 'b.sh').write_text('#!/bin/bash\n# 2\n# 3\n# 4\n# 5\n# 6\n# 7\n# 8\n# lab: rare\n')
        self.assertEqual([line.partition(':')[0] for line in choice.odd_words(self.files)],
                         ['a', 'b'])

    LOG = ['booting', 'ok   6.1 a 1.0 s', 'NOTE 6.1 b: once more', 'ok   6.1 b 1.0 s',
           'FAIL 6.1 c 1.0 s: reason; log: serial.log', 'repeated: 1', '2 passed, 1 failed']

    def wrong(self, old='', new=''):
        log = [line.replace(old, new) if old else line for line in self.LOG]
        return list(choice.without_result(self.files, log, *choice.parse(['6.1', 'a', 'b', 'c'])))

    def test_results(self):
        self.assertEqual(self.wrong(), [])

    def test_no_result(self):
        self.assertIn('b: 0 results on 6.1', self.wrong('ok   6.1 b', '#'))
        self.assertIn('b: 0 results on 6.1', self.wrong('6.1 b', '6.12 b'))
        self.assertIn('c: 0 results on 6.1', self.wrong('FAIL', 'fail'))

    def test_not_counted(self):
        self.assertEqual(self.wrong('2 passed, ', '1 passed, '),
                         ['2 lines begin with ok, 1 were counted'])
        self.assertEqual(self.wrong(', 1 failed', ', 0 failed'),
                         ['1 lines begin with FAIL, 0 were counted'])
        self.assertEqual(self.wrong('passed', 'done'), ['the results are not counted'])
