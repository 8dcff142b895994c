# SPDX-License-Identifier: MIT
#
# Makes a program smaller that shows a difference: takes out statements, or puts what is in them in
# their place, as long as the difference stays.


def attempts(nodes, at):
    """What could stand in the place of the statement."""
    yield []
    for body in nodes[at].bodies:
        if body:
            yield body


def shorten(nodes, differs):
    """Shortens a list of statements in place. Returns whether it did."""
    changed = False
    at = len(nodes) - 1
    while at >= 0:
        node = nodes[at]
        for instead in attempts(nodes, at):
            nodes[at:at + 1] = instead
            if differs():
                changed = True
                break
            nodes[at:at + len(instead)] = [node]
        else:
            for body in node.bodies:
                changed = shorten(body, differs) or changed
        at = min(at, len(nodes)) - 1
    return changed


def drop(items, differs):
    """Takes out functions, managers or callbacks that nothing uses any more."""
    for item in list(items):
        at = items.index(item)
        items.remove(item)
        if not differs():
            items.insert(at, item)


def minimise(program, differs):
    changed = True
    while changed:
        changed = False
        for nodes in program.lists():
            changed = shorten(nodes, differs) or changed
    drop(program.functions, differs)
    drop(program.managers, differs)
    drop(program.callbacks, differs)
