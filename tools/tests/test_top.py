#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What blkback-top makes of a sysfs that is made up.  Ends with "N passed, N failed"."""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent / 'blkback-top'
LOADER = importlib.machinery.SourceFileLoader('blkback_top', str(TOP))
top = importlib.util.module_from_spec(importlib.util.spec_from_loader('blkback_top', LOADER))
sys.dont_write_bytecode = True
LOADER.exec_module(top)

IN_TREE = ['oo_req', 'rd_req', 'wr_req', 'f_req', 'ds_req', 'rd_sect', 'wr_sect']
EMPTY = ' '.join(['0'] * 24)


class Names:
    def of(self, domid):
        return {1: 'web', 2: 'evil\x1b[2J'}.get(domid, str(domid))


class Top(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.sysfs = pathlib.Path(folder.name)

    def disk(self, domid=1, vdev=51712, ours=True, **values):
        folder = self.sysfs / f'bus/xen-backend/devices/vbd-{domid}-{vdev}'
        statistics = folder / 'statistics'
        statistics.mkdir(parents=True, exist_ok=True)
        (folder / 'mode').write_text('w\n')
        files = {name: '0' for name in IN_TREE}
        if ours:
            files.update({name: '0' for name in ['err_req', 'refused_req', 'in_flight']})
            for short, _ in top.KINDS:
                files.update({f'{short}_done': '0', f'{short}_usecs': '0', f'{short}_disk_usecs': '0',
                              f'{short}_latency': EMPTY, f'{short}_disk_latency': EMPTY})
        files.update({name: str(value) for name, value in values.items()})
        for name, text in files.items():
            (statistics / name).write_text(text + '\n')

    def look(self):
        return top.disks(self.sysfs)

    def test_names_of_disks(self):
        for number, name in ((51712, 'xvda'), (51713, 'xvda1'), (51728, 'xvdb'), (51952, 'xvdp'),
                             ((1 << 28) | (26 << 8), 'xvdaa'), ((1 << 28) | (26 << 8) | 3, 'xvdaa3'), (768, '768')):
            self.assertEqual(top.vdev_name(number), name)

    def test_rates_are_those_between_two_looks(self):
        self.disk(rd_req=100, rd_sect=800, wr_req=5)
        before = self.look()
        self.disk(rd_req=300, rd_sect=800 + 20000, wr_req=5, err_req=3, in_flight=7)
        entry, = top.rows(self.look(), before, 2.0, Names())
        self.assertEqual((entry['guest'], entry['disk']), ('web', 'xvda'))
        self.assertEqual(entry['reads_per_second'], 100)
        self.assertEqual(entry['read_megabytes_per_second'], 5.12)
        self.assertEqual((entry['writes_per_second'], entry['errors'], entry['in_flight']), (0, 3, 7))

    def test_percentiles_are_those_between_two_looks(self):
        old, new = [0] * 24, [0] * 24
        old[20] = 1000
        new[20] = 1000
        new[7] = 98
        new[12] = 2
        self.disk(rd_latency=' '.join(map(str, old)))
        before = self.look()
        self.disk(rd_latency=' '.join(map(str, new)))
        entry, = top.rows(self.look(), before, 1.0, Names())
        self.assertEqual((entry['read_p50_us'], entry['read_p99_us']), (128, 4096))
        self.assertEqual((entry['write_p50_us'], entry['write_p99_us']), (None, None))

    def test_the_kernels_own_driver_counts_less(self):
        self.disk(ours=False, rd_req=1)
        before = self.look()
        self.disk(ours=False, rd_req=3)
        entry, = top.rows(self.look(), before, 1.0, Names())
        self.assertEqual((entry['reads_per_second'], entry['in_flight'], entry['errors']), (2, None, None))
        self.assertIn(' - ', top.table([entry]))
        self.assertIn('xen_blkback_requests_total', top.prometheus(self.look(), Names()))

    def test_disks_come_and_go(self):
        self.disk(domid=1)
        before = self.look()
        self.disk(domid=3)
        self.assertEqual([entry['domid'] for entry in top.rows(self.look(), before, 1.0, Names())], [1])
        self.assertEqual(top.rows({}, before, 1.0, Names()), [])

    def test_folders_that_are_no_disks(self):
        for name in ('vif-1-0', 'vbd-1', 'vbd-x-y', 'vbd-1-51712-2'):
            (self.sysfs / 'bus/xen-backend/devices' / name).mkdir(parents=True)
        self.assertEqual(self.look(), {})

    def test_a_name_does_not_steer_the_terminal(self):
        self.disk(domid=2)
        before = self.look()
        self.assertNotIn('\x1b', top.table(top.rows(self.look(), before, 1.0, Names())))

    def test_a_table_fits_the_terminal(self):
        text = 'title and more\n' + '\n'.join(f'disk {i} of ten' for i in range(10))
        self.assertEqual(top.fitted(text, 5, 4), 'title\ndisk \ndisk \n8 mor')
        self.assertEqual(top.fitted(text, 100, 11), text)

    def test_prometheus_buckets_grow_up_to_the_count(self):
        self.disk(rd_latency='1 2 3 ' + ' '.join(['0'] * 20) + ' 4', rd_usecs=1500000)
        text = top.prometheus(self.look(), Names()).splitlines()
        reads = [line for line in text if line.startswith('xen_blkback_latency_seconds') and 'operation="read"' in line]
        counts = [int(line.split()[-1]) for line in reads if '_bucket' in line]
        self.assertEqual((counts[:3], counts[-2:]), ([1, 3, 6], [6, 10]))
        self.assertEqual(counts, sorted(counts))
        self.assertTrue(any('le="+Inf"' in line and line.endswith(' 10') for line in reads))
        self.assertTrue(any(line.startswith('xen_blkback_latency_seconds_sum') and line.endswith(' 1.5') for line in reads))
        self.assertIn('guest="web"', reads[0])

    def test_program(self):
        self.disk()
        for options in (['--once', '-d', '0.01'], ['--prometheus'], ['--json', '-n', '2', '-d', '0.01']):
            done = subprocess.run([sys.executable, TOP, '--sysfs', self.sysfs, *options], capture_output=True,
                                  text=True, check=False, env=dict(os.environ, PATH='/nowhere'))
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            self.assertIn('xvda', done.stdout)
        self.assertEqual(len([json.loads(line) for line in done.stdout.splitlines()]), 2)

    def test_bad_options(self):
        for options in (['-d', '0'], ['-n', '0'], ['-d', 'x']):
            done = subprocess.run([sys.executable, TOP, *options], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn('usage', done.stderr)


if __name__ == '__main__':
    result = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromTestCase(Top))
    bad = len(result.failures) + len(result.errors)
    print(f'{result.testsRun - bad} passed, {bad} failed')
    sys.exit(1 if bad or not result.testsRun else 0)
