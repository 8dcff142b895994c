/* SPDX-License-Identifier: MIT
 *
 * The peers written in C++ (bench_lock_peer.cpp, bench_throw_peer.cpp). Without a C++ compiler they
 * are not linked, and questions about them are skipped.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#ifdef BENCH_WITHOUT_CPLUSPLUS
#define BENCH_PEER(NAME) enum { NAME = 0 }
#elif defined(__cplusplus)
#define BENCH_PEER(NAME) extern "C" void NAME(long count)
#else
#define BENCH_PEER(NAME) void NAME(long count)
#endif

BENCH_PEER(peer_guard_transparent);
BENCH_PEER(peer_guard_call);
BENCH_PEER(peer_throw_1);
BENCH_PEER(peer_throw_5);
BENCH_PEER(peer_throw_10);
BENCH_PEER(peer_throw_20);

#endif
