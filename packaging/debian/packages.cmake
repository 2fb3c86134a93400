# Debian packages, by cpack -G DEB. Four, since
#
#   libzfabric0      is what Debian asks of a library: two sonames can be there at a time
#   libzfabric-dev   is only wanted where programs are built
#   zfabric          is the command, which has the library in itself: hosts of clients and workers
#                    need nothing else, and no service starts there
#   zfabric-broker   is the service: a user, a configuration, and a broker that starts
#
# The preset `package` builds what is to be packaged: for /usr, hardened, without tests.

set (zf_debian ${CMAKE_CURRENT_LIST_DIR})
set (zf_debian_release 1)
set (zf_debian_version ${PROJECT_VERSION}-${zf_debian_release})
string (JOIN "\n" zf_about
  "zfabric carries tasks from clients to workers: a task is one run of a named"
  "pipeline with some variables, a worker any program that says which pipelines"
  "it serves, and the broker between them gives each task exactly one result,"
  "whatever becomes of the worker.")

set (CPACK_GENERATOR DEB)
set (CPACK_VERBATIM_VARIABLES YES)
set (CPACK_PACKAGE_NAME zfabric)
set (CPACK_PACKAGE_VENDOR zfabric)
set (CPACK_PACKAGE_CONTACT "zfabric maintainers <maintainers@zfabric.example>")
set (CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
set (CPACK_PACKAGING_INSTALL_PREFIX /usr)
set (CPACK_STRIP_FILES YES)
set (CPACK_COMPONENTS_ALL command service development)
if (BUILD_SHARED_LIBS)
  list (APPEND CPACK_COMPONENTS_ALL library)
endif ()
set (CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set (CPACK_DEB_COMPONENT_INSTALL YES)
set (CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set (CPACK_DEBIAN_PACKAGE_RELEASE ${zf_debian_release})
set (CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set (CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION YES)
set (CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS YES)
set (CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
# Copyright, changelogs and other documents that Debian wants compressed.
set (CPACK_PRE_BUILD_SCRIPTS ${zf_debian}/stage.cmake)
set (CPACK_ZFABRIC_SOURCE ${PROJECT_SOURCE_DIR})
set (CPACK_ZFABRIC_SYMBOLS ${CMAKE_CURRENT_BINARY_DIR}/symbols) # made there

# zf_package (COMPONENT NAME SECTION SUMMARY ABOUT words [ALL] [SHLIBS] [DEPENDS ...] [CONTROL files])
# ALL: it is the same on each architecture. SHLIBS: it depends on the libraries that it is linked to.
macro (zf_package component name section summary)
  cmake_parse_arguments (PACKAGE "ALL;SHLIBS" "ABOUT" "DEPENDS;CONTROL" ${ARGN})
  string (TOUPPER ${component} upper)
  set (CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
  set (CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set (CPACK_DEBIAN_${upper}_DESCRIPTION "${summary}\n${zf_about}\n.\n${PACKAGE_ABOUT}")
  string (JOIN ", " CPACK_DEBIAN_${upper}_PACKAGE_DEPENDS ${PACKAGE_DEPENDS})
  set (CPACK_DEBIAN_${upper}_PACKAGE_CONTROL_EXTRA ${PACKAGE_CONTROL})
  set (CPACK_DEBIAN_${upper}_PACKAGE_SHLIBDEPS ${PACKAGE_SHLIBS})
  if (PACKAGE_ALL)
    set (CPACK_DEBIAN_${upper}_PACKAGE_ARCHITECTURE all)
  endif ()
endmacro ()

zf_package (command zfabric net "message fabric: run tasks, serve pipelines" SHLIBS
  ABOUT "This is the command: a broker, a worker that runs other commands, and\nclients.")
if (zf_grpc)
  # It is loaded when a door for gRPC is opened.
  set (CPACK_DEBIAN_COMMAND_PACKAGE_RECOMMENDS libgrpc${zf_grpc_major})
endif ()
zf_package (service zfabric-broker net "message fabric: the broker as a service" ALL
  DEPENDS "zfabric (= ${zf_debian_version})"
    "systemd | systemd-standalone-sysusers | systemd-sysusers" passwd
  CONTROL ${zf_debian}/broker/postinst ${zf_debian}/broker/prerm ${zf_debian}/broker/postrm
    ${zf_debian}/broker/conffiles
  ABOUT "This starts a broker for the host that it is installed on, with a user and\na configuration of its own.")
zf_package (library libzfabric${PROJECT_VERSION_MAJOR} libs "message fabric: library" SHLIBS
  CONTROL ${zf_debian}/library/triggers ${CPACK_ZFABRIC_SYMBOLS}
  ABOUT "This is the library for C programs that are clients or workers, or carry a\nbroker in themselves.")
zf_package (development libzfabric-dev libdevel "message fabric: library, to build with"
  ABOUT "These are the headers of the library for C programs, its manual, and what\npkg-config and CMake need to find it.")
if (BUILD_SHARED_LIBS)
  set (CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libzfabric${PROJECT_VERSION_MAJOR} (= ${zf_debian_version})")
else ()
  set (CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libzmq3-dev, libczmq-dev, libsodium-dev, libjansson-dev")
endif ()
if (CMAKE_LIBRARY_ARCHITECTURE AND CMAKE_INSTALL_LIBDIR MATCHES ${CMAKE_LIBRARY_ARCHITECTURE})
  set (CPACK_DEBIAN_LIBRARY_PACKAGE_MULTIARCH same)
  set (CPACK_DEBIAN_DEVELOPMENT_PACKAGE_MULTIARCH same)
endif ()

include (CPack)
