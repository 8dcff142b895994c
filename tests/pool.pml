/* SPDX-License-Identifier: MIT
 *
 * A model of src/pool: acquire, hand-off, time-out, cancellation, check, reset, break, close, suspension,
 * opening that fails. The test pool_model has spin look at every interleaving.
 *
 * An atomic block here is what the pool does with its lock held; between two of them anything may happen.
 * A waiter that sleeps is woken by nobody but who sets its `signal`. Time is left out: a limit of time
 * may pass at any moment (TIME_OUT), a waiter may be old or young at any moment (strict or not), and the
 * backing off ends at any moment.
 *
 * Proven: never more than SIZE items; none in two hands; opened = closed + open; when all threads have
 * done their work nothing is held and nobody waits (a forgotten waiter is an invalid end state); and what
 * there is and nobody has is not there while somebody sleeps in the queue and has not been told (told()).
 */
#ifndef THREADS
#define THREADS 3
#endif
#ifndef SIZE
#define SIZE 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef TIME_OUT
#define TIME_OUT true
#endif

mtype = { EMPTY, OPENING, IDLE, HELD, CHECKING, CLOSING };
mtype = { NOTHING, TAKEN, CHECK, OPEN, FAILED };

#define NOBODY 255

mtype state[SIZE];     /* EMPTY: not in use */
bool broken[SIZE];
byte users[SIZE];      /* threads in whose hands it is */
mtype step[THREADS];   /* what a request has been given */
byte slot[THREADS];
bool queued[THREADS];
bool woken[THREADS];
bool signal[THREADS];  /* its condition variable has been signalled */
byte queue[THREADS];   /* the first in the queue first */
byte length, occupied, idle, wakes;
byte opened, closed;
bool pool_closed, backing_off, done[THREADS];

/* Used in one atomic block at a time: no part of the state. */
hidden byte place, spot, other, count, who, each;

/* ---- With the lock held -------------------------------------------------------------------- */

inline set(s, from, to)
{
    assert(state[s] == from);
    state[s] = to;
    if
    :: from == IDLE -> idle--
    :: to == IDLE -> idle++
    :: else
    fi
}

inline dequeue(t)
{
    place = 0;
    do
    :: queue[place] == t -> break
    :: else -> place++
    od;
    do
    :: place + 1 < length -> queue[place] = queue[place + 1]; place++
    :: else -> break
    od;
    length--;
    queue[length] = NOBODY;
    queued[t] = false;
    if
    :: woken[t] -> woken[t] = false; wakes--
    :: else
    fi
}

/* find_locked() */
inline find(t)
{
    step[t] = NOTHING;
    if
    :: pool_closed -> step[t] = FAILED
    :: !pool_closed && idle > 0 ->
        spot = 0;
        do
        :: state[spot] == IDLE -> break
        :: else -> spot++
        od;
        slot[t] = spot;
        if
        :: set(spot, IDLE, HELD); users[spot]++; assert(users[spot] == 1); step[t] = TAKEN
        :: set(spot, IDLE, CHECKING); step[t] = CHECK /* it was quiet for a while */
        fi
    :: !pool_closed && idle == 0 && occupied < SIZE && !backing_off ->
        spot = 0;
        do
        :: state[spot] == EMPTY -> break
        :: else -> spot++
        od;
        slot[t] = spot;
        set(spot, EMPTY, OPENING);
        occupied++;
        step[t] = OPEN
    :: else
    fi
}

/* with__dispatch_locked(): whether the first in the queue is old is any man's guess */
inline dispatch()
{
    do
    :: length > 0 && idle > 0 && !pool_closed -> /* young: wake one waiter for each idle item */
        other = 0;
        do
        :: other < length && wakes < idle ->
            if
            :: !woken[queue[other]] -> woken[queue[other]] = true; wakes++; signal[queue[other]] = true
            :: else
            fi;
            other++
        :: else -> break
        od;
        break
    :: length > 0 ->
        who = queue[0];
        find(who);
        if
        :: step[who] == NOTHING -> break
        :: else -> dequeue(who); signal[who] = true
        fi
    :: length == 0 -> break
    od;
    if
    :: length > 0 && backing_off -> signal[queue[0]] = true
    :: else
    fi
}

/* Nobody sleeps untold while there is something for him. */
#define untold(t) (queued[t] && !woken[t] && !signal[t])
inline told()
{
    other = 0;
    count = 0;
    do
    :: other < THREADS -> if :: untold(other) -> count++ :: else fi; other++
    :: else -> break
    od;
    assert(count == 0 || idle <= wakes);
    assert(count == 0 || !pool_closed);
    assert(count == 0 || !(idle == 0 && occupied < SIZE && !backing_off && length == count))
}

/* ---- A thread ------------------------------------------------------------------------------ */

inline close_item(s) /* CLOSING already; close runs without the lock */
{
    atomic { assert(users[s] == 0); set(s, CLOSING, EMPTY); occupied--; closed++; dispatch(); told() }
}

