# SPDX-License-Identifier: MIT
#
# The man pages, made from the comments in the headers. awk and sh are all that this needs.
file(GLOB_RECURSE with_headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/*.h)
set(with_man_dir ${PROJECT_BINARY_DIR}/man)
add_custom_command(
  OUTPUT ${with_man_dir}/made
  COMMAND ${PROJECT_SOURCE_DIR}/tools/man-pages ${PROJECT_SOURCE_DIR}/include ${with_man_dir}/man3
  COMMAND ${CMAKE_COMMAND} -E touch ${with_man_dir}/made
  DEPENDS ${with_headers} tools/man-pages tools/header.awk
  VERBATIM)
add_custom_target(with_man ALL DEPENDS ${with_man_dir}/made)
