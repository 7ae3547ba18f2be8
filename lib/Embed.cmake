# Embed.cmake - writes Library.cpp: the standard library's files as string literals.
#   cmake -DOUTPUT=Library.cpp -DFILES=a.heed,b.heed -P Embed.cmake
# Compilers limit a literal's length, so texts are cut into pieces. Files are ASCII, so no character is cut.

set(chunk 4000)
set(entries "")
string(REPLACE "," ";" files "${FILES}")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" text)
  string(LENGTH "${text}" length)
  string(APPEND entries "      {\"${name}\",")
  set(begin 0)
  while(begin LESS length)
    string(SUBSTRING "${text}" ${begin} ${chunk} piece)
    string(APPEND entries "\n       R\"heed(${piece})heed\"")
    math(EXPR begin "${begin} + ${chunk}")
  endwhile()
  string(APPEND entries "},\n")
endforeach()
file(CONFIGURE OUTPUT "${OUTPUT}" @ONLY CONTENT [[
// Library.cpp - the standard library, embedded. Generated from lib/*.heed.

#include "compiler/check/Check.h"

namespace heed {

std::vector<LibraryFile> const &standardLibrary() {
  static std::vector<LibraryFile> const files = {
@entries@  };
  return files;
}

} // namespace heed
]])
