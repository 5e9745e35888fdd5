# What Slicer's CMake/UseSlicer.cmake does for an extension: its name, where its modules go, and the macros it calls.
if("${EXTENSION_NAME}" STREQUAL "")
  set(EXTENSION_NAME "${PROJECT_NAME}")
endif()
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR "${Slicer_INSTALL_ROOT}${Slicer_QTSCRIPTEDMODULES_LIB_DIR}")
include(CTest)
include("${CMAKE_CURRENT_LIST_DIR}/macros.cmake")
