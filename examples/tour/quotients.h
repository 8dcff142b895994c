/* SPDX-License-Identifier: MIT
 *
 * A context that is no resource but a way of working. Without the library with-decimal there is no file beside
 * this one.
 */
#ifndef TOUR_QUOTIENTS_H
#define TOUR_QUOTIENTS_H

/* Prints one quotient with 42 digits, which a block has asked for, and behind the block with 28. */
void print_quotients(void);

#endif
