# SPDX-License-Identifier: MIT
#
# Makes random programs. A program obeys the rules that with.h states: no break directly in the body of
# a with, try or catch, and no local changed between a landing and a throw to it unless it is volatile.
# All integers stay between 0 and 1023, so that no operator means different things in the two languages.

import errno

from program import KINDS, LEAVING, Function, Manager, Node, Program, Variable, printed
from stacks import Stacks

THROWN = ["ValueError", "KeyError", "IndexError", "ZeroDivisionError", "OverflowError", "RuntimeError",
          "NotImplementedError", "FileNotFoundError", "TimeoutError", "MemoryError", "TypeError",
          "KeyboardInterrupt", "GeneratorExit", "SystemExit", "StopIteration", "Exception",
          "AppError", "AppChildError", "AppLookupError"]
CAUGHT = THROWN + ["LookupError", "ArithmeticError", "OSError", "AppError", "ConnectionError"] \
    + ["Exception", "BaseException"] * 8
CODES = ["ENOENT", "EACCES", "EPERM", "EEXIST", "EINTR", "EISDIR", "ENOTDIR", "EPIPE", "EAGAIN",
         "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ECHILD", "ESRCH", "EIO", "ENOSPC", "EINVAL"]
ATTRIBUTES = ["static", "static", "static inline", "static __attribute__((noinline))"]
DEEPEST = 6


class Context:
    """What can be named at a place, and where one can jump to from there."""

    def __init__(self, result):
        self.result = result    # the kind the function returns; "bool" in an exit, None in an enter
        self.variables = []
        self.exceptions = []
        self.stacks = []        # exit stacks that may be used here
        self.jumps = []         # what is round this place: ("loop" | "switch" | "label" | "wall", id)
        self.level = 0          # how many try bodies and suppressors' blocks are round this place
        self.depth = 0
        self.manager = None     # the class, in an enter or exit

    def inner(self, *jumps, level=0):
        inner = Context(self.result)
        inner.variables, inner.exceptions = list(self.variables), list(self.exceptions)
        inner.stacks = list(self.stacks)
        inner.jumps = self.jumps + list(jumps)
        inner.level, inner.depth = self.level + level, self.depth + 1
        inner.manager = self.manager
        return inner

    def named(self, *kinds):
        return [v for v in self.variables if v.kind in kinds]

    def changeable(self):
        """The locals that may be changed here: C11 7.13.2.1 makes the others indeterminate."""
        return [v for v in self.variables
                if not v.constant and (v.volatile or v.elsewhere or v.level == self.level)]


