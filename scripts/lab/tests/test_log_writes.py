# SPDX-License-Identifier: GPL-2.0
"""dom0/log-writes.awk: logs in which all is durable in time, and logs with a fault."""
import pathlib
import struct
import subprocess
import tempfile
import unittest

import judge

SCRIPT = judge.HERE / 'dom0' / 'log-writes.awk'
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
WRITTEN, REQUEST = 0, 1


def sector(*words):
    return struct.pack(f'<{len(words)}Q', *words).ljust(512, b'\0')


def page(number, part=WRITTEN, index=0):
    first = (number * 2 + part) << 32 | index << 16
    return b''.join(struct.pack('<Q', first + i) for i in range(512))


def entry(*pages, flags=0):
    """An entry with such pages of data."""
    return sector(0, 8 * len(pages), flags, 0) + b''.join(pages)


FLUSHED = entry(flags=FLUSH)


def flushed_round(number):
    return [entry(page(number), page(number, index=1)), entry(page(number)), FLUSHED]


def forced_round(number):
    return [entry(page(number), page(number, index=1)), entry(page(number)), FLUSHED,
            entry(page(number, REQUEST), flags=FUA)]


class LogWrites(unittest.TestCase):
    def judged(self, entries, with_data=0):
        log = sector(0x6a736677736872, 1, len(entries), 512) + b''.join(entries) + sector(1, 1)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'log'
            path.write_bytes(log)
            numbers = subprocess.run(['od', '-An', '-v', '-tu8', '-w512', path], check=True,
                                     capture_output=True)
            return subprocess.run(['awk', '-v', 'pages=3', '-v', f'with_data={with_data}',
                                   '-f', SCRIPT], input=numbers.stdout, capture_output=True,
                                  check=False)

    def good(self, entries, with_data=0):
        result = self.judged(entries, with_data)
        self.assertEqual((result.returncode, result.stderr), (0, b''), result.stdout)
        self.assertIn(b'rounds are durable', result.stdout)

    def bad(self, entries, words, with_data=0):
        result = self.judged(entries, with_data)
        self.assertEqual((result.returncode, result.stderr), (1, b''), result.stdout)
        self.assertIn(words, result.stdout)

    def test_rounds_that_are_flushed(self):
        self.good(flushed_round(1) + flushed_round(2))

    def test_rounds_that_are_forced(self):
        self.good(forced_round(1) + forced_round(2), with_data=1)

    def test_a_flush_behind_the_data_is_as_good_as_force(self):
        self.good([*flushed_round(1), entry(page(1, REQUEST)), FLUSHED, *forced_round(2)], with_data=1)

    def test_round_zero_and_other_data_are_not_judged(self):
        self.good([*flushed_round(1), entry(page(0), b'\x11' * 4096), *flushed_round(2)])

    def test_entries_without_data(self):
        self.good([sector(8, 64, DISCARD, 0), *flushed_round(1), sector(0, 0, MARK, 4),
                   *flushed_round(2)])

    def test_an_empty_log(self):
        self.bad([], b'0 rounds')

    def test_a_flush_that_never_reached_the_disk(self):
        self.bad(flushed_round(1)[:-1] + flushed_round(2), b'no flush behind its writes')

    def test_the_last_round_is_judged(self):
        self.bad(flushed_round(1)[:-1], b'no flush behind its writes')

    def test_a_write_that_was_not_covered(self):
        first = flushed_round(1)
        self.bad([first[0], first[2], first[1], *flushed_round(2)], b'no flush behind its writes')

    def test_a_write_that_came_too_late(self):
        first = flushed_round(1)
        self.bad([first[0], first[2], *flushed_round(2), first[1], FLUSHED],
                 b'a page became durable only after round 2 began')

    def test_a_write_that_is_missing(self):
        self.bad([entry(page(1)), FLUSHED, *flushed_round(2)], b'1 of 3 pages')

    def test_data_of_the_request_that_was_not_forced(self):
        self.bad([*flushed_round(1), entry(page(1, REQUEST)), *forced_round(2)],
                 b'neither forced nor flushed', with_data=1)

    def test_data_of_the_request_that_is_missing(self):
        self.bad(flushed_round(1) + forced_round(2), b'its last request was not in the log', with_data=1)

    def test_a_flush_does_not_cover_what_comes_behind_it(self):
        self.bad([*flushed_round(1)[:1], FLUSHED, *flushed_round(1)[1:2], *flushed_round(2)],
                 b'no flush behind its writes')


if __name__ == '__main__':
    unittest.main()
