# SPDX-License-Identifier: GPL-2.0
"""dom0/bad-words and its samples."""
import pathlib
import re
import subprocess
import unittest

import judge

HERE = pathlib.Path(__file__).resolve().parent
WORDS = judge.HERE / 'dom0' / 'bad-words'


class Words(unittest.TestCase):
    def setUp(self):
        lines = (HERE / 'bad-words.samples').read_text().splitlines()
        self.bad = [line[2:] for line in lines if line.startswith('+ ')]
        self.good = [line[2:] for line in lines if line.startswith('- ')]
        odd = [line for line in lines if line and line[:2] not in ('+ ', '- ', '# ')]
        self.assertEqual(odd, [])

    @staticmethod
    def unfound(words, lines):
        pattern = re.compile('|'.join(words))
        return [line for line in lines if not pattern.search(line)]

    def test_each_is_found(self):
        self.assertEqual(self.unfound(judge.bad_words(), self.bad), [])

    def test_no_other_is_found(self):
        self.assertEqual(self.unfound(judge.bad_words(), self.good), self.good)

    def test_each_word_finds_a_sample(self):
        for word in judge.bad_words():
            self.assertLess(len(self.unfound([word], self.bad)), len(self.bad), word)

    def test_dom0_reads_them_alike(self):
        found = subprocess.run(
            ['bash', '-c', 'grep -aE "$(grep -vE "^#|^$" "$1" | paste -sd"|")"', 'test',
             WORDS], input='\n'.join(self.bad + self.good),
            capture_output=True, text=True, check=True).stdout.splitlines()
        self.assertEqual(found, self.bad)

    def test_words_that_no_kernel_says_are_noticed(self):
        """Planted fault: the list as it was once, with patterns that no kernel prints."""
        old = {r'WARNING: CPU: [0-9]+ PID: [0-9]+ at': 'WARNING: CPU',
               r'WARNING: .*at .*, CPU#[0-9]+:': None,
               r'WARNING: g\.e\. .* still in use': 'gnttab.*(leak|still in use)',
               r'leaking g\.e\.': None}
        words = judge.bad_words()
        self.assertEqual(set(old) - set(words), set())
        words = [old.get(word, word) for word in words]
        missed = self.unfound([word for word in words if word], self.bad)
        self.assertEqual(len([line for line in missed if 'g.e.' in line]), 3)
        self.assertEqual(len([line for line in missed if 'CPU#' in line]), 3)
