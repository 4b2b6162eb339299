#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Gives the lab's judges consoles, words, shares and tables, good ones and ones with a
fault (tests/): the judges must refuse those with a fault, and no others.  No emulator
runs.  The last line is "N passed, N failed".
"""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent


def main():
    sys.path.append(str(HERE / 'tests'))
    result = unittest.TestResult()
    unittest.defaultTestLoader.discover(HERE / 'tests').run(result)
    wrong = result.failures + result.errors
    for case, trace in wrong:
        print(f'FAIL {case.id()}\n{trace}')
    passed = result.testsRun - len({case.id() for case, _ in wrong})
    print(f'{passed} passed, {len(wrong)} failed')
    return 0 if passed and not wrong else 1


if __name__ == '__main__':
    sys.exit(main())
