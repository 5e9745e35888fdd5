"""PySide6 in PythonQt's manner, and the thinnest stand-ins for what only the Slicer application has.

The module's own code runs in them over the real scene of ``slicer-core``. What each cannot show stands in its
docstring; whether a call exists in Slicer at all is checked against Slicer's sources (docs/slicer-api.md).
"""

from __future__ import annotations

import ctypes
import inspect
import os
import re
import sys
import types

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.pyside6_option_python_enum = 0x02  # enums are plain integers, as in PythonQt
import shiboken6  # noqa: E402
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets  # noqa: E402

QObject = QtCore.QObject
Signal = QtCore.Signal
_read, _write, _connect = QObject.property, QObject.setProperty, QObject.connect
_getattribute = QObject.__getattribute__
_METHODS = {"sizeHint", "minimumSizeHint", "size", "pos"}
dialogs: list[str] = []
"""Texts of the dialogs that would have been shown, since the list was last cleared."""


class _Property:
    """A Qt property as an attribute, as PythonQt shows it; on a class the C++ function stays."""

    def __init__(self, name, original):
        self.name, self.original = name, original

    def __get__(self, obj, cls=None):
        if obj is None:
            return self.original
        value = _read(obj, self.name)
        return tuple(value) if isinstance(value, list) else value

    def __set__(self, obj, value):
        if not _write(obj, self.name, list(value) if isinstance(value, tuple) else value):
            raise AttributeError(f"{type(obj).__name__}.{self.name} does not accept {value!r}")


def _set(self, name, value):
    """PythonQt refuses attributes that a Qt object does not have; a class derived in Python may have its own."""
    if UiLoader.loading and isinstance(value, QObject):
        return  # PySide6 makes every child an attribute of the root; Slicer does not
    if isinstance(value, QtCore.SignalInstance):  # so PySide6 keeps a bound signal
        shiboken6.Object.__setattr__(self, name, value)
        return
    known = inspect.getattr_static(type(self), "objectName" if name == "name" else name, None)
    if type(self).__module__.startswith("PySide6") and not hasattr(type(known), "__set__"):
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r} that can be set")
    if isinstance(known, QtCore.Property):
        known.fset(self, value)  # Shiboken's own way would hide it behind an attribute of the object
        return
    shiboken6.Object.__setattr__(self, "objectName" if name == "name" else name, value)


def _connect_by_signature(self, signature, slot):
    """``button.connect('clicked(bool)', f)``; a signal that the object has not is an error here, False in PythonQt."""
    name, _arguments = re.fullmatch(r"(\w+)\((.*)\)", signature).groups()
    full = QtCore.QMetaObject.normalizedSignature(signature).data().decode()
    if self.metaObject().indexOfSignal(full) >= 0:
        return bool(_connect(self, QtCore.SIGNAL(full), slot))
    assert isinstance(inspect.getattr_static(type(self), name, None), Signal), f"{type(self).__name__} has no {full}"
    return bool(getattr(self, name).connect(slot))


def _patch(cls):
    meta = cls.staticMetaObject
    for i in range(meta.propertyOffset(), meta.propertyCount()):
        name = meta.property(i).name()
        if name.isidentifier() and name not in _METHODS:
            setattr(cls, name, _Property(name, getattr(cls, name, None)))
    cls.__setattr__ = _set


def _attribute(self, name):
    if name == "connect":
        return types.MethodType(_connect_by_signature, self)
    if name == "name":
        name = "objectName"
    return _getattribute(self, name)


def _keep_singletons():
    """PySide6 6.12 gives None, True and False away once too often with each call that returns them.

    Python 3.12 and later count no references to these; before, Python ends as soon as none are left.
    """
    if sys.version_info < (3, 12):
        for single in (None, True, False):
            ctypes.c_ssize_t.from_address(id(single)).value += 1 << 40


