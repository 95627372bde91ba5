# A room is one static library in one directory. Its LIBS are the rooms and libraries that it may see:
# an include that runs against the arrows of ARCHITECTURE.md fails to link. A wrong include of a type
# that is defined in its header links: the guard of ./dev lint finds it.

add_library(billbroker_options INTERFACE)
target_include_directories(billbroker_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(billbroker_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow
  -Wnon-virtual-dtor -Woverloaded-virtual $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>)
if(BILLBROKER_WERROR)
  target_compile_options(billbroker_options INTERFACE -Werror)
endif()

# billbroker_room(NAME SOURCES a.cc … LIBS x …): the library billbroker_NAME.
function(billbroker_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_library(billbroker_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(billbroker_${name} PUBLIC ${ARG_LIBS} PRIVATE billbroker_options)
  target_include_directories(billbroker_${name} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

# billbroker_test(NAME LABEL unit|grpc|e2e SOURCES … LIBS … [TIMEOUT seconds] [PLAIN]): one test program of
# GoogleTest. PLAIN: CI also runs it without a sanitizer, because a sanitizer replaces free(), ignores mlock() and
# needs the standard descriptors. Its label is then "LABEL-plain", so that `ctest -L unit` selects it too.
add_custom_target(plain_tests)
function(billbroker_test name)
  cmake_parse_arguments(ARG "PLAIN" "LABEL;TIMEOUT" "SOURCES;LIBS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)  # twice the limit of Await(), whose message would be lost otherwise
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} billbroker_options GTest::gmock GTest::gtest_main)
  if(NOT TARGET ${ARG_LABEL}_tests)
    add_custom_target(${ARG_LABEL}_tests)  # all test programs of one label
  endif()
  add_dependencies(${ARG_LABEL}_tests ${name})
  if(ARG_PLAIN)
    add_dependencies(plain_tests ${name})
    string(APPEND ARG_LABEL -plain)
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${ARG_TIMEOUT})
endfunction()
