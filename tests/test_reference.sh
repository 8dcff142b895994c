# SPDX-License-Identifier: MIT
#
# Each header has a page in docs/reference/, and each public name of the header is on it. with/X_pool.h,
# where a family meets the pool, has one of its own, or is on the page of X.
set -u

source=${WITH_SOURCE:-$(cd "$(dirname "$0")/.." && pwd)}
failed=0
count=0

cd "$source" || exit 1
for header in include/with.h include/with/*.h; do
    [ -e "$header" ] || continue
    page=$(basename "$header" .h)
    [ -e "docs/reference/$page.md" ] || page=${page%_pool}
    page=docs/reference/$page.md
    if [ ! -e "$page" ]; then
        echo "$page is not there"
        failed=1
        continue
    fi
    tools/man-pages --names "$header" >"${TMPDIR:-/tmp}/names.$$"
    while read -r name keyword; do
        count=$((count + 1))
        # The twin of a function, which gives an error number, is on the page with it.
        if ! grep -qwF -e "${name%_in}" -e "${keyword:-$name}" "$page"; then
            echo "$page does not mention $name"
            failed=1
        fi
    done <"${TMPDIR:-/tmp}/names.$$"
    rm -f "${TMPDIR:-/tmp}/names.$$"
done
[ $failed -ne 0 ] || echo "$count names"
exit $failed
