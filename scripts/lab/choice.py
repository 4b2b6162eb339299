# SPDX-License-Identifier: GPL-2.0
"""Which scenarios run, and in what order."""
import argparse
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent


def scenario_files():
    return {path.stem: path for path in sorted((HERE / 'scenarios').glob('*.sh'))}


def needs(path, word):
    """Does the header of a scenario hold 'lab: WORD'?"""
    return any(f'lab: {word}' in line for line in path.read_text().splitlines()[:6])


def is_debug(kernel):
    return '-' in kernel


def share(text):
    first, _, count = text.partition('/')
    first, count = int(first), int(count)
    if not 1 <= first <= count:
        raise argparse.ArgumentTypeError(f'{text}: expected I/N with I from 1 to N')
    return first, count


def matrix(files, kernel, rare, first, count):
    """A share of the scenarios."""
    def those(word):
        return [name for name in names if needs(files[name], word)]

    names = [name for name, path in files.items() if not needs(path, 'by hand')
             and (rare or not needs(path, 'rare'))]
    main, debug, domain = those('main'), those('debug'), those('domain')
    units = [[name] for name in names if name not in main + debug + domain]
    units += [domain] + [[name] for name in main]
    wanted = sum(units[first - 1::count], [])
    if is_debug(kernel):
        return [name for name in wanted if not needs(files[name], 'release')] + debug
    return wanted


def order(path):
    """Those that share a guest or a driver domain follow each other, those with guests of
    their own do not come in between."""
    text = path.read_text()
    domain = re.search(r'^domain_need (\w+)', text, re.MULTILINE)
    return ([needs(path, word) for word in ('debug', 'tool', 'domain')] +
            ['guest_need g1' not in text, domain.group(1) if domain else ''])
