# SPDX-License-Identifier: MIT
#
# Runs PROGRAM (with ARGUMENTS) and compares what it prints to stdout with the file EXPECTED, in which
# the path of a source file begins below SOURCE.
execute_process(COMMAND ${PROGRAM} ${ARGUMENTS} OUTPUT_VARIABLE output RESULT_VARIABLE status)
string(REPLACE "${SOURCE}/" "" output "${output}")
file(READ ${EXPECTED} expected)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "status ${status} of ${PROGRAM}\n${output}")
elseif(NOT output STREQUAL expected)
  message(FATAL_ERROR "${PROGRAM} printed\n${output}\nbut ${EXPECTED} is\n${expected}")
endif()
