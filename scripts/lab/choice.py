#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Chooses the scenarios that run, and their order.

  choice.py shares "KERNEL OPTIONS"...         checks that these runs of "lab matrix" have
                                               every scenario that runs on their kernels
  choice.py results LOG KERNEL OPTIONS         checks that LOG, the output of such a run, has
                                               one result for each scenario and counts all

Scenarios marked "rare" are required only of runs with --rare, those marked "debug" only
of debug kernels, those marked "release" only of other kernels.
"""
import argparse
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent

# The values of WORD in a scenario's "lab: WORD"; the docstring of "lab" explains them.
WORDS = {'main', 'bare', 'by hand', 'rare', 'tool', 'domain', 'guests', 'debug', 'release',
         'kunit', 'kasan', 'locks', 'last', 'hotplug', 'long', 'bpftrace', 'profile', 'sequences'}


def scenario_files(folder=HERE / 'scenarios'):
    return {path.stem: path for path in sorted(folder.glob('*.sh'))}


def needs(path, word):
    """Is there a 'lab: WORD' in the first eight lines of a scenario?"""
    return any(f'lab: {word}' in line for line in path.read_text().splitlines()[:8])


def is_debug(kernel):
    """Is it 6.12-FLAVOUR?  A whole release, as 6.12.117+deb12-amd64, is none."""
    return re.match(r'\d+\.\d+-', kernel) is not None


def share(text):
    first, _, count = text.partition('/')
    first, count = int(first), int(count)
    if not 1 <= first <= count:
        raise argparse.ArgumentTypeError(f'{text}: expected I/N with I from 1 to N')
    return first, count


def add_choice(parser):
    """Adds the options of "lab matrix" that choose scenarios, and --set, which may follow."""
    parser.add_argument('scenarios', nargs='*')
    parser.add_argument('--share', type=share, default=(1, 1))
    parser.add_argument('--rare', action='store_true')
    parser.add_argument('--set', action='append', default=[])


def chosen(files, kernel, options):
    """The scenarios that a matrix with these options runs."""
    return options.scenarios or matrix(files, kernel, options.rare, *options.share)


def matrix(files, kernel, rare, first, count):
    """A share of the scenarios."""
    def those(word):
        return [name for name in names if needs(files[name], word)]

    names = [name for name, path in files.items() if not needs(path, 'by hand')
             and (rare or not needs(path, 'rare'))]
    main, debug, domain = those('main'), those('debug'), those('domain')
    # A debug kernel runs these in each share.
    always = those('locks') + debug if is_debug(kernel) else []
    units = [[name] for name in names if name not in main + debug + domain + always]
    units += [domain] + [[name] for name in main if name not in always]
    wanted = sum(units[first - 1::count], [])
    if is_debug(kernel):
        return [name for name in wanted if not needs(files[name], 'release')] + always
    return wanted


def order(path):
    """The sort key of a scenario: scenarios that share a guest or a driver domain follow each
    other, without scenarios with guests of their own in between."""
    text = path.read_text()
    domain = re.search(r'^domain_need (\w+)', text, re.MULTILINE)
    return ([needs(path, word) for word in ('last', 'debug', 'tool', 'domain')] +
            ['guest_need g1' not in text, domain.group(1) if domain else ''])


# --- checks for forgotten scenarios --------------------------------------------------


def parse(words):
    """Returns the kernel and the options of ["KERNEL", "OPTION"...]."""
    parser = argparse.ArgumentParser()
    parser.add_argument('kernel')
    add_choice(parser)
    options = parser.parse_intermixed_args(words)
    return options.kernel, options


def odd_words(files):
    """Yields "lab:" lines with an unknown word, or after the eighth line, where they are
    ignored."""
    for name, path in files.items():
        for number, line in enumerate(path.read_text().splitlines()):
            match = re.match(r'# lab: (.*)$', line)
            if match and (match[1] not in WORDS or number >= 8):
                yield f'{name}: line {number + 1} is not heeded: {line}'


def dropped(files, runs):
    """Yields scenarios that are in none of the runs, though one of their kernels could run
    them."""
    ran = {name for kernel, options in runs for name in chosen(files, kernel, options)}
    rare = any(options.rare for _, options in runs)
    kinds = {is_debug(kernel) for kernel, _ in runs}
    for name, path in files.items():
        if needs(path, 'by hand') or (needs(path, 'rare') and not rare):
            continue
        if needs(path, 'debug') and True not in kinds:
            continue
        if needs(path, 'release') and False not in kinds:
            continue
        if name not in ran:
            yield f'{name}: in no share'


RESULT = re.compile(r'(ok|FAIL) +(\S+) (\S+) ')
COUNTS = re.compile(r'(\d+) passed, (\d+) failed$')


def without_result(files, log, kernel, options):
    """Yields what is wrong with the output of a run."""
    results = [match.groups() for match in map(RESULT.match, log) if match]
    for name in chosen(files, kernel, options):
        count = sum(1 for _, where, what in results if (where, what) == (kernel, name))
        if count != 1:
            yield f'{name}: {count} results on {kernel}'
    counts = [match for match in map(COUNTS.match, log) if match]
    if not counts:
        yield 'the results are not counted'
        return
    for word, count in zip(('ok', 'FAIL'), counts[-1].groups()):
        lines = sum(1 for result in results if result[0] == word)
        if lines != int(count):
            yield f'{lines} lines begin with {word}, {count} were counted'


def main():
    files = scenario_files()
    if sys.argv[1:2] == ['shares'] and sys.argv[2:]:
        wrong = list(odd_words(files))
        wrong += dropped(files, [parse(words.split()) for words in sys.argv[2:]])
    elif sys.argv[1:2] == ['results'] and len(sys.argv) > 3:
        log = pathlib.Path(sys.argv[2]).read_text().splitlines()
        wrong = list(without_result(files, log, *parse(sys.argv[3:])))
    else:
        sys.exit(__doc__)
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
