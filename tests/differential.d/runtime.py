# SPDX-License-Identifier: MIT
#
# What the random programs call, in Python: runtime.h has the same functions under the same names, and
# runtime.c prints the same lines.

import contextlib
import os
import sys

SLOTS, DESCRIBED = 3, 40
NULL, true, false = None, True, False

T = [3, 14, 15, 92, 65, 35, 89, 79, 32, 38, 46, 26, 43, 38, 32, 79, 50, 28, 84, 19]
G = [0, 1, 2]


class AppError(Exception):
    pass


class AppChildError(AppError):
    pass


class AppLookupError(LookupError):
    pass


class MemoryError(MemoryError):
    """CPython keeps some MemoryErrors for reuse, and to 3.11 at least a reused one may still have
    __suppress_context__ set; those of a subclass are not kept."""


class State:
    fuel = luck = 0
    slots = [None] * SLOTS
    parked = [None] * SLOTS
    lines = []


class P:
    """A pointer into T."""

    def __init__(self, at):
        self.at = at

    def __getitem__(self, index):
        return T[self.at + index]


def AT(pointer):
    return pointer.at


INT = int


# ---- The trace ---------------------------------------------------------------------------------


def say(format, *arguments):
    State.lines.append(format % arguments)


def message_and_code(e):
    """What the fields message and code are in C."""
    last = e.args[-1] if e.args else ""
    if isinstance(e, SystemExit) and isinstance(last, int):
        return "", last
    if last == "No active exception to reraise":
        last = "no active exception to reraise"
    return last, isinstance(e, OSError) and e.errno or 0


def describe_one(done, e):
    if e is None:
        return "-"
    for i, seen in enumerate(done):
        if seen is e:
            return "#%d" % i
    if len(done) == DESCRIBED:
        return "..."
    done.append(e)
    message, code = message_and_code(e)
    text = "%s(%s)" % (type(e).__name__, message)
    if code:
        text += " code %d" % code
    if e.__suppress_context__:
        text += "!"
    for line in getattr(e, "__notes__", ()):
        text += " +" + line
    cause = describe_one(done, e.__cause__)
    return "%s [%s | %s]" % (text, cause, describe_one(done, e.__context__))


def describe(where, exception):
    say("%s %s", where, describe_one([], exception))


def current(where):
    e = with_current()
    say("%s current %s(%s)", where, type(e).__name__ if e else "", message_and_code(e)[0] if e else "")


# ---- What a program can ask --------------------------------------------------------------------


def burned():
    State.fuel -= 1
    return State.fuel < 0


def chance(sides):
    State.luck = (State.luck * 1103515245 + 12345) & 0x7FFFFFFF
    return (State.luck >> 16) % sides == 0


def keep(slot, exception):
    State.slots[slot] = exception


def kept(slot):
    return State.slots[slot]


def matches(exception, type):
    return isinstance(exception, type)


def with_current():
    return sys.exc_info()[1]


def with_completed(manager):
    return manager.completed


def note(exception, format, *arguments):
    if exception is None:
        return
    if not hasattr(exception, "__notes__"):  # add_note() is there since Python 3.11
        exception.__notes__ = []
    exception.__notes__.append(format % arguments)


def called(slot, default, function, *arguments):
    """with_call(): the exception that escaped goes to the slot."""
    result, escaped = default, None
    try:
        result = function(*arguments)
    except BaseException as e:
        escaped = e
    keep(slot, escaped)
    return result


# ---- Throwing ----------------------------------------------------------------------------------


def throw(type, format, *arguments):
    raise type(format % arguments)


def throw_from(cause, type, format, *arguments):
    raise type(format % arguments) from cause


def throw_error(code, format, *arguments):
    raise OSError(code, format % arguments + ": " + os.strerror(code))


def with_release_error(exception, code, format, *arguments):
    if exception is None:
        throw_error(code, format, *arguments)
    note(exception, "%s", format % arguments + ": " + os.strerror(code))


def with_exit(status):
    raise SystemExit(status)


def with_rethrow():
    raise


def reaches(start, target):
    waiting, seen = [start], set()
    while waiting:
        e = waiting.pop()
        if e is None or id(e) in seen:
            continue
        if e is target:
            return True
        seen.add(id(e))
        waiting += [e.__context__, e.__cause__]
    return False


def again(exception):
    """
    The one place where the meaning of with.h is not CPython's. `raise e` takes e out of the contexts
    of what is being handled and then makes that the context of e. If a cause still leads from there
    back to e, CPython has made a loop, which its garbage collector finds one day; with.h counts
    references, and leaves the context of e as it was. So does this.
    """
    if exception is None:
        raise TypeError("there is no exception to throw again")
    handled, before = with_current(), exception.__context__
    try:
        raise exception
    except BaseException:
        if handled is not exception and reaches(handled, exception):
            exception.__context__ = before
        raise


