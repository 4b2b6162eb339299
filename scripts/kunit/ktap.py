# SPDX-License-Identifier: GPL-2.0
"""Judges the console of a kernel that has run KUnit modules.

Silence is a failure: every case that KUnit announced must have a result, and
the kernel must not have printed a complaint.

The kernel's own parser (tools/testing/kunit/kunit_parser.py of 6.12) is not strict
enough.  It ignores indentation: a plan or a result at a wrong depth passes.  It takes
"not ok 2 x # SKIP" for a skip.  It passes a suite without a plan, a failed suite
without a failed case, and results beyond the module's plan.  A line "1..5" among the
results of parameters makes it loop for ever, and a second header makes it raise an
exception.  test-ktap has a case for each.
"""
import re

MARK = 'kunit-run: '

STAMP = re.compile(r'^\[ *\d+\.\d+\](\[ *[TC]\d+\])? ?')
RESULT = re.compile(r'^(not ok|ok) (\d+)(?: -)? ?([^#]*?) ?(?:# (.*))?$')
PLAN = re.compile(r'^1\.\.(\d+)$')
SUBTEST = re.compile(r'^# Subtest: (.*)$')
INDENT = 4

# Messages of kmemleak at boot that are no complaints.
HARMLESS = re.compile(r'kmemleak: (Kernel memory leak detector initialized|'
                      r'Automatic memory scanning thread started)')

# Messages of a debugging tool that has turned itself off.
BLIND = re.compile(r'turning off the locking correctness validator|'
                   r'kmemleak: Kernel memory leak detector disabled')


def strip(line):
    return STAMP.sub('', line.rstrip('\r\n'))


class Level:
    """The results at one depth of indentation, under one plan."""

    def __init__(self):
        self.name = ''
        self.plan = None
        self.results = 0
        self.bad = 0
        self.skipped = 0


class Module:
    """The results of one module's cases."""

    def __init__(self, name):
        self.name = name
        self.passed = 0
        self.skipped = 0
        self.failures = []  # of (name, lines)
        self.levels = {}
        self.since = []
        self.ended = False

    def fail(self, name, lines=()):
        self.failures.append((name, list(lines)))

    def line(self, text):
        body = text.lstrip(' ')
        depth = (len(text) - len(body)) // INDENT
        if body.startswith('KTAP version'):
            self.open(depth)
        elif match := SUBTEST.match(body):
            self.open(depth) if depth not in self.levels else None
            self.levels[depth].name = match[1]
            self.since = []
        elif match := PLAN.match(body):
            self.open(depth) if depth not in self.levels else None
            self.levels[depth].plan = int(match[1])
        elif match := RESULT.match(body):
            self.result(depth, match[1] == 'ok', int(match[2]), match[3], match[4] or '')
            self.since = []
        elif body:
            self.since.append(body)

    def open(self, depth):
        self.close_from(depth)
        self.levels[depth] = Level()

    def close_from(self, depth):
        for deeper in sorted(self.levels, reverse=True):
            if deeper >= depth:
                self.close(self.levels.pop(deeper), deeper)

    def close(self, level, depth):
        where = level.name or self.name
        # Only newer kernels announce the number of a case's parameters.
        if level.plan is None and depth < 2:
            self.fail(f'{where}: it announced no number of cases')
        elif level.plan is not None and level.results != level.plan:
            self.fail(f'{where}: {level.results} results where {level.plan} were announced')
        elif level.results == 0:
            self.fail(f'{where}: no cases')

    def result(self, depth, good, number, name, directive):
        inner = self.levels.get(depth + 1)
        self.close_from(depth + 1)
        level = self.levels.get(depth)
        if level is None:
            self.fail(f'{name}: a result outside of any suite')
            return
        level.results += 1
        if number != level.results:
            self.fail(f'{level.name}: result {number} of {name} came as number {level.results}')
        skipped = directive.upper().startswith('SKIP')
        level.bad += not good
        level.skipped += skipped
        if depth == 1:
            self.case(f'{level.name}.{name}', good, skipped)
        elif depth > 1 and not good:
            # The case fails, too; this names the parameter.
            self.fail(f'{level.name}, parameter {name}', self.since)
        elif depth == 0:
            if inner is None:
                self.fail(f'{name}: a suite without cases', self.since)
            elif not good and not inner.bad:
                self.fail(f'{name}: the suite failed, but no case of it', self.since)

    def case(self, name, good, skipped):
        if not good:
            self.fail(name, self.since)
        elif skipped:
            self.skipped += 1
        else:
            self.passed += 1

    def end(self, status):
        self.ended = True
        self.close_from(0)
        if status != 0:
            self.fail(f'{self.name}: loading or unloading it ended with status {status}',
                      self.since[-10:])
        elif not self.passed and not self.failures:
            self.fail(f'{self.name}: not a single case ran')


# KCSAN also reports races of the kernel itself.  RULE begins the last line of a report.
RACE = re.compile(r'BUG: KCSAN:')
RULE = '=' * 60


def is_race_of_others(lines, number, names):
    """Is this the headline of a race without a function of the modules?"""
    if not RACE.search(lines[number]):
        return False
    for line in lines[number:]:
        if line.startswith(RULE):
            return True
        if any(f'[{name}]' in line for name in names):
            return False
    return False  # a report that is cut short counts as ours


def complaints(lines, bad_words, modules):
    """The complaints in the log, each with the lines that follow it."""
    names = [module.removesuffix('.ko').replace('-', '_') for module in modules]
    pattern = re.compile('|'.join(bad_words))
    found = []
    for number, line in enumerate(lines):
        bad = (pattern.search(line) or BLIND.search(line)) and not HARMLESS.search(line)
        if not bad or is_race_of_others(lines, number, names):
            continue
        if not found or number - found[-1][0] > 40:
            found.append((number, lines[number:number + 40]))
    return [block for _, block in found]


def judge(text, names, bad_words):
    """Returns the modules' results, and the other failures as (name, lines)."""
    lines = [strip(line) for line in text.splitlines()]
    modules = {name: Module(name) for name in names}
    current = None
    finished = False
    for line in lines:
        if not line.startswith(MARK):
            if current:
                current.line(line)
            continue
        word, *rest = line[len(MARK):].split()
        if word == 'begin' and rest and rest[0] in modules:
            current = modules[rest[0]]
        elif word == 'end' and current:
            current.end(int(rest[1]))
            current = None
        elif word == 'finished':
            finished = True
    for module in modules.values():
        if not module.ended:
            module.close_from(0)
            module.fail(f'{module.name}: the kernel went down or stopped before its end',
                        [line for line in lines if line][-15:])
    others = [(f'the kernel said: {block[0]}', block[1:])
              for block in complaints(lines, bad_words, names)]
    if not finished and all(module.ended for module in modules.values()):
        others.append(('the kernel did not reach the end of the run', lines[-15:]))
    return list(modules.values()), others
