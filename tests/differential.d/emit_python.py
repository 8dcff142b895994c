# SPDX-License-Identifier: MIT
#
# Writes a program down in Python. A labelled block or a switch is a loop of one round, a jump past loops
# sets `jump`, which each loop on the way looks at, and `using` is a with round the rest of its block.

import re

from program import KINDS
from writer import Writer


class Python(Writer):
    def __init__(self):
        super().__init__()
        self.around = []  # the loops round this place, and which jumps leave each for a farther one

    @staticmethod
    def spell(text):
        return re.sub(r"\bself\.as\b", "self.as_", text)

    def block(self, nodes):
        super().block(nodes)
        if not nodes:
            self.put("    pass")

    # ---- Statements ------------------------------------------------------------------------

    def put_declare(self, node):
        initial = f"[{', '.join(node.initial)}]" if node.variable.kind == "cells" else node.initial
        self.put(f"{node.variable.name} = {self.spell(initial)}")

    def put_with_call(self, node):
        f = node.function
        arguments = f", {node.arguments}" if node.arguments else ""
        result = f"called({node.slot}, {KINDS[f.result][2]}, {f.name}{arguments})"
        value = f"AT({result})" if f.result == "pointer" else result
        shape = "%d" if f.result == "pointer" else KINDS[f.result][1]
        self.put(f'say("{node.place} {shape}", {value})')

    def put_return(self, node):
        self.put(f"return {node.value}")

    def put_if(self, node):
        self.put(f"if {node.condition}:")
        self.block(node.bodies[0])
        if node.bodies[1]:
            self.put("else:")
            self.block(node.bodies[1])

    def put_group(self, node):
        self.statements(node.bodies[0])

    # ---- Loops and jumps -------------------------------------------------------------------

    def put_jump(self, node):
        ends = "continue" if node.way in ("continue", "again") else "break"
        if self.around[-1][0] == node.target:
            self.put(ends)
            return
        for id, leaving in reversed(self.around):
            if id == node.target:
                break
            leaving[node.way, node.target] = ends
        self.put(f'jump = "{node.way} {node.target}"')
        self.put("break")

    def loop(self, id, head, body):
        leaving = {}
        self.around.append((id, leaving))
        self.put(head)
        self.indent += 1
        body()
        self.indent -= 1
        self.around.pop()
        for (way, target), ends in leaving.items():
            self.put(f'if jump == "{way} {target}":')
            if self.around[-1][0] == target:
                self.put("    jump = None")
                self.put(f"    {ends}")
            else:
                self.put("    break")

    def put_loop(self, node):
        def body():
            self.put("if burned(): break")
            self.statements(node.bodies[0])

        rounds = f"{node.rounds - 1}, -1, -1" if node.down else str(node.rounds)
        self.loop(node.id, f"for {node.index} in range({rounds}):", body)

    def put_switch(self, node):
        def body():
            self.put(f"case = {node.value}")
            for i, nodes in enumerate(node.bodies):
                self.put(f"{'elif' if i else 'if'} case == {i}:")
                self.block(nodes)
            self.put("break")

        self.loop(node.id, "while True:", body)

    def put_label(self, node):
        def body():
            self.statements(node.bodies[0])
            self.put("break")

        self.loop(node.id, "while True:", body)

    # ---- with and try ----------------------------------------------------------------------

    def statements(self, nodes):
        for i, node in enumerate(nodes):
            if node.kind == "using":
                self.manage(node, nodes[i + 1:], False)
                return
            if node.kind == "using_stack":
                self.put(f"{node.name} = Stack(plain=True)")
                self.leave_stack(node, nodes[i + 1:], False)
                return
            getattr(self, "put_" + node.kind)(node)

    def make(self, node):
        m = node.manager
        named = KINDS[m.named][2] if m.named else "None"
        self.put(f"{node.number} = {m.name}({node.id}, {node.cells}, {named})")

    def manage(self, node, body, can_complete):
        self.make(node)
        self.put(f"with {node.number}" + (f" as {node.name}:" if node.name else ":"))
        self.block(body)
        if can_complete:
            self.put(f"    {node.number}.completed = True")

    def put_with(self, node):
        self.manage(node, node.bodies[0], True)

    def put_stack(self, node):
        self.put(f"{node.name} = {'Stack()' if node.slot is None else f'unpark({node.slot}) or Stack()'}")
        self.leave_stack(node, node.bodies[0], True)

    def leave_stack(self, node, body, can_complete):
        """A with, but what is in the stack is not left within the handling of what leaves the body."""
        self.put("try:")
        self.put("    try:")
        self.indent += 1
        self.block(body)
        self.indent -= 1
        if can_complete:
            self.put(f"        {node.name}.completed = True")
        self.put("    except BaseException as escaped:")
        self.put(f"        {node.name}.escaped = escaped")
        self.put("finally:")
        self.put(f"    {node.name}.leave()")

    def put_stack_in_stack(self, node):
        self.put(f"{node.name} = {node.stack}.enter_context(Stack())")

    def put_stack_enter(self, node):
        self.make(node)
        self.put(f"{node.name + ' = ' if node.name else ''}{node.stack}.enter_context({node.number})")

    def put_try(self, node):
        self.put("try:")
        self.block(node.bodies[0])
        for (type, name), body in zip(node.types, node.bodies[1:]):
            self.put(f"except {type} as {name}:" if name else f"except {type}:")
            self.block(body)

    # ---- Definitions -----------------------------------------------------------------------

    def define(self, name, parameters, first, body):
        self.put(f"def {name}({parameters}):")
        for line in ["jump = None"] + first:
            self.put("    " + line)
        self.block(body)

    def put_function(self, f):
        self.define(f.name, ", ".join(p.name for p in f.parameters),
                    [f"if burned(): return {KINDS[f.result][2]}"], f.body)
        self.put(f"    return {KINDS[f.result][2]}")

    def put_manager(self, m):
        self.put(f"class {m.name}({'Suppressor' if m.suppressor else 'Plain'}):")
        self.indent += 1
        self.define("enter", "self", [f'say("enter {m.name} %d", self.id)', "if burned(): return"],
                    m.enter)
        self.define("exit", "self, exc", [
            f'say("exit {m.name} %d,%d %d", self.id, self.count, with_completed(self))',
            f'describe("exit {m.name}", exc)', "if burned(): return False"], m.exit)
        self.indent -= 1

    def put_callback(self, k):
        first = [f'say("called {k.name} %d", {k.parameter})']
        if k.is_exit:
            first.append(f'describe("called {k.name}", exc)')
        self.define(k.name, k.parameter + (", exc" if k.is_exit else ""),
                    first + ["if burned(): return False"], k.body)

    def put_program(self, program):
        for m in program.managers:
            self.put_manager(m)
        for k in program.callbacks:
            self.put_callback(k)
        for f in program.functions:
            self.put_function(f)
        self.define(f"p{program.index}_main", "", [], program.main)


def to_python(programs):
    writer = Python()
    writer.put("from runtime import *")
    for program in programs:
        writer.put_program(program)
    writer.put("programs = [")
    for p in programs:
        writer.put(f"    ({p.index}, {p.fuel}, {p.luck}, p{p.index}_main),")
    writer.put("]")
    return "\n".join(writer.lines) + "\n"