def install_qt():
    """Put ``qt`` and ``ctk`` into Python's modules and return the application object."""
    _keep_singletons()
    app = QtWidgets.QApplication.instance() or QtWidgets.QApplication(["Slicer"])
    qt = types.ModuleType("qt", "PySide6 as PythonQt")
    for space in (QtCore, QtGui, QtWidgets):
        names = {name: getattr(space, name) for name in dir(space) if not name.startswith("_")}
        for thing in names.values():
            if isinstance(thing, type) and issubclass(thing, QObject):
                _patch(thing)
        qt.__dict__.update(names)
    QObject.__getattribute__ = _attribute
    names = {cls: name for name, cls in widget_classes().items()}
    QObject.className = lambda self: names.get(type(self), type(self).__name__)
    qt.QUiLoader, qt.QSettings, qt.QFileDialog, qt.QMessageBox = UiLoader, Settings, FileDialog, MessageBox
    ctk = types.ModuleType("ctk", "stand-ins for CTK's widgets")
    ctk.__dict__.update({name: cls for name, cls in widget_classes().items() if name.startswith("ctk")})
    sys.modules.update(qt=qt, ctk=ctk)
    return app


class UiLoader(QtUiTools.QUiLoader):
    """Loads ``.ui`` files with the stand-ins below. Shows nothing of Slicer's own designer plug-ins."""

    loading = False
    _kept: list = []  # noqa: RUF012 - Qt owns the widgets, Python must not drop their Python side

    def createWidget(self, name, parent=None, objectName=""):
        made = widget_classes().get(name)
        if made is None:
            return super().createWidget(name, parent, objectName)
        widget = made(parent)
        widget.setObjectName(objectName)
        self._kept.append(widget)
        return widget

    def load(self, device, parent=None):
        UiLoader.loading = True
        try:
            return super().load(device, parent)
        finally:
            UiLoader.loading = False


class Settings:
    """Slicer's settings in memory, empty at the start of each test (conftest). Nothing is kept on disk."""

    values: dict = {}  # noqa: RUF012 - shared on purpose, as the settings of an application are

    def value(self, key, default=None):
        return self.values.get(key, default)

    def setValue(self, key, value):
        self.values[key] = value

    def contains(self, key):
        return key in self.values


class FileDialog:
    """File dialogs that answer at once with ``answer`` (set by a test). Cannot show filters or what is selectable."""

    answer: object = ""

    @classmethod
    def _answer(cls, *arguments):
        dialogs.append("file: " + " ".join(part for part in arguments if isinstance(part, str)))
        return cls.answer

    getOpenFileName = getExistingDirectory = getOpenFileNames = getSaveFileName = _answer


class MessageBox(QtWidgets.QMessageBox):
    """Message boxes that note their text and answer at once. Cannot show that a user would see them."""

    answer = QtWidgets.QMessageBox.Yes

    @classmethod
    def question(cls, *arguments):
        dialogs.append(" ".join(part for part in arguments if isinstance(part, str)))
        return cls.answer

    warning = information = critical = question

    def exec_(self):
        dialogs.append(_read(self, "text"))
        return self.answer

    exec = exec_


class CollapsibleButton(QtWidgets.QWidget):
    """ctkCollapsibleButton: a header that folds what is below. Cannot show CTK's own look."""

    HEADER = 22
    contentsCollapsed = Signal(bool)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.__dict__.update(_text="", _collapsed=False)
        self.setContentsMargins(2, self.HEADER, 2, 2)
        self.setMinimumHeight(self.HEADER)

    text = QtCore.Property(str, lambda self: self._text, lambda self, value: self.__dict__.update(_text=value))

    def _fold(self, value):
        if value == self._collapsed:
            return
        self.__dict__["_collapsed"] = value
        self.setMaximumHeight(self.HEADER if value else 16777215)
        self.contentsCollapsed.emit(value)
        self.update()

    collapsed = QtCore.Property(bool, lambda self: self._collapsed, _fold)

    def paintEvent(self, event):
        painter = QtGui.QPainter(self)
        painter.fillRect(0, 0, self.width, self.HEADER - 2, self.palette.button())
        painter.drawRect(0, 0, self.width - 1, self.HEADER - 2)
        painter.drawText(8, self.HEADER - 7, ("\u25b8 " if self._collapsed else "\u25be ") + self._text)
        painter.end()


