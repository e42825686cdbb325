# SPDX-License-Identifier: Apache-2.0
# cmake -DTABLE=data/instance_baselines.tsv -DOUTPUT=baselines_table.cpp -P make_baselines.cmake
#
# Makes C++ of the table of instance types, so that the program needs no file at run time. Whatever is not a row as it
# should be is an error: the build never takes half a table.

set(row_form "^([a-z0-9.-]+)\t([0-9]+)\t([0-9]+)\t([0-9]+)$")
file(STRINGS "${TABLE}" lines ENCODING UTF-8)
set(date "")
set(column_names "")
set(rows "")
set(count 0)
foreach(line IN LISTS lines)
  if(line MATCHES "^# date: ([0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9])$")
    set(date "${CMAKE_MATCH_1}")
  elseif(line MATCHES "^#")
    continue()
  elseif(NOT column_names)
    set(column_names "${line}")
    if(NOT line STREQUAL "type\tbaseline_bit_per_s\tburst_bit_per_s\tconntrack_established_s")
      message(FATAL_ERROR "${TABLE}: these columns are not known: ${line}")
    endif()
  elseif(line MATCHES "${row_form}")
    string(APPEND rows
           "    Baseline{\"${CMAKE_MATCH_1}\", ${CMAKE_MATCH_2}U, ${CMAKE_MATCH_3}U, ${CMAKE_MATCH_4}U},\n")
    math(EXPR count "${count} + 1")
  else()
    message(FATAL_ERROR "${TABLE}: not a row of the table: ${line}")
  endif()
endforeach()
if(NOT date OR count EQUAL 0)
  message(FATAL_ERROR "${TABLE}: it has no date, or no row")
endif()

file(WRITE "${OUTPUT}" "// SPDX-License-Identifier: Apache-2.0
// Made of data/instance_baselines.tsv by src/knowledge/make_baselines.cmake.
#include <array>

#include \"knowledge/baselines.h\"

namespace tcpdiag::knowledge {
namespace {

constexpr std::array<Baseline, ${count}> kTable = {{
${rows}}};

}  // namespace

std::span<const Baseline> baselines() { return kTable; }

std::string_view baselines_date() { return \"${date}\"; }

}  // namespace tcpdiag::knowledge
")
