# SPDX-License-Identifier: GPL-2.0
"""A kernel on an emulator without Xen.  Its initial file system holds busybox,
modules, and a list of steps (see "init")."""
import gzip
import lzma
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.append(str(TOP / 'scripts'))
import emulator

# The emulator's CPUs may wait for the host's, which other tests use at the same time: what
# seems to stand still for half a minute is not locked up yet.
PATIENT = ('workqueue.watchdog_thresh=150 sysctl.kernel.watchdog_thresh=60 '
           'rcupdate.rcu_cpu_stall_timeout=150')


def output_of(*command):
    return subprocess.run([str(word) for word in command], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def modinfo(module, field):
    return [line for line in output_of('modinfo', '-F', field, module).splitlines() if line]


class Initrd:
    """A folder that becomes the initial file system: busybox, modules, the steps."""

    def __init__(self, image, version):
        self.image = image
        self.version = version
        # The kernel's configuration may leave KUnit off by default.
        self.kunit = 'enable=1'
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.steps = []
        self.loaded = set()
        for folder in ('bin', 'dev', 'proc', 'sys', 'modules'):
            (self.root / folder).mkdir()
        shutil.copy(output_of(HERE / 'busybox.sh'), self.root / 'bin' / 'busybox')
        shutil.copy(HERE / 'init', self.root / 'init')
        (self.root / 'init').chmod(0o755)

    def add_needed(self, name, parameters=''):
        """Adds a module of the image, after its dependencies."""
        listed = subprocess.run(['modprobe', '-d', self.image, '-S', self.version, '-C', '/dev/null',
                                 '--show-depends', name], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        if listed.returncode != 0:
            sys.exit(f'{self.image} has no module {name}: {listed.stderr.strip()}')
        files = [line.split()[1] for line in listed.stdout.splitlines() if line.startswith('insmod')]
        if not files and parameters:
            sys.exit(f'{name} is built in and takes no parameters here: {parameters}')
        for file in files:
            if file in self.loaded:
                continue
            self.loaded.add(file)
            data = pathlib.Path(file).read_bytes()
            if file.endswith('.xz'):
                data = lzma.decompress(data)
            elif file.endswith('.gz'):
                data = gzip.decompress(data)
            target = pathlib.Path(file).name.split('.ko')[0] + '.ko'
            (self.root / 'modules' / target).write_bytes(data)
            words = parameters if file == files[-1] else ''
            self.steps.append(f'load {target} {self.kunit if target == "kunit.ko" else words}')

    def add_module(self, module):
        """Adds a module of ours, after the modules that it needs, but no step for it."""
        if not module.exists():
            sys.exit(f'{module} is missing')
        version = modinfo(module, 'vermagic')[0].split()[0]
        if version != self.version:
            sys.exit(f'{module} is for Linux {version}, not {self.version}')
        for names in modinfo(module, 'depends'):
            for name in names.split(','):
                self.add_needed(name)
        for need in modinfo(module, 'kunit_needs'):
            self.add_needed(*need.split(maxsplit=1))
        shutil.copy(module, self.root / 'modules' / module.name)

    def add_tests(self, modules):
        for module in modules:
            self.add_module(module)
        self.steps += [f'test {module.name}' for module in modules]

    def add_planted(self, module, mistakes):
        self.add_module(module)
        self.steps += [f'plant {module.name} {mistake}' for mistake in mistakes]

    def write(self, path):
        (self.root / 'steps').write_text(''.join(f'{step}\n' for step in self.steps))
        with path.open('wb') as output:
            emulator.cpio(self.root, output)
        shutil.rmtree(self.root)


class Machine:
    """A kernel image, and one boot of it."""

    def __init__(self, image, log=None):
        kernels = list((image / 'boot').glob('vmlinuz-*'))
        if len(kernels) != 1:
            sys.exit(f'{image}/boot holds {len(kernels)} kernels: expected one, vmlinuz-VERSION')
        self.kernel = kernels[0]
        self.version = self.kernel.name[len('vmlinuz-'):]
        folder = TOP / 'build' / 'kunit'
        folder.mkdir(parents=True, exist_ok=True)
        self.log = log or folder / f'run-{time.strftime("%H%M%S")}-{os.getpid()}.log'
        self.initrd = Initrd(image, self.version)

    def boot(self, smp=2, append='', seconds=1800):
        """Runs the emulator to its end.  Returns what went wrong, or None."""
        initrd = self.log.with_suffix('.initrd')
        self.initrd.write(initrd)
        print(f'booting Linux {self.version} without Xen: {self.log}', flush=True)
        # KUnit lets a case run for 300 s, and insmod waits for it: the timeout for hung
        # tasks must be longer.
        words = ('console=ttyS0 ignore_loglevel printk_devkmsg=on log_buf_len=4M panic=-1 '
                 'kasan_multi_shot kunit.enable=1 '
                 f'sysctl.kernel.hung_task_timeout_secs=310 {PATIENT} {append}')
        try:
            status = emulator.run(['-cpu', 'max', '-accel', 'tcg,thread=multi', '-smp', str(smp),
                                   '-m', '2G', '-kernel', self.kernel, '-initrd', initrd,
                                   '-append', words], self.log, seconds)
        finally:
            initrd.unlink()
        if status is None:
            return f'the boot did not end within {seconds} s'
        return f'the emulator ended with status {status}' if status != 0 else None

    def text(self):
        return self.log.read_text(errors='replace')
