#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The scripts in tools/bpftrace use the tracepoints of src/linux/trace.h as these are.  Where
bpftrace is installed and a namespace can be made, it also compiles them, against
tracepoints described by that header.  Ends with "N passed, N failed".

    test_bpftrace.py --formats FOLDER     writes these descriptions, as in tracefs
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPTS = sorted((TOP / 'tools/bpftrace').glob('*.bt'))
SYSTEM = 'xen_blkback'
# The size of each type, and whether it has a sign.
TYPES = {'u64': ('u64', 8, 0), 'u32': ('u32', 4, 0), 'u16': ('u16', 2, 0), 's16': ('s16', 2, 1),
         'u8': ('u8', 1, 0), 'bool': ('bool', 1, 0)}


def events(header):
    """Of each event of trace.h its fields, as pairs of type and name."""
    classes, found = {}, {}
    for block in re.split(r'^(?=DECLARE_EVENT_CLASS|DEFINE_EVENT|TRACE_EVENT)', header, flags=re.M)[1:]:
        kind, arguments = re.match(r'(\w+)\(([\w, ]+)', block).groups()
        names = [name.strip() for name in arguments.split(',') if name.strip()]
        fields = re.findall(r'__field\((\w+), (\w+)\)', block)
        if kind == 'DECLARE_EVENT_CLASS':
            classes[names[0]] = fields
        elif kind.startswith('DEFINE_EVENT'):
            found[names[1]] = classes[names[0]]
        else:
            found[names[0]] = fields
    return found


def symbols(header, macro):
    """The numbers and words of one of its tables of symbols."""
    body = re.search(rf'#define {macro}\(.*?(?=\n#)', header, re.S)[0]
    return {int(number): word for number, word in re.findall(r'\{ (\d+), "(\w+)" \}', body)}


def probes(script):
    """(event, text) of each probe of a script that is a tracepoint of ours."""
    text = re.sub(r'/\*.*?\*/', '', script, flags=re.S)
    parts = re.split(r'^(?=tracepoint:|BEGIN|END|interval:)', text, flags=re.M)
    for part in parts:
        if match := re.match(r'tracepoint:(\w+):(\w+)', part):
            yield match[1], match[2], part


def faults(script, known):
    """What a script uses that is not there."""
    for system, event, text in probes(script):
        if system != SYSTEM or event not in known:
            yield f'no tracepoint {system}:{event}'
            continue
        names = {name for _, name in known[event]}
        yield from (f'{event} has no {name}' for name in re.findall(r'\bargs(?:->|\.)(\w+)', text)
                    if name not in names)


def size(fields):
    offset = 8
    for kind, _ in fields:
        bytes_ = TYPES[kind][1]
        offset = (offset + bytes_ - 1) // bytes_ * bytes_ + bytes_
    return offset


def formats(folder, known):
    """Writes the file "format" of each event, as the kernel lays it out."""
    for number, (event, fields) in enumerate(known.items(), 1000):
        lines = [f'name: {event}', f'ID: {number}', 'format:']
        offset = 0
        common = [('unsigned short', 'common_type', 2, 0), ('unsigned char', 'common_flags', 1, 0),
                  ('unsigned char', 'common_preempt_count', 1, 0), ('int', 'common_pid', 4, 1)]
        for kind, name, bytes_, signed in common + [(TYPES[kind][0], name, *TYPES[kind][1:]) for kind, name in fields]:
            offset = (offset + bytes_ - 1) // bytes_ * bytes_
            lines.append(f'\tfield:{kind} {name};\toffset:{offset};\tsize:{bytes_};\tsigned:{signed};')
            offset += bytes_
            if name == 'common_pid':
                lines.append('')
        place = folder / 'events' / SYSTEM / event
        place.mkdir(parents=True, exist_ok=True)
        (place / 'format').write_text('\n'.join(lines) + '\n\nprint fmt: ""\n')
        (place / 'id').write_text(f'{number}\n')
        (folder / 'available_events').open('a').write(f'{SYSTEM}:{event}\n')


HEADER = (TOP / 'src/linux/trace.h').read_text()
EVENTS = events(HEADER)


