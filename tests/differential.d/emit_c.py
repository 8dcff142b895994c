# SPDX-License-Identifier: MIT
#
# Writes a program down in C. A goto leaves a labelled block or begins it again, and `using` holds to the
# end of its block.

import re

from program import KINDS
from writer import Writer


class C(Writer):
    @staticmethod
    def expression(text):
        return re.sub(r"\bself\.", "self->", text)

    def spell(self, text):
        return self.expression(text) + ";"

    def braces(self, head, nodes):
        self.put(head + " {" if head else "{")
        self.block(nodes)
        self.put("}")

    # ---- Statements ------------------------------------------------------------------------

    def put_declare(self, node):
        v = node.variable
        if v.kind == "cells":
            cells = ", ".join(map(self.expression, node.initial))
            self.put(f"int {v.name}[3] = {{{cells}}};")
            return
        type = KINDS[v.kind][0]
        if v.volatile:  # of a pointer it is the pointer that changes
            type = f"{type}volatile" if type.endswith("*") else f"volatile {type}"
        self.put(f"{type} {v.name} = {self.expression(node.initial)};")

    def put_with_call(self, node):
        f = node.function
        values = ", ".join(filter(None, [KINDS[f.result][2], self.expression(node.arguments)]))
        self.put("{")
        self.put(f"    struct {f.name}_call call = {{{values}}};")
        self.put(f"    take({node.slot}, with_call({f.name}_called, &call));")
        if f.result == "pointer":
            self.put(f'    say("{node.place} %d", AT(call.result));')
        else:
            self.put(f'    say("{node.place} {KINDS[f.result][1]}", call.result);')
        self.put("}")

    def put_return(self, node):
        self.put(f"return {self.expression(node.value)};" if node.value else "return;")

    def put_jump(self, node):
        if node.way in ("leave", "again"):
            self.put(f"goto {node.target}_{node.way};")
        else:
            self.put(f"{node.way};")

    def put_if(self, node):
        self.braces(f"if ({self.expression(node.condition)})", node.bodies[0])
        if node.bodies[1]:
            self.braces("else", node.bodies[1])

    def put_loop(self, node):
        i = node.index
        if node.down:
            self.put(f"int {i} = {node.rounds};")
            self.put(f"while ({i} > 0) {{")
            self.put(f"    {i}--;")
        else:
            self.put(f"for (int {i} = 0; {i} < {node.rounds}; {i}++) {{")
        self.put("    if (burned()) break;")
        self.block(node.bodies[0])
        self.put("}")

    def put_switch(self, node):
        self.put(f"switch ({self.expression(node.value)}) {{")
        for i, body in enumerate(node.bodies):
            self.braces(f"case {i}:", body)
            self.put("    break;")
        self.put("}")

    def put_label(self, node):
        self.put(f"{node.id}_again:;")
        self.braces("", node.bodies[0])
        self.put(f"{node.id}_leave:;")

    def put_group(self, node):
        self.braces("", node.bodies[0])

    def made(self, node):
        fields = f".id = {self.expression(node.id)}, .cells = {self.expression(node.cells)}"
        if node.manager.named:
            fields += f", .as = {KINDS[node.manager.named][2]}"
        return f"WITH_NEW({node.manager.name}, {fields})"

    def managed(self, node):
        return f"{self.made(node)}, {node.name}" if node.name else self.made(node)

    def put_using(self, node):
        self.put(f"using ({self.managed(node)});")

    # ---- Exit stacks -----------------------------------------------------------------------

    def put_stack(self, node):
        made = "cm_exit_stack()" if node.slot is None else f"cm_exit_stack_of(unpark({node.slot}))"
        self.braces(f"with ({made}, {node.name})", node.bodies[0])

    def put_using_stack(self, node):
        self.put(f"using (cm_plain_exit_stack(), {node.name});")

    def put_stack_in_stack(self, node):
        self.put(f"with_exit_stack *{node.name} = with_stack_enter({node.stack}, cm_exit_stack());")

    def put_stack_enter(self, node):
        named = node.manager.named
        entered = f"with_stack_{'enter' if named else 'hold'}({node.stack}, {self.made(node)});"
        self.put(f"{KINDS[named][0]} {node.name} = {entered}" if node.name else entered)

    # ---- with and try ----------------------------------------------------------------------

    def put_with(self, node):
        inner = node.bodies[0]
        if node.unbraced and [n.kind for n in inner] == ["with"]:
            self.put(f"with ({self.managed(node)})")
            self.put_with(inner[0])
        else:
            self.braces(f"with ({self.managed(node)})", inner)

    def put_try(self, node):
        self.braces("try", node.bodies[0])
        for (type, name), body in zip(node.types, node.bodies[1:]):
            self.braces(f"catch ({type}, {name})" if name else f"catch ({type})", body)

    # ---- Definitions -----------------------------------------------------------------------

    def put_prototype(self, f):
        parameters = ", ".join(f"{KINDS[p.kind][0]} {p.name}" for p in f.parameters)
        result = KINDS[f.result][0]
        self.put(f"{f.attribute} {result} {f.name}({parameters});")
        members = " ".join(f"{KINDS[p.kind][0]} {p.name};" for p in f.parameters)
        self.put(f"struct {f.name}_call {{ {result} result; {members} }};")
        self.put(f"static void {f.name}_called(void *argument)")
        self.put("{")
        self.put(f"    struct {f.name}_call *call = argument;")
        arguments = ", ".join(f"call->{p.name}" for p in f.parameters)
        self.put(f"    call->result = {f.name}({arguments});")
        self.put("}")

    def put_function(self, f):
        parameters = ", ".join(f"{KINDS[p.kind][0]} {p.name}" for p in f.parameters)
        self.put(f"{f.attribute} {KINDS[f.result][0]} {f.name}({parameters})")
        self.put("{")
        self.put(f"    if (burned()) return {KINDS[f.result][2]};")
        self.block(f.body)
        self.put(f"    return {KINDS[f.result][2]};")
        self.put("}")

    def put_class(self, m):
        head = "WITH_SUPPRESSOR" if m.suppressor else "WITH_MANAGER"
        named = f" {KINDS[m.named][0]} as;" if m.named else ""
        self.put(f"struct {m.name} {{ {head}; int id, count; int *cells;{named} }};")
        self.put(f"static void {m.name}_enter(struct {m.name} *self);")
        self.put(f"static bool {m.name}_exit(struct {m.name} *self, const with_exception *exc);")
        self.put(f"WITH_CLASS({m.name}, {m.name}_enter, {m.name}_exit);")

    def put_manager(self, m):
        self.put(f"static void {m.name}_enter(struct {m.name} *self)")
        self.put("{")
        self.put(f'    say("enter {m.name} %d", self->id);')
        self.put("    if (burned()) return;")
        self.block(m.enter)
        self.put("}")
        self.put(f"static bool {m.name}_exit(struct {m.name} *self, const with_exception *exc)")
        self.put("{")
        self.put(f'    say("exit {m.name} %d,%d %d", self->id, self->count, with_completed(self));')
        self.put(f'    describe("exit {m.name}", exc);')
        self.put("    if (burned()) return false;")
        self.block(m.exit)
        self.put("    return false;")
        self.put("}")

    @staticmethod
    def callback_head(k):
        if k.is_exit:
            return f"static bool {k.name}(void *argument, const with_exception *exc)"
        return f"static void {k.name}(void *argument)"

    def put_callback(self, k):
        self.put(self.callback_head(k))
        self.put("{")
        self.put(f"    const int {k.parameter} = ARGUMENT(argument);")
        self.put(f'    say("called {k.name} %d", {k.parameter});')
        if k.is_exit:
            self.put(f'    describe("called {k.name}", exc);')
        self.put(f"    if (burned()) return{' false' if k.is_exit else ''};")
        self.block(k.body)
        if k.is_exit:
            self.put("    return false;")
        self.put("}")

    def put_program(self, program):
        for f in program.functions:
            self.put_prototype(f)
        for k in program.callbacks:
            self.put(self.callback_head(k) + ";")
        for m in program.managers:
            self.put_class(m)
        for m in program.managers:
            self.put_manager(m)
        for k in program.callbacks:
            self.put_callback(k)
        for f in program.functions:
            self.put_function(f)
        self.put(f"static void p{program.index}_main(void)")
        self.put("{")
        self.block(program.main)
        self.put("}")


def to_c(programs):
    writer = C()
    writer.put('#include "runtime.h"')
    for program in programs:
        writer.put_program(program)
    writer.put("const struct program programs[] = {")
    for p in programs:
        writer.put(f"    {{{p.index}, {p.fuel}, {p.luck}, p{p.index}_main}},")
    writer.put("};")
    writer.put("const int program_count = sizeof programs / sizeof *programs;")
    return "\n".join(writer.lines) + "\n"
