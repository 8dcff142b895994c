# SPDX-License-Identifier: MIT
#
# Reads `objdump -dr --no-show-raw-insn` and prints the hot path of the function FUNCTION, one
# instruction a line, so that two of them can be compared: without addresses and padding; with the
# names that relocations give in place of the numbers that stand for them (our static data and the
# functions that report a failure have one name on both sides); and with jump targets as numbers of
# instructions, or as "cold" where they are out of line (in another section, or behind the
# function's last ret).

# A line of the function: address, then the instruction.
inside && /^ *[0-9a-f]+:\t/ {
    split($0, half, "\t")
    sub(/:.*/, "", half[1]); gsub(/ /, "", half[1])
    sub(/ +#.*/, "", half[2]); gsub(/ +/, " ", half[2]); sub(/ $/, "", half[2])
    number_at[half[1]] = ++count
    text[count] = half[2]
    relocation[count] = ""
    if (half[2] ~ /^ret/) last = count
    next
}

# A relocation of the instruction above it.
inside && /^\t+[0-9a-f]+: R_/ {
    name = $3
    if (name ~ /^\.text/) name = "cold"
    sub(/^\.data.*/, "data", name)
    sub(/^(hand|with)_lock_failed_?-/, "lock_failed-", name)
    sub(/^(hand|with)_unlock_failed_?-/, "unlock_failed-", name)
    relocation[count] = relocation[count] " " name
    next
}

/^[0-9a-f]+ <.*>:$/ { inside = $2 == "<" FUNCTION ">:" }

# Padding inside of a function: what aligns a loop depends on where the function begins.
function is_padding(i) { return text[i] ~ /nop|^xchg %ax,%ax$|^data16|^cs / }

function target_of(i,    target) {
    target = text[i]
    sub(/^[^ ]+ /, "", target); sub(/ .*/, "", target)
    return target
}

END {
    for (i = 1; i <= last; i++) if (!is_padding(i)) printed[i] = ++lines
    for (i = 1; i <= last; i++) {
        if (is_padding(i)) continue
        line = text[i]
        if (line ~ /^j/) {
            at = number_at[target_of(i)]
            sub(/ .*/, "", line)
            if (relocation[i] != "") print line relocation[i]
            else if (at > last) print line " cold"
            else print line " to " printed[at]
        } else if (relocation[i] != "") {
            gsub(/[0-9a-f]+ <.*>$/, "", line)
            print line relocation[i]
        } else print line
    }
}
