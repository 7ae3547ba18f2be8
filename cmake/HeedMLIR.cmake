# HeedMLIR.cmake - finds LLVM/MLIR 22 and defines how our targets are made.

set(MLIR_DIR /usr/lib/llvm-22/lib/cmake/mlir CACHE PATH "Where MLIRConfig.cmake is")
find_package(MLIR 22.1 REQUIRED CONFIG)
find_program(LLVM_EXTERNAL_LIT NAMES lit llvm-lit HINTS ${LLVM_TOOLS_BINARY_DIR} NO_DEFAULT_PATH REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(fmt REQUIRED)

list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
set(MLIR_LINK_MLIR_DYLIB ON)
set(MLIR_BINARY_DIR ${CMAKE_BINARY_DIR})
set(LLVM_RUNTIME_OUTPUT_INTDIR ${CMAKE_BINARY_DIR}/bin)
set(LLVM_LIBRARY_OUTPUT_INTDIR ${CMAKE_BINARY_DIR}/lib)
include(TableGen)
include(AddLLVM)
include(AddMLIR)

add_compile_options(-Wall -Wextra -Wno-unused-parameter)
set(HEED_SANITIZE "" CACHE STRING "Sanitizers for the compiler's own code: address,undefined")
function(heed_sanitize name)
  if(HEED_SANITIZE)
    target_compile_options(${name} PRIVATE -fsanitize=${HEED_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${name} PUBLIC -fsanitize=${HEED_SANITIZE})
  endif()
endfunction()

# mlir_tablegen takes its include path from here.
include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
include_directories(${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR} ${PROJECT_SOURCE_DIR}/runtime/include)

# A library of the front end: plain C++ with exceptions, no MLIR.
function(heed_add_library name)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} SYSTEM PUBLIC ${Boost_INCLUDE_DIRS})
  target_link_libraries(${name} PUBLIC fmt::fmt)
  heed_sanitize(${name})
endfunction()

# What nearly every unit of the compiler proper includes, parsed once: most of a unit's time is MLIR's headers.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/cmake/HeedPrecompiled.cpp CONTENT "// Holds the precompiled header.\n")
add_library(HeedPrecompiled STATIC ${CMAKE_BINARY_DIR}/cmake/HeedPrecompiled.cpp)
target_include_directories(HeedPrecompiled SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS} ${Boost_INCLUDE_DIRS})
target_compile_options(HeedPrecompiled PRIVATE -fno-exceptions)
target_link_libraries(HeedPrecompiled PUBLIC fmt::fmt)
heed_sanitize(HeedPrecompiled)
target_precompile_headers(HeedPrecompiled PRIVATE
  <mlir/Dialect/Affine/IR/AffineOps.h>
  <mlir/Dialect/Arith/IR/Arith.h>
  <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/Dialect/Linalg/IR/Linalg.h>
  <mlir/Dialect/Math/IR/Math.h>
  <mlir/Dialect/MemRef/IR/MemRef.h>
  <mlir/Dialect/SCF/IR/SCF.h>
  <mlir/Dialect/Tensor/IR/Tensor.h>
  <mlir/Dialect/Vector/IR/VectorOps.h>
  <mlir/IR/Remarks.h>
  <mlir/Pass/Pass.h>)

# A library of the compiler proper: MLIR through its shared library only, no exceptions.
function(heed_add_mlir_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS} ${Boost_INCLUDE_DIRS})
  target_compile_options(${name} PRIVATE -fno-exceptions)
  target_precompile_headers(${name} REUSE_FROM HeedPrecompiled)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM fmt::fmt)
  heed_sanitize(${name})
endfunction()

# Passes.td of the current folder: Passes.h.inc with registration functions register<Group>Passes(), target <name>PassesIncGen.
function(heed_add_passes name group)
  set(LLVM_TARGET_DEFINITIONS Passes.td)
  mlir_tablegen(Passes.h.inc -gen-pass-decls -name ${group})
  add_public_tablegen_target(${name}PassesIncGen)
endfunction()

function(heed_add_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} SYSTEM PRIVATE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  heed_sanitize(${name})
endfunction()
