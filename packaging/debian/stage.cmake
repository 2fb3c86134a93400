# Run by cpack when the files of each package are in their folders, before they are packed.

unset (ENV{DESTDIR})
set (debian ${CPACK_ZFABRIC_SOURCE}/packaging/debian)

function (compress file)
  execute_process (COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction ()

foreach (component ${CPACK_COMPONENTS_ALL})
  string (TOUPPER ${component} upper)
  set (package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  set (root ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/${component})
  set (documents ${root}/usr/share/doc/${package})
  file (INSTALL ${debian}/copyright DESTINATION ${documents}
    PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  configure_file (${debian}/changelog ${documents}/changelog.Debian COPYONLY)
  configure_file (${CPACK_ZFABRIC_SOURCE}/CHANGELOG.md ${documents}/changelog COPYONLY)
  file (GLOB_RECURSE pages ${root}/usr/share/man/*)
  foreach (file ${documents}/changelog.Debian ${documents}/changelog ${pages})
    file (CHMOD ${file} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    compress (${file})
  endforeach ()
  if (EXISTS ${debian}/${package}.lintian-overrides)
    file (INSTALL ${debian}/${package}.lintian-overrides
      DESTINATION ${root}/usr/share/lintian/overrides RENAME ${package})
  endif ()
endforeach ()

# Which version each symbol is of. One that is gone is an error; new ones are of this version.
set (libraries ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/library)
file (GLOB_RECURSE library ${libraries}/usr/lib/libzfabric.so.*.*)
if (library)
  string (REGEX REPLACE "-.*" "" version ${CPACK_PACKAGE_VERSION})
  execute_process (COMMAND dpkg-gensymbols -q -c1 -plibzfabric0 -v${version}
      -I${debian}/libzfabric0.symbols -e${library} -O${CPACK_ZFABRIC_SYMBOLS}
    WORKING_DIRECTORY ${libraries} COMMAND_ERROR_IS_FATAL ANY)
endif ()
