# A room is an object library: `zf_room (codec json.c msgpack.c LINK zf_fabric)` makes zf_codec.
# Tests link rooms, not the shared library, so that hidden symbols can be tested.

function (zf_room name)
  cmake_parse_arguments (ROOM "" "" "LINK" ${ARGN})
  add_library (zf_${name} OBJECT ${ROOM_UNPARSED_ARGUMENTS})
  target_link_libraries (zf_${name} PUBLIC ${ROOM_LINK} PRIVATE $<BUILD_INTERFACE:zf_flags>)
endfunction ()

# Links the objects of the named rooms into a program: of each that is named, not of those below it.
function (zf_link_rooms target)
  target_link_libraries (${target} PRIVATE zf_flags)
  foreach (room ${ARGN})
    if (NOT TARGET zf_${room})
      message (FATAL_ERROR "${target}: there is no room ${room}")
    endif ()
    target_link_libraries (${target} PRIVATE zf_${room})
  endforeach ()
endfunction ()
