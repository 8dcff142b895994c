# SPDX-License-Identifier: MIT
#
# What a random program is made of. Expressions and simple statements are text that means the same in
# C and in Python (runtime.h and runtime.py give both the same functions); only declarations and
# control flow are nodes that emit_c.py and emit_python.py write down differently.

# The kinds of values: the type in C, how a value is printed, what it is before it has a value.
KINDS = {
    "int": ("int", "%d", "0"),
    "long": ("long", "%ld", "0"),
    "double": ("double", "%g", "0"),
    "float": ("float", "%g", "0"),
    "pointer": ("const int *", "%d:%d", "P(0)"),
    "cells": ("int *", "%d,%d,%d", "G"),
}

# Statements after which nothing else in their block is reached.
LEAVING = {"throw", "jump", "return"}


def printed(kind, name):
    """The arguments for the format of a value."""
    if kind == "pointer":
        return f"AT({name}), {name}[0]"
    if kind == "cells":
        return ", ".join(f"{name}[{i}]" for i in range(3))
    return name


class Node:
    """A statement. bodies are the lists of statements in it; the other fields depend on its kind."""

    def __init__(self, kind, bodies=(), **fields):
        self.kind = kind
        self.bodies = list(bodies)
        self.__dict__.update(fields)


class Variable:
    """
    A local or parameter. level: how many blocks that a throw can land behind are round it. elsewhere:
    what changes is not a local of this function, but what it points to.
    """

    def __init__(self, name, kind, level, volatile=False, constant=False, elsewhere=False):
        self.name, self.kind, self.level = name, kind, level
        self.volatile, self.constant, self.elsewhere = volatile, constant, elsewhere


class Function:
    def __init__(self, name, result, parameters, attribute):
        self.name, self.result, self.parameters = name, result, parameters
        self.attribute = attribute
        self.body = []


class Manager:
    """A class of managers; named is the kind of its `as`, or None."""

    def __init__(self, name, suppressor, named):
        self.name, self.suppressor, self.named = name, suppressor, named
        self.enter, self.exit = [], []


class Callback:
    """What is pushed on an exit stack: an exit, or a function that only gets its argument."""

    def __init__(self, name, is_exit, parameter):
        self.name, self.is_exit, self.parameter = name, is_exit, parameter
        self.body = []


class Program:
    def __init__(self, index):
        self.index = index
        self.functions, self.managers, self.callbacks, self.main = [], [], [], []
        self.fuel = self.luck = 0

    def lists(self):
        """All lists of statements at the top, which the minimiser shortens."""
        yield self.main
        for function in self.functions:
            yield function.body
        for manager in self.managers:
            yield manager.enter
            yield manager.exit
        for callback in self.callbacks:
            yield callback.body
