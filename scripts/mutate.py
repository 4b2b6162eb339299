#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Makes small mistakes in the core, one at a time, and checks whether the cases notice.

    scripts/mutate.py [--seed N] [--count 100] [--list] [--again] [--suites a,b] [--jobs N]

The seed chooses the mutants, evenly over the kinds of mistakes and over the files.  A
mutant that does not compile is neither killed nor survives: another one is chosen.  A
mutant runs against the cases of kunit/cases.  If it survives, it runs against the cases
of kunit/threads under ThreadSanitizer, and then again against those of kunit/cases under
AddressSanitizer and UndefinedBehaviorSanitizer.

The tree is first copied to build/mutants; the original is never changed.  As many mutants
as there are jobs run at the same time, each in a folder of its own.  Only the
objects that a mutant changes are compiled again.  For a source file that is its object;
for a header, the objects of the core that include it, and the tests that name the header
or the constant.  The other tests run the mutant all the same: nothing is inlined, and the
linker takes the first of several copies of a function, which is the core's.  For the same
reason one object with the header's functions, linked first, does for most mistakes in a
header; a mutant that survives so runs again as described above.
"""
import argparse
import collections
import concurrent.futures
import difflib
import itertools
import json
import os
import pathlib
import queue
import random
import re
import resource
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "mutants"))
import mistakes  # noqa: E402  (scripts/mutants/mistakes.py)

TOP = pathlib.Path(__file__).resolve().parent.parent
WORK = TOP / "build" / "mutants"
TREE = WORK / "tree"
ENOUGH = 85  # per cent killed

COMMON = ["-std=gnu++23", "-g0", "-D_GLIBCXX_ASSERTIONS"]
# Headers that no mutant changes.  They are precompiled and included in all objects.
FOREIGN = ["algorithm", "atomic", "expected", "functional", "gtest/gtest.h", "map", "memory",
           "optional", "set", "span", "string", "string_view", "vector"]
# How many mutants per job are under way, or have a verdict that is not told yet.
AHEAD = 16
# A run that has used no CPU for so many seconds hangs.
QUIET = 30
LINKER = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []  # it is faster


class Suite:
    """A runner: the core and one set of tests, compiled with one set of flags."""

    def __init__(self, name, flags, tests, seconds):
        self.name = name
        self.flags = COMMON + flags
        self.folder = WORK / name
        self.patterns = tests
        self.seconds = seconds
        self.ready = False
        self.unfit = None  # why it cannot judge
        self.preparing = threading.Lock()

    def sources(self):
        core = [p for p in sorted((TREE / "src").glob("*/*.cc")) if p.parent.name != "linux"]
        tests = [p for pattern in self.patterns for p in sorted((TREE / "kunit").glob(pattern))]
        return core, tests

    def object_of(self, source, folder):
        return folder / str(source.relative_to(TREE)).replace("/", "-").replace(".cc", ".o")

    def compile_header(self, mutant, to, overlay):
        """Compiles all inline functions of a changed header, and of those that it includes."""
        file = overlay / "first.cc"
        file.write_text(f'#include "{mutant.file.removeprefix("src/")}"\n')
        flags = [flag for flag in self.flags if flag != "-fno-inline"]
        done = subprocess.run(["g++", *flags, "-fkeep-inline-functions", f"-I{overlay}/src",
                               f"-I{TREE}/include", f"-I{TREE}/src", *foreign_headers(),
                               "-c", "-o", str(to), str(file)],
                              capture_output=True, check=False)
        return done.returncode == 0

    def compile(self, source, to, overlay=None):
        """Compiles `source`, or its copy in the overlay.  Returns the compiler's errors or None."""
        file = source
        if overlay is not None and (overlay / source.relative_to(TREE)).exists():
            file = overlay / source.relative_to(TREE)
        command = ["g++", *self.flags, "-include", str(self.folder / "foreign.h")]
        # The fake host may be optimised: it includes no code of the core to inline.
        if source.parent.name == "fake_host":
            command[1 + self.flags.index("-O0")] = "-O2"
        if overlay is not None:
            command += [f"-I{overlay}/src"]
        command += [f"-I{TREE}/include", f"-I{TREE}/src", f"-I{TREE}/kunit"]
        command += [*foreign_headers(), "-MMD", "-MF", f"{to}.d", "-c", "-o", str(to), str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else done.stderr

    def dependencies(self, source):
        listing = pathlib.Path(f"{self.object_of(source, self.folder)}.d")
        if not listing.exists():
            return None
        words = listing.read_text().replace("\\\n", " ").split()
        return {pathlib.Path(word) for word in words[1:]}

    def fresh(self, source):
        target = self.object_of(source, self.folder)
        needs = self.dependencies(source)
        if needs is None or not target.exists():
            return False
        made = target.stat().st_mtime
        return all(need.exists() and need.stat().st_mtime <= made for need in needs)

    def prepare(self, jobs):
        """Builds the suite without a mistake, and checks that it passes."""
        if not self.ready and not self.unfit:
            self.unfit = self.build(jobs)
            self.ready = not self.unfit
        if self.unfit:
            sys.exit(self.unfit)

    def build(self, jobs):
        self.folder.mkdir(parents=True, exist_ok=True)
        foreign = self.folder / "foreign.h"
        if not foreign.exists():
            foreign.write_text("".join(f"#include <{name}>\n" for name in FOREIGN))
            subprocess.run(["g++", *self.flags, "-x", "c++-header", str(foreign), "-o",
                            f"{foreign}.gch"], check=True)
        core, tests = self.sources()
        stale = [source for source in core + tests if not self.fresh(source)]
        if stale:
            print(f"building {len(stale)} objects of '{self.name}'", flush=True)
        for error in in_parallel(
                jobs, lambda s: self.compile(s, self.object_of(s, self.folder)), stale):
            if error:
                return error
        runner = self.folder / "cases"
        error = self.link(runner, {})
        if error:
            return error
        began = time.monotonic()
        verdict = self.run(runner, 600)
        if verdict is not None:
            return f"'{self.name}' fails without any mistake: {verdict}"
        took = time.monotonic() - began
        self.seconds = max(self.seconds, 4 * took)
        print(f"'{self.name}' passes without a mistake in {took:.1f} s", flush=True)
        return None

    def link(self, runner, replaced, first=()):
        core, tests = self.sources()
        objects = [*map(str, first)] + [str(replaced.get(s, self.object_of(s, self.folder))) for s in core + tests]
        sanitizers = [flag for flag in self.flags if flag.startswith("-fsanitize")]
        done = subprocess.run(["g++", *sanitizers, *LINKER, "-o", str(runner), *objects,
                               "-lgtest", "-lpthread"], capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else done.stderr

    def stages(self, mutant):
        """Which cases run after which, as filters: those that are about the mutant's file, those
        of its folder, the others, and the slowest ones."""
        near, folder = set(), set()
        path = pathlib.Path(mutant.file.removeprefix("src/")) if mutant else None
        for test in self.sources()[1] if mutant else []:
            text = test.read_text()
            names = {name for name in re.findall(r"^TEST\((\w+),", text, re.M)
                     if not name.startswith("Failures")}
            if path.stem == test.stem or f'#include "{path.with_suffix(".h")}"' in text:
                near |= names
            elif path.parent.name == test.parent.name:
                folder |= names
        first = [":".join(f"{name}.*" for name in sorted(names))
                 for names in (near, folder - near) if names]
        return [*first, "-" + ":".join([*first, "Failures*"]), "Failures*"]

    def run(self, runner, seconds, mutant=None):
        """Why the cases failed, or None when all passed."""
        for some in self.stages(mutant):
            verdict = self.run_some(runner, some, seconds)
            if verdict is not None:
                return verdict
        return None

    def run_some(self, runner, some, seconds):
        environment = dict(os.environ, KUNIT_SEED="1", ASAN_OPTIONS="detect_leaks=1",
                           TSAN_OPTIONS="halt_on_error=1")

        def bound():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if not any(flag.startswith("-fsanitize") for flag in self.flags):
                resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

        # ThreadSanitizer needs this: see kunit/Makefile.
        fixed = ["setarch", "-R"] if self.name == "threads" else []
        with subprocess.Popen([*fixed, str(runner), "--gtest_fail_fast", "--gtest_brief=0",
                               f"--gtest_filter={some}"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", env=environment, preexec_fn=bound) as process:
            output = wait_for(process, seconds)
            if output is None:
                process.kill()
                process.communicate()
                return "it did not end"
        if process.returncode == 0 and "[  PASSED  ]" in output:
            return None
        failed = re.search(r"^\[  FAILED  \] (\w+\.\w+)", output, re.M)
        running = re.findall(r"^\[ RUN      \] (\w+\.\w+)", output, re.M)
        if failed:
            return failed.group(1)
        return f"{running[-1]} ended the run" if running else "no case ran"

    def affected(self, mutant):
        """The sources that have to be compiled for the mutant."""
        core, tests = self.sources()
        if mutant.file.endswith(".cc"):
            return [TREE / mutant.file]
        header = TREE / mutant.file
        chosen = [s for s in core if header in (self.dependencies(s) or ())]
        include = f'#include "{mutant.file.removeprefix("src/")}"'
        for test in tests:
            if header not in (self.dependencies(test) or ()):
                continue
            near = [test, *(n for n in self.dependencies(test) if TREE / "kunit" in n.parents)]
            text = "".join(n.read_text() for n in near)
            if include in text or (mutant.name and mutant.name in text):
                chosen.append(test)
        return chosen

    def try_mutant(self, mutant, worker, quickly):
        """'broken' when it does not compile, None when it survives, or what killed it.
        `quickly`: of a header, only its functions are compiled."""
        overlay = WORK / f"overlay-{worker}"
        shutil.rmtree(overlay, ignore_errors=True)
        changed = overlay / mutant.file
        changed.parent.mkdir(parents=True)
        changed.write_text(mutant.text)
        folder = WORK / f"{self.name}-mutant-{worker}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        first, replaced = [], {}
        if quickly:
            first = [folder / "first.o"]
            if not self.compile_header(mutant, first[0], overlay):
                return "broken"
        else:
            replaced = {source: self.object_of(source, folder) for source in self.affected(mutant)}
        for source, to in replaced.items():
            if self.compile(source, to, overlay):
                return "broken"
        if self.link(folder / "cases", replaced, first):
            return "broken"
        return self.run(folder / "cases", self.seconds, mutant)


def foreign_headers():
    headers = os.environ.get("XEN_HEADERS")
    return ["-isystem", headers] if headers else []


def wait_for(process, seconds):
    """The output, or None when the process does not end.  A busy machine is slow: what counts is
    the CPU that the process uses, and whether it waits for a CPU."""
    looks = quiet = used = 0
    while True:
        try:
            return process.communicate(timeout=1)[0]
        except subprocess.TimeoutExpired:
            looks += 1
        before = used
        ready = False
        try:
            fields = stat_of(pathlib.Path(f"/proc/{process.pid}"))
            used = int(fields[11]) + int(fields[12])
            for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
                ready |= stat_of(task)[0] in "RT"
        except OSError:
            ready = True  # it ends, or one of its threads
        quiet = 0 if ready or used != before else quiet + 1
        if quiet > QUIET or looks > 20 * seconds or used > seconds * os.sysconf("SC_CLK_TCK"):
            return None


def stat_of(folder):
    """The fields of /proc/PID/stat, from the state on."""
    return (folder / "stat").read_text().rpartition(")")[2].split()


def in_parallel(jobs, work, items):
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(work, items))


CASES = ["*.cc", "fake_host/*.cc", "support/*.cc", "cases/*/*.cc"]
SUITES = [
    Suite("plain", ["-O0"], CASES, 20),
    Suite("threads", ["-O1", "-fno-inline", "-fsanitize=thread"],
          ["threads/*.cc", "threads/cases/*.cc", "support/notes.cc", "support/slots.cc",
           "support/random.cc", "support/seed.cc"], 60),
    Suite("sanitized", ["-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
          CASES, 60),
]


def copy_tree():
    """Brings build/mutants/tree up to date; unchanged files keep their time."""
    wanted = set()
    for folder in ("src", "include", "kunit"):
        for file in (TOP / folder).rglob("*"):
            if file.suffix not in (".cc", ".h"):
                continue
            copy = TREE / file.relative_to(TOP)
            wanted.add(copy)
            if copy.exists() and copy.read_bytes() == file.read_bytes():
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
    for copy in list(TREE.rglob("*")):
        if copy.is_file() and copy not in wanted:
            copy.unlink()


def all_mutants():
    found = []
    for file in sorted((TREE / "src").rglob("*")):
        if file.suffix in (".cc", ".h") and file.parent.name != "linux":
            found += mistakes.of_file(str(file.relative_to(TREE)), file.read_text())
    return found


def in_order(mutants, seed):
    """Yields all mutants, shuffled by the seed.  The kinds take turns; within a kind comes a
    mutant of the file that has had the fewest."""
    mutants = list(mutants)
    random.Random(seed).shuffle(mutants)
    kinds = {}
    for mutant in mutants:
        kinds.setdefault(mutant.kind, []).append(mutant)
    used = collections.Counter()
    while kinds:
        for kind in sorted(kinds):
            waiting = kinds[kind]
            chosen = min(waiting, key=lambda m: used[m.file])
            waiting.remove(chosen)
            used[chosen.file] += 1
            if not waiting:
                del kinds[kind]
            yield chosen


def diff(mutant):
    before = (TREE / mutant.file).read_text().splitlines()
    lines = difflib.unified_diff(before, mutant.text.splitlines(), lineterm="", n=1)
    return "\n".join("    " + line for line in lines if not line.startswith(("---", "+++")))


class Judge:
    """Runs mutants, several at the same time, and tells their verdicts in their order."""

    def __init__(self, suites, jobs):
        self.suites = suites
        self.jobs = jobs
        self.workers = queue.SimpleQueue()
        for worker in range(jobs):
            self.workers.put(worker)

    def verdict(self, mutant):
        # A constant may be used where no function runs.
        header = mutant.file.endswith(".h") and mutant.kind != "constant"
        worker = self.workers.get()
        try:
            for quickly in (True, False) if header else (False,):
                verdict = self.verdict_of_suites(mutant, worker, quickly)
                if verdict is not None and not (quickly and verdict == "broken"):
                    return verdict
            return None
        finally:
            self.workers.put(worker)

    def verdict_of_suites(self, mutant, worker, quickly):
        for suite in self.suites:
            with suite.preparing:
                suite.prepare(self.jobs)
            verdict = suite.try_mutant(mutant, worker, quickly)
            if verdict is not None:
                own = suite.name == "plain" or verdict == "broken"
                return verdict if own else f"{verdict} ({suite.name})"
        return None

    def verdicts(self, mutants):
        """Yields each mutant with its verdict."""
        mutants = iter(mutants)
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            running = collections.deque()
            try:
                while True:
                    for mutant in itertools.islice(mutants, AHEAD * self.jobs - len(running)):
                        running.append((mutant, pool.submit(self.verdict, mutant)))
                    if not running:
                        return
                    mutant, future = running.popleft()
                    yield mutant, future.result()
            finally:
                for _, future in running:
                    future.cancel()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--from", type=int, default=0, dest="first",
                        help="leave out so many of the seed's mutants: to go on with a run")
    parser.add_argument("--list", action="store_true", help="show the mutants and build nothing")
    parser.add_argument("--again", action="store_true", help="only what survived the last time")
    parser.add_argument("--suites", default=",".join(suite.name for suite in SUITES),
                        help="what a mutant runs against, one after the other")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()

    suites = [suite for suite in SUITES if suite.name in options.suites.split(",")]

    copy_tree()
    mutants = all_mutants()
    notes = WORK / "survivors.json"
    if options.again:
        last = json.loads(notes.read_text())
        known = {tuple(entry) for entry in last["survivors"]}
        order = [m for m in mutants if m.identity() in known]
        options.seed = last["seed"]
    else:
        order = list(in_order(mutants, options.seed))[options.first:]
    count = min(options.count, len(order))
    print(f"seed {options.seed}: {count} of {len(mutants)} mutants", flush=True)
    if options.list:
        for mutant in order[:count]:
            print(f"{mutant.file}:{mutant.line} {mutant.kind}: {mutant.what}")
        return 0

    killed = 0
    broken = 0
    survivors = []
    for mutant, verdict in Judge(suites, options.jobs).verdicts(order):
        place = f"{mutant.file}:{mutant.line}"
        if verdict == "broken":
            broken += 1
            continue
        if verdict is None:
            survivors.append(mutant)
            print(f"SURVIVED {place} {mutant.kind}: {mutant.what}\n{diff(mutant)}", flush=True)
        else:
            killed += 1
            print(f"killed   {place} {mutant.kind}: {mutant.what} [{verdict}]", flush=True)
        if killed + len(survivors) == count:
            break
    notes.write_text(json.dumps({"seed": options.seed,
                                 "survivors": [m.identity() for m in survivors]}))
    total = killed + len(survivors)
    share = 100 * killed // total if total else 0
    print(f"seed {options.seed}: {total} mutants ({broken} more did not compile)")
    print(f"{killed} killed, {len(survivors)} survived: {share} % killed")
    return 0 if total and (share >= ENOUGH or options.again) else 1


if __name__ == "__main__":
    sys.exit(main())
