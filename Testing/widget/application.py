"""What the Slicer application adds to its core: base classes of scripted modules, parameter nodes, ``slicer.app``.

Stand-ins of our own, no copies. They cannot show how Slicer discovers, reloads or translates a module, and
``slicer.app`` has no views; the scene, its nodes and its logics are real.
"""

from __future__ import annotations

import enum
import json
import sys
import types
import typing
import unittest
from pathlib import Path

import standins


def install():
    """Make ``slicer`` of the headless core look like the application; return it."""
    from DSANetLib.mrml import headless

    slicer = headless.start()
    application = standins.install_qt()
    import ctk
    import qt

    for name, cls in standins.widget_classes().items():
        if name.startswith("q"):
            setattr(slicer, name, cls)
    slicer.app = App(application, headless.logic("colors").GetMRMLApplicationLogic())
    _add_module(slicer, "i18n", tr=lambda text: text, translate=lambda context, text: text)
    _add_module(
        slicer,
        "ScriptedLoadableModule",
        ScriptedLoadableModule=ScriptedLoadableModule,
        ScriptedLoadableModuleWidget=ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic=ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest=ScriptedLoadableModuleTest,
    )
    _add_module(
        slicer,
        "parameterNodeWrapper",
        parameterNodeWrapper=parameter_node_wrapper,
        WithinRange=WithinRange,
        Choice=Choice,
        Default=Default,
    )
    _layout_node(slicer)
    slicer.util.showStatusMessage = lambda text, duration=0: slicer.app.status.append(text)
    slicer.util.errorDisplay = lambda text, *_args, **_kwargs: standins.dialogs.append(text)
    slicer.util.mainWindow = lambda: None
    assert ctk
    assert qt
    return slicer


def _add_module(slicer, name, **members):
    module = types.ModuleType(f"slicer.{name}")
    module.__dict__.update(members)
    setattr(slicer, name, module)
    sys.modules[f"slicer.{name}"] = module


def _layout_node(slicer):
    """The layout node, slice node and plot view node that Slicer's layout manager makes; no view follows them."""
    scene = slicer.mrmlScene
    for class_name, tag in (
        ("vtkMRMLLayoutNode", "vtkMRMLLayoutNode"),
        ("vtkMRMLPlotViewNode", "PlotView1"),
        ("vtkMRMLSliceNode", "Red"),
        ("vtkMRMLSliceCompositeNode", "Red"),
    ):
        node = scene.CreateNodeByClass(class_name)
        if node is None:
            node = getattr(slicer, class_name)()
        else:
            node.UnRegister(None)
        node.SetSingletonTag(tag)
        node.SetName(tag)
        if hasattr(node, "SetLayoutName"):
            node.SetLayoutName(tag)
        scene.AddNode(node)


class App:
    """slicer.app: event loop, application logic, temporary folder. Has no main window, no views, no layouts."""

    def __init__(self, application, logic):
        self._application, self._logic = application, logic
        self.status: list[str] = []
        self.connected: list = []
        self.applicationVersion, self.temporaryPath = "5.11.0-standin", ""
        self.majorVersion, self.minorVersion = 5, 11

    def connect(self, signal, slot):
        """Startup is never completed here; tests call what was connected."""
        self.connected.append((signal, slot))

    def applicationLogic(self):
        return self._logic

    def processEvents(self):
        self._application.processEvents()

    def layoutManager(self):
        return None

    def testingEnabled(self):
        return True

    def userSettings(self):
        return standins.Settings()

    settings = userSettings

    def moduleManager(self):
        return None

    def userInformation(self):
        return None


class ScriptedLoadableModule:
    """Keeps the parent. Registers nothing with Slicer's module manager."""

    def __init__(self, parent):
        self.parent = parent


class ScriptedLoadableModuleWidget:
    """A parent widget with a layout, and the path of resources. Has no developer section and no reload."""

    def __init__(self, parent=None):
        import qt

        self.parent = parent or qt.QWidget()
        if self.parent.layout() is None:
            self.parent.setLayout(qt.QVBoxLayout())
        self.layout = self.parent.layout()

    def setup(self):
        pass

    def resourcePath(self, name):
        return str(Path(sys.modules[type(self).__module__].__file__).parent / "Resources" / name)

    def cleanup(self):
        pass


