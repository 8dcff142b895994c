# SPDX-License-Identifier: MIT
#
# Warnings, sanitizers, coverage, valgrind, and what the shared library shows.
include(CheckLinkerFlag)

set(with_warnings -Wall -Wextra)
if(WITH_WERROR)
  list(APPEND with_warnings -Werror)
endif()

if(WITH_SANITIZE)
  add_compile_options(-fsanitize=${WITH_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${WITH_SANITIZE})
endif()
if(WITH_COVERAGE)
  add_compile_options(--coverage -fprofile-abs-path -fprofile-update=atomic)
  add_link_options(--coverage)
endif()
if(WITH_VALGRIND)
  # Each test that is a program of ours is run through this.
  set(CMAKE_CROSSCOMPILING_EMULATOR valgrind --quiet --error-exitcode=99 --leak-check=full
                                    --show-leak-kinds=definite --errors-for-leak-kinds=definite
                                    --num-callers=30)
endif()

# Lets a shared library show the symbols of a version script and no other. Never -Bsymbolic: the
# exception types are compared by address. It stays loaded once loaded, for threads may still hold
# what it must release at their end.
function(with_export_only target script)
  if(APPLE OR WIN32)
    return()
  endif()
  target_link_options(${target} PRIVATE "LINKER:--version-script=${script}")
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS ${script})
  check_linker_flag(C LINKER:-z,nodelete with_can_stay_loaded)
  if(with_can_stay_loaded)
    target_link_options(${target} PRIVATE LINKER:-z,nodelete)
  endif()
  if(NOT WITH_SANITIZE)
    check_linker_flag(C LINKER:-z,defs with_can_refuse_undefined)
    if(with_can_refuse_undefined)
      target_link_options(${target} PRIVATE LINKER:-z,defs)
    endif()
  endif()
endfunction()
