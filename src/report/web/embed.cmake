# SPDX-License-Identifier: Apache-2.0
# cmake -DSTYLE=page.css -DSCRIPT=page.js -DCHARTS=chart.min.js -DOUTPUT=html_parts.cpp -P embed.cmake
#
# Makes C++ of what an HTML report carries, so that the program needs no file at run time, with the SHA-256 by which the
# page's Content-Security-Policy admits each part and nothing else. The same files give the same bytes.

# base64_of_hex(RESULT HEX): base64 (RFC 4648) of the bytes written as hexadecimal digits
function(base64_of_hex result hex)
  set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  string(LENGTH "${hex}" digits)
  math(EXPR rest "${digits} % 6")
  set(text "")
  set(at 0)
  while(at LESS digits)
    string(SUBSTRING "${hex}00000" ${at} 6 group) # 3 bytes, 4 letters
    foreach(shift IN ITEMS 18 12 6 0)
      math(EXPR index "(0x${group} >> ${shift}) & 63")
      string(SUBSTRING "${alphabet}" ${index} 1 letter)
      string(APPEND text "${letter}")
    endforeach()
    math(EXPR at "${at} + 6")
  endwhile()
  if(rest EQUAL 4)
    string(REGEX REPLACE ".$" "=" text "${text}")
  elseif(rest EQUAL 2)
    string(REGEX REPLACE "..$" "==" text "${text}")
  endif()
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

# part(RESULT FUNCTION FILE): the C++ of a function that returns the file
function(part result name file)
  file(READ "${file}" content)
  file(SIZE "${file}" size)
  string(LENGTH "${content}" length)
  if(size EQUAL 0 OR NOT size EQUAL length)
    message(FATAL_ERROR "${file}: empty, or with a byte 0 in it")
  endif()
  # Each would end the element that the part stands in, or the C++ string; a carriage return changes on the way to the
  # browser, and the hash would be another.
  string(TOLOWER "${content}" lower)
  foreach(forbidden IN ITEMS "</script" "</style" "<!--" ")tcpdiag\"" "\r")
    string(FIND "${lower}" "${forbidden}" found)
    if(NOT found EQUAL -1)
      message(FATAL_ERROR "${file}: cannot be embedded, at byte ${found} it has what would end the part")
    endif()
  endforeach()
  string(SHA256 hash "${content}")
  base64_of_hex(hash "${hash}")
  set(${result} "HtmlPart ${name}() {
  return {R\"tcpdiag(${content})tcpdiag\", \"sha256-${hash}\"};
}
" PARENT_SCOPE)
endfunction()

file(STRINGS "${CHARTS}" version LIMIT_COUNT 1 REGEX "Chart\\.js v3\\.")
if(NOT version)
  message(FATAL_ERROR "${CHARTS}: not Chart.js 3, whose interface page.js is written for")
endif()

part(style html_style "${STYLE}")
part(script html_script "${SCRIPT}")
part(charts html_charts "${CHARTS}")
file(WRITE "${OUTPUT}" "// Made by src/report/web/embed.cmake. Each part has the licence that stands at its beginning.
#include \"report/html.h\"

namespace tcpdiag::report {

${style}
${script}
${charts}
}  // namespace tcpdiag::report
")
