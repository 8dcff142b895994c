# SPDX-License-Identifier: MIT
#
# For run.sh: a MariaDB. The user is root, without a password, by socket and port. A SETTING is NAME=VALUE.
stop_signal=TERM
user=mysql

find_server()
{
    for server in "$(command -v mariadbd)" /usr/sbin/mariadbd /usr/local/sbin/mariadbd; do
        [ -x "$server" ] && command -v mariadb-install-db >/dev/null && return 0
    done
    reason="MariaDB's server is not installed (Debian: mariadb-server-core, mariadb-client-core)"
    return 1
}

prepare_server()
{
    as_user mariadb-install-db --no-defaults --datadir="$directory/data" --tmpdir="$directory" \
        --auth-root-authentication-method=normal --skip-name-resolve --skip-test-db
}

# What is to be survived is the end of the server, not that of the machine: so no fsync for each commit.
run_server()
{
    for setting in "$@"; do
        set -- "$@" "--$setting"
        shift
    done
    as_user "$server" --no-defaults --datadir="$directory/data" --tmpdir="$directory" \
        --socket="$directory/mysql.sock" --pid-file="$directory/pid" --port="$port" \
        --bind-address=127.0.0.1 --skip-name-resolve --innodb-flush-log-at-trx-commit=2 \
        --innodb-buffer-pool-size=32M --innodb-log-file-size=16M --skip-log-bin "$@"
}

server_ready()
{
    mariadb --no-defaults --socket="$directory/mysql.sock" --user=root --execute='DO 0' \
        >/dev/null 2>&1
}

server_address()
{
    echo "$2/mysql.sock"
}
