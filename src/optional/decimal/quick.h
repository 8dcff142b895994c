/* SPDX-License-Identifier: MIT
 *
 * Private to with-decimal: the quick ways. The context is a valid one. False: nothing is done, for the general
 * way to do it.
 */
#ifndef WITH_DECIMAL_QUICK_H
#define WITH_DECIMAL_QUICK_H

#include "internal.h"

bool with__add_quickly(with_decimal *result, const with_decimal *a, const with_decimal *b,
                       bool negated, with_decimal_context *context);
bool with__mul_quickly(with_decimal *result, const with_decimal *a, const with_decimal *b,
                       with_decimal_context *context);
bool with__div_quickly(with_decimal *result, const with_decimal *a, const with_decimal *b,
                       with_decimal_context *context);

#endif
