# libzfabric: the rooms that programs link, as one library. Shared with BUILD_SHARED_LIBS, static
# without. Only what ZFABRIC_EXPORT marks is visible in the shared one.

include (GNUInstallDirs)
include (CMakePackageConfigHelpers)

set (zf_public_dirs fabric broker client worker)
set (zf_public_headers ${PROJECT_BINARY_DIR}/generated/zfabric_version.h)
foreach (dir ${zf_public_dirs})
  file (GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${dir}/zfabric*.h)
  list (APPEND zf_public_headers ${headers})
endforeach ()

add_library (zfabric)
add_library (zfabric::zfabric ALIAS zfabric)
foreach (room fabric codec broker worker client)
  if (TARGET zf_${room})
    target_sources (zfabric PRIVATE $<TARGET_OBJECTS:zf_${room}>)
  endif ()
endforeach ()
target_link_libraries (zfabric PRIVATE
  $<BUILD_INTERFACE:zf_flags>
  PkgConfig::ZMQ PkgConfig::CZMQ PkgConfig::SODIUM PkgConfig::JANSSON Threads::Threads)
set_target_properties (zfabric PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  LINKER_LANGUAGE C
  VERIFY_INTERFACE_HEADER_SETS ON)
list (TRANSFORM zf_public_dirs PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE zf_base_dirs)
target_sources (zfabric PUBLIC FILE_SET HEADERS
  BASE_DIRS ${zf_base_dirs} ${PROJECT_BINARY_DIR}/generated
  FILES ${zf_public_headers})

# The package: find_package (zfabric) and pkg-config libzfabric.
set (zf_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/zfabric)
install (TARGETS zfabric EXPORT zfabric-targets FILE_SET HEADERS)
install (EXPORT zfabric-targets NAMESPACE zfabric:: DESTINATION ${zf_config_dir})
configure_package_config_file (cmake/zfabric-config.cmake.in
  ${PROJECT_BINARY_DIR}/zfabric-config.cmake INSTALL_DESTINATION ${zf_config_dir})
write_basic_package_version_file (${PROJECT_BINARY_DIR}/zfabric-config-version.cmake
  COMPATIBILITY SameMajorVersion)
install (FILES
  ${PROJECT_BINARY_DIR}/zfabric-config.cmake ${PROJECT_BINARY_DIR}/zfabric-config-version.cmake
  DESTINATION ${zf_config_dir})
configure_file (cmake/libzfabric.pc.in ${PROJECT_BINARY_DIR}/libzfabric.pc @ONLY)
install (FILES ${PROJECT_BINARY_DIR}/libzfabric.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
