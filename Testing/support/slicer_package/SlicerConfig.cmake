# The thinnest stand-in for the package configuration of a Slicer build tree: what find_package(Slicer) gives an
# extension of Python modules. It shows that our CMake files configure, build and install; it compiles nothing, makes
# no package, and knows of no other extension. Variables as in Slicer's CMake/SlicerConfig.cmake.in.
set(Slicer_USE_FILE "${CMAKE_CURRENT_LIST_DIR}/UseSlicer.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionGenerateConfig.cmake")
set(Slicer_EXTENSION_CPACK "${CMAKE_CURRENT_LIST_DIR}/SlicerExtensionCPack.cmake")
set(Slicer_USE_PYTHONQT ON)
set(Slicer_INSTALL_ROOT "./")
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR "lib/Slicer-5.10/qt-scripted-modules")
