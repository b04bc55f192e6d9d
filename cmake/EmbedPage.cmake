# cmake -DOUTPUT=FILE.cpp -DHEADER=ROOM/PageFiles.h -DNAMESPACE=llmc -DFOLDER=DIR -DSCRIPTS="A.js;B.js"
#       -P EmbedPage.cmake
# Writes the definitions of the header: kPageHtml (page.html), kPageStyle (style.css) and kPageScript (all scripts).
# Raw strings are split, because compilers limit their length.
set(content "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\n")

function(add_string name text)
  string(LENGTH "${text}" length)
  string(APPEND content "const absl::string_view ${name} =")
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${text}" ${at} 8000 part)
    string(APPEND content "\n    R\"page(${part})page\"")
    math(EXPR at "${at} + 8000")
  endwhile()
  string(APPEND content ";\n\n")
  set(content "${content}" PARENT_SCOPE)
endfunction()

file(READ "${FOLDER}/page.html" html)
add_string(kPageHtml "${html}")
file(READ "${FOLDER}/style.css" style)
add_string(kPageStyle "${style}")
set(all "")
foreach(name IN LISTS SCRIPTS)
  file(READ "${FOLDER}/${name}" script)
  string(APPEND all "${script}\n")
endforeach()
add_string(kPageScript "${all}")
string(APPEND content "} // namespace ${NAMESPACE}\n")
file(WRITE "${OUTPUT}" "${content}")
