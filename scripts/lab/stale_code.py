# SPDX-License-Identifier: GPL-2.0
"""Tells a fault of the emulator from a kernel's: a breakpoint that is not in memory.

A kernel that changes an instruction of its own writes a breakpoint (int3) over the first
byte meanwhile.  QEMU 7.2 translates code without a lock on its page: if one CPU
translates the instruction while another CPU changes it, the translation may keep the
breakpoint for ever.  The kernel no longer knows that breakpoint and dies of it.

The kernel's report shows this fault: the memory at the breakpoint's address holds an
instruction of a kind that kernels change while they run.  A real breakpoint, such as
the filling between functions after a wrong jump, is still in memory.
"""
import re

# Kernels before 6.10 leave out "Oops: ".
HEADER = re.compile(r'\bint3: [0-9a-f]{4} \[#(\d+)\]')
RIP = re.compile(r'\bRIP: [0-9a-f]{4}:(.*)')
# A place in the kernel itself, not in a module: when the report is printed, a module's
# memory may have other contents than when its code ran.
IN_KERNEL = re.compile(r'[A-Za-z_][\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+$')
CODE = re.compile(r'\bCode: ((?:[0-9a-f]{2} )*)<([0-9a-f]{2})>((?: [0-9a-f]{2})*)$')

# Instructions that arch/x86 of Linux writes with text_poke_bp() or smp_text_poke_single().
PATCHED = re.compile('|'.join((
    '0f 1f 44 00 00',   # a nop: jump labels, static calls, ftrace
    '66 90',            # a short nop: jump labels
    'e9( ..){4}',       # a jump: jump labels, static calls, a return with a thunk
    'eb ..',            # a short jump: jump labels
    'e8( ..){4}',       # a call: static calls, ftrace
    '0f 8.( ..){4}',    # a conditional jump: static calls at the end of a function
    'c3 cc cc cc cc',   # a return: the same, without a function
    '2e 2e 2e 31 c0',   # xor of eax: a static call that returns 0
    '67 48 0f b9 3a',   # ud1: WARN() since 6.19
    '3e 3e c6 07 00',   # a store: a spin lock's release since 7.0
)))

# The complaints that such a report may have after its first line, each once.
PARTS = (re.compile(r'Call Trace:'),
         re.compile(r'\] Kernel panic - not syncing: (Fatal exception|Attempted to kill )'),
         re.compile(r'---\[ end Kernel panic - not syncing: '))


# A PV kernel that panics stops its other CPUs with a call that warns in an interrupt.
PANIC = re.compile(r'\] Kernel panic - not syncing: ')
OF_PANIC = re.compile(r'\] WARNING: .*\bsmp_call_function_many_cond\+')
TRACE = PARTS[0]


def is_in(lines):
    """Did a kernel run into a breakpoint that it does not know?"""
    return any(HEADER.search(line) for line in lines)


def objection(lines, complaints):
    """Why the emulator is not to blame; '' if it is.

    lines       the log of one kernel
    complaints  the lines among them that are complaints
    """
    begins = [number for number, line in enumerate(lines) if HEADER.search(line)]
    if not complaints or complaints[0] != lines[begins[0]]:
        return f'something came before it: {complaints[0] if complaints else ""}'
    # A kernel may run into the same breakpoint while it reports the first time.
    for number, begin in enumerate(begins):
        report = lines[begin:(begins + [len(lines)])[number + 1]]
        reason = report_objection(report, complaints, number + 1)
        if reason:
            return reason
    return ''


def report_objection(report, complaints, number):
    """The same for one report, the number-th of its kernel."""
    if HEADER.search(report[0])[1] != str(number):
        return 'that kernel had died before'
    parts = list(PARTS)
    for line in report[1:]:
        if line not in complaints:
            continue
        part = next((part for part in parts if part.search(line)), None)
        if part is None:
            return f'something else was said, too: {line}'
        parts.remove(part)
        if part is OF_PANIC:
            parts.append(TRACE)
        elif PANIC.search(line) and 'in interrupt' in line:
            parts.append(OF_PANIC)
    return place_objection(report)


def place_objection(report):
    rip = next((match for match in map(RIP.search, report) if match), None)
    if rip is None:
        return 'the report does not say where it was'
    place = rip[1].strip()
    if not IN_KERNEL.match(place):
        return f'it was not in the kernel itself: {place}'
    code = next((line.rstrip() for line in report if 'Code: ' in line), '')
    match = CODE.search(code)
    if match is None or not match[1]:
        return f'the report does not show the code there: {code}'
    # After a breakpoint RIP is the address of the next byte.
    before = match[1].split()[-1]
    instruction = f'{before} {match[2]}{match[3]}'
    if before == 'cc':
        return 'the breakpoint is in memory'
    if not PATCHED.match(instruction):
        return f'no kernel changes such an instruction: {instruction[:14]}'
    return ''
