# Builds rust/text with cargo and offers it as the target trivet_rust_text.
#
# It is the only Rust code of the project: two Rust archives in one program would bring the Rust runtime
# twice. Sanitized C++ code links the same plain archive.

set(TRIVET_CARGO_TARGET_DIR ${PROJECT_SOURCE_DIR}/build/cargo CACHE PATH
    "Where cargo builds rust/text: once for all build folders; work trees may share one too")

find_program(TRIVET_CARGO cargo HINTS $ENV{HOME}/.cargo/bin)
if(NOT TRIVET_CARGO)
  message(FATAL_ERROR "cargo (1.87 or newer) is needed for rust/text: install rustup, or cargo-web on Debian 12")
endif()

set(rust_text_dir ${PROJECT_SOURCE_DIR}/rust/text)
# A copy per build folder: another work tree that shares the cargo folder may build other sources there.
set(rust_text_archive ${PROJECT_BINARY_DIR}/libtrivet_text.a)
file(GLOB rust_text_sources CONFIGURE_DEPENDS ${rust_text_dir}/src/*.rs)

add_custom_command(
  OUTPUT ${rust_text_archive}
  COMMAND ${CMAKE_COMMAND} -E env --unset=RUSTFLAGS ${TRIVET_CARGO} build --release --locked --quiet
          --manifest-path ${rust_text_dir}/Cargo.toml --target-dir ${TRIVET_CARGO_TARGET_DIR}
  COMMAND ${CMAKE_COMMAND} -E copy ${TRIVET_CARGO_TARGET_DIR}/release/libtrivet_text.a ${rust_text_archive}
  DEPENDS ${rust_text_sources} ${rust_text_dir}/Cargo.toml ${rust_text_dir}/Cargo.lock
  WORKING_DIRECTORY ${rust_text_dir}
  COMMENT "Building rust/text with cargo"
  USES_TERMINAL VERBATIM)
add_custom_target(trivet_rust_text_build DEPENDS ${rust_text_archive})

add_library(trivet_rust_text STATIC IMPORTED GLOBAL)
set_target_properties(trivet_rust_text PROPERTIES
  IMPORTED_LOCATION ${rust_text_archive}
  INTERFACE_INCLUDE_DIRECTORIES ${rust_text_dir}/include
  INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m"
  INTERFACE_LINK_OPTIONS "LINKER:--gc-sections")
add_dependencies(trivet_rust_text trivet_rust_text_build)
