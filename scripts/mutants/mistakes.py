# SPDX-License-Identifier: GPL-2.0
"""The mistakes that scripts/mutate.py makes in a file of the core.

They rely on the layout of the code: there are blanks around a binary operator, and none
around the brackets of a template.
"""
import dataclasses
import re


@dataclasses.dataclass
class Mutant:
    file: str  # path from the top of the tree
    line: int
    kind: str
    what: str
    text: str  # the whole file with the mistake
    name: str = ""  # the constant that it changes

    def identity(self):
        """Identifies the mutant in another run, even when lines before it have moved."""
        return (self.file, self.kind, self.what)


# Calls that give back a resource.  Without the call it is lost; the kind is "return".
RETURNS = re.compile(r"\b(put|push_front|push_back|append|host_page_free|host_free|free_block|"
                     r"host_page_chain_push|host_disk_close|host_ring_unmap|host_event_unbind|"
                     r"host_thread_stop|host_grant_unmap|retire|leave)\(")
# Not behaviour: messages in the log, and code that only silences the compiler.
NO_BEHAVIOUR = re.compile(r"\b(host_log|host_log_limited)\(|\(void\)")

COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}


def blank(text):
    """The text with what has no behaviour turned into blanks: comments, strings, characters,
    preprocessor lines, and assertions of the compiler."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-zA-Z_])'
                         r"'(?:\\.|[^'\\\n])'|^\s*#[^\n]*|\bstatic_assert\([^;]*\);", re.S | re.M)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


class Maker:
    def __init__(self, file, text):
        self.file = file
        self.text = text
        self.code = blank(text)
        self.found = []

    def line_of(self, at):
        return self.text.count("\n", 0, at) + 1

    def add(self, kind, start, end, by, what=None, name=""):
        if what is None:
            line_start = self.text.rfind("\n", 0, start) + 1
            line_end = self.text.find("\n", start)
            around = self.text[line_start:line_end].strip()
            what = f"'{self.text[start:end].strip()}' to '{by.strip()}' in '{around}'"
            nth = self.text[line_start:start].count(self.text[start:end])
            if nth:
                what += f" ({nth + 1})"
        changed = self.text[:start] + by + self.text[end:]
        self.found.append(Mutant(self.file, self.line_of(start), kind, what, changed, name))

    def comparisons(self):
        for match in re.finditer(r" (<=|>=|==|!=|<|>) ", self.code):
            self.add("comparison", match.start(1), match.end(1), COMPARISONS[match.group(1)])

    def negations(self):
        for match in re.finditer(r"!(?=[a-zA-Z_(*])", self.code):
            self.add("negation", match.start(), match.end(), "")

    def logic(self):
        for match in re.finditer(r" (&&|\|\|) ", self.code):
            self.add("logic", match.start(1), match.end(1),
                     "||" if match.group(1) == "&&" else "&&")

    def constants(self):
        for match in re.finditer(r"(?<![\w.])(\d+)(?![\w.']|\s*\))(?!\s*>)", self.code):
            line = self.line_text(match.start())
            if re.match(r"\s*(case|alignas)\b", line):
                continue
            # A member's initial value, which most constructors and callers replace.
            if self.file.endswith(".h") and re.search(r"(= |\{)0[uU]?[;}]", line):
                continue
            name = re.search(r"\b(k[A-Z]\w*)\s*=", line)
            self.add("constant", match.start(), match.end(), str(int(match.group(1)) + 1),
                     name=name.group(1) if name else "")
        for match in re.finditer(r" ([+-]) 1\b", self.code):
            self.add("constant", match.start(), match.end(), "")

    def line_text(self, at):
        start = self.code.rfind("\n", 0, at) + 1
        return self.code[start:self.code.find("\n", at)]

    def orders(self):
        for match in re.finditer(r"memory_order_(acquire|release|acq_rel)", self.code):
            self.add("order", match.start(1), match.end(1), "relaxed")
        for match in re.finditer(r"\bhost_shared_(load_acquire|store_release)\(", self.code):
            before = self.line_text(match.start()).lstrip()
            if match.group(1) == "load_acquire":
                self.add("order", match.start(), match.end(), "*(")
            elif before.startswith("host_shared_store_release"):
                self.swap(match.start())
        for match in re.finditer(r"\bhost_shared_fence\(\);", self.code):
            self.remove("order", match.start(), match.end())
            self.swap(match.start())

    def swap(self, at):
        """Exchanges the statement (one line) with the one after it."""
        start = self.text.rfind("\n", 0, at) + 1
        middle = self.text.find("\n", at) + 1
        end = self.text.find("\n", middle) + 1
        first, second = self.text[start:middle], self.text[middle:end]
        if ";" not in first or ";" not in self.code[middle:end]:
            return
        self.add("order", start, end, second + first,
                 f"'{first.strip()}' after '{second.strip()}'")

    def remove(self, kind, start, end):
        what = " ".join(self.text[start:end].split())
        self.add(kind, start, end, "", f"without '{what}' near line "
                 f"'{self.text[:start].rstrip().splitlines()[-1].strip()}'")

    def statement_end(self, start):
        """The position after the ';' of the statement, or None when it has a block."""
        depth = 0
        for at in range(start, len(self.code)):
            if self.code[at] in "([":
                depth += 1
            elif self.code[at] in ")]":
                depth -= 1
            elif self.code[at] in "{}" and depth == 0:
                return None
            elif self.code[at] == ";" and depth == 0:
                return at + 1
        return None

    def checks(self):
        for match in re.finditer(r"^ *(if \()", self.code, re.M):
            end = self.statement_end(match.start(1))
            if end is None:
                continue
            if re.search(r"\b(return|continue|break)\b[^;]*;$", self.code[match.start(1):end]):
                if self.text[end:].lstrip().startswith("else"):
                    continue
                self.remove("check", match.start(1), end)

    def statements(self):
        for match in re.finditer(r"^ +([A-Za-z_][\w:.>\[\]*()-]*)\(", self.code, re.M):
            start = match.start(1)
            end = self.statement_end(start)
            words = self.code[start:end] if end else ""
            before = self.code[:start].rstrip()
            if not end or before[-1:] not in ";{}" or not words.endswith(");"):
                continue
            if re.match(r"(return|if|while|for|switch|using|explicit|static|void)\b|[A-Z]\w*\(", words):
                continue
            if NO_BEHAVIOUR.search(words):
                continue
            kind = "return" if RETURNS.search(words) else "call"
            self.remove(kind, start, end)
        for match in re.finditer(r"\b(const )?SpinGuard guard\([^;]*\);", self.code):
            self.remove("lock", match.start(), match.end())

    def all(self):
        self.comparisons()
        self.negations()
        self.logic()
        self.constants()
        self.orders()
        self.checks()
        self.statements()
        return self.found


def of_file(file, text):
    return Maker(file, text).all()
