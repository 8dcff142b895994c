# SPDX-License-Identifier: MIT
#
# Headers, both libraries, the pkg-config and CMake files, man pages. What is installed may be moved: no file
# holds the prefix.
include(CMakePackageConfigHelpers)

set(with_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/with)
set(with_pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS with with_static EXPORT with-targets
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# The way from the directory of with.pc to the prefix. An absolute libdir outside the prefix works
# too, but then the prefix is fixed.
file(RELATIVE_PATH with_way_up ${CMAKE_INSTALL_PREFIX}/${with_pkgconfig_dir}
     ${CMAKE_INSTALL_PREFIX})
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(with_pc_prefix ${CMAKE_INSTALL_PREFIX})
  set(with_pc_libdir ${CMAKE_INSTALL_FULL_LIBDIR})
  set(with_pc_includedir ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
  string(REGEX REPLACE "/$" "" with_way_up ${with_way_up})
  set(with_pc_prefix "\${pcfiledir}/${with_way_up}")
  set(with_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(with_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
set(with_pc_libs_private "")
if(CMAKE_DL_LIBS)
  set(with_pc_libs_private -l${CMAKE_DL_LIBS})
endif()
configure_file(cmake/with.pc.in with.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/with.pc DESTINATION ${with_pkgconfig_dir})

install(EXPORT with-targets NAMESPACE with:: DESTINATION ${with_cmake_dir})
configure_package_config_file(cmake/withConfig.cmake.in withConfig.cmake
                              INSTALL_DESTINATION ${with_cmake_dir}
                              NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(withConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/withConfig.cmake ${PROJECT_BINARY_DIR}/withConfigVersion.cmake
        DESTINATION ${with_cmake_dir})
if(WITH_BUILD_MAN)
  install(DIRECTORY ${PROJECT_BINARY_DIR}/man/man3 DESTINATION ${CMAKE_INSTALL_MANDIR})
endif()
