# SPDX-License-Identifier: GPL-2.0
"""Judges the console of one boot: the results of its scenarios, complaints of a kernel
or the hypervisor, and which scenarios are to be repeated.

When a scenario has failed, checks.sh prints its logs again.  These lines must be told
from lines that are new on the console.  They have this form:
  LAB-LOG NAME       begins a log; "dom0" is the log of dom0's kernel
  | LINE             a line of the log, with <12.345678> for a kernel's time stamp
  LAB-CUT NAME ...   lines of the log are left out
A message that a kernel or Xen prints in the middle of such a line has a time stamp in
brackets or begins with "(XEN)": it is new.

A scenario is repeated in two cases only.  Either the emulator killed a kernel
(stale_code.py), no log has another complaint since the scenario began, and no data was
wrong.  Or dom0's kernel died before it ran its first program: none of our code had run.
"""
import pathlib
import re

import stale_code

HERE = pathlib.Path(__file__).resolve().parent

NEW = re.compile(r'\[ *\d+\.\d{6}\]|\(XEN\) ')
QUOTED_STAMP = re.compile(r'<( *\d+\.\d{6})>')
PANIC = re.compile(r'^\[ *\d+\.\d{6}\] Kernel panic - not syncing: ')
FIRST_PROGRAM = re.compile(r'\bRun \S+ as init process')
WRONG_DATA = re.compile(r'(FAILED: |^LAB-FAIL ).*(differ|not what was written|bytes outside)|'
                        r'verify failed|bad magic header|verify: bad')


def bad_words(file=HERE / 'dom0' / 'bad-words'):
    return [line for line in file.read_text().splitlines()
            if line and not line.startswith('#')]


def what_is_new(line):
    """The part of a line that is new on the console."""
    if not line.startswith(('| ', 'LAB-')):
        return line
    begin = NEW.search(line)
    return line[begin.start():] if begin else ''


class Window:
    """The console from the beginning of a scenario to the beginning of the next one."""

    def __init__(self, name):
        self.name = name
        self.lines = []
        self.excused = False

    def console(self):
        """The lines that are new, without lines of a guest's log that a scenario printed."""
        of_guests = {line for name, lines in self.logs().items() if name != 'dom0'
                     for line in lines if NEW.match(line)}
        lines = (what_is_new(line).rstrip() for line in self.lines)
        return [line for line in lines if line and line not in of_guests]

    def logs(self):
        """The logs that are printed again, by name."""
        logs = {}
        current = None
        for line in self.lines:
            if line.startswith('LAB-LOG '):
                current = logs.setdefault(line.split()[1], [])
            elif line.startswith('LAB-'):
                current = None
            elif line.startswith('| ') and current is not None:
                # A new message in the middle of the line is not part of the log.
                new = what_is_new(line)
                line = line[2:len(line) - len(new)]
                current.append(QUOTED_STAMP.sub(r'[\1]', line).rstrip())
        return logs

    def died_alone(self):
        """Did dom0's kernel die before it ran its first program?"""
        return (any(PANIC.search(line) for line in self.lines) and
                not any(FIRST_PROGRAM.search(line) or line.startswith('LAB-')
                        for line in self.lines))

    def objection(self, pattern):
        """'' when a fault of the emulator caused a failure here, None when nothing looks like
        that fault, or else the reason why that fault is no excuse."""
        logs = {'the console': self.console(), **self.logs()}
        # The console has the messages of dom0's kernel already.
        dom0 = logs.pop('dom0', [])
        hit = [name for name, lines in logs.items() if stale_code.is_in(lines)]
        if not hit:
            return None
        complaints = {name: [line for line in lines if pattern.search(line)]
                      for name, lines in logs.items()}
        for name, found in complaints.items():
            if found and name != hit[0]:
                return f'{name} says, too: {found[0]}'
        unseen = [line for line in dom0
                  if pattern.search(line) and line not in logs['the console']]
        if unseen:
            return f'dom0 said, too: {unseen[0]}'
        for line in self.lines:
            if line.startswith('LAB-CUT ') or 'printk messages dropped' in line:
                return f'lines are lost: {line}'
            if WRONG_DATA.search(line):
                return f'data were wrong: {line}'
        return stale_code.objection(logs[hit[0]], complaints[hit[0]])


