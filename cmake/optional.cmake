# SPDX-License-Identifier: MIT
#
# What needs a third-party library is a library of its own, libwith-NAME: sources in
# src/optional/NAME/, what it shows in src/optional/NAME/with-NAME.map, headers include/with/NAME.h
# and include/with/NAME_*.h. To add one, write those and an entry in cmake/clients.cmake.
include(cmake/clients.cmake)

set(WITH_OPTIONAL AUTO CACHE STRING
    "Optional libraries: AUTO (those whose client library is found), or a list, such as sqlite;redis")

file(GLOB with_optional_maps CONFIGURE_DEPENDS src/optional/*/with-*.map)
set(with_optional_names) # all there are
set(with_optional_built) # those that are built
foreach(map ${with_optional_maps})
  get_filename_component(name ${map} NAME_WE)
  string(REGEX REPLACE "^with-" "" name ${name})
  list(APPEND with_optional_names ${name})
endforeach()

# with_add_optional(NAME): the libraries with::NAME and with::NAME_static.
function(with_add_optional name)
  file(GLOB sources CONFIGURE_DEPENDS src/optional/${name}/*.c)
  set(exclude)
  if(NOT top)
    set(exclude EXCLUDE_FROM_ALL) # of another project: built if it is linked to
  endif()
  add_library(with_${name} SHARED ${exclude} ${sources})
  add_library(with_${name}_static STATIC ${exclude} ${sources})
  add_library(with::${name} ALIAS with_${name})
  add_library(with::${name}_static ALIAS with_${name}_static)
  set_target_properties(with_${name} PROPERTIES EXPORT_NAME ${name} VERSION ${PROJECT_VERSION}
                                                SOVERSION ${PROJECT_VERSION_MAJOR})
  # It finds libwith beside itself, wherever both are moved.
  if(APPLE)
    set_target_properties(with_${name} PROPERTIES INSTALL_RPATH @loader_path)
  else()
    set_target_properties(with_${name} PROPERTIES INSTALL_RPATH $ORIGIN)
  endif()
  set_target_properties(with_${name}_static PROPERTIES EXPORT_NAME ${name}_static
                                                       POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(with_${name} PUBLIC with with_client::${name})
  target_link_libraries(with_${name}_static PUBLIC with_static with_client::${name})
  foreach(target with_${name} with_${name}_static)
    set_target_properties(${target} PROPERTIES OUTPUT_NAME with-${name} C_VISIBILITY_PRESET hidden)
    target_compile_options(${target} PRIVATE ${with_warnings}
                                             -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
  endforeach()
  with_export_only(with_${name} ${PROJECT_SOURCE_DIR}/src/optional/${name}/with-${name}.map)
endfunction()

# What scripts need to know: flags that find the client libraries' headers.
set(with_optional_includes)
foreach(name ${with_optional_names})
  if(NOT WITH_OPTIONAL STREQUAL "AUTO" AND NOT name IN_LIST WITH_OPTIONAL)
    continue()
  endif()
  with_find_client(${name})
  if(TARGET with_client::${name})
    with_add_optional(${name})
    list(APPEND with_optional_built ${name})
    if(NOT with_${name}_include IN_LIST CMAKE_C_IMPLICIT_INCLUDE_DIRECTORIES)
      list(APPEND with_optional_includes -isystem ${with_${name}_include})
    endif()
  elseif(NOT WITH_OPTIONAL STREQUAL "AUTO")
    message(FATAL_ERROR "libwith-${name} is asked for, but its client library is not found")
  else()
    message(STATUS "libwith-${name} is left out: its client library is not found")
  endif()
endforeach()
if(NOT WITH_OPTIONAL STREQUAL "AUTO")
  foreach(name ${WITH_OPTIONAL})
    if(NOT name IN_LIST with_optional_names)
      message(FATAL_ERROR "There is no libwith-${name}")
    endif()
  endforeach()
endif()

# with_libraries_for(PROGRAM RET_LIBRARIES RET_BUILT): a test, example or benchmark whose name is that
# of an optional library, or begins with that and _, is linked to it, and built only if it is.
function(with_libraries_for program ret_libraries ret_built)
  set(libraries with)
  set(built ON)
  foreach(name ${with_optional_names})
    if(program MATCHES "^${name}(_.*)?$")
      list(APPEND libraries with_${name})
      if(NOT name IN_LIST with_optional_built)
        set(built OFF)
      endif()
    endif()
  endforeach()
  set(${ret_libraries} ${libraries} PARENT_SCOPE)
  set(${ret_built} ${built} PARENT_SCOPE)
endfunction()

# The headers of what is built, to be installed and to make man pages of.
file(GLOB headers CONFIGURE_DEPENDS include/with/*.h)
set(with_built_headers)
foreach(header ${headers})
  get_filename_component(name ${header} NAME_WE)
  with_libraries_for(${name} unused built)
  if(built)
    list(APPEND with_built_headers ${header})
  endif()
endforeach()