proctype thread(byte me)
{
    byte round, s;
    bool waiting;

again:
    /* with__next_step() */
    atomic {
        step[me] = NOTHING;
        if
        :: length == 0 || (length > 0) -> /* may overtake, the first in the queue being young */
            find(me)
        :: length > 0 -> skip
        fi;
        waiting = step[me] == NOTHING;
        if
        :: waiting ->
            if
            :: TIME_OUT -> step[me] = FAILED; waiting = false /* does not wait at all */
            :: true -> queue[length] = me; length++; queued[me] = true; signal[me] = false
            fi
        :: else
        fi
    }
    do
    :: waiting ->
        atomic { /* wait_on_locked() */
            dispatch();
            if
            :: !queued[me] -> waiting = false
            :: queued[me] && woken[me] && idle > 0 && !pool_closed -> dequeue(me); find(me); waiting = false
            :: queued[me] && woken[me] && (idle == 0 || pool_closed) -> woken[me] = false; wakes--; signal[me] = false
            :: queued[me] && !woken[me] -> signal[me] = false
            fi;
            if
            :: !waiting -> dispatch()
            :: else
            fi;
            told()
        }
        if
        :: waiting ->
            if
            :: signal[me]
            :: TIME_OUT -> /* or cancelled: with what has been given meanwhile */
                atomic {
                    if
                    :: queued[me] -> dequeue(me); step[me] = FAILED
                    :: !queued[me] && step[me] == TAKEN -> /* given, and cancelled: leave_cancelled() */
                        users[slot[me]]--; set(slot[me], HELD, IDLE); step[me] = FAILED
                    :: !queued[me] && step[me] == CHECK -> set(slot[me], CHECKING, IDLE); step[me] = FAILED
                    :: !queued[me] && step[me] == OPEN -> set(slot[me], OPENING, EMPTY); occupied--; step[me] = FAILED
                    :: !queued[me] -> skip /* given, and only late: it takes it */
                    fi;
                    waiting = false;
                    dispatch();
                    told()
                }
            fi
        :: else
        fi
    :: else -> break
    od;

    atomic { s = slot[me]; slot[me] = 0 }
    if
    :: step[me] == FAILED -> goto end
    :: step[me] == CHECK ->
        if
        :: atomic { set(s, CHECKING, HELD); users[s]++; assert(users[s] == 1) }
        :: atomic { set(s, CHECKING, CLOSING) } close_item(s); goto again
        fi
    :: step[me] == OPEN ->
        if
        :: atomic { opened++;
                    if
                    :: pool_closed -> set(s, OPENING, CLOSING)
                    :: else -> set(s, OPENING, HELD); users[s]++; assert(users[s] == 1)
                    fi;
                    backing_off = false; dispatch(); told() }
           if
           :: state[s] == CLOSING -> close_item(s); goto again
           :: else
           fi
        :: atomic { set(s, OPENING, EMPTY); occupied--; backing_off = true; dispatch(); told() }
           goto again
        fi
    :: step[me] == TAKEN -> skip
    fi;

    /* The block, and with__release(). */
    if
    :: broken[s] = true
    :: true
    fi;
    atomic {
        users[s]--;
        if
        :: broken[s] || pool_closed -> broken[s] = false; set(s, HELD, CLOSING)
        :: else -> set(s, HELD, IDLE); dispatch(); told()
        fi;
        waiting = state[s] == CLOSING
    }
    if
    :: waiting -> close_item(s)
    :: else
    fi;
    round++;
    if
    :: round < ROUNDS -> goto again
    :: else
    fi;
end:
    atomic { done[me] = true; step[me] = NOTHING }
}

/* The time of backing off is over: the first in the queue wakes up by itself. */
active proctype clock()
{
end_clock:
    do
    :: atomic { backing_off -> backing_off = false;
                if :: length > 0 -> signal[queue[0]] = true :: else fi }
    od
}

/* Somebody closes the pool, at some moment or never. */
active proctype closer()
{
    byte s;
end_closer:
    if
    :: atomic { pool_closed = true; dispatch(); told() }
       do
       :: atomic { idle > 0 -> other = 0;
                   do
                   :: state[other] == IDLE -> break
                   :: else -> other++
                   od;
                   set(other, IDLE, CLOSING); s = other }
          close_item(s)
       :: true -> break
       od
    :: true -> skip
    fi
}

#define ALL_DONE (done[0] && done[1] && (THREADS < 3 || done[THREADS - 1]))

active proctype observer()
{
    byte held;
    atomic {
        do
        :: each < SIZE -> state[each] = EMPTY; each++
        :: else -> break
        od;
        each = 0;
        do
        :: each < THREADS -> run thread(each); each++
        :: else -> break
        od
    }
end_observer:
    atomic {
        each = 0;
        (ALL_DONE);
        do
        :: each < SIZE -> held = held + users[each]; each++
        :: else -> break
        od;
        assert(held == 0 && length == 0 && wakes == 0);
        assert(occupied <= SIZE)
    }
}

