# SPDX-License-Identifier: MIT
#
# The man pages, made from the comments in the headers. awk and sh are all that this needs.
set(with_man_dir ${PROJECT_BINARY_DIR}/man)
set(names with.h)
foreach(header ${with_built_headers})
  get_filename_component(header ${header} NAME)
  list(APPEND names with/${header})
endforeach()
add_custom_command(
  OUTPUT ${with_man_dir}/made
  COMMAND ${PROJECT_SOURCE_DIR}/tools/man-pages ${PROJECT_SOURCE_DIR}/include ${with_man_dir}/man3
          ${names}
  COMMAND ${CMAKE_COMMAND} -E touch ${with_man_dir}/made
  DEPENDS include/with.h ${with_built_headers} tools/man-pages tools/header.awk
  VERBATIM)
add_custom_target(with_man ALL DEPENDS ${with_man_dir}/made)
