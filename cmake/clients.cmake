# SPDX-License-Identifier: MIT
#
# The client libraries that optional libraries stand on, and how to find them. Read by the build and,
# installed beside withConfig.cmake, by find_package(with COMPONENTS ...).

# with_find_client(NAME): looks for what libwith-NAME needs. If it is there, the target
# with_client::NAME carries its directory of headers and its library.
function(with_find_client name)
  if(TARGET with_client::${name})
    return()
  endif()
  set(suffixes)
  if(name STREQUAL "sqlite")
    set(header sqlite3.h)
    set(library sqlite3)
    set(module sqlite3)
  elseif(name STREQUAL "postgres")
    set(header libpq-fe.h)
    set(suffixes postgresql)
    set(library pq)
    set(module libpq)
  elseif(name STREQUAL "mysql")
    set(header mysql.h)
    set(suffixes mariadb)
    set(library mariadb)
    set(module libmariadb)
  elseif(name STREQUAL "redis")
    set(header hiredis/hiredis.h)
    set(library hiredis)
    set(module hiredis)
  else()
    return()
  endif()

  # pkg-config only gives hints: what is where compilers look is found without it.
  find_package(PkgConfig QUIET)
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(with_${name}_hint QUIET ${module})
  endif()
  # Looked for each time, for it may have come or gone.
  unset(with_${name}_include CACHE)
  unset(with_${name}_library CACHE)
  find_path(with_${name}_include ${header} HINTS ${with_${name}_hint_INCLUDE_DIRS}
            PATH_SUFFIXES ${suffixes})
  find_library(with_${name}_library ${library} HINTS ${with_${name}_hint_LIBRARY_DIRS})
  mark_as_advanced(with_${name}_include with_${name}_library)
  if(NOT with_${name}_include OR NOT with_${name}_library)
    return()
  endif()
  # Global, so that a project which has libwith in its tree sees it too.
  add_library(with_client::${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(with_client::${name} INTERFACE ${with_${name}_include})
  target_link_libraries(with_client::${name} INTERFACE ${with_${name}_library})
  # For a .pc file: the module, or without one the library.
  if(with_${name}_hint_FOUND)
    set_target_properties(with_client::${name} PROPERTIES INTERFACE_WITH_MODULE ${module})
  else()
    set_target_properties(with_client::${name} PROPERTIES INTERFACE_WITH_LIBRARY -l${library})
  endif()
endfunction()
