# SPDX-License-Identifier: MIT
#
# Headers, the libraries, the pkg-config and CMake files, man pages. What is installed may be moved: no file
# holds the prefix.
include(CMakePackageConfigHelpers)

set(with_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/with)
set(with_pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS with with_static EXPORT with-targets
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/with.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${with_built_headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/with)

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
foreach(name ${with_optional_built})
  install(TARGETS with_${name} with_${name}_static EXPORT with-${name}-targets
          RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT with-${name}-targets NAMESPACE with:: DESTINATION ${with_cmake_dir})
  get_target_property(with_pc_module with_client::${name} INTERFACE_WITH_MODULE)
  get_target_property(with_pc_library with_client::${name} INTERFACE_WITH_LIBRARY)
  string(REGEX REPLACE ".*-NOTFOUND$" "" with_pc_module "${with_pc_module}")
  string(REGEX REPLACE ".*-NOTFOUND$" "" with_pc_library "${with_pc_library}")
  configure_file(cmake/with-optional.pc.in with-${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/with-${name}.pc DESTINATION ${with_pkgconfig_dir})
endforeach()
configure_package_config_file(cmake/withConfig.cmake.in withConfig.cmake
                              INSTALL_DESTINATION ${with_cmake_dir}
                              NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(withConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/withConfig.cmake ${PROJECT_BINARY_DIR}/withConfigVersion.cmake
              cmake/clients.cmake
        DESTINATION ${with_cmake_dir})
if(WITH_BUILD_MAN)
  install(DIRECTORY ${PROJECT_BINARY_DIR}/man/man3 DESTINATION ${CMAKE_INSTALL_MANDIR})
endif()
