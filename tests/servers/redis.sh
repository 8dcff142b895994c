# SPDX-License-Identifier: MIT
#
# For run.sh: a Redis. A SETTING is NAME=VALUE, as in redis.conf.
stop_signal=TERM
user=redis

find_server()
{
    command -v redis-server >/dev/null && return 0
    reason="Redis's server is not installed (Debian: redis-server)"
    return 1
}

prepare_server()
{
    :
}

run_server()
{
    for setting in "$@"; do
        set -- "$@" "--${setting%%=*}" "${setting#*=}"
        shift
    done
    as_user redis-server --port "$port" --bind 127.0.0.1 --unixsocket "$directory/redis.sock" \
        --unixsocketperm 777 --dir "$directory" --save '' --appendonly yes --appendfsync no \
        --daemonize no "$@"
}

server_ready()
{
    [ -S "$directory/redis.sock" ] &&
        redis-cli -s "$directory/redis.sock" ping 2>/dev/null | grep -q -e PONG -e NOAUTH
}

server_address()
{
    echo "$2/redis.sock"
}
