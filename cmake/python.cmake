# The python3 that drives the system tests: one that has zmq and msgpack. Debian's first, because
# another one may come before it in PATH without those modules.

if (NOT ZFABRIC_PYTHON)
  foreach (python /usr/bin/python3 python3)
    execute_process (COMMAND ${python} -c "import zmq, msgpack"
      RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
    if (NOT failed)
      set (ZFABRIC_PYTHON ${python} CACHE STRING "A python3 with zmq and msgpack")
      break ()
    endif ()
  endforeach ()
endif ()
if (NOT ZFABRIC_PYTHON)
  message (FATAL_ERROR "no python3 with zmq and msgpack: apt-get install python3-zmq python3-msgpack, "
    "or configure with -DZFABRIC_TESTS=OFF")
endif ()
