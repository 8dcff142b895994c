# SPDX-License-Identifier: MIT
#
# What writing a program down in C and in Python has in common. What follows a return is there for the
# minimiser, which may take the return out.


class Writer:
    def __init__(self):
        self.lines, self.indent = [], 0

    def put(self, line):
        self.lines.append("    " * self.indent + line)

    def block(self, nodes):
        self.indent += 1
        self.statements(nodes)
        self.indent -= 1

    def statements(self, nodes):
        for node in nodes:
            getattr(self, "put_" + node.kind)(node)

    def put_simple(self, node):
        self.put(self.spell(node.text))

    put_throw = put_simple
