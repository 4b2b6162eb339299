# SPDX-License-Identifier: GPL-2.0
"""kunit/writelog: logs in which all is durable in time, logs with a fault, and what is no log."""
import pathlib
import struct
import subprocess
import tempfile
import unittest

import judge

TOP = judge.HERE.parent.parent
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
MAGIC = 0x21656c6261727564
LOOSE = 1 << 63
MASK = (1 << 64) - 1
PAGES = 2


def page(number, sector, index):
    words = [MAGIC, number, sector, index << 32 | PAGES]
    base = ((number * 0x9e3779b97f4a7c15 + sector) * 0xff51afd7ed558ccd) & MASK
    return struct.pack('<512Q', *words, *((base + i) & MASK for i in range(4, 512)))


def entry(sector, data=b'', flags=0):
    return struct.pack('<4Q', sector, len(data) // 512, flags, 0).ljust(512, b'\0') + data


def write(number, sector, flags=0):
    return entry(sector, page(number, sector, 0) + page(number, sector + 8, 1), flags)


def half(number, sector, index):
    """One page of a write that the block layer has split."""
    return entry(sector + 8 * index, page(number, sector + 8 * index, index))


def mark(text):
    return (struct.pack('<4Q', 0, 0, MARK, len(text)) + text.encode()).ljust(512, b'\0')


FLUSHED = entry(0, flags=FLUSH)
END = mark('dm-log-writes-end')


def point(upto, own=0):
    return mark(f'point cell {upto} {own}')


def log_of(*entries):
    head = struct.pack('<3QI', 0x6a736677736872, 1, len(entries), 512).ljust(512, b'\0')
    return head + b''.join(entries)


class WriteLog(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = TOP / 'build' / 'writelog'
        subprocess.run(['make', '-s', '-C', TOP / 'kunit/writelog', f'O={folder}'], check=True)
        cls.program = folder / 'writelog'

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_on(self, data, command, *arguments):
        path = self.folder / 'log'
        path.write_bytes(data)
        return subprocess.run([self.program, command, path, *arguments], capture_output=True,
                              check=False, text=True)

    def judged(self, *entries):
        return self.run_on(log_of(*entries, END), 'judge')

    def good(self, *entries):
        result = self.judged(*entries)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn('earlier writes lost at 0, own data lost at 0', result.stdout)

    def bad(self, words, *entries, status=1):
        result = self.judged(*entries)
        self.assertEqual(result.returncode, status, result.stdout)
        self.assertIn(words, result.stdout)

    def test_writes_that_were_flushed(self):
        self.good(write(1, 64), write(2, 128), FLUSHED, point(2), write(3, 64), FLUSHED, point(3))

    def test_data_that_was_forced(self):
        self.good(write(1, 64), FLUSHED, write(2, 128, FUA), point(1, 2))

    def test_a_write_in_parts(self):
        self.good(half(1, 64, 0), half(1, 64, 1), FLUSHED, point(1))

    def test_a_later_write_in_the_same_place(self):
        self.good(write(1, 64), write(2, 64), FLUSHED, point(1))

    def test_loose_writes_are_not_required(self):
        self.good(write(LOOSE | 1, 0), write(1, 64), FLUSHED, point(1), write(LOOSE | 2, 16))

    def test_discards_and_other_data(self):
        self.good(struct.pack('<4Q', 0, 4096, DISCARD, 0).ljust(512, b'\0'), entry(8, b'\x11' * 4096),
                  write(1, 64), FLUSHED, point(1))

    def test_a_flush_that_never_came(self):
        self.bad('cell cell: 1 points, earlier writes lost at 1, own', point(1), write(1, 64))

    def test_a_flush_that_ended_after_the_answer(self):
        self.bad('sector 128 has write 0, and 2 was promised', write(1, 64), FLUSHED, point(2),
                 write(2, 128), FLUSHED)

    def test_half_of_a_write(self):
        self.bad('sector 72 has write 0', half(1, 64, 0), FLUSHED, point(1), half(1, 64, 1))

    def test_an_older_write_in_its_place(self):
        self.bad('sector 64 has write 1, and 2 was promised', write(1, 64), FLUSHED, point(1),
                 point(2), write(2, 64))

    def test_data_that_was_not_forced(self):
        self.bad('earlier writes lost at 0, own data lost at 1', write(1, 64), FLUSHED,
                 point(1, 2), write(2, 128))

    def test_own_data_is_an_earlier_write_of_the_next_point(self):
        self.bad('2 points, earlier writes lost at 1, own data lost at 1', write(1, 64), FLUSHED,
                 point(1, 2), point(2), write(2, 128))

    def test_a_write_that_the_disk_never_saw(self):
        self.bad('write 2 never came to the disk', write(1, 64), FLUSHED, point(2))

    def test_a_log_without_points(self):
        self.bad('', write(1, 64), FLUSHED)

    def test_a_page_that_went_elsewhere(self):
        self.bad('its page for sector 64 was written to sector 128',
                 entry(128, page(1, 64, 0)), point(1), status=2)

    def test_mixed_data(self):
        data = page(1, 64, 0)[:2048] + page(2, 64, 0)[2048:]
        self.bad('is mixed with another', entry(64, data), point(1), status=2)

    def test_a_log_that_ran_full(self):
        result = self.run_on(log_of(write(1, 64), FLUSHED, point(1)), 'judge')
        self.assertEqual((result.returncode, 'has no end' in result.stdout), (2, True))

    def test_what_is_no_log(self):
        for data in b'', bytes(512), log_of(write(1, 64))[:1000]:
            with self.subTest(size=len(data)):
                self.assertEqual(self.run_on(data, 'judge').returncode, 2)

    def test_replay_to_points(self):
        data = log_of(write(1, 0), FLUSHED, mark('acknowledged 7'), write(2, 16, FUA), write(3, 0),
                      END)
        self.assertEqual(self.run_on(data, 'points').stdout, '2 flush 0\n3 mark 7\n4 fua 7\n')
        image = self.folder / 'image'
        image.write_bytes(bytes(16384))
        for first, last, numbers in ('0', '3', (1, 0)), ('3', '4', (1, 2)), ('4', '5', (3, 2)):
            self.assertEqual(self.run_on(data, 'replay', image, first, last).returncode, 0)
            held = image.read_bytes()
            self.assertEqual(struct.unpack_from('<Q', held, 8) + struct.unpack_from('<Q', held, 8200),
                             numbers)

    def test_records_of_a_journal(self):
        lines = {'record.1': 1, 'current': 2}

        def contents(record, size):
            text = f'record {record}\n'
            for i in range(len(text), size):
                text += chr(ord('a') + (i * 7 + record) % 26)
            return text

        for name, record in lines.items():
            (self.folder / name).write_text(contents(record, 1000))
        slots = ''.join(contents(3 if i == 0 else 0, 4096) for i in range(16))
        (self.folder / 'slots').write_text(slots)
        (self.folder / 'log').write_text('\0' * 1000 + contents(4, 1000))

        def check(acknowledged):
            return subprocess.run([self.program, 'check', self.folder, str(acknowledged)],
                                  capture_output=True, check=False, text=True)

        for acknowledged in range(5):
            self.assertEqual(check(acknowledged).returncode, 0, acknowledged)
        for acknowledged, name in enumerate(('a file of its own', 'current', 'slots', 'log'), 5):
            result = check(acknowledged)
            self.assertEqual((result.returncode, name in result.stdout), (1, True), result.stdout)


if __name__ == '__main__':
    unittest.main()
