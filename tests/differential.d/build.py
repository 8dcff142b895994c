# SPDX-License-Identifier: MIT
#
# Compiles and runs programs, and compares traces. A configuration is a compiler and its options; the
# core is compiled with the same ones, once.

import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
COMMON = ["-std=gnu11", "-fexceptions", "-g0", "-w", "-ffp-contract=off", "-pthread"]
SECONDS = 300
COMPILER_SECONDS = 1800
NO_COMPILE, CRASH = "does not compile", "internal compiler error"


class Failed(Exception):
    """A command that should have worked."""


class TooSlow(Exception):
    """A compiler that a busy machine kept from its end: no difference, but no result either."""


def run(command, **more):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=COMPILER_SECONDS, check=False, **more)
    except subprocess.TimeoutExpired as slow:
        raise TooSlow(f"no end after {COMPILER_SECONDS} s\n{' '.join(command)}") from slow
    if done.returncode:
        errors = "\n".join(done.stderr.decode(errors="replace").splitlines()[:12])
        raise Failed(f"{NO_COMPILE}\n{' '.join(command)}\n{errors}")


class Configuration:
    def __init__(self, compiler, options, source, directory):
        self.name = " ".join([os.path.basename(compiler)] + options)
        self.command = [compiler] + COMMON + options + [f"-I{source}/include", f"-I{HERE}"]
        self.directory = directory
        self.objects = []
        for file in glob.glob(f"{source}/src/core/*.c") + glob.glob(f"{source}/src/stack/*.c") + \
                [f"{HERE}/runtime.c"]:
            self.objects.append(os.path.join(directory, f"{len(self.objects)}.o"))
            run(self.command + ["-c", file, "-o", self.objects[-1]])

    def build(self, text, name):
        """Returns the path of a program compiled from text."""
        path = os.path.join(self.directory, name)
        with open(path + ".c", "w", encoding="ascii") as file:
            file.write(text)
        run(self.command + [path + ".c"] + self.objects + ["-o", path, "-ldl"])
        os.unlink(path + ".c")
        return path

    def trace(self, text, name, buffered=True):
        """Returns the trace of the programs in text, and what went wrong, or an empty string."""
        try:
            path = self.build(text, name)
        except Failed as failure:
            return "", str(failure)
        try:
            done = subprocess.run([path] + ([] if buffered else ["-u"]), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return "", f"no end after {SECONDS} s"
        finally:
            os.unlink(path)
        errors = done.stderr.decode(errors="replace")
        how = f"status {done.returncode}\n" if done.returncode or errors else ""
        return done.stdout.decode(errors="replace"), how + errors


def split(trace):
    """The trace of each program, by its index."""
    programs = {}
    for part in ("\n" + trace).split("\n@ ")[1:]:
        index, _, lines = part.partition("\n")
        programs[int(index)] = lines.rstrip("\n")
    return programs


def python_traces(text):
    """Runs the programs in this process; returns their traces by index."""
    import runtime

    space = {}
    exec(compile(text, "programs.py", "exec"), space)
    sys.setrecursionlimit(5000)
    return {index: "\n".join(runtime.run_program(index, *rest)[1:])
            for index, *rest in space["programs"]}