# ---- Managers ----------------------------------------------------------------------------------


class Manager:
    completed = False

    def __init__(self, id, cells, named):
        self.id, self.cells, self.as_, self.count = id, cells, named, 0

    def __enter__(self):
        self.enter()
        return self.as_


class Plain(Manager):
    def __exit__(self, type, exception, traceback):
        if self.exit(exception) and exception is not None:
            throw(RuntimeError, "the exit of %s returned true, but only a WITH_SUPPRESSOR can suppress",
                  self.__class__.__name__)
        return False


class Suppressor(Manager):
    def __exit__(self, type, exception, traceback):
        return self.exit(exception)


# ---- Exit stacks -------------------------------------------------------------------------------


def throw_unchanged(exception):
    """As `raise exception`, but what is being handled and the contexts have nothing to do with it."""
    contexts, e = [(exception, exception.__context__)], with_current()
    while e is not None and all(e is not other for other, _ in contexts[1:]):
        contexts.append((e, e.__context__))
        e = e.__context__
    try:
        raise exception
    except BaseException:
        for e, context in contexts:
            e.__context__ = context
        raise


class Exit:
    """Something in a stack, as the manager of a block."""

    def __init__(self, exit):
        self.exit = exit

    def __enter__(self):
        pass

    def __exit__(self, *details):
        return self.exit(*details)


class Stack(contextlib.ExitStack):
    """
    contextlib.ExitStack, but what is in the stack is left by the interpreter, as nested blocks. They are
    what with/stack.h must do; CPython's own loop differs: it loses earlier errors when several exits
    fail after a body that did not (python/cpython#102201), and its exits are handling what left the
    body even when an exit before them has suppressed or replaced that.
    """
    completed = passed = False
    escaped = None

    def __init__(self, plain=False):
        super().__init__()
        self.plain = plain

    def leave(self):
        self.run(self.escaped)

    def close(self):
        self.completed = True
        self.run(None)
        self.completed = False

    def enter_context(self, manager):
        if self.plain and isinstance(manager, (Stack, Suppressor)):
            name = "cm_exit_stack" if isinstance(manager, Stack) else manager.__class__.__name__
            throw(TypeError, "%s is a suppressor, and this exit stack takes none", name)
        return super().enter_context(manager)

    def push_exit(self, function, argument):
        plain = self.plain

        def exit(type, exception, traceback):
            suppresses = function(argument, exception)
            if plain and suppresses and exception is not None:
                throw(RuntimeError,
                      "the exit of with_stack_push returned true, but only a WITH_SUPPRESSOR can suppress")
            return suppresses

        self.push(exit)

    def run(self, exception):
        self.passed = exception is not None
        self.nest(lambda: None if exception is None else throw_unchanged(exception))

    def nest(self, body):
        exits = [exit for _, exit in self._exit_callbacks]
        self._exit_callbacks.clear()
        self.nest_exits(exits, body)

    def nest_exits(self, exits, body):
        """Runs the body in blocks, of which the first of the exits is the outermost."""
        if not exits:
            body()
            return
        manager = getattr(exits[0], "__self__", None)
        if isinstance(manager, Stack):
            manager.nest(lambda: self.nest_in_stack(manager, exits[1:], body))
            return
        with Exit(exits[0]):
            self.nest_exits(exits[1:], body)
            if manager is not None:
                manager.completed = self.passed or self.completed

    def nest_in_stack(self, inner, exits, body):
        try:
            self.nest_exits(exits, body)
        except BaseException:
            inner.passed = True
            raise
        inner.completed = self.passed or self.completed


def with_stack_push(stack, function, argument):
    stack.push_exit(function, argument)


def with_stack_callback(stack, function, argument):
    stack.callback(function, argument)


def with_stack_close(stack):
    if stack is not None:
        stack.close()


def AS_ARGUMENT(value):
    return value


def park(slot, stack):
    if State.parked[slot] is None:
        State.parked[slot] = stack.pop_all()


def unpark(slot):
    stack, State.parked[slot] = State.parked[slot], None
    return stack


def close_parked():
    for slot in range(SLOTS):
        while State.parked[slot] is not None:
            escaped = None
            try:
                unpark(slot).close()
            except BaseException as e:
                escaped = e
            describe("parked", escaped)


# ---- Running -----------------------------------------------------------------------------------


def run_program(index, fuel, luck, run):
    """Returns the trace of a program, in lines."""
    State.lines = []
    State.fuel, State.luck = fuel, luck
    G[:] = range(3)
    say("@ %d", index)
    called(0, None, run)
    close_parked()
    for slot in range(SLOTS):
        describe("end", kept(slot))
    current("end")
    say("end %d,%d,%d held %d", G[0], G[1], G[2], 0)
    State.slots[:] = [None] * SLOTS
    return State.lines
