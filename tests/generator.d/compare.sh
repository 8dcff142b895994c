# SPDX-License-Identifier: MIT
#
# Runs trace.py and the program made of trace.c, and compares what they print. Before 3.11.5
# contextlib made the errors of a generator that does not stop without closing it.
set -u

here=$(cd "$(dirname "$0")" && pwd)
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' 2>/dev/null || {
    echo "skipped: it needs python3, 3.11.5 or later"
    exit 77
}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
python3 "$here/trace.py" >"$directory/python" && "$1" >"$directory/c" || exit 1
diff "$directory/python" "$directory/c" || exit 1
echo "$(wc -l <"$directory/c") lines are the same"
