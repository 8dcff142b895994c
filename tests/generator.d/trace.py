# SPDX-License-Identifier: MIT
#
# The generators and blocks of trace.c, under the same names, in Python.
import sys
from contextlib import contextmanager

generators = {}


def say(text):
    print("  " + text)


def generator(function):
    generators[function.__name__] = contextmanager(function)


def name(e):
    if e is None:
        return "nothing"
    return type(e).__name__ + ("(" + str(e) + ")" if str(e) else "")


def chain(e):
    text = name(e)
    if e.__cause__ is not None:
        text += " from [" + chain(e.__cause__) + "]"
    if e.__suppress_context__:
        text += " alone"
        if e.__cause__ is None:
            return text  # the context is a StopIteration that C has no need of
    if e.__context__ is not None:
        text += " after [" + chain(e.__context__) + "]"
    return text


def sees():
    say("sees " + name(sys.exception()))


@generator
def plain():
    yield 1
    sees()


@generator
def catches():
    try:
        yield 1
    except ValueError as e:
        say("caught " + name(e))
        sees()


@generator
def catches_all():
    try:
        yield 1
    except BaseException as e:
        say("caught " + name(e))


@generator
def replaces():
    try:
        yield 1
    except BaseException:
        raise IndexError("of the generator")


@generator
def replaces_from():
    try:
        yield 1
    except BaseException as e:
        raise LookupError("of the generator") from e


@generator
def replaces_twice():
    try:
        yield 1
    except BaseException:
        try:
            raise LookupError("first")
        except LookupError:
            raise EOFError("second")


@generator
def rethrows():
    try:
        yield 1
    except BaseException:
        sees()
        raise


@generator
def throws_it_again():
    kept = None
    try:
        yield 1
    except BaseException as e:
        kept = e
    if kept:
        raise kept


@generator
def throws_it_in_another_handler():
    kept = None
    try:
        yield 1
    except BaseException as e:
        kept = e
    try:
        raise EOFError("between")
    except EOFError:
        if kept:
            raise kept


@generator
def does_not_yield():
    if False:
        yield 1


@generator
def fails_before():
    raise EOFError("before")
    yield 1


@generator
def fails_after():
    yield 1
    raise LookupError("after")


@generator
def stops_before():
    raise StopIteration("before")
    yield 1


@generator
def stops_after():
    yield 1
    raise StopIteration("after")


@generator
def stops_instead():
    try:
        yield 1
    except BaseException:
        raise StopIteration("instead")


@generator
def error_from_it():
    try:
        yield 1
    except BaseException as e:
        raise RuntimeError("from it") from e


@generator
def yields_in_handler():
    try:
        raise EOFError("handled")
    except EOFError:
        sees()
        yield 1
        sees()
    sees()


@generator
def yields_twice():
    yield 1
    yield 2


@generator
def yields_again_in_handler():
    try:
        yield 1
    except BaseException:
        sees()
        yield 2


@generator
def closes_by_return():
    yield 1
    try:
        yield 2
    except BaseException as e:
        say("caught " + chain(e))


@generator
def catches_and_closes():
    try:
        yield 1
    except BaseException:
        pass
    try:
        yield 2
    except GeneratorExit as e:
        say("caught " + chain(e))
        raise


@generator
def closes_by_throw():
    try:
        yield 1
    except BaseException:
        pass
    try:
        yield 2
    except GeneratorExit:
        raise LookupError("at close")


@generator
def closes_by_stop():
    yield 1
    try:
        yield 2
    except GeneratorExit:
        raise StopIteration("at close")


@generator
def generator_exit_after():
    yield 1
    raise GeneratorExit("by itself")


@generator
def nests():
    with generators["catches"]():
        with generators["plain"]():
            yield 1
        say("inner block over")
    say("outer block over")


thrown = {
    "nothing": None,
    "ValueError": ValueError,
    "LookupError": LookupError,
    "StopIteration": StopIteration,
    "RuntimeError": RuntimeError,
    "GeneratorExit": GeneratorExit,
    "MemoryError": MemoryError,
}


def block(manager, what):
    with manager() as value:
        say("body has %d" % value)
        if what == "return":
            return
        if thrown[what]:
            raise thrown[what]("of the body")
    say("the block is over")


def alone(manager, what):
    block(manager, what)


def in_handler(manager, what):
    try:
        raise FloatingPointError("outer")
    except FloatingPointError:
        block(manager, what)


def in_handler_of_generator(manager, what):
    @contextmanager
    def around():
        try:
            raise ZeroDivisionError("of the generator around")
        except ZeroDivisionError:
            yield 1
        sees()

    with around():
        sees()
        block(manager, what)


def in_function_of_generator(manager, what):
    @contextmanager
    def around():
        try:
            raise ZeroDivisionError("of the generator around")
        except ZeroDivisionError:
            sees()
            block(manager, what)
            sees()
        yield 1

    try:
        raise FloatingPointError("outer")
    except FloatingPointError:
        with around():
            sees()


for scene in alone, in_handler, in_handler_of_generator, in_function_of_generator:
    for what in ["return", *thrown]:
        for function, manager in generators.items():
            print(scene.__name__, what, function)
            try:
                scene(manager, what)
            except BaseException as e:
                say("escaped: " + chain(e))
            sees()
