# Every flag of ours lives in zf_flags, which targets link privately: nothing leaks to who uses the library.

add_library (zf_flags INTERFACE)
target_include_directories (zf_flags INTERFACE
  ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
# Public headers find each other flat, as they are installed (cmake/library.cmake gathers them); ours
# name their room. No room may be in the path itself: fabric/limits.h would stand before <limits.h>,
# even for quoted includes only, since gcc's <limits.h> looks for the next one there.
target_compile_options (zf_flags INTERFACE "SHELL:-iquote ${PROJECT_BINARY_DIR}/include")
target_compile_options (zf_flags INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef -Wvla
  -Wwrite-strings -Wimplicit-fallthrough -Wswitch-enum -Wconversion -Wno-sign-conversion
  $<$<BOOL:${ZFABRIC_WERROR}>:-Werror>)

if (ZFABRIC_SANITIZE)
  target_compile_options (zf_flags INTERFACE
    -fsanitize=${ZFABRIC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options (zf_flags INTERFACE -fsanitize=${ZFABRIC_SANITIZE})
else ()
  # Overflow wraps around; but a sanitizer must see it.
  target_compile_options (zf_flags INTERFACE -fno-strict-overflow)
endif ()
if (ZFABRIC_FUZZ)
  target_compile_options (zf_flags INTERFACE -fsanitize=fuzzer-no-link)
endif ()

# Asserts guard our own invariants and stay in every build, release as well.
foreach (config RELEASE RELWITHDEBINFO MINSIZEREL)
  string (REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${config} "${CMAKE_C_FLAGS_${config}}")
endforeach ()
