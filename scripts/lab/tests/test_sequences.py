# SPDX-License-Identifier: GPL-2.0
"""Programs that sequences.py draws: the same for a seed, and each block alone."""
import random
import unittest

import sequences


def program(seed):
    return sequences.Program(random.Random(seed)).text(1)


class Programs(unittest.TestCase):
    def test_a_seed_gives_the_same_program(self):
        self.assertEqual(program('1/1'), program('1/1'))
        self.assertNotEqual(program('1/1'), program('1/2'))

    def test_each_kind_of_block_is_drawn(self):
        drawn = {line for seed in range(300) for line in program(seed).splitlines()
                 if line.startswith('# block ')}
        kinds = {f'# block {name[6:]}' for name in vars(sequences.Program)
                 if name.startswith('block_')}
        self.assertEqual(kinds, drawn)

    def test_a_block_leaves_the_frontend_connected(self):
        for seed in range(300):
            for block in program(seed).split('# block ')[1:]:
                words = [line.split()[0] for line in block.split('# end')[0].splitlines()[1:]
                         if line.split()[0] in ('drop', 'close', 'connect')]
                if words:
                    self.assertEqual('connect', words[-1], block)
                self.assertNotIn('\npage data ', block)


if __name__ == '__main__':
    unittest.main()
