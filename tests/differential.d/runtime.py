# SPDX-License-Identifier: MIT
#
# What the random programs call, in Python: runtime.h has the same functions under the same names, and
# runtime.c prints the same lines.

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


# ---- Running -----------------------------------------------------------------------------------


def run_program(index, fuel, luck, run):
    """Returns the trace of a program, in lines."""
    State.lines = []
    State.fuel, State.luck = fuel, luck
    G[:] = range(3)
    say("@ %d", index)
    called(0, None, run)
    for slot in range(SLOTS):
        describe("end", kept(slot))
    current("end")
    say("end %d,%d,%d held %d", G[0], G[1], G[2], 0)
    State.slots[:] = [None] * SLOTS
    return State.lines
