# SPDX-License-Identifier: GPL-2.0
"""Which scenarios are repeated, and which are not."""
import stale_code
from consoles import BEGIN, BUG, NOP, REST, XEN_BUG, Case, code, failed, oops, quoted, stamped


class Repeats(Case):
    """A scenario that the emulator ended is repeated; one that the driver crashed is not."""

    def again(self, *parts, **options):
        done = self.judge(*parts, **options)
        self.assertEqual(done.repeats, 1, self.said)
        self.assertNotIn('console-1', done.results)
        return done.again

    def refuse(self, why, *parts, **options):
        done = self.judge(*parts, **options)
        self.assertEqual((done.again, done.repeats), ([], 0), self.said)
        self.assertFalse(done.results['one'][0])
        self.assertIn(why, done.results['one'][2])
        self.assertTrue(any(line.startswith('FAIL 6.1 one') for line in self.said), self.said)

    def refuse_report(self, why, **options):
        """The report must be refused from dom0's kernel, and from a guest's."""
        self.refuse(why, BEGIN, oops(**options))
        self.refuse(why, BEGIN, failed('one', ('guest-g1.log', oops(**options))), REST)

    def test_dom0_went_down(self):
        self.assertEqual(self.again(BEGIN, oops()), ['one', 'two'])
        self.assertIn('NOTE 6.1 one two: the emulator ran code that a kernel had replaced, '
                      'once more; log: serial.log', self.said)
        self.assertFalse(any(line.startswith('FAIL') for line in self.said))

    def test_dom0_went_down_before_the_first(self):
        self.assertEqual(self.again(BEGIN[0], oops()), ['one', 'two'])

    BOOT = [BEGIN[0], '[    7.300000] BUG: kernel NULL pointer dereference, address: 0']
    PANIC = '[    7.400000] Kernel panic - not syncing: Attempted to kill the idle task!'
    INIT = '[   19.900000] Run /init as init process'

    def test_kernel_died_before_its_first_program(self):
        self.assertEqual(self.again(self.BOOT, self.PANIC), ['one', 'two'])
        self.assertIn("NOTE 6.1 one two: dom0's kernel died before its first program, "
                      'once more; log: serial.log', self.said)

    def test_kernel_died_after_its_first_program(self):
        for parts in ((self.INIT, self.BOOT, self.PANIC), (self.BOOT, self.INIT, self.PANIC),
                      (BEGIN, self.BOOT, self.PANIC), (self.BOOT, 'LAB-BEGIN one', self.PANIC),
                      (self.BOOT,), (self.BOOT, '(XEN) ' + self.PANIC)):
            done = self.judge(*parts)
            self.assertEqual((done.again, done.repeats), ([], 0), self.said)

    def test_kernel_that_dies_again_and_again(self):
        done = self.judge(self.BOOT, self.PANIC, last=True)
        self.assertEqual((done.again, done.results['one'][2]),
                         ([], 'dom0 never came up (not run again: it was run again already)'))

    def test_dom0_went_down_between_two(self):
        self.assertEqual(self.again(BEGIN, 'LAB-PASS one 1.0', oops()), ['two'])

    def test_dom0_survived(self):
        report = oops(panic=False)
        self.assertEqual(self.again(BEGIN, report, failed('one', ('dom0', report)), REST), ['one'])

    def test_dom0_survived_and_went_down_later(self):
        report = oops(panic=False)
        self.assertEqual(self.again(BEGIN, report, failed('one', ('dom0', report))),
                         ['one', 'two'])

    def test_init_died_of_it(self):
        self.assertEqual(self.again(BEGIN, oops(panic=False, end=[
            'Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b',
            '---[ end Kernel panic - not syncing: Attempted to kill init! ]---'])), ['one', 'two'])

    WARNED = ['WARNING: CPU: 1 PID: 314 at kernel/smp.c:815 '
              'smp_call_function_many_cond+0x465/0x4c0', 'Call Trace:', ' xen_smp_send_stop']

    def test_panic_within_an_interrupt(self):
        for header in self.WARNED[0], ('WARNING: kernel/smp.c:815 at '
                                       'smp_call_function_many_cond+0x465/0x4c0, CPU#1: fio/812'):
            self.assertEqual(self.again(BEGIN, oops(end=[header, *self.WARNED[1:]])),
                             ['one', 'two'])

    def test_what_only_a_panic_warns_of(self):
        self.refuse('something came before', BEGIN, stamped(self.WARNED, 99), oops())
        self.refuse_report('something else was said', panic=False, end=self.WARNED)
        self.refuse_report('something else was said', end=[self.WARNED[0], *self.WARNED])
        self.refuse_report('something else was said', end=[*self.WARNED, 'Call Trace:'])
        self.refuse_report('something else was said', end=[
            'WARNING: CPU: 1 PID: 314 at mm/page_alloc.c:815 get_page+0x465/0x4c0'])

    def test_guest(self):
        self.assertEqual(self.again(BEGIN, failed('one', ('dom0', []), ('guest-g1.log', oops()),
                                                  ('guest-g2.log', ['guest: ready'])), REST),
                         ['one'])

    def test_guest_whose_log_the_scenario_printed(self):
        report = oops()
        self.assertEqual(self.again(BEGIN, report[-9:], failed('one', ('guest-g1.log', report)),
                                    REST), ['one'])

    def test_older_kernel(self):
        self.assertEqual(self.again(BEGIN, oops(header='int3: 0000 [#1] PREEMPT SMP NOPTI')),
                         ['one', 'two'])

    def test_what_kernels_patch(self):
        for instruction in (NOP, '66 90', 'e9 12 34 56 78', 'eb 12', 'e8 12 34 56 78',
                            '0f 84 12 34 56 78', 'c3 cc cc cc cc', '2e 2e 2e 31 c0',
                            '67 48 0f b9 3a', '3e 3e c6 07 00'):
            self.assertEqual(self.again(BEGIN, oops(opcodes=code(instruction))), ['one', 'two'])

    def test_what_no_kernel_patches(self):
        for instruction in ('c3 90 90', '48 89 c7', '0f 0b 48', '0f 1f 40 00', '90 90', '31 c0'):
            self.refuse_report('no kernel changes such an instruction', opcodes=code(instruction))

    def test_breakpoint_in_memory(self):
        self.refuse_report('the breakpoint is in memory', opcodes=code('cc cc cc cc cc'))
        self.refuse_report('the breakpoint is in memory', opcodes=code('cc 1f 44 00 00'))

    def test_no_code(self):
        self.refuse_report('does not show the code', opcodes='')
        self.refuse_report('does not show the code', opcodes='Code: <1f> 44 00 00')
        self.refuse_report('does not show the code',
                           opcodes='Code: Unable to access opcode bytes at 0xffffffff81000000.')

    def test_our_module(self):
        self.refuse_report('not in the kernel itself',
                           rip='RIP: e030:submit+0x1d/0x90 [xen_blkback]')

    def test_any_module(self):
        self.refuse_report('not in the kernel itself', rip='RIP: e030:run+0x1d/0x90 [null_blk]')

    def test_no_function(self):
        self.refuse_report('not in the kernel itself', rip='RIP: e030:0xffffffffc0123456')
        self.refuse_report('does not say where', rip='')

    def test_other_trap(self):
        done = self.judge(BEGIN, oops(header='Oops: invalid opcode: 0000 [#1] PREEMPT SMP'))
        self.assertEqual((done.again, done.results['one'][2]),
                         ([], 'dom0 went down before the scenario ended'))

    def test_complaint_before_it(self):
        self.refuse('something came before', BEGIN, BUG, oops())
        self.refuse('something came before', BEGIN, BUG, failed('one'), oops())
        self.refuse('something came before', BEGIN,
                    failed('one', ('guest-g1.log', [BUG] + oops())), REST)

    def test_driver_warned_before_it(self):
        self.refuse('something came before', BEGIN,
                    '[   99.000000] WARNING: src/linux/driver.c:9 at f+0x1/0x2 [xen_blkback], '
                    'CPU#1: kworker/1:0/9', oops())

    def test_another_report(self):
        for line in ('BUG: KASAN: slab-use-after-free in f+0x1/0x2 [xen_blkback]', 'Call Trace:',
                     'Kernel panic - not syncing: other',
                     'INFO: task fio:812 blocked for more than 60 seconds.'):
            self.refuse_report('something else was said', end=[line])

    SECOND = 'Oops: int3: 0000 [#2] PREEMPT SMP NOPTI'

    def test_the_same_breakpoint_while_it_reports(self):
        first = oops(panic=False)[:8]
        self.assertEqual(self.again(BEGIN, first, oops(header=self.SECOND)), ['one', 'two'])
        self.assertEqual(self.again(BEGIN, failed('one', (
            'guest-g1.log', first + oops(header=self.SECOND))), REST), ['one'])

    def test_another_breakpoint_while_it_reports(self):
        first = oops(panic=False)[:8]
        for why, second in (
                ('does not say where', [stamped([self.SECOND], 100)]),
                ('not in the kernel itself',
                 [oops(header=self.SECOND, rip='RIP: e030:submit+0x1d/0x90 [xen_blkback]')]),
                ('the breakpoint is in memory', [oops(header=self.SECOND, opcodes=code('cc cc'))]),
                ('something else was said', [oops(header=self.SECOND), BUG]),
                ('had died before', [oops(header=self.SECOND.replace('2', '3'))])):
            self.refuse(why, BEGIN, first, *second)

    def test_kernel_had_died_before(self):
        self.refuse_report('had died before', header='Oops: int3: 0000 [#2] PREEMPT SMP NOPTI')

    def test_xen_complained(self):
        self.refuse('something came before', BEGIN, XEN_BUG, oops())
        self.refuse('something else was said', BEGIN, oops(), XEN_BUG)
        self.refuse('the console says, too', BEGIN, XEN_BUG,
                    failed('one', ('guest-g1.log', oops())), REST)

    def test_complaint_after_the_result(self):
        self.refuse('the console says, too', BEGIN, failed('one', ('guest-g1.log', oops())), BUG,
                    REST)

    def test_two_kernels(self):
        self.refuse('guest-g2.log says, too', BEGIN, failed(
            'one', ('guest-g1.log', oops()), ('guest-g2.log', [BUG])), REST)
        self.refuse('guest-g1.log says, too', BEGIN, oops(panic=False),
                    failed('one', ('guest-g1.log', oops(second=101))), REST)

    def test_dom0_said_what_the_console_does_not_show(self):
        self.refuse('dom0 said, too', BEGIN,
                    failed('one', ('dom0', [BUG]), ('guest-g1.log', oops())), REST)

    def test_lines_are_lost(self):
        self.refuse('lines are lost', BEGIN, quoted('guest-g1.log', oops()),
                    'LAB-CUT guest-g1.log: 100 lines', failed('one'), REST)
        self.refuse('lines are lost', BEGIN, '** 7 printk messages dropped **', oops())

    def test_wrong_data(self):
        self.refuse('data were wrong', BEGIN, failed('one', ('guest-g1.log', oops()),
                                                     reason='data differs'), REST)
        self.refuse('data were wrong', BEGIN, 'fio: verify failed at file /dev/xvdb offset 0',
                    failed('one', ('guest-g1.log', oops())), REST)

    def test_last_boot(self):
        self.refuse('run again already', BEGIN, oops(), last=True)

    def test_emulator_died(self):
        self.refuse('the emulator died', BEGIN, oops(), cause='the emulator died',
                    by_itself=False)

    def test_complaint_in_an_earlier_scenario_stays(self):
        done = self.judge(BEGIN, XEN_BUG, 'LAB-PASS one 1.0', 'LAB-BEGIN two', oops())
        self.assertEqual(done.again, ['two'])
        self.assertEqual(done.results['console-1'][2], XEN_BUG)

    def test_judges_that_are_lenient_are_noticed(self):
        """Planted fault: any report of such a breakpoint is excused, as it was once."""
        strict = stale_code.objection
        stale_code.objection = lambda lines, complaints: ''
        try:
            with self.assertRaises(AssertionError):
                self.test_our_module()
            with self.assertRaises(AssertionError):
                self.test_complaint_before_it()
        finally:
            stale_code.objection = strict