class Judge:
    """The results of one boot."""

    def __init__(self, kernel, names, number=1, last=False, log='', words=None, say=print):
        """names: the scenarios; number: of the boot; last: nothing is repeated after it."""
        self.kernel = kernel
        self.names = names
        self.number = number
        self.last = last
        self.log = log
        self.pattern = re.compile('|'.join(words or bad_words()))
        self.say = say
        self.results = {}  # name -> passed, seconds, reason
        self.again = []
        self.repeats = 0
        self.windows = [Window('the boot')]
        self.finished = False

    def line(self, text):
        """Takes the next line of the console."""
        words = text.split(maxsplit=3)
        mark = words[0] if words else ''
        window = self.windows[-1]
        if mark == 'LAB-BEGIN' and len(words) == 2:
            self.settle(window)
            self.windows.append(Window(words[1]))
        window = self.windows[-1]
        window.lines.append(text)
        if mark in ('LAB-PASS', 'LAB-FAIL') and len(words) >= 3:
            reason = words[3] if len(words) > 3 else ''
            self.results[words[1]] = (mark == 'LAB-PASS', float(words[2]), reason)
            # settle() judges a failed scenario, when its logs are complete.
            if mark == 'LAB-PASS':
                self.report(words[1])
        elif mark == 'LAB-END':
            self.finished = True

    def settle(self, window):
        """Judges the scenario of a window that is complete, if it failed."""
        if window.name in self.results and not self.results[window.name][0]:
            self.excuse(window, [window.name])
            if not window.excused:
                self.report(window.name)

    def excuse(self, window, names):
        """Has scenarios repeated if a fault of the emulator ended them."""
        alone = window.died_alone()
        objection = '' if alone else window.objection(self.pattern)
        if objection is None:
            return
        if not objection and self.last:
            objection = 'it was run again already'
        if objection:
            for name in names:
                passed, seconds, reason = self.results[name]
                self.results[name] = (passed, seconds, f'{reason} (not run again: {objection})')
            return
        window.excused = True
        self.again += names
        self.repeats += 1
        what = ('dom0\'s kernel died before its first program' if alone else
                'the emulator ran code that a kernel had replaced')
        self.say(f'NOTE {self.kernel} {" ".join(names)}: {what}, once more; log: {self.log}')

    def report(self, name):
        passed, seconds, reason = self.results[name]
        self.say(f'{"ok  " if passed else "FAIL"} {self.kernel} {name} {seconds:.1f} s'
                 + (f': {reason}; log: {self.log}' if not passed else ''))

    def end(self, cause='', by_itself=True):
        """The boot is over.  cause: how it ended, unless dom0 ended it.  by_itself is False
        when the emulator crashed, which is another fault and excuses nothing."""
        window = self.windows[-1]
        missing = [name for name in self.names if name not in self.results]
        self.settle(window)
        if missing:
            if cause:
                pass
            elif len(self.windows) == 1:
                cause = 'dom0 never came up'
            elif self.finished:
                cause = 'dom0 ended without it'
            else:
                cause = 'dom0 went down before the scenario ended'
            for name in missing:
                self.results[name] = (False, 0.0, cause)
            if window.excused and not self.finished:
                self.again += missing
            elif by_itself and not self.finished:
                self.excuse(window, missing)
            for name in missing:
                if name not in self.again:
                    self.report(name)
        complaints = [line for window in self.windows if not window.excused
                      for line in window.console() if self.pattern.search(line)]
        if complaints:
            name = f'console-{self.number}'
            self.results[name] = (False, 0.0, complaints[0])
            self.report(name)
