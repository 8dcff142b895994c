# SPDX-License-Identifier: MIT
#
# The part of the generator that makes exit stacks. What is in a stack may outlive the function that put it
# there, so it uses no locals; a stack in a stack is used only where the outer one is not.

from program import Callback, Node, Variable


class Stacks:
    """Belongs to Generator, of which it uses the rest."""

    def callback(self, is_exit):
        return Callback(self.prefix + self.number("k"), is_exit, self.number("a"))

    def fill_callback(self, callback):
        c = self.context("bool" if callback.is_exit else None)
        c.variables.append(Variable(callback.parameter, "int", 0, constant=True))
        if callback.is_exit:
            c.exceptions.append("exc")
        callback.body = self.body(c, self.pick(0, 1) * self.size)

    # ---- Blocks ----------------------------------------------------------------------------

    def fill_stack(self, c):
        """The body of a stack's block: at first something is put on the stack, and often it throws."""
        nodes = []
        for _ in range(self.random.randint(2, 6)):
            nodes += self.put_on(c, c.stacks[-1])
        return self.then_throw(c, nodes + self.block(c), 2)

    def make_stack(self, c):
        if self.odds(4):
            return self.make_using_stack(c)
        inner = c.inner(("wall", None), level=1)
        name = self.number("s")
        slot = self.random.randrange(3) if self.odds(4) else None
        inner.stacks.append(name)
        return self.then_probe(c, Node("stack", [self.fill_stack(inner)], name=name, slot=slot))

    def make_using_stack(self, c):
        name = self.number("s")
        c.stacks.append(name)
        c.depth += 1
        return [Node("using_stack", name=name)] + self.put_on(c, name) + self.put_on(c, name)

    def stack_in_stack(self, c, stack):
        inner = c.inner()
        name = self.number("s")
        inner.stacks = [s for s in inner.stacks if s != stack] + [name]
        return [Node("stack_in_stack", name=name, stack=stack), Node("group", [self.fill_stack(inner)])]

    # ---- Uses ------------------------------------------------------------------------------

    def enter_into(self, c, stack):
        fields = self.manage(c, self.program.managers)
        fields["cells"] = "G"
        self.bind(c, fields)
        return [Node("stack_enter", stack=stack, **fields)]

    def push_on(self, c, stack):
        callback = self.random.choice(self.program.callbacks)
        way = "push" if callback.is_exit else "callback"
        text = f"with_stack_{way}({stack}, {callback.name}, AS_ARGUMENT({self.integer(c)}))"
        return [Node("simple", text=text)]

    def put_on(self, c, stack):
        return self.pick(self.enter_into, self.push_on)(c, stack)

    def make_stack_use(self, c):
        slot = self.random.randrange(3)
        if not c.stacks or self.odds(8):
            return [Node("simple", text=f"with_stack_close(unpark({slot}))")] if self.odds(3) else None
        stack = self.random.choice(c.stacks)
        way = self.random.randrange(12)
        if way == 0:
            return [Node("simple", text=f"park({slot}, {stack})")]
        if way == 1:
            return [Node("simple", text=f"with_stack_close({stack})")]
        if way == 2 and c.depth < self.deepest:
            return self.stack_in_stack(c, stack)
        return self.put_on(c, stack)
