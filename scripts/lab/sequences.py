#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Draws programs of a hostile frontend from a seed, as case files.

  sequences.py SEED COUNT FOLDER      writes FOLDER/seq-SEED-NUMBER.case, NUMBER from 1, and
                                      FOLDER/planted.case, whose second block expects a wrong
                                      answer

A program connects, and then does a row of blocks.  A block begins with "# block"; it finds the
frontend connected and leaves it connected, and needs no other block.  So a program that fails
can be made smaller by leaving out blocks (dom0/sequences.sh does).  Each block says which
answers are right: that is the model.  What the frontend's program and dom0 check in each case
holds for programs, too (Documentation/security.md).
"""
import pathlib
import random
import sys

PAGES = 12          # of "data": no block needs what another one has left in them
LAST_SECTOR = 2000  # the blocks use sectors before this one


class Program:
    """The blocks of one program.  Draws with `dice` alone, so that a seed gives the same."""

    def __init__(self, dice):
        self.dice = dice
        self.disk = 'slow' if dice.random() < 0.15 else 'rw'
        self.queues = dice.choice((1, 1, 2))
        self.names = 0
        self.lines = []

    def say(self, *lines):
        self.lines += lines

    def queue(self):
        return f' queue={self.dice.randrange(self.queues)}' if self.queues > 1 else ''

    def sector(self, pages=1):
        return self.dice.randrange(8, LAST_SECTOR - 8 * pages)

    def data(self):
        """Some pages of "data", and how many."""
        count = self.dice.randint(1, 8)
        first = self.dice.randrange(PAGES - count + 1)
        return f'data[{first}..{first + count - 1}]', count

    def connection(self):
        return (f'protocol={self.dice.choice(("x86_64-abi", "x86_32-abi"))} queues={self.queues} '
                f'order={self.dice.choice((0, 0, 1, 4))} persistent={self.dice.randrange(2)} '
                f'start={self.dice.choice((0, 0, 0xffffffe0, 0x7ffffff0))}')

    def connect(self):
        self.say(f'connect {self.connection()}')

    def reconnect(self):
        self.say(self.dice.choice(('drop', 'close')))
        self.connect()

    def text(self, number):
        self.connect()
        self.say(f'page data {PAGES}', 'page table 2')
        blocks = [getattr(Program, name) for name in sorted(vars(Program))
                  if name.startswith('block_')]
        count = self.dice.randint(3, 6 if self.disk == 'slow' else 10)
        for block in self.dice.choices(blocks, k=count):
            self.say(f'# block {block.__name__[6:]}')
            block(self)
        self.say('# end', self.dice.choice(('drop', 'close')))
        head = [f'shows program {number}: {count} blocks, each with the right answers',
                'covers T-SEQ', f'disk {self.disk}']
        return '\n'.join(head + self.lines) + '\n'

    # --- requests of a good frontend

    def block_write_and_read(self):
        first = self.dice.randrange(PAGES // 2)
        other = self.dice.randrange(PAGES // 2, PAGES)
        sector, value, queue = self.sector(), self.dice.randrange(1, 256), self.queue()
        self.say(f'fill data[{first}] {value}', f'send write sector={sector} data[{first}]{queue}',
                 f'fill data[{other}] 0', f'send read sector={sector} data[{other}]{queue}',
                 f'holds data[{other}] {value}')

    def block_write_and_read_parts(self):
        at, value, sector = self.dice.randrange(1, 7), self.dice.randrange(1, 256), self.sector()
        self.say(f'fill data[0] {value}', f'send write sector={sector} data[0]',
                 'fill data[1] 0', f'send read sector={sector} data[1]:{at}-{at}',
                 f'holds data[1] 0 to={512 * at - 1}',
                 f'holds data[1] {value} from={512 * at} to={512 * at + 511}',
                 f'holds data[1] 0 from={512 * at + 512}')

    def block_indirect(self):
        pages, count = self.data()
        value, sector, queue = self.dice.randrange(1, 256), self.sector(count), self.queue()
        self.say(f'fill {pages} {value}',
                 f'send indirect inner=write sector={sector} pages=table[0] {pages}{queue}',
                 f'fill {pages} 0',
                 f'send indirect inner=read sector={sector} pages=table[1] {pages}{queue}',
                 f'holds {pages} {value}')

    def block_burst(self):
        for _ in range(self.dice.randint(5, 60)):
            pages, count = self.data()
            self.say(f'put {self.dice.choice(("read", "write"))} sector={self.sector(count)} '
                     f'{pages}{self.queue()}')
        self.say('push', 'answers')

    def block_flush(self):
        for _ in range(self.dice.randint(1, 6)):
            pages, count = self.data()
            what = self.dice.choice((
                'flush', 'barrier', f'barrier sector={self.sector(count)} {pages}',
                f'flush sector={self.sector(count)} {pages}',
                f'write sector={self.sector(count)} {pages}'))
            self.say(f'put {what}{self.queue()}')
        self.say('push', 'answers')

    def block_discard(self):
        if self.disk == 'slow':
            return  # it offers none
        self.say(f'send discard sector={self.sector()} length={self.dice.randint(1, 8)}'
                 f'{self.queue()}')

    # --- requests that are refused, and nothing else with them

    def block_refused(self):
        pages, _ = self.data()
        op = self.dice.choice(('read', 'write', 'flush', 'barrier'))
        for _ in range(self.dice.randint(1, 5)):
            what, answer = self.dice.choice((
                (f'{op} sector=sectors {pages}', 'error'),
                (f'{op} sector=sectors-7 {pages}', 'error'),
                (f'{op} sector=0xffffffffffffffff {pages}', 'error'),
                (f'{op} sector=0x80000000000000 {pages}', 'error'),
                (f'{op} sector=8 data[0]:{self.dice.choice(("8-7", "5-4", "0-8", "255-255"))}',
                 'error'),
                (f'{op} sector=8 count={self.dice.choice((12, 128, 255))} data[0..10]', 'error'),
                (f'{op} sector=8 {self.dice.choice(("0x7ffffff0", "0xffffffff", "0x00100000"))}',
                 'error'),
                (f'{self.dice.choice((4, 7, 8, 127, 255))} sector=8 {pages}', 'unsupported'),
                ('read sector=8', 'error'),
                (f'discard sector=sectors length={self.dice.randint(1, 9)}',
                 'error|unsupported'),
                (f'indirect inner=read sector=8 count={self.dice.choice((0, 257, 65535))} '
                 'pages=table', 'error'),
                ('indirect inner=write sector=8 count=4 pages=0x7ffffff0', 'error'),
                (f'indirect inner=flush sector=8 pages=table {pages}', 'error|unsupported')))
            self.say(f'put {what}{self.queue()} -> {answer}')
            if self.dice.random() < 0.5:
                self.say(f'put read sector=8 data[1]{self.queue()}')
        self.say('push', 'answers')

    def block_revoked(self):
        self.names += 1
        name = f'gone{self.names}'
        self.say(f'page {name} 1', f'send write sector=8 {name}', f'revoke {name}',
                 f'send {self.dice.choice(("read", "write"))} sector=8 {name} -> any')

    def block_revoked_in_flight(self):
        self.names += 1
        name = f'flown{self.names}'
        self.say(f'page {name} 4', f'put write sector=8 {name} -> any',
                 f'put read sector=64 {name} -> any', 'push', f'revoke {name}', 'answers')

    def block_read_only_page(self):
        self.names += 1
        name = f'ro{self.names}'
        self.say(f'page {name} 1 access=readonly', f'send read sector=8 {name} -> error')

    # --- what changes meanwhile

    def block_churned_data(self):
        self.say(f'churn-page data 0 0 0xff step={self.dice.choice((64, 512))}',
                 f'repeat {self.dice.randint(5, 30)}', '\tput write sector=8 data[0..3]', 'end',
                 'push', 'answers', 'calm')

    def block_churned_slots(self):
        byte = self.dice.choice((0, 1, 2, 8, 15, 16, 23, 28, 29, 30, 36, 37, 100))
        values = ' '.join(str(self.dice.choice((0, 1, 2, 5, 6, 7, 8, 127, 255))) for _ in range(3))
        self.say('loose', f'churn-slots {byte} {values}', f'repeat {self.dice.randint(5, 60)}',
                 '\tput read sector=8 data[0..3]', 'end', 'push', 'answers', 'calm')
        self.reconnect()

    def block_churned_descriptors(self):
        offset = self.dice.choice((0, 1, 4, 5))
        self.say('loose', 'describe table[0] data[0..7]',
                 f'churn-page table[0] {offset} 0 3 7 8 255 step=8',
                 f'repeat {self.dice.randint(5, 40)}',
                 '\tput indirect inner=write sector=8 count=8 pages=table[0]', 'end',
                 'push', 'answers', 'calm')
        self.reconnect()

    def block_churned_index(self):
        step = self.dice.choice(('1', 'slots', 'slots+1', '0x80000000'))
        self.say('repeat 8', '\tput read sector=8 data[0]', 'end', 'push', 'loose',
                 f'churn-header req_prod prod prod+{step} prod-{step} prod',
                 'notify 30 gap=0.002', 'calm', 'drop')
        self.connect()

    def block_events(self):
        self.say(f'notify {self.dice.randint(1, 300)}', 'send read sector=8 data[0]')

    def block_event_storm(self):
        self.say('churn-notify', 'sleep 0.2', 'send read sector=8 data[0]', 'calm')

    # --- connections that end

    def block_reconnect(self):
        self.reconnect()

    def block_reconnect_in_flight(self):
        self.block_burst()
        self.lines = self.lines[:-1]  # no "answers"
        self.say('forget')
        self.reconnect()

    def block_stopped(self):
        self.say('put read sector=8 data[0]', 'push', 'forget',
                 f'header req_prod=prod+slots+{self.dice.choice((1, 7, 0x7fff0000))}',
                 'notify 2 gap=0.001')
        if self.dice.random() < 0.5:
            self.say('sleep 0.05')
        self.say('drop')
        self.connect()

    def block_odd_state(self):
        state = self.dice.choice(('0', '2', '7', '8', '9', '-1', '4x', '', ' 4'))
        self.say(f'state "\\"{state}\\""', f'sleep {self.dice.choice((0, 0.01, 0.1))}', 'drop')
        self.connect()

    def block_odd_order_of_states(self):
        for _ in range(self.dice.randint(1, 4)):
            self.say(f'state {self.dice.choice((1, 3, 4, 5, 6))}')
            if self.dice.random() < 0.5:
                self.say('sleep 0.01')
        self.say('drop')
        self.connect()

    def block_bad_offer(self):
        node, value = self.dice.choice((
            ('ring-ref', '"4294967295"'), ('event-channel', '"4294967295"'),
            ('event-channel', '"junk"'), ('protocol', '"junk"'), ('ring-ref', '""')))
        if self.queues > 1 and node != 'protocol':
            node = f'queue-{self.dice.randrange(self.queues)}/{node}'
        self.say('drop', 'begin', f'offer queues={self.queues}', f'write {node} {value}',
                 'go -> refused', 'drop')
        self.connect()

    def block_channel_closed(self):
        self.say('put read sector=8 data[0]', 'push', 'closeport', 'sleep 0.02', 'forget', 'drop')
        self.connect()


PLANTED = """\
shows a block that expects a wrong answer is found, and the other blocks are left out
covers T-SEQ
rare
connect
page data 1
# block right
send read sector=8 data
# block wrong
send read sector=8 data -> error
# block right
drop
connect
# end
close
"""


def main():
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    seed, count, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        program = Program(random.Random(f'{seed}/{number}'))
        (folder / f'seq-{seed}-{number}.case').write_text(program.text(number))
    (folder / 'planted.case').write_text(PLANTED)
    return 0


if __name__ == '__main__':
    sys.exit(main())
