# The OpenAPI document: docs/openapi/*.json, joined and compiled into the library trivet_openapi.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB openapi_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/docs/openapi/*.json")
add_custom_command(
  OUTPUT "${PROJECT_BINARY_DIR}/openapi/openapi_document.cpp"
  COMMAND "${CMAKE_COMMAND}" -E make_directory "${PROJECT_BINARY_DIR}/openapi"
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/cmake/embed_openapi.py" "${PROJECT_VERSION}"
    "${PROJECT_BINARY_DIR}/openapi/openapi_document.cpp" ${openapi_sources}
  DEPENDS ${openapi_sources} "${PROJECT_SOURCE_DIR}/cmake/embed_openapi.py"
  COMMENT "Joining the OpenAPI document"
  VERBATIM)
add_library(trivet_openapi STATIC "${PROJECT_BINARY_DIR}/openapi/openapi_document.cpp")
target_include_directories(trivet_openapi PRIVATE "${PROJECT_SOURCE_DIR}/src")
