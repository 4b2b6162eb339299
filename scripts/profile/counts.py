# SPDX-License-Identifier: GPL-2.0
"""Reads what the emulator's plugin has written (plugin.c, and the scenario "profile"), and
says which function, and which layer, executed the instructions."""
import bisect
import collections
import re
import subprocess

XEN_BEGIN, XEN_END = 0xffff82 << 40, 0xffff83 << 40
KERNEL = 1 << 63
# What linkers define, where no function is.
LINKER = re.compile(r'_[se](init)?text(entry)?|_end|__\w+text_(start|end)')
# Every name of the core has this.
CORE = re.compile(r'blkback::|\(anonymous namespace\)::')
# Where Xen maps small functions that it makes as it runs, far behind its own code.
XEN_MADE = 0xffff82d060000000


class Symbols:
    """Functions by address."""

    def __init__(self, lines=()):
        self.functions = {}
        for line in lines:
            # "ADDRESS TYPE NAME [MODULE]"; xensyms has a tab before the type.
            words = line.split()
            if len(words) < 3 or words[1] not in 'tTwW' or LINKER.fullmatch(words[2]):
                continue
            module = words[3].strip('[]') if len(words) > 3 else ''
            # Xen names the file of a static function, too: FILE#FUNCTION.
            name = words[2].rpartition('#')[2]
            self.functions.setdefault(int(words[0], 16), (name, module))
        self.addresses = sorted(self.functions)
        self.demangle()

    def demangle(self):
        """Replaces the core's names by those of its sources."""
        mangled = {name for name, _ in self.functions.values() if name.startswith('_Z')}
        if not mangled:
            return
        order = sorted(mangled)
        names = subprocess.run(['c++filt', '-p'], input='\n'.join(order), check=True, text=True,
                               stdout=subprocess.PIPE).stdout.splitlines()
        plain = dict(zip(order, (CORE.sub('', name) for name in names)))
        for address, (name, module) in self.functions.items():
            self.functions[address] = (plain.get(name, name), module)

    def find(self, address):
        """(BEGIN, NAME, MODULE) of the function that has this address, or None."""
        index = bisect.bisect_right(self.addresses, address) - 1
        if index < 0:
            return None
        begin = self.addresses[index]
        return (begin, *self.functions[begin])


class Function(collections.namedtuple('Function', 'name module')):
    """module: that of a kernel's module, '' for the kernel itself, 'xen', or 'user'."""

    def __str__(self):
        return self.name


USER = Function('user space', 'user')
XEN_STUB = Function('xen_stub', 'xen')


class Machine:
    """All symbols of the machine at the time of a window."""

    def __init__(self, kernel=Symbols(), xen=Symbols(), modules=Symbols()):
        self.kernel, self.xen, self.modules = kernel, xen, modules
        self.cache = {}

    def function(self, address):
        return self.place(address)[1]

    def begins(self, address):
        """Is it the first address of a function?"""
        return self.place(address)[0] == address

    def place(self, address):
        if address not in self.cache:
            self.cache[address] = self.look_up(address)
        return self.cache[address]

    def look_up(self, address):
        if address < KERNEL:
            return 0, USER
        if address >= XEN_MADE and address < XEN_END:
            return 0, XEN_STUB
        if XEN_BEGIN <= address < XEN_END:
            found = self.xen.find(address)
            return (found[0], Function(found[1], 'xen')) if found else (0, Function('xen', 'xen'))
        found = [place for symbols in (self.kernel, self.modules)
                 if (place := symbols.find(address))]
        if not found:
            return 0, Function(f'{address:x}', '')
        begin, name, module = max(found)
        return begin, Function(name, module)


def is_thunk(function):
    """Code that compilers put between a call and its target."""
    return function == XEN_STUB or function.name.startswith(THUNKS)


def is_entry(function):
    """Does an interrupt, a system call, a thread, or the idle loop begin here?"""
    return function == USER or function.name in ENTRIES


THUNKS = ('__x86_indirect_', '__x86_return_thunk', 'srso_', 'retbleed_', 'entry_untrain_ret',
          'its_return_thunk')
ENTRIES = {'xen_asm_exc_xen_hypervisor_callback', 'asm_exc_xen_hypervisor_callback',
           'xen_entry_SYSCALL_64', 'entry_SYSCALL_64', 'ret_from_fork', 'kthread', 'do_idle'}

Block = collections.namedtuple('Block', 'node address instructions runs')


class Window:
    """One window: the cell's words, and what CPU 0 executed."""

    def __init__(self, cell, machine):
        self.cell = cell
        self.machine = machine
        self.returns = self.odd_returns = 0
        self.nodes = {0: None}
        self.blocks = []

    def functions(self):
        """{function: [instructions, calls]}"""
        result = collections.defaultdict(lambda: [0, 0])
        for block in self.blocks:
            entry = result[self.machine.function(block.address)]
            entry[0] += block.instructions
            if self.machine.begins(block.address):
                entry[1] += block.runs
        return result

    def stacks(self):
        """{(function, ...): instructions}, the outermost function first."""
        result = collections.defaultdict(int)
        frames = {}
        for block in self.blocks:
            stack = self.entered(self.frames(block.node, frames), block.address)
            result[stack] += block.instructions
        return result

    def frames(self, node, cache):
        """The functions of a call."""
        if node not in cache:
            if node == 0:
                cache[node] = ()
            else:
                parent, site, target = self.nodes[node]
                outer = self.entered(self.frames(parent, cache), site)
                cache[node] = self.entered(outer, target)
        return cache[node]

    def entered(self, stack, address):
        """The stack with the function of this address on top: it was called, or jumped to,
        or runs already."""
        function = self.machine.function(address)
        if stack and (function == stack[-1] or is_thunk(function)):
            return stack
        if is_entry(function):
            # An interrupt is no call of what it interrupts, and who made a thread does not
            # matter.
            return (function,)
        return (*stack, function)

    def calls(self, name):
        """How often functions of this name were entered."""
        return sum(entry[1] for function, entry in self.functions().items()
                   if function.name == name)


def windows(lines):
    """Reads a file of the plugin."""
    kernel, xen, modules = Symbols(), Symbols(), Symbols()
    machine = Machine()
    cell = []
    lines = iter(lines)
    for line in lines:
        words = line.split()
        if not words:
            continue
        if words[0] == 'symbols':
            symbols = Symbols(until_end(lines))
            if words[1] == 'kernel':
                kernel = symbols
            elif words[1] == 'xen':
                xen = symbols
            else:
                modules = symbols
            machine = Machine(kernel, xen, modules)
        elif words[0] == 'cell':
            cell = words[1:]
        elif words[0] == 'window':
            window = Window(cell, machine)
            for inner in until_end(lines):
                what, *numbers = inner.split()
                if what == 'returns':
                    window.returns, window.odd_returns = map(int, numbers)
                elif what == 'node':
                    window.nodes[int(numbers[0])] = (int(numbers[1]), int(numbers[2], 16),
                                                     int(numbers[3], 16))
                elif what == 'block':
                    window.blocks.append(Block(int(numbers[0]), int(numbers[1], 16),
                                               int(numbers[2]), int(numbers[3])))
            yield window


def until_end(lines):
    for line in lines:
        if line.strip() == 'end':
            return
        yield line
    raise ValueError('the file ends within a part')
