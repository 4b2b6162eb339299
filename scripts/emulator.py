# SPDX-License-Identifier: GPL-2.0
"""Runs the emulator: writes its console to a file, gives each line to a judge, and ends
it at its time limit.  Also packs initial file systems."""
import subprocess
import time


# Xen and its domains run on this CPU: SMAP and RDTSCP are emulated so that they kill them.
# With the last two features kernels and libraries copy with "rep movsb", of which the
# emulator emulates each byte.
CPU_WITH_REP_MOVSB = 'max,smap=off,la57=off,rdtscp=off'
CPU = CPU_WITH_REP_MOVSB + ',erms=off,fsrm=off'


def xen(hypervisor, options, kernel, dom0_options, initrd):
    """The arguments that load Xen and dom0, with their consoles on the serial line.
    hypervisor: unpacked; options: of Xen, beside those that each boot has."""
    # When Xen takes the FPU's registers from a CPU lazily, as it does on this emulated one,
    # the emulator mixes those of processes up.
    options = f'{options} console=com1 com1=115200 loglvl=warning cpufreq=none spec-ctrl=eager-fpu=yes'
    return ['-kernel', hypervisor, '-append', options,
            '-initrd', f'{kernel} console=hvc0 panic=5 {dom0_options},{initrd}']


def cpio(folder, output):
    """Packs a folder as an initial file system."""
    files = subprocess.run(['find', '.'], cwd=folder, check=True, capture_output=True).stdout
    subprocess.run(['cpio', '-o', '-H', 'newc', '--quiet'], cwd=folder, input=files,
                   stdout=output, check=True)


def run(arguments, log, seconds, line=lambda text: None):
    """Runs the emulator to its end.  log: the file of its console; line: called with each
    line.  Returns the emulator's status, or None if it did not end within that time."""
    command = ['qemu-system-x86_64', '-display', 'none', '-serial', 'stdio', '-no-reboot',
               '-nodefaults', *arguments]
    with log.open('wb') as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT)
        try:
            return follow(process, log, time.monotonic() + seconds, line)
        finally:
            end(process)


def end(process):
    if process.poll() is None:
        process.terminate()
        process.wait()


def follow(process, log, deadline, line):
    pending = ''
    late = False
    with log.open(errors='replace') as console:
        while True:
            # Check this before reading: the last output is then read below.
            ended = process.poll() is not None
            *lines, pending = (pending + console.read()).split('\n')
            if ended and pending:
                lines.append(pending)
            for text in lines:
                line(text.rstrip('\r'))
            if ended:
                return None if late else process.returncode
            if time.monotonic() > deadline:
                end(process)
                late = True
            else:
                time.sleep(0.3)
