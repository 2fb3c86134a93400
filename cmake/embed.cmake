# cmake -D FILE=page.html -D NAME=page -D OUT=page_octets.c -P embed.cmake
#
# A file as a C array: `const uint8_t NAME_octets[]` and `const size_t NAME_size`, which
# transports/NAME.h declares.
file (READ ${FILE} octets HEX)
string (REGEX REPLACE "(..)" "0x\\1," octets "${octets}")
string (REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n" octets "${octets}")
file (WRITE ${OUT} "#include \"transports/${NAME}.h\"\n\n"
  "const uint8_t ${NAME}_octets[] = {\n${octets}};\nconst size_t ${NAME}_size = sizeof ${NAME}_octets;\n")
