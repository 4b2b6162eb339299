#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What xen-blkback-status says of machines that are made up.  Ends with "N passed, N failed"."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

STATUS = pathlib.Path(__file__).resolve().parent.parent / 'xen-blkback-status'
RUNNING = os.uname().release
OTHER = '6.12.1-other'
ANCIENT = '5.10.0-1-amd64'

MODINFO = r'''#!/bin/sh
# modinfo -b ROOT -k KERNEL -n|-F FIELD xen-blkback
[ "$1" != --version ] || exit 0
[ -e "$2/modinfo/$4/filename" ] || exit 1
case $5 in
-n) cat "$2/modinfo/$4/filename" ;;
-F)
	[ ! -e "$2/modinfo/$4/broken" ] || exit 1
	cat "$2/modinfo/$4/$6" 2>/dev/null || true
	;;
esac
'''


class Machine:
    """A root folder, and programs that are found before the real ones."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        self.programs = self.root / 'programs'
        self.programs.mkdir()
        self.program('modinfo', MODINFO)

    def program(self, name, text):
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + '\n')

    def load(self, ours, version='0.9.0'):
        self.write('sys/module/xen_blkback/initstate', 'live')
        self.write('sys/module/xen_blkback/taint', 'OE' if ours else '')
        if ours:
            self.write('sys/module/xen_blkback/version', version)

    def install(self, kernel, ours, version='0.9.0', headers=True):
        self.write(f'lib/modules/{kernel}/modules.dep', '')
        self.write(f'boot/vmlinuz-{kernel}', '')
        if headers:
            (self.root / f'lib/modules/{kernel}/build').mkdir(exist_ok=True)
        place = 'updates/dkms' if ours else 'kernel/drivers/block/xen-blkback'
        self.write(f'modinfo/{kernel}/filename', f'/lib/modules/{kernel}/{place}/xen-blkback.ko')
        self.write(f'modinfo/{kernel}/intree', '' if ours else 'Y')
        if ours:
            self.write(f'modinfo/{kernel}/version', version)

    def dkms(self, text):
        self.program('dkms', f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")

    def ask(self, *options):
        environment = dict(os.environ, PATH=f'{self.programs}:/usr/bin:/bin')
        return subprocess.run([sys.executable, STATUS, '--root', self.root, *options], env=environment,
                              capture_output=True, text=True, check=False)


class Status(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.machine = Machine(self.folder.name)
        self.machine.dkms('')
        self.machine.program('journalctl', '#!/bin/sh\nexit 1\n')

    def says(self, status, *words):
        done = self.machine.ask()
        self.assertEqual(done.stderr, '')
        self.assertEqual(done.returncode, status, done.stdout)
        for word in words:
            self.assertIn(word, done.stdout)

    def test_ours_is_loaded_and_installed_for_each_kernel(self):
        self.machine.load(ours=True)
        self.machine.install(RUNNING, ours=True)
        self.says(0, 'ours is loaded, and is installed for each kernel that it supports', 'loaded now: ours 0.9.0')

    def test_a_kernel_without_ours_is_a_warning_with_its_reason(self):
        self.machine.load(ours=True)
        self.machine.install(RUNNING, ours=True)
        self.machine.install(OTHER, ours=False, headers=False)
        self.machine.dkms(f'xen-blkback/0.9.0, {RUNNING}, x86_64: installed')
        self.says(1, f'not installed for {OTHER}', f'install linux-headers-{OTHER}')

    def test_a_failed_build_is_named(self):
        self.machine.load(ours=True)
        self.machine.install(RUNNING, ours=True)
        self.machine.install(OTHER, ours=False)
        self.machine.dkms('xen-blkback/0.9.0: added')
        self.says(1, f'dkms autoinstall -k {OTHER}')

    def test_in_tree_is_loaded_although_ours_is_installed(self):
        self.machine.load(ours=False)
        self.machine.install(RUNNING, ours=True)
        self.says(2, 'the in-tree driver is loaded', 'rmmod xen_blkback; modprobe xen-blkback')

    def test_in_tree_is_loaded_because_dkms_does_not_know_ours(self):
        self.machine.load(ours=False)
        self.machine.install(RUNNING, ours=False)
        self.says(2, 'install xen-blkback-dkms')

    def test_modprobe_does_not_find_what_dkms_installed(self):
        self.machine.load(ours=False)
        self.machine.install(RUNNING, ours=False)
        self.machine.dkms(f'xen-blkback/0.9.0, {RUNNING}, x86_64: installed')
        self.says(2, f'depmod {RUNNING}')

    def test_a_built_in_driver_cannot_be_replaced(self):
        (self.machine.root / 'sys/module/xen_blkback').mkdir(parents=True)
        self.says(2, 'built into this kernel')

    def test_nothing_is_loaded(self):
        self.machine.install(RUNNING, ours=True)
        self.says(3, 'no block backend driver is loaded', 'ours')

    def test_another_version_waits_for_the_boot(self):
        self.machine.load(ours=True, version='0.8.0')
        self.machine.install(RUNNING, ours=True, version='0.9.0')
        self.says(1, 'another build (version 0.9.0, not 0.8.0) is installed and waits for the next boot')

    def test_another_build_of_the_same_version_waits_for_the_boot(self):
        self.machine.load(ours=True)
        self.machine.write('sys/module/xen_blkback/srcversion', 'AAAA')
        self.machine.install(RUNNING, ours=True)
        self.machine.write(f'modinfo/{RUNNING}/srcversion', 'BBBB')
        self.says(1, 'another build (srcversion BBBB, not AAAA)')

    def test_kernels_that_ours_does_not_support_are_no_warning(self):
        self.machine.load(ours=True)
        self.machine.install(RUNNING, ours=True)
        self.machine.install(ANCIENT, ours=False)
        self.says(0, 'ours needs Linux 6.1 or newer')

    def test_kernels_that_cannot_be_booted_do_not_count(self):
        self.machine.load(ours=True)
        self.machine.install(RUNNING, ours=True)
        self.machine.write(f'lib/modules/{OTHER}/modules.dep', '')
        self.says(0)

    def test_in_tree_is_loaded_and_this_kernel_has_no_module(self):
        self.machine.load(ours=False)
        self.says(2, 'ours is not installed')

    def test_a_module_that_cannot_be_read_is_not_ours(self):
        self.machine.load(ours=True)
        self.machine.install(RUNNING, ours=True)
        self.machine.write(f'modinfo/{RUNNING}/broken', '')
        self.says(1, 'modinfo cannot read it')

    def test_without_modinfo_nothing_is_claimed(self):
        self.machine.load(ours=True)
        self.machine.program('modinfo', '#!/bin/sh\nexit 127\n')
        done = self.machine.ask()
        self.assertEqual((done.returncode, done.stdout), (3, ''))
        self.assertIn('install kmod', done.stderr)

    def test_a_wrong_option_is_no_answer(self):
        done = self.machine.ask('--wrong')
        self.assertEqual(done.returncode, 3)
        self.assertIn('--wrong', done.stderr)

    def test_since_when_comes_from_the_last_load_of_the_log(self):
        self.machine.load(ours=True)
        self.machine.install(RUNNING, ours=True)
        self.machine.program('journalctl', "#!/bin/sh\ncat <<'END'\n"
                             '2026-01-01T10:00:00+0000 dom0 kernel: xen-blkback: version 0.9.0\n'
                             '2026-01-01T12:00:00+0000 dom0 kernel: xen-blkback: version 0.9.0\nEND\n')
        self.says(0, 'since 2026-01-01T12:00:00+0000')

    def test_json_holds_the_same(self):
        self.machine.load(ours=False)
        self.machine.install(RUNNING, ours=False)
        done = self.machine.ask('--json')
        answer = json.loads(done.stdout)
        self.assertEqual((answer['status'], answer['loaded']['driver'], done.returncode), (2, 'in-tree', 2))
        self.assertEqual(answer['kernels'][0]['kernel'], RUNNING)

    def test_quiet_says_nothing(self):
        self.machine.load(ours=True)
        self.machine.install(RUNNING, ours=True)
        done = self.machine.ask('--quiet')
        self.assertEqual((done.stdout, done.returncode), ('', 0))


if __name__ == '__main__':
    result = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromTestCase(Status))
    bad = len(result.failures) + len(result.errors)
    print(f'{result.testsRun - bad} passed, {bad} failed')
    sys.exit(1 if bad or not result.testsRun else 0)
