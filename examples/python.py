# SPDX-License-Identifier: MIT
#
# The same program as python.c, in Python. A test checks that both print the same.


class Section:
    def __init__(self, title):
        self.title = title

    def __enter__(self):
        print("begin", self.title)
        return self.title

    def __exit__(self, exc_type, exc, traceback):
        print("end", self.title, "with" if exc else "without", "an exception")
        return False


class Ignore:
    def __init__(self, type):
        self.type = type

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, traceback):
        return isinstance(exc, self.type)


def first_number(path):
    try:
        with open(path) as file:
            line = file.readline()
            if not line:
                return 0
            return int(line)
    except FileNotFoundError as e:
        raise LookupError("no number at " + path) from e


def main():
    with Section("outer"), Section("inner") as title:
        print("in", title)

    try:
        print(first_number("/dev/null"))
        print(first_number("/nonexistent"))
    except LookupError as e:
        print(e, "because of a", type(e.__cause__).__name__)

    with Ignore(ArithmeticError):
        with Section("division"):
            raise ZeroDivisionError("division by zero")


main()
