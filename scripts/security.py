#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Fills the table of Documentation/security.md from runs of the scenario hostile.

  security.py [--ours SERIAL]... [--6.1 SERIAL]... [--7.2 SERIAL]...

SERIAL is the console of a run: build/lab/RUN/serial.log.  --6.1 and --7.2 are runs with that
kernel's own driver.  What no run says stays as it is in the table.  On what a case was seen
to fail, besides the in-tree driver, is in scripts/lab/hostile/seen: "CASE: text".
"""
import argparse
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = TOP / 'Documentation' / 'security.md'
CASES = TOP / 'scripts' / 'lab' / 'hostile'
BEGIN, END = '<!-- cases: made by scripts/security.py -->', '<!-- end of the cases -->'
HEAD = ['case', 'shows', 'covers', 'ours', 'in-tree 6.1', 'in-tree 7.2', 'seen to fail on']


def results(files):
    """What each case came to: {NAME: text}."""
    found = {}
    about, notes = [], {}
    for file in files:
        for line in pathlib.Path(file).read_text(errors='replace').splitlines():
            line = line.rstrip('\r')
            said = re.match(r'(?:NOTE hostile|  hostile[a-z_]*): (ok|FAILED|LOST) ([a-z0-9-]+):? ?(.*)', line)
            running = re.match(r'(?:NOTE hostile|  hostile[a-z_]*): about to run: (.*)', line)
            complaint = re.match(r'NOTE hostile: ([a-z0-9-]+): (.*)', line)
            if running:
                about = running[1].split()
                for name in about:
                    found.setdefault(name, 'nothing: dom0 was gone')
            elif said:
                kind, name, text = said.groups()
                text = re.sub(rf'^{name}:(\d+): ', r'line \1: ', text)
                if kind == 'ok':
                    found[name] = 'as it should'
                elif kind == 'FAILED':
                    found[name] = text
                else:
                    before = found.get(name, '')
                    keep = before if before not in ('', 'as it should', 'nothing: dom0 was gone') else ''
                    found[name] = (keep + '; ' if keep else '') + 'serves no frontend afterwards'
            elif complaint and len(about) == 1 and complaint[1] == about[0]:
                notes.setdefault(complaint[1], []).append(complaint[2])
    for name, texts in notes.items():
        good = found.get(name) == 'as it should'
        found[name] = '; '.join(([] if good else [found.get(name, '')]) + texts)
    return found


def old_rows(text):
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        if line.startswith('| `') and len(cells) == len(HEAD):
            rows[cells[0].strip('`')] = cells
    return rows


def said_in(file, word):
    found = re.search(rf'^{word} (.*)$', file.read_text(), re.M)
    return found[1].replace('"', '') if found else ''


def short(text):
    text = re.sub(r'\[ *[0-9.]+\] ?', '', text).replace('|', '/').strip()
    return text if len(text) <= 160 else text[:157] + '...'


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ('ours', '6.1', '7.2'):
        parser.add_argument(f'--{name}', action='append', default=[], dest=name)
    options = vars(parser.parse_args())
    text = DOCUMENT.read_text()
    old = old_rows(text)
    new = {name: results(options[name]) for name in ('ours', '6.1', '7.2')}
    seen = {}
    if (CASES / 'seen').exists():
        for line in (CASES / 'seen').read_text().splitlines():
            if line and not line.startswith('#'):
                name, _, what = line.partition(': ')
                seen.setdefault(name, []).append(what)
    rows = ['| ' + ' | '.join(HEAD) + ' |', '|' + '---|' * len(HEAD)]
    for file in sorted(CASES.glob('*.case')):
        name = file.stem
        before = old.get(name, [''] * len(HEAD))
        cells = [new[column].get(name) or before[i] or 'not run'
                 for i, column in ((3, 'ours'), (4, '6.1'), (5, '7.2'))]
        cells = [short(cell) for cell in cells]
        failed = [f'in-tree {version}' for version, cell in (('6.1', cells[1]), ('7.2', cells[2]))
                  if cell not in ('as it should', 'not run')]
        failed += seen.get(name, [])
        rows.append('| ' + ' | '.join(
            [f'`{name}`', said_in(file, 'shows'), said_in(file, 'covers'), *cells,
             '; '.join(failed) or 'nothing yet']) + ' |')
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    DOCUMENT.write_text(head + BEGIN + '\n' + '\n'.join(rows) + '\n' + END + tail)


if __name__ == '__main__':
    main()
