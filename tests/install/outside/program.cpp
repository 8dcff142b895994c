// SPDX-License-Identifier: MIT
//
// The same in C++, where the header declares types and functions and no keyword.
#include <with.h>

static void count(void *argument)
{
    ++*static_cast<int *>(argument);
}

int main()
{
    int calls = 0;
    const bool good = with_call(count, &calls) == nullptr && calls == 1 &&
                      with_dump(nullptr) == 0 && with_OSError.base == &with_Exception;

    return good ? 0 : 1;
}