class Scripts(unittest.TestCase):
    def test_the_header_is_understood(self):
        self.assertEqual(len(EVENTS), HEADER.count('\nDEFINE_EVENT') + HEADER.count('\nTRACE_EVENT'))
        self.assertIn(('u64', 'total_ns'), EVENTS['blkback_request_done'])
        self.assertIn(('u8', 'operation'), EVENTS['blkback_request_taken'])
        self.assertNotIn('total_ns', [name for _, name in EVENTS['blkback_request_submitted']])
        self.assertEqual(sum(map(len, EVENTS.values())) - len(EVENTS['blkback_request_taken']),
                         HEADER.count('__field('))

    def test_tracepoints_and_fields_are_there(self):
        self.assertTrue(SCRIPTS)
        for path in SCRIPTS:
            text = path.read_text()
            self.assertTrue(list(probes(text)), path.name)
            self.assertEqual(list(faults(text, EVENTS)), [], path.name)

    def test_a_wrong_name_is_found(self):
        for text in ('tracepoint:xen_blkback:blkback_gone { exit(); }',
                     'tracepoint:blkback:blkback_stall { exit(); }',
                     'tracepoint:xen_blkback:blkback_stall /args->domid/ { @[args->total_ns] = count(); }',
                     'tracepoint:xen_blkback:blkback_stall { @[args.domain] = count(); }'):
            self.assertEqual(len(list(faults(text, EVENTS))), 1, text)

    def test_words_are_those_of_the_header(self):
        tables = {'operation': symbols(HEADER, 'blkback_trace_operation'),
                  'reason': symbols(HEADER, 'blkback_trace_reason')}
        self.assertEqual((len(tables['operation']), tables['reason'][2]), (5, 'handles'))
        seen = set()
        for path in SCRIPTS:
            text = path.read_text()
            for name, table in tables.items():
                words = {int(a): b for a, b in re.findall(rf'@{name}\[(\d+)\] = "(\w+)"', text)}
                if words:
                    seen.add(name)
                    self.assertEqual(words, table, f'{path.name}: @{name}')
        self.assertEqual(seen, set(tables))

    def test_each_says_how_it_is_used(self):
        page = (TOP / 'tools/blkback-bpftrace.8').read_text().replace('\\', '')
        for path in SCRIPTS:
            text = path.read_text()
            self.assertTrue(text.startswith('#!/usr/bin/env bpftrace\n'), path.name)
            self.assertRegex(text, rf'\* usage: {re.escape(path.name)}\b', path.name)
            self.assertTrue(path.stat().st_mode & 0o100, path.name)
            self.assertIn(path.name, page)

    def test_bpftrace_compiles_them(self):
        if not shutil.which('bpftrace'):
            self.skipTest('there is no bpftrace')
        with tempfile.TemporaryDirectory() as folder:
            formats(pathlib.Path(folder), EVENTS)
            wrong = pathlib.Path(folder) / 'wrong.bt'
            wrong.write_text('tracepoint:xen_blkback:blkback_stall { @[args->total_ns] = count(); }')
            for path in [*SCRIPTS, wrong]:
                done = subprocess.run(
                    ['unshare', '-m', 'sh', '-c', 'mount --bind "$1" /sys/kernel/tracing || exit 125; exec bpftrace -d "$2" 5 7',
                     'sh', folder, path], capture_output=True, text=True, check=False, errors='replace')
                if done.returncode == 125 or done.stderr.startswith('unshare:'):
                    self.skipTest(f'no tracepoints can be made up here: {done.stderr.strip()}')
                if path == wrong:
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn('total_ns', done.stderr)
                else:
                    self.assertEqual(done.returncode, 0, f'{path.name}: {done.stderr}')


if __name__ == '__main__':
    if sys.argv[1:2] == ['--formats']:
        formats(pathlib.Path(sys.argv[2]), EVENTS)
        sys.exit(0)
    result = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromTestCase(Scripts))
    bad = len(result.failures) + len(result.errors)
    for _, reason in result.skipped:
        print(f'NOTE not checked: {reason}')
    print(f'{result.testsRun - bad - len(result.skipped)} passed, {bad} failed')
    sys.exit(1 if bad or not result.testsRun else 0)