class ScriptedLoadableModuleLogic:
    """One parameter node a scene, a real singleton vtkMRMLScriptedModuleNode."""

    def __init__(self, parent=None):
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self):
        import slicer

        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
            node.UnRegister(None)
            node.SetSingletonTag(self.moduleName)
            node.SetName(self.moduleName)
            node = slicer.mrmlScene.AddNode(node)
        node.SetAttribute("ModuleName", self.moduleName)
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Base of a self-test. Shows no messages."""

    def delayDisplay(self, message, *_args):
        pass


class WithinRange(typing.NamedTuple):
    """Bounds of a number."""

    minimum: float
    maximum: float


class Choice(typing.NamedTuple):
    """Allowed values."""

    choices: typing.Sequence


class Default(typing.NamedTuple):
    """Value at the start."""

    value: object


def parameter_node_wrapper(cls):
    """Attributes kept in a real parameter node, and bound to widgets by ``SlicerParameterName``.

    Knows numbers, texts, booleans, enumerations, paths and nodes; keeps ranges. Cannot show Slicer's caching, nor
    its parameter packs and containers.
    """
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        setattr(cls, name, _parameter(name, hint, getattr(cls, name, None)))
    cls.__init__ = _wrap
    cls.connectGui, cls.disconnectGui, cls._bind = _connect_gui, _disconnect_gui, _bind
    return cls


def _wrap(self, node):
    self.parameterNode, self._bound = node, {}
    for name in [name for name, value in vars(type(self)).items() if isinstance(value, property)]:
        if not node.GetParameter(name) and not node.GetNodeReferenceID(name):
            setattr(self, name, getattr(self, name))


def _parameter(name, hint, start):
    base, *notes = (hint.__origin__, *hint.__metadata__) if hasattr(hint, "__metadata__") else (hint,)
    bounds = next((note for note in notes if isinstance(note, WithinRange)), None)

    def read(self):
        node = self.parameterNode
        if hasattr(base, "IsTypeOf") or not isinstance(base, type):
            return node.GetNodeReference(name)
        text = node.GetParameter(name)
        if not text:
            return start if start is not None else base()
        if issubclass(base, enum.Enum):
            return base[json.loads(text)]
        return base(json.loads(text))

    def write(self, value):
        node = self.parameterNode
        if hasattr(base, "IsTypeOf") or not isinstance(base, type):
            node.SetNodeReferenceID(name, value.GetID() if value else None)
            return
        if bounds and not bounds.minimum <= value <= bounds.maximum:
            raise ValueError(f"{name} is {value}, expected {bounds.minimum} to {bounds.maximum}")
        if value is None or (base in (int, float, bool, str) and not isinstance(value, (base, int))):
            raise TypeError(f"{name} is {value!r}")
        text = value.name if isinstance(value, enum.Enum) else value if not isinstance(value, Path) else str(value)
        node.SetParameter(name, json.dumps(text))

    return property(read, write)


def _connect_gui(self, root):
    import qt

    bound = {}
    for widget in root.findChildren(qt.QWidget):
        name = widget.property("SlicerParameterName")
        if name:
            assert isinstance(getattr(type(self), name, None), property), f"no parameter {name!r}"
            assert name not in bound, f"two widgets are bound to {name!r}"
            bound[name] = self._bind(name, widget)

    def follow(_node, _event):
        for name, (_signal, _slot, show) in bound.items():
            show(getattr(self, name))

    tag = self.parameterNode.AddObserver("ModifiedEvent", follow)
    self._bound[tag] = bound
    return tag


def _disconnect_gui(self, tag):
    self.parameterNode.RemoveObserver(tag)
    for signal, slot, _show in self._bound.pop(tag).values():
        signal.disconnect(slot)


def _bind(self, name, widget):
    signal, read, show = _access(widget)

    def slot(*_values):
        setattr(self, name, read())

    show(getattr(self, name))
    signal.connect(slot)
    return signal, slot, show


def _access(widget):
    """Return the signal, reader and writer of a widget; only classes that Slicer's wrapper binds, by exact type."""
    import qt

    for cls, signal, name in (
        (qt.QCheckBox, "toggled", "checked"),
        (qt.QSpinBox, "valueChanged", "value"),
        (qt.QSlider, "valueChanged", "value"),
        (qt.QDoubleSpinBox, "valueChanged", "value"),
        (standins.SliderWidget, "valueChanged", "value"),
        (qt.QLineEdit, "textChanged", "text"),
    ):
        if type(widget) is cls:
            return _property_access(widget, signal, name)
    if type(widget) is standins.PathLineEdit:
        return (
            widget.currentPathChanged,
            lambda: Path(widget.currentPath),
            lambda value: setattr(widget, "currentPath", str(value)),
        )
    if type(widget) is standins.NodeComboBox:
        return widget.currentNodeChanged, widget.currentNode, widget.setCurrentNode
    if type(widget) is qt.QComboBox:
        return widget.currentTextChanged, lambda: widget.currentText, lambda value: widget.setCurrentText(str(value))
    raise AssertionError(f"Slicer's parameter node wrapper binds no {type(widget).__name__} here: {widget.objectName}")


def _property_access(widget, signal, name):
    return getattr(widget, signal), lambda: getattr(widget, name), lambda value: setattr(widget, name, value)
