# libzfabric: the rooms that programs link, as one library. Shared with BUILD_SHARED_LIBS, static
# without. Only what ZFABRIC_EXPORT marks is visible in the shared one.

include (GNUInstallDirs)
include (CMakePackageConfigHelpers)

# The public headers, gathered in one folder as they are installed: programs in this tree must not
# see the private ones beside them (a room's limits.h would stand before <limits.h>).
set (zf_public_headers ${PROJECT_BINARY_DIR}/generated/zfabric_version.h)
foreach (room fabric broker client worker)
  file (GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${room}/zfabric*.h)
  foreach (header ${headers})
    get_filename_component (name ${header} NAME)
    configure_file (${header} ${PROJECT_BINARY_DIR}/include/${name} COPYONLY)
    list (APPEND zf_public_headers ${PROJECT_BINARY_DIR}/include/${name})
  endforeach ()
endforeach ()

add_library (zfabric)
add_library (zfabric::zfabric ALIAS zfabric)
foreach (room fabric codec broker worker client)
  target_sources (zfabric PRIVATE $<TARGET_OBJECTS:zf_${room}>)
endforeach ()
target_link_libraries (zfabric PRIVATE
  $<BUILD_INTERFACE:zf_flags>
  PkgConfig::ZMQ PkgConfig::CZMQ PkgConfig::SODIUM PkgConfig::JANSSON Threads::Threads)
set_target_properties (zfabric PROPERTIES
  VERSION ${PROJECT_VERSION}
  SOVERSION ${PROJECT_VERSION_MAJOR}
  LINKER_LANGUAGE C
  VERIFY_INTERFACE_HEADER_SETS ON)
target_sources (zfabric PUBLIC FILE_SET HEADERS
  BASE_DIRS ${PROJECT_BINARY_DIR}/include ${PROJECT_BINARY_DIR}/generated
  FILES ${zf_public_headers})

# The package: find_package (zfabric) and pkg-config libzfabric. Both find the rest of it from where
# they stand themselves, so a prefix can be moved.
set (zf_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/zfabric)
install (TARGETS zfabric EXPORT zfabric-targets
  LIBRARY COMPONENT library NAMELINK_COMPONENT development
  ARCHIVE COMPONENT development
  FILE_SET HEADERS COMPONENT development)
install (EXPORT zfabric-targets NAMESPACE zfabric:: DESTINATION ${zf_config_dir}
  COMPONENT development)
configure_package_config_file (cmake/zfabric-config.cmake.in
  ${PROJECT_BINARY_DIR}/zfabric-config.cmake INSTALL_DESTINATION ${zf_config_dir})
write_basic_package_version_file (${PROJECT_BINARY_DIR}/zfabric-config-version.cmake
  COMPATIBILITY SameMajorVersion)
install (FILES
  ${PROJECT_BINARY_DIR}/zfabric-config.cmake ${PROJECT_BINARY_DIR}/zfabric-config-version.cmake
  DESTINATION ${zf_config_dir} COMPONENT development)

# Who links a static libzfabric links these as well. Not by `pkg-config --static`: that wants static
# libraries below libzmq which Debian does not have. A shared one brings them along.
set (zf_pc_requires "libzmq libczmq libsodium jansson")
if (BUILD_SHARED_LIBS)
  set (zf_pc_requires "")
endif ()
# In /usr the compiler's own folders must be recognized as such, by their plain names.
set (zf_pc_prefix ${CMAKE_INSTALL_PREFIX})
if (NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr" AND NOT IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  file (RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string (REGEX REPLACE "/$" "" up ${up})
  set (zf_pc_prefix "\${pcfiledir}/${up}")
endif ()
configure_file (cmake/libzfabric.pc.in ${PROJECT_BINARY_DIR}/libzfabric.pc @ONLY)
install (FILES ${PROJECT_BINARY_DIR}/libzfabric.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  COMPONENT development)
