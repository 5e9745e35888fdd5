# Slicer writes a package configuration of the extension here, for extensions that build on it. None does on ours.
