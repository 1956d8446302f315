# The web page: built from web/ by npm, compressed, and compiled into the library trivet_page.
# Without npm (or with TRIVET_PAGE=OFF) the library holds a plain page that says how to get the whole one.
option(TRIVET_PAGE "Build the web page, where npm is there" ON)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_program(TRIVET_NPM npm)

set(page_arguments)
if(TRIVET_PAGE AND TRIVET_NPM)
  set(page_arguments --npm "${TRIVET_NPM}")
else()
  message(STATUS "Web page: plain, as npm is not there or TRIVET_PAGE is OFF")
endif()

file(GLOB_RECURSE page_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/web/src/*" "${PROJECT_SOURCE_DIR}/web/public/*")
list(FILTER page_sources EXCLUDE REGEX "_test\\.tsx?$")
list(APPEND page_sources "${PROJECT_SOURCE_DIR}/web/index.html" "${PROJECT_SOURCE_DIR}/web/plain.html"
  "${PROJECT_SOURCE_DIR}/web/package.json" "${PROJECT_SOURCE_DIR}/web/package-lock.json"
  "${PROJECT_SOURCE_DIR}/web/vite.config.ts")
add_custom_command(
  OUTPUT "${PROJECT_BINARY_DIR}/web/page_files.cpp"
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/cmake/embed_page.py" "${PROJECT_SOURCE_DIR}/web"
    "${PROJECT_BINARY_DIR}/web" ${page_arguments}
  DEPENDS ${page_sources} "${PROJECT_SOURCE_DIR}/cmake/embed_page.py"
  COMMENT "Building the web page"
  VERBATIM)
add_library(trivet_page STATIC "${PROJECT_BINARY_DIR}/web/page_files.cpp")
target_include_directories(trivet_page PRIVATE "${PROJECT_SOURCE_DIR}/src")
