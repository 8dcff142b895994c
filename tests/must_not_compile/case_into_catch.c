/* SPDX-License-Identifier: MIT
 *
 * A case label in a handler.
 *
 * gcc: jump_into_a_block__put_the_label_before_it
 * clang: label before it
 */
#include "managers.h"

int program(int n)
{
    switch (n) {
    default: try { (void)wanted(n + 1);
        } catch (Exception, e) {
            (void)wanted(e->code);
#ifndef FIXED
        case 2:
#endif
            (void)wanted(n + 2);
        }
    }
    return 0;
}
