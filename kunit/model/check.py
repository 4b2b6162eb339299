#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Checks the memory orders of the driver on the model of a weak memory.

Usage: check.py BUILD

 - Every atomic access and barrier of src/ that names an order is in orders.tsv, and nothing else
   is: whoever adds, removes or changes one says there what checks it.
 - Every case holds.
 - Every order that the table calls "needed" is: weakened alone, a case fails.

Ends with "N passed, N failed".
"""

import concurrent.futures
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "../.."))
TABLE = os.path.join(HERE, "orders.tsv")
SECONDS = 300

# Orders as C++ and the kernel write them.  relaxed, READ_ONCE() and WRITE_ONCE() order nothing, so
# there is nothing to weaken: the table has their number in each file.  That they are enough is what
# the cases show.
RELAXED = re.compile(r"memory_order_relaxed|__ATOMIC_RELAXED|\bREAD_ONCE\(|\bWRITE_ONCE\(")
CPLUSPLUS = re.compile(r"memory_order_(acquire|release|acq_rel|seq_cst|consume)|__ATOMIC_(?!RELAXED)\w+")
KERNEL = re.compile(
    r"\b(?:(?:smp|virt|dma)_\w*(?:mb|acquire|release)\w*|test_and_\w+_bit|set_current_state|"
    r"x?cmpxchg\w*|xchg\w*|\w+_(?:acquire|release)(?=\()|atomic_(?:dec_and|inc_ret)\w*|"
    r"refcount_dec_and_test)(?=\()"
)
SHARED = re.compile(r"\bhost_shared_(?:load_acquire|store_release|fence)(?=\()")
NOT_ORDERS = {"bdev_release", "sock_release", "host_device_release"}
CALL = re.compile(r"([\w\]>.-]*?)(?:\.|->)(load|store|exchange|fetch_\w+|compare_exchange_\w+)\(")


def without_comments(text):
    blank = lambda found: re.sub(r"[^\n]", " ", found.group(0))
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"", blank, text, flags=re.S)


def open_at_end(arguments):
    """Is the call whose arguments begin so not closed yet?"""
    depth = 1
    for letter in arguments:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return False
    return True


def function_at(lines, number, kernel):
    """The name of the function whose body has the line `number`."""
    for i in range(number, -1, -1):
        line = lines[i]
        indent = len(line) - len(line.lstrip())
        if kernel and indent:
            continue
        if indent > 4 or not line.strip() or line.strip().startswith(("if ", "while ", "for ", "switch ", "return", "}", "#")):
            continue
        if indent and not re.search(r"\)\s*(?:const\s*)?(?:noexcept\s*)?\{", line):
            continue
        found = re.search(r"([~\w]+)\s*\(", re.sub(r"BLKBACK_\w+\([^)]*\)", "", line))
        if found:
            return found.group(1)
    return "?"


def orders_of(name):
    """The (line, function, operation, order) of a source file."""
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        lines = without_comments(file.read()).split("\n")
    kernel = name.endswith((".c", "/compat.h"))
    for i, line in enumerate(lines):
        function = None
        for _ in RELAXED.finditer(line):
            yield i + 1, "*", "*", "relaxed"
        if not kernel:
            for found in CPLUSPLUS.finditer(line):
                # The call may begin on an earlier line.
                text = " ".join(part.strip() for part in lines[max(0, i - 3) : i]) + " " + line[: found.start()]
                calls = [c for c in CALL.finditer(text) if open_at_end(text[c.end() :])]
                function = function or function_at(lines, i, kernel)
                place = f"{calls[-1][1].split('.')[-1].split('>')[-1]}.{calls[-1][2]}" if calls else "?"
                yield i + 1, function, place, found.group(1) or found.group(0)
        for found in SHARED.finditer(line) if not kernel else ():
            yield i + 1, function_at(lines, i, kernel), found.group(0), "shared.c"
        for found in KERNEL.finditer(line) if kernel else ():
            if found.group(0) not in NOT_ORDERS and not line.startswith(("void ", "uint32_t ", "static ")):
                yield i + 1, function_at(lines, i, kernel), found.group(0), "kernel"


def sources():
    for folder, _, names in os.walk(os.path.join(ROOT, "src")):
        for name in sorted(names):
            if name.endswith((".cc", ".c", ".h")):
                yield os.path.relpath(os.path.join(folder, name), ROOT)


def scan():
    """All orders: (file, function, operation, order) -> lines."""
    found = {}
    for name in sorted(sources()):
        for line, *key in orders_of(name):
            found.setdefault((name, *key), []).append(line)
    return found


def read_table(path=TABLE):
    """The table: the same key -> (how many, verdict, why)."""
    rows = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#") or not line.strip():
                continue
            fields = line.rstrip("\n").split("\t")
            if len(fields) != 7:
                raise SystemExit(f"orders.tsv: not seven fields: {line!r}")
            rows[tuple(fields[:4])] = (int(fields[4]), fields[5], fields[6])
    return rows


def compare(found, rows):
    """What differs between the sources and the table."""
    faults = []
    for key, lines in found.items():
        if key not in rows:
            faults.append(f"{key[0]}:{lines[0]}: not in orders.tsv: {' '.join(key[1:])}")
        elif rows[key][0] != len(lines):
            faults.append(f"{key[0]}:{lines[0]}: {len(lines)} times, {rows[key][0]} in orders.tsv: {' '.join(key[1:])}")
    faults += [f"orders.tsv: no longer in the sources: {' '.join(key)}" for key in rows if key not in found]
    return faults


class Model:
    def __init__(self, build):
        self.program = os.path.join(build, "model")
        self.places = {}  # address -> (file, line)

    def run(self, case, weakened=()):
        """Returns (holds, output)."""
        done = subprocess.run(
            [self.program, case, *weakened], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        return done.returncode, done.stdout

    def cases(self):
        text = subprocess.run([self.program, "list"], capture_output=True, text=True, check=True).stdout
        return [line.split("\t")[0] for line in text.splitlines()]

    def locate(self, addresses):
        """Where in src/ the accesses are, behind the headers of the library."""
        new = [address for address in addresses if address not in self.places]
        if not new:
            return
        # The address is where the call returns to.
        before = [hex(int(address, 16) - 1) for address in new]
        text = subprocess.run(
            ["addr2line", "-a", "-i", "-e", self.program, *before], capture_output=True, text=True, check=True
        ).stdout
        for address, block in zip(new, re.split(r"^0x[0-9a-f]+\n", text, flags=re.M)[1:]):
            for line in block.splitlines():
                name, _, number = line.partition(":")
                name = os.path.relpath(os.path.normpath(os.path.join(HERE, name)), ROOT)
                if name.startswith("src/"):
                    self.places[address] = (name, int(number.split()[0]))
                    break
            else:
                self.places[address] = None


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def note(self, good, text):
        if good:
            self.passed += 1
            print(f"ok   {text}", flush=True)
        else:
            self.failed += 1
            print(f"FAIL {text}", flush=True)


def main():
    build = sys.argv[1]
    tally = Tally()
    found = scan()
    if build == "--scan":  # for who writes the table
        for key, lines in found.items():
            print(*key, len(lines), sep="\t")
        return 0
    rows = read_table()
    faults = compare(found, rows)
    tally.note(not faults, "orders.tsv names the orders of src/" + "".join(f"\n  {fault}" for fault in faults))
    # A table that lacks a row, or has one too many, must be refused.
    less = dict(list(rows.items())[1:])
    more = {**rows, ("src/wire/ring.cc", "gone", "x.load", "acquire"): (1, "", "")}
    tally.note(len(compare(found, less)) > len(faults), "a missing row is noticed")
    tally.note(len(compare(found, more)) > len(faults), "a row of an access that is gone is noticed")

    model = Model(build)
    pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
    cases = model.cases()
    covering = {}  # (file, line) -> {case: addresses}
    for case, (status, output) in zip(cases, pool.map(model.run, cases)):
        tally.note(status == 0, f"{case}: {output.splitlines()[-1] if output else status}")
        sites = re.findall(r"^site (0x[0-9a-f]+) \w+ \w+ shared$", output, flags=re.M)
        model.locate(sites)
        for address in sites:
            place = model.places[address]
            if place:
                covering.setdefault(place, {}).setdefault(case, []).append(address)

    mutants = []
    for key, (_, verdict, why) in rows.items():
        if key not in found or verdict == "outside":
            continue
        name, _, operation, _ = key
        for line in found[key]:
            # Some accesses span lines; the compiler names the first or the last.
            reached = {}
            for near in range(line - 2, line + 1):
                if near != line and any((name, near) == (k[0], n) for k, ls in found.items() for n in ls if k != key):
                    continue
                for case, addresses in covering.get((name, near), {}).items():
                    reached.setdefault(case, []).extend(addresses)
            mutants.append((f"{name}:{line} {operation}", verdict, why, reached))

    def weaken(mutant):
        _, verdict, why, reached = mutant
        wanted = why.split(":")[0] if verdict == "needed" else None
        for case in [wanted] if wanted else [c for c in cases if c in reached]:
            if case not in reached:
                return f"{case} does not reach it", None
            status, output = model.run(case, reached[case])
            if status == 1 and "fault: " in output:
                return case, output.split("fault: ")[1].splitlines()[0]
        return ("nothing reaches it", None) if not reached else (", ".join(reached), None)

    for (text, verdict, _, _), (where, fault) in zip(mutants, pool.map(weaken, mutants)):
        if verdict == "needed":
            tally.note(fault is not None, f"weakened {text}: {where}: {fault or 'nothing fails'}")
        else:
            tally.note(fault is None and "reaches" not in where, f"weakened {text}: {where}: {fault or 'holds, as the table says'}")

    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
