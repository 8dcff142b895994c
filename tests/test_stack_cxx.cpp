/* SPDX-License-Identifier: MIT
 *
 * The C++ side: throws through exits in a stack, and catches what comes out.
 */
#include <with.h>
#include <with/stack.h>

extern "C" void throw_foreign(void *value);
extern "C" bool catch_foreign(void (*function)(void), int *ret_value);

void throw_foreign(void *value)
{
    throw *static_cast<int *>(value);
}

bool catch_foreign(void (*function)(void), int *ret_value)
{
    try {
        function();
    } catch (int value) {
        *ret_value = value;
        return true;
    }
    return false;
}