class SliderWidget(QtWidgets.QDoubleSpinBox):
    """ctkSliderWidget: value, range, step. Has no slider to drag."""

    tracking = spinBoxVisible = QtCore.Property(bool, lambda self: True, lambda self, value: None)
    pageStep = QtCore.Property(float, lambda self: 0.0, lambda self, value: None)


class PathLineEdit(QtWidgets.QLineEdit):
    """ctkPathLineEdit: the path as text. Cannot show browsing, completion or history."""

    currentPathChanged = Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self.textChanged.connect(self.currentPathChanged.emit)

    currentPath = QtCore.Property(str, lambda self: _read(self, "text"), lambda self, v: _write(self, "text", v))
    showHistoryButton = QtCore.Property(bool, lambda self: True, lambda self, value: None)
    nameFilters = QtCore.Property("QStringList", lambda self: [], lambda self, value: None)

    def addCurrentPathToHistory(self):
        pass


class MRMLWidget(QtWidgets.QWidget):
    """qMRMLWidget: holds the scene."""

    def setMRMLScene(self, scene):
        self.__dict__["_scene"] = scene

    def mrmlScene(self):
        return self.__dict__.get("_scene")


class NodeComboBox(QtWidgets.QComboBox):
    """qMRMLNodeComboBox on the real scene: filter by class, None, additions and removals. Cannot add or rename."""

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)

    nodeTypes = QtCore.Property(
        "QStringList", lambda self: list(self.__dict__.get("_types", [])), lambda self, v: self._set_types(v)
    )
    for _name in ("noneEnabled", "addEnabled", "removeEnabled", "renameEnabled", "editEnabled", "showHidden"):
        locals()[_name] = QtCore.Property(
            bool,
            lambda self, n=_name: self.__dict__.get("_" + n, False),
            lambda self, value, n=_name: self.__dict__.update({"_" + n: value}),
        )
    noneDisplay = QtCore.Property(
        str, lambda self: self.__dict__.get("_none", "None"), lambda self, value: self.__dict__.update(_none=value)
    )

    def __init__(self, parent=None):
        super().__init__(parent)
        self.__dict__.update(_scene=None, _filters=[], _told="")
        self.currentIndexChanged.connect(lambda _index: self._tell())

    def _set_types(self, types):
        self.__dict__["_types"] = list(types)
        self._fill()

    def setMRMLScene(self, scene):
        if scene is self._scene:
            return
        self.__dict__["_scene"] = scene
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent):
            scene.AddObserver(event, lambda _scene, _event: self._fill())
        self._fill()

    def addAttribute(self, node_type, name, value=None):
        self._filters.append((node_type, name, value))
        self._fill()

    def _accepts(self, node):
        if not any(node.IsA(name) for name in self.nodeTypes) or (node.GetHideFromEditors() and not self.showHidden):
            return False
        return all(node.GetAttribute(name) == value for kind, name, value in self._filters if node.IsA(kind))

    def _fill(self):
        if not shiboken6.isValid(self) or self._scene is None:
            return
        wanted = self.currentNodeID
        nodes = [self._scene.GetNthNode(i) for i in range(self._scene.GetNumberOfNodes())]
        self.blockSignals(True)
        self.clear()
        if self.noneEnabled:
            self.addItem(self.noneDisplay, "")
        for node in filter(self._accepts, nodes):
            self.addItem(node.GetName(), node.GetID())
        self.setCurrentIndex(max(self.findData(wanted), 0 if self.noneEnabled else -1))
        self.blockSignals(False)
        self._tell()

    def _tell(self):
        if self.currentNodeID != self._told:
            self.__dict__["_told"] = self.currentNodeID
            self.currentNodeChanged.emit(self.currentNode())
            self.currentNodeIDChanged.emit(self.currentNodeID)

    @property
    def currentNodeID(self):
        return self.itemData(_read(self, "currentIndex")) or ""

    def currentNode(self):
        return self._scene.GetNodeByID(self.currentNodeID) if self._scene and self.currentNodeID else None

    def setCurrentNode(self, node):
        self.setCurrentIndex(max(self.findData(node.GetID() if node else ""), 0 if self.noneEnabled else -1))