class Generator(Stacks):
    context, deepest = Context, DEEPEST

    def __init__(self, random, index):
        self.random = random
        self.program = Program(index)
        self.prefix = f"p{index}_"
        self.count = self.budget = 0
        self.size = self.pick(1, 1, 1, 1, 1, 1, 1, 2)
        self.makers, self.weights = zip(*[
            (self.make_probe, 3), (self.make_assignment, 8), (self.make_declaration, 3),
            (self.make_call, 9), (self.make_with_call, 1), (self.make_throw, 14),
            (self.make_remark, 6), (self.make_stack_use, 9), (self.make_with, 11),
            (self.make_stack, 4), (self.make_using, 9), (self.make_try, 12),
            (self.make_if, 2), (self.make_loop, 6), (self.make_switch, 1), (self.make_label, 5),
            (self.make_jump, 8), (self.make_return, 3), (self.make_group, 1)])

    def number(self, letter=""):
        self.count += 1
        return f"{letter}{self.count}"

    def pick(self, *choices):
        return self.random.choice(choices)

    def odds(self, one_in):
        return self.random.randrange(one_in) == 0

    # ---- Expressions -----------------------------------------------------------------------

    def integer(self, c):
        """An int from 0 to 1023."""
        terms = [v.name for v in c.named("int", "long")] * 2
        terms += [f"{v.name}[{self.random.randrange(3)}]" for v in c.named("pointer", "cells")]
        terms += ["self.id", "self.count"] if c.manager else []
        if not terms or self.odds(8):
            return str(self.random.randrange(100))
        a, b = self.random.choice(terms), self.random.choice(terms)
        return f"({a} * {self.pick(1, 2, 3, 5)} + {b} + {self.random.randrange(50)}) & 1023"

    def expression(self, c, kind):
        if kind in ("int", "long"):
            return self.integer(c)
        if kind == "pointer":
            return f"P(({self.integer(c)}) & 15)"
        if kind == "cells":
            cells = [v.name for v in c.changeable() if v.kind == "cells" and not v.volatile]
            return self.random.choice(cells + ["G"])
        reals = [v.name for v in c.named("double", "float")]
        if kind == "double" and reals and not self.odds(3):
            return f"{self.random.choice(reals)} * 0.5 + ({self.integer(c)})"
        return f"({self.integer(c)}) * 0.5"

    def condition(self, c):
        if self.odds(3):
            return f"({self.integer(c)}) % {self.pick(2, 3)} == 0"
        return f"chance({self.pick(2, 2, 3)})"

    def exception(self, c):
        """Something that is an exception or NULL."""
        others = [f"kept({self.random.randrange(3)})", "with_current()", "NULL"]
        return self.random.choice(c.exceptions * 3 + others)

    def text(self, c):
        """The arguments for a message that names its place: one, or a format with a value."""
        place = self.number("m")
        return f'"{place}"' if self.odds(2) else f'"{place} of %d", INT({self.integer(c)})'

    # ---- Simple statements -----------------------------------------------------------------

    def probe(self, c, most=3):
        """Prints some locals."""
        chosen = self.random.sample(c.variables, min(most, len(c.variables)))
        formats = "".join(f" {v.name.split('.')[-1]}={KINDS[v.kind][1]}" for v in chosen)
        arguments = "".join(", " + printed(v.kind, v.name) for v in chosen)
        return Node("simple", text=f'say("{self.number()}{formats}"{arguments})')

    def then_probe(self, c, node):
        return [node] if self.odds(2) else [node, self.probe(c)]

    def make_probe(self, c):
        return [self.probe(c)]

    def make_assignment(self, c):
        places = c.changeable()
        if c.manager and self.odds(3):
            return [Node("simple", text=f"self.count = {self.integer(c)}")]
        if not places:
            return [Node("simple", text=f"G[{self.random.randrange(3)}] = {self.integer(c)}")]
        place = self.random.choice(places)
        if place.kind == "cells":
            at = self.random.randrange(3)
            return [Node("simple", text=f"{place.name}[{at}] = {self.integer(c)}")]
        return [Node("simple", text=f"{place.name} = {self.expression(c, place.kind)}")]

    def declare(self, c):
        kind = self.pick("int", "int", "int", "long", "double", "float", "pointer", "cells")
        variable = Variable(self.number("v"), kind, c.level, self.odds(4) and kind != "cells",
                            constant=self.odds(2))
        if kind == "cells":
            initial = [self.integer(c) for _ in range(3)]
        else:
            initial = self.expression(c, kind)
        c.variables.append(variable)
        return Node("declare", variable=variable, initial=initial)

    def make_declaration(self, c):
        return [self.declare(c) for _ in range(self.random.randint(1, 3))]

    def call(self, c, function):
        return ", ".join(self.expression(c, p.kind) for p in function.parameters)

    def make_call(self, c):
        function = self.random.choice(self.program.functions)
        text = f"{function.name}({self.call(c, function)})"
        targets = [v for v in c.changeable() if v.kind == function.result]
        if targets and self.odds(2):
            return [Node("simple", text=f"{self.random.choice(targets).name} = {text}")]
        if self.odds(2):
            return [Node("simple", text=text)]
        variable = Variable(self.number("v"), function.result, c.level, constant=self.odds(2))
        node = Node("declare", variable=variable, initial=text)
        c.variables.append(variable)
        return [node]

    def make_with_call(self, c, function=None):
        function = function or self.random.choice(self.program.functions)
        place, slot = self.number("w"), self.random.randrange(3)
        return [Node("with_call", function=function, place=place, slot=slot,
                     arguments=self.call(c, function)),
                Node("simple", text=f'describe("{place}", kept({slot}))')]

    def make_remark(self, c):
        """Something about exceptions that throws nothing."""
        place, slot, e = self.number("r"), self.random.randrange(3), self.exception(c)
        return [Node("simple", text=self.random.choice([
            f'current("{place}")', f'current("{place}")', f'describe("{place}", {e})',
            f"keep({slot}, {e})", f"note({e}, {self.text(c)})", f"note({e}, {self.text(c)})"]))]

    # ---- Leaving ---------------------------------------------------------------------------

    def leave(self, c, node):
        """Mostly on a condition, for the rest of the block is not reached."""
        if self.odds(4):
            return [node]
        return [Node("if", [[node], []], condition=self.condition(c))]

    def throwing(self, c):
        type, text = self.random.choice(THROWN), self.text(c)
        code = getattr(errno, self.random.choice(CODES))
        again = f"again({self.exception(c)})"
        return self.random.choice([
            f"throw({type}, {text})", f"throw({type}, {text})", f"throw({type}, {text})",
            f"throw_from({self.exception(c)}, {type}, {text})",
            f"throw_from({self.exception(c)}, {type}, {text})", f"throw_error({code}, {text})",
            again if c.exceptions else f"throw({type}, {text})", f"again(kept({self.random.randrange(3)}))",
            "with_rethrow()" if c.exceptions or self.odds(4) else f"throw({type}, {text})",
            f"with_exit({self.random.randrange(4)})"])

    def then_throw(self, c, nodes, one_in):
        """Adds a throw, so that handlers and exits have something to do."""
        if self.odds(one_in) or (nodes and nodes[-1].kind in LEAVING):
            return nodes
        if c.exceptions and self.odds(6) and c.depth < DEEPEST:
            return nodes + [self.make_knot(c)]
        return nodes + self.make_throw(c)

    def make_knot(self, c):
        """Throws again what is already in the chain of the exception that is being handled."""
        old, new, place = self.random.choice(c.exceptions), self.number("e"), self.number("c")
        way = self.pick("throw(", "throw(", f"throw_from({old}, ", f"throw_from({self.exception(c)}, ")
        first = Node("throw", text=f"{way}{self.random.choice(THROWN)}, {self.text(c)})")
        seen = Node("simple", text=f'describe("{place}", {new})')
        inner = c.inner(("wall", None))
        inner.exceptions.append(new)
        last = self.make_knot(inner) if self.odds(3) and inner.depth < DEEPEST \
            else Node("throw", text=f"again({old})")
        return Node("try", [[first], [seen, last]], types=[("BaseException", new)])

    def make_throw(self, c):
        if c.result == "bool" and self.odds(4):
            text = f"with_release_error({c.exceptions[0]}, {errno.EIO}, {self.text(c)})"
            return [Node("simple", text=text)]
        return self.leave(c, Node("throw", text=self.throwing(c)))

    def returning(self, c):
        if c.result is None:
            return Node("return", value="")
        if c.result != "bool":
            return Node("return", value=self.expression(c, c.result))
        if c.manager and not c.manager.suppressor:
            return Node("return", value="chance(3)" if self.odds(12) else "false")
        type = self.random.choice(CAUGHT)
        return Node("return", value=self.random.choice(
            ["true", "false", "chance(2)", f"matches({c.exceptions[0]}, {type})"]))

    def make_return(self, c):
        return self.leave(c, self.returning(c))

    def reachable(self, c):
        """The jumps that C allows here."""
        jumps = [(way, id) for kind, id in c.jumps if kind == "label" for way in ("leave", "again")]
        ways = {"break": ("loop", "switch"), "continue": ("loop",)}
        for way, kinds in ways.items():
            for kind, id in reversed(c.jumps):
                if kind == "wall":
                    break
                if kind in kinds:
                    jumps.append((way, id))
                    break
        return jumps

    def make_jump(self, c):
        jumps = self.reachable(c)
        if not jumps:
            return None
        way, target = self.random.choice(jumps)
        node = Node("jump", way=way, target=target)
        if way != "again":
            return self.leave(c, node)
        return [Node("if", [[Node("if", [[], [node]], condition="burned()")], []],
                     condition=self.condition(c))]

    # ---- Blocks ----------------------------------------------------------------------------

    def block(self, c, first=()):
        nodes = list(first)
        if c.changeable() and self.odds(2):
            nodes += self.make_assignment(c)
        for _ in range(self.random.randint(1, 3)):
            if self.budget <= 0:
                break
            made = self.statement(c)
            nodes += made
            if made[-1].kind in LEAVING:
                return nodes
        if self.reachable(c) and self.odds(2):
            nodes += self.make_jump(c)
        return nodes

    def statement(self, c):
        while True:
            make = self.random.choices(self.makers, self.weights)[0]
            deep = c.depth >= DEEPEST and make in self.makers[self.makers.index(self.make_with):]
            if deep and make not in (self.make_jump, self.make_return):
                continue
            made = make(c)
            if made:
                self.budget -= len(made)
                return made

    def manage(self, c, managers):
        """The fields of a node that enters a manager."""
        manager = self.random.choice(managers)
        name = self.number("v") if manager.named and not self.odds(3) else None
        cells = "G" if manager.suppressor else self.expression(c, "cells")
        return {"manager": manager, "name": name, "id": self.integer(c), "cells": cells,
                "number": self.number("g")}

    @staticmethod
    def bind(c, fields):
        if fields["name"]:
            kind = fields["manager"].named
            c.variables.append(Variable(fields["name"], kind, c.level, constant=True))

    def make_with(self, c):
        fields = self.manage(c, self.program.managers)
        inner = c.inner(("wall", None), level=int(fields["manager"].suppressor))
        self.bind(inner, fields)
        if self.odds(5) and inner.depth < DEEPEST:  # with (a) with (b) { }, without braces
            body, fields["unbraced"] = self.make_with(inner)[:1], True
        else:
            body, fields["unbraced"] = self.block(inner), False
        return self.then_probe(c, Node("with", [body], **fields))

    def make_using(self, c):
        managers = [m for m in self.program.managers if not m.suppressor]
        if not managers or c.depth >= DEEPEST:
            return None
        fields = self.manage(c, managers)
        self.bind(c, fields)
        c.depth += 1
        return [Node("using", **fields)]

    def make_try(self, c):
        inner = c.inner(("wall", None), level=1)
        body = self.then_throw(inner, self.block(inner), 4)
        handlers, types = [], []
        for _ in range(self.pick(1, 1, 2)):
            inner = c.inner(("wall", None))
            name, place = None if self.odds(3) else self.number("e"), self.number("c")
            if name:
                inner.exceptions.append(name)
                first = Node("simple", text=f'describe("{place}", {name})')
            else:
                first = Node("simple", text=f'current("{place}")')
            types.append((self.random.choice(CAUGHT), name))
            body_of_it = self.block(inner, self.then_probe(c, first))
            handlers.append(self.then_throw(inner, body_of_it, 2))
        return self.then_probe(c, Node("try", [body] + handlers, types=types))

    def make_if(self, c):
        other = [] if self.odds(2) else self.block(c.inner())
        return [Node("if", [self.block(c.inner()), other], condition=self.condition(c))]

    def make_loop(self, c):
        id, index = self.number("L"), Variable(self.number("i"), "int", c.level, constant=True)
        inner = c.inner(("loop", id))
        inner.variables.append(index)
        return self.then_probe(c, Node("loop", [self.block(inner)], id=id, index=index.name,
                                       down=self.odds(2), rounds=self.random.randint(1, 4)))

    def make_switch(self, c):
        id = self.number("L")
        cases = [self.block(c.inner(("switch", id))) for _ in range(self.random.randint(1, 3))]
        return [Node("switch", cases, id=id, value=f"({self.integer(c)}) % {len(cases) + 1}")]

    def make_label(self, c):
        id = self.number("L")
        return [Node("label", [self.block(c.inner(("label", id)))], id=id)]

    def make_group(self, c):
        return [Node("group", [self.block(c.inner())])]

    # ---- Programs --------------------------------------------------------------------------

    def body(self, c, budget, first=()):
        """A body within the budget. Nothing follows what leaves it."""
        self.budget = budget
        nodes = list(first)
        if budget:
            nodes += self.random.choice([self.make_try, self.make_try, self.make_with, self.make_stack,
                                         self.make_stack, self.make_loop])(c)
        while self.budget > 0:
            made = self.statement(c)
            nodes += made
            if made[-1].kind in LEAVING:
                return nodes
        nodes.append(self.probe(c, most=9))
        nodes.append(self.returning(c))
        return nodes

    def parameters(self):
        kinds = ["int", "int", "long", "double", "float", "pointer", "cells"]
        count = self.pick(1, 2, 2, 3, 7)
        parameters = []
        for kind in self.random.choices(kinds, k=count):
            parameters.append(Variable(self.number("a"), kind, 0, constant=self.odds(2),
                                       elsewhere=kind == "cells"))
        return parameters

    def function(self):
        name, result = self.prefix + self.number("f"), self.pick("int", "int", "double", "pointer")
        return Function(name, result, self.parameters(), self.random.choice(ATTRIBUTES))

    def fill_function(self, function):
        c = Context(function.result)
        c.variables += function.parameters
        first = [self.declare(c) for _ in range(self.pick(1, 1, 2, 3, 6))]
        function.body = self.body(c, self.pick(1, 1, 2, 3, 4) * self.size, first)

    def fill_manager(self, manager):
        c = Context(None)
        c.manager = manager
        c.variables.append(Variable("self.cells", "cells", 0, elsewhere=True))
        first = []
        if manager.named:
            first.append(Node("simple", text=f"self.as = {self.expression(c, manager.named)}"))
        manager.enter = self.body(c, self.pick(0, 0, 0, 1) * self.size, first)
        c = Context("bool")
        c.manager = manager
        c.variables.append(Variable("self.cells", "cells", 0, elsewhere=True))
        c.exceptions.append("exc")
        manager.exit = self.body(c, self.pick(0, 0, 0, 1, 2) * self.size)

    def main(self):
        """Calls the functions again and again, for then the dice fall differently."""
        c = Context(None)
        round = Variable(self.number("i"), "int", 0, constant=True)
        inner = c.inner()
        inner.variables.append(round)
        calls = [node for f in self.program.functions for node in self.make_with_call(inner, f)]
        loop = Node("loop", [calls], id=self.number("L"), index=round.name, down=False, rounds=6)
        return [loop] + self.body(c, self.pick(0, 0, 1, 2))

    def make(self):
        program = self.program
        program.fuel = self.random.randint(40, 120)
        program.luck = self.random.randrange(1 << 30)
        program.functions = [self.function() for _ in range(self.pick(1, 1, 1, 2) * self.size)]
        for _ in range(self.pick(1, 1, 2) + self.size - 1):
            named = self.pick(None, "int", "int", "double", "pointer")
            program.managers.append(Manager(self.prefix + self.number("M"), self.odds(3), named))
        program.callbacks = [self.callback(is_exit) for is_exit in (True, True, False)]
        for manager in program.managers:
            self.fill_manager(manager)
        for callback in program.callbacks:
            self.fill_callback(callback)
        for function in program.functions:
            self.fill_function(function)
        program.main = self.main()
        return program


def generate(random, index):
    return Generator(random, index).make()
