/* SPDX-License-Identifier: MIT
 *
 * Threads as a manager: none of them outlives the block, and none fails unseen.
 */
#ifndef TOUR_CREW_H
#define TOUR_CREW_H

#include <with.h>

#include <pthread.h>

enum { CREW_MAX = 16 };

struct cm_crew {
    WITH_MANAGER;
    void (*function)(void *argument);
    void *argument;
    int size, started;
    pthread_t threads[CREW_MAX];
};

/*
 * Enters by starting up to CREW_MAX threads that run function(argument). Exits by waiting for all of
 * them, after cancelling them if the block did not run to its end. What escapes from one of them is
 * thrown in this thread, or noted on the exception that leaves the block.
 */
struct cm_crew cm_crew(int size, void (*function)(void *argument), void *argument);

#endif