class TableView(QtWidgets.QTableWidget):
    """qMRMLTableView: remembers its node. Shows its cells as text, cannot edit or sort."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.__dict__["_node"] = None

    def setMRMLScene(self, scene):
        pass

    def setMRMLTableNode(self, node):
        self.__dict__["_node"] = node
        table = node.GetTable() if node else None
        self.setRowCount(table.GetNumberOfRows() if table else 0)
        self.setColumnCount(table.GetNumberOfColumns() if table else 0)
        names = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())] if table else []
        if node is not None and node.GetUseColumnTitleAsColumnHeader():
            names = [node.GetColumnTitle(name) or name for name in names]
        self.setHorizontalHeaderLabels(names)
        for row in range(_rows(table)):
            for column in range(table.GetNumberOfColumns()):
                self.setItem(row, column, QtWidgets.QTableWidgetItem(table.GetValue(row, column).ToString()))

    def mrmlTableNode(self):
        return self._node


def _rows(table):
    return table.GetNumberOfRows() if table else 0


class SegmentEditorWidget(QtWidgets.QWidget):
    """qMRMLSegmentEditorWidget: keeps its nodes in the real parameter node. Has no effects and paints nothing."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.__dict__.update(_node=None, effects=[], active="", hidden=[])

    def setMRMLScene(self, scene):
        assert self._node is not None or scene is None, "setMRMLSegmentEditorNode comes first"

    def setMRMLSegmentEditorNode(self, node):
        self.__dict__["_node"] = node

    def mrmlSegmentEditorNode(self):
        return self._node

    def setSegmentationNode(self, node):
        self._node.SetAndObserveSegmentationNode(node)

    def setSourceVolumeNode(self, node):
        self._node.SetAndObserveSourceVolumeNode(node)

    def segmentationNode(self):
        return self._node.GetSegmentationNode() if self._node else None

    def sourceVolumeNode(self):
        return self._node.GetSourceVolumeNode() if self._node else None

    def setCurrentSegmentID(self, identifier):
        self._node.SetSelectedSegmentID(identifier)

    def currentSegmentID(self):
        return self._node.GetSelectedSegmentID() or ""

    def setEffectNameOrder(self, names):
        self.__dict__["effects"] = list(names)

    def setActiveEffectByName(self, name):
        self.__dict__["active"] = name

    def effectByName(self, name):
        return None

    def __getattr__(self, name):
        """Every other setter is taken note of and does nothing."""
        if name.startswith(("set", "install", "uninstall", "remove", "unorderedEffectsVisible")):
            return lambda *_arguments: None
        raise AttributeError(name)


def widget_classes():
    """Return Slicer's and CTK's name → stand-in."""
    return {
        "ctkCollapsibleButton": CollapsibleButton,
        "ctkSliderWidget": SliderWidget,
        "ctkPathLineEdit": PathLineEdit,
        "qMRMLWidget": MRMLWidget,
        "qSlicerWidget": MRMLWidget,
        "qMRMLNodeComboBox": NodeComboBox,
        "qMRMLTableView": TableView,
        "qMRMLSegmentEditorWidget": SegmentEditorWidget,
    }
