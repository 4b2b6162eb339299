#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Gives the scripts of "make profile" files as the emulator's plugin writes them: who is
charged for what, and what the page says.  No emulator runs.  The last line is "N passed,
N failed".
"""
import pathlib
import sys
import unittest
from unittest import mock
from xml.etree import ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE))
import counts
import flame
import layers
import report

SYMBOLS = '''\
symbols kernel
ffffffff81000000 T schedule
ffffffff81000100 t memcpy
ffffffff81000200 T submit_bio
ffffffff81000300 T xen_asm_exc_xen_hypervisor_callback
ffffffff81000400 T __x86_indirect_thunk_rax
ffffffff81000500 D no_function
ffffffff81000600 T gnttab_map_refs
end
symbols xen
ffff82d040200000 t\tcommon/event_channel.c#evtchn_send
ffff82d040300000 T do_sched_op
end
symbols modules
ffffffffc0000000 t null_queue_rq\t[null_blk]
ffffffffc0001000 t blkback_queue_run\t[xen_blkback]
end
'''


def window(cell, *lines, symbols=SYMBOLS):
    text = symbols + f'cell {cell}\nwindow\n' + ''.join(line + '\n' for line in lines) + 'end\n'
    found, = counts.windows(text.splitlines(keepends=True))
    return found


def names(stacks):
    return {';'.join(map(str, stack)): instructions for stack, instructions in stacks.items()}


class Symbols(unittest.TestCase):
    def setUp(self):
        self.machine = window('ours Y x').machine

    def name(self, address):
        return str(self.machine.function(address))

    def test_an_address_within_a_function_is_the_functions(self):
        self.assertEqual(self.name(0xffffffff81000000), 'schedule')
        self.assertEqual(self.name(0xffffffff810000ff), 'schedule')
        self.assertEqual(self.name(0xffffffff81000100), 'memcpy')

    def test_data_are_no_function(self):
        self.assertEqual(self.name(0xffffffff81000510), '__x86_indirect_thunk_rax')

    def test_modules_are_named(self):
        self.assertEqual(self.machine.function(0xffffffffc0001010),
                         counts.Function('blkback_queue_run', 'xen_blkback'))

    def test_the_cores_names_are_those_of_its_sources(self):
        name = '_ZN7blkback12_GLOBAL__N_112parse_directINS_4wire10NativeWireEEEvRKNS2_7RawSlotE'
        found = counts.Symbols([f'ffffffffc0001000 t {name} [xen_blkback]'])
        self.assertEqual(found.find(0xffffffffc0001000)[1:],
                         ('parse_direct<wire::NativeWire>', 'xen_blkback'))

    def test_what_linkers_define_is_no_function(self):
        found = counts.Symbols(['ffffffff81000000 T a', 'ffffffff81000010 T _etext',
                                'ffffffff81000020 T setup_contexts'])
        self.assertEqual(found.find(0xffffffff81000018)[1], 'a')
        self.assertEqual(found.find(0xffffffff81000028)[1], 'setup_contexts')

    def test_xen_has_symbols_of_its_own(self):
        self.assertEqual(self.machine.function(0xffff82d0402fffff),
                         counts.Function('evtchn_send', 'xen'))
        self.assertEqual(self.machine.function(0xffff82d000000000).module, 'xen')

    def test_programs_are_one(self):
        self.assertEqual(self.machine.function(0x401000), counts.USER)

    def test_modules_that_come_later_replace_those_before(self):
        other = 'symbols modules\nffffffffc0001000 t xen_blkif_schedule\t[xen_blkback]\nend\n'
        text = SYMBOLS + other + 'cell a\nwindow\nend\n'
        found, = counts.windows(text.splitlines(keepends=True))
        self.assertEqual(str(found.machine.function(0xffffffffc0001000)), 'xen_blkif_schedule')
        self.assertEqual(str(found.machine.function(0xffffffff81000000)), 'schedule')

    def test_a_file_that_ends_early_is_refused(self):
        with self.assertRaises(ValueError):
            list(counts.windows((SYMBOLS + 'cell a\nwindow\nreturns 0 0\n').splitlines()))


class Counts(unittest.TestCase):
    def test_instructions_are_summed_and_entries_counted(self):
        found = window('ours Y x', 'block 0 ffffffffc0001000 30 10',
                       'block 0 ffffffffc0001010 70 10', 'block 0 ffffffff81000100 50 5')
        driver = counts.Function('blkback_queue_run', 'xen_blkback')
        self.assertEqual(found.functions()[driver], [100, 10])
        self.assertEqual(found.calls('blkback_queue_run'), 10)
        self.assertEqual(found.calls('nothing'), 0)

    def test_a_stack_has_callers_first(self):
        found = window('ours Y x', 'node 1 0 ffffffffc0001010 ffffffff81000200',
                       'node 2 1 ffffffff81000210 ffffffffc0000000',
                       'block 2 ffffffff81000100 7 1')
        self.assertEqual(names(found.stacks()),
                         {'blkback_queue_run;submit_bio;null_queue_rq;memcpy': 7})

    def test_a_function_that_calls_itself_is_one_frame(self):
        found = window('ours Y x', 'node 1 0 ffffffff81000000 ffffffff81000000',
                       'block 1 ffffffff81000010 7 1')
        self.assertEqual(names(found.stacks()), {'schedule': 7})

    def test_a_thunk_is_its_callers(self):
        found = window('ours Y x', 'node 1 0 ffffffffc0001010 ffffffff81000400',
                       'block 1 ffffffff81000404 3 1', 'block 1 ffffffff81000200 4 1')
        self.assertEqual(names(found.stacks()),
                         {'blkback_queue_run': 3, 'blkback_queue_run;submit_bio': 4})

    def test_an_interrupt_is_no_call_of_what_it_interrupts(self):
        found = window('ours Y x', 'node 1 0 ffffffff81000000 ffffffff81000100',
                       'block 1 ffffffff81000300 9 1')
        self.assertEqual(names(found.stacks()), {'xen_asm_exc_xen_hypervisor_callback': 9})


class Layers(unittest.TestCase):
    def layer(self, *stack):
        return layers.layer([counts.Function(*name.split('@')) if '@' in name
                             else counts.Function(name, '') for name in stack])

    def test_the_innermost_function_that_has_a_layer_decides(self):
        self.assertEqual(self.layer('run@xen_blkback', 'submit_bio', 'memset'), layers.BLOCK)
        self.assertEqual(self.layer('run@xen_blkback', 'memset'), layers.DRIVER)
        self.assertEqual(self.layer('run@xen_blkback', 'null_queue_rq@null_blk'), layers.BLOCK)
        self.assertEqual(self.layer('run@xen_blkback', 'schedule', '_raw_spin_lock'),
                         layers.SCHEDULER)
        self.assertEqual(self.layer('run@xen_blkback', 'gnttab_map_refs', 'memcpy'), layers.GRANTS)
        self.assertEqual(self.layer('run@xen_blkback', 'notify_remote_via_irq'), layers.EVENTS)
        self.assertEqual(self.layer("schedule", "do_sched_op@xen"), layers.XEN_SCHEDULER)

    def test_nothing_is_lost(self):
        self.assertEqual(self.layer('memcpy'), layers.OTHER)
        self.assertEqual(self.layer(), layers.OTHER)
        stacks = {(): 1, (counts.USER,): 2, (counts.Function('submit_bio', ''),): 4}
        self.assertEqual(sum(layers.layers(stacks).values()), 7)


def profile():
    text = SYMBOLS
    for cell, extra in (('floor - randread-4k-qd1', 0), ('intree Y randread-4k-qd1', 600),
                        ('ours Y randread-4k-qd1', 300)):
        text += (f'cell {cell}\nwindow\nnode 1 0 ffffffffc0001010 ffffffffc0000000\n'
                 'block 1 ffffffffc0000000 200 10\n'
                 f'block 0 ffffffffc0001010 {1000 + extra} 3\nend\n')
    return text.splitlines(keepends=True)


class Report(unittest.TestCase):
    def test_small_functions_are_not_named(self):
        with mock.patch.object(report, 'LEAST', 21):
            text = report.page(report.cells(profile()), 'WORDS', 'performance')
        self.assertIn('`blkback_queue_run`', text)
        self.assertNotIn('`null_queue_rq`', text)

    def test_figures_are_per_request(self):
        drivers = report.cells(profile())['randread-4k-qd1', 'Y']
        self.assertEqual(set(drivers), {'floor', 'intree', 'ours'})
        self.assertEqual(drivers['ours'].requests, 10)
        self.assertEqual(drivers['ours'].layers, {layers.DRIVER: 130, layers.BLOCK: 20})
        self.assertEqual(drivers['ours'].total, 150)

    def test_the_floor_is_taken_off(self):
        text = report.summary(report.cells(profile()))
        self.assertIn('| randread 4k, depth 1, persistent grants | 120 | 180 | 150 | 60 | 30 | 0.50 |',
                      text)

    def test_the_page_has_each_part_and_function(self):
        with mock.patch.object(report, 'LEAST', 20):
            text = report.page(report.cells(profile()), 'WORDS', 'performance')
        self.assertIn('Measured: WORDS.', text)
        self.assertIn('## Randread 4k, depth 1, persistent grants', text)
        self.assertIn('| driver | 100 | 160 | 130 |', text)
        self.assertIn('| sum | 120 | 180 | 150 |', text)
        self.assertIn('| `null_queue_rq` [null_blk] | 20 | 1.00 | 20 | 1.00 |', text)
        self.assertIn('(performance/randread-4k-qd1-persistent.svg)', text)

    def test_a_plugin_that_counts_wrong_is_refused(self):
        def loop(counted):
            text = f'{SYMBOLS}cell check - 1000000\nwindow\nblock 0 401000 {counted} 1\nend\n'
            return text.splitlines(keepends=True) + profile()

        self.assertTrue(report.cells(loop(1000300)))
        for wrong in (500000, 998000, 1002000):
            with self.assertRaises(ValueError):
                report.cells(loop(wrong))

    def test_wrong_stacks_are_refused(self):
        requests = 'block 0 ffffffffc0000000 50 5'
        self.assertTrue(report.Cell(window('ours Y x', 'returns 100000 400', requests)))
        with self.assertRaises(ValueError):
            report.Cell(window('ours Y x', 'returns 100000 600', requests))

    def test_a_window_without_a_request_is_refused(self):
        with self.assertRaises(ValueError):
            report.Cell(window('ours Y x', 'block 0 ffffffff81000100 50 5'))


class Flame(unittest.TestCase):
    def test_boxes_are_as_wide_as_what_they_hold(self):
        drivers = report.cells(profile())['randread-4k-qd1', 'Y']
        image = flame.draw('<a & b>', [('in-tree', drivers['intree'].tree),
                                       ('ours', drivers['ours'].tree)])
        root = ElementTree.fromstring(image)
        space = '{http://www.w3.org/2000/svg}'
        width = {}
        for group in root.iter(f'{space}g'):
            name = group.find(f'{space}title').text
            width[name] = float(group.find(f'{space}rect').get('width'))
        self.assertAlmostEqual(width['in-tree: 180 instructions a request: 180.0'] /
                               width['ours: 150 instructions a request: 150.0'], 1.2, places=2)
        self.assertAlmostEqual(width['blkback_queue_run: 150.0'],
                               width['ours: 150 instructions a request: 150.0'], places=1)
        self.assertIn('null_queue_rq: 20.0', width)


def main():
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__]).run(result)
    wrong = result.failures + result.errors
    for case, trace in wrong:
        print(f'FAIL {case.id()}\n{trace}')
    passed = result.testsRun - len({case.id() for case, _ in wrong})
    print(f'{passed} passed, {len(wrong)} failed')
    return 0 if passed and not wrong else 1


if __name__ == '__main__':
    sys.exit(main())
