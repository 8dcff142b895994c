/* SPDX-License-Identifier: MIT
 *
 * The C++ part of test_generator_foreign.c.
 */
extern "C" void throw_foreign(int value);
extern "C" int catch_foreign(void (*function)());

void throw_foreign(int value)
{
    throw value;
}

int catch_foreign(void (*function)())
{
    try {
        function();
    } catch (int value) {
        return value;
    }
    return 0;
}
