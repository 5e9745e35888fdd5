"""Make the pictures of the panel's pages: each section at work on phantom runs, the slice view, and the plot.

    python docs/screenshots.py [FOLDER]

Runs where the tests run: Slicer's core is real, Slicer's application is stood in for (Testing/widget), so that buttons
have this system's look and not Slicer's, and *Correct* lacks the Segment Editor. Masks, probability, maps and tables
are what the shipped models make of the runs. The slice view is rendered by Slicer's own slice logic, the plot by VTK's
chart (which Slicer's plot view uses) from the scene's plot nodes; panel-layout.png sets both side by side as the
module's layout does. It works in a temporary folder with paths relative to it, so that no picture shows that folder.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 460
SECTIONS = ("run", "frames", "segment", "correct", "worklist", "predict", "explore", "batch", "export")

ADVANCED = {
    "run": "runAdvanced",
    "segment": "segmentAdvanced",
    "predict": "predictAdvanced",
    "worklist": "fineTuneAdvanced",
}

log = logging.getLogger("screenshots")


def main(folder: Path) -> int:
    """Write panel.png, panel-<section>.png and panel-frame.png into a folder."""
    sys.path[:0] = [str(ROOT / part) for part in ("", "Testing/widget", "DSANetModule")]
    import application

    slicer = application.install()
    import DSANetModule

    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    widget = DSANetModule.DSANetModuleWidget()
    widget.setup()
    widget.enter()
    with tempfile.TemporaryDirectory(prefix="dsanet-sample-") as cache:
        os.chdir(cache)
        work(slicer, widget, Path(cache))
        widget.parent.show()
        grab(slicer, widget.parent, folder / "panel.png")  # as the tutorial leaves it, before anything else
        batch(slicer, widget)
        two_readers(slicer, widget)
        explore_and_export(slicer, widget)
        views(widget.context.case, folder)
        photograph(slicer, widget, folder)
        widget.exit()
        widget.cleanup()
        os.chdir(ROOT)  # Windows removes no folder that somebody works in
    return 0


def work(slicer: Any, widget: Any, cache: Path) -> None:
    """Load the sample with its clinical values, segment, predict, as a user would."""
    from DSANetModuleLib.sample_data import makeSample

    from DSANetLib.clinical import read_clinical
    from DSANetLib.mrml.attributes import set_facts
    from DSANetLib.mrml.clinical import write_clinical

    context, sample = widget.context, makeSample(cache)
    sections = {section.widget.name: section for section in context.sections}
    sections["runSection"].load([next((sample / "runs").glob("*.dcm"))])
    wait(slicer, context)
    records = read_clinical(sample / "clinical.csv")
    set_facts(context.case.run.sequence, {"Patient": next(iter(records))})
    context.parameters.clinical = write_clinical(records)
    context.changed("case")
    for button in (sections["segmentSection"].ui.applyButton, sections["predictSection"].ui.predictButton):
        button.click()
        wait(slicer, context)


def batch(slicer: Any, widget: Any) -> None:
    """Work through three runs and a broken file."""
    from DSANetLib.phantom import PhantomConfig, write_cohort

    context = widget.context
    ui = {section.widget.name: section.ui for section in context.sections}
    write_cohort(Path("angiograms"), 3, 40, "dicom", PhantomConfig(rows=256, columns=256))
    Path("angiograms/runs/broken.avi").write_bytes(b"this is no film")
    context.parameters.batchPicture = False
    ui["batchSection"].batchInputEdit.currentPath = "angiograms/runs"
    ui["batchSection"].batchOutputEdit.currentPath = "results"
    ui["batchSection"].batchStartButton.click()
    while context.jobs.isBusy("batch"):
        slicer.app.processEvents()
        time.sleep(0.01)


def two_readers(slicer: Any, widget: Any) -> None:
    """List the batch's cases; let two readers accept the first of them, one after a correction."""
    from DSANetLib.mrml.choices import key_frame
    from DSANetLib.mrml.editing import editing
    from DSANetLib.mrml.segmentation import read_masks

    context = widget.context
    section = next(section for section in context.sections if section.widget.name == "worklistSection")
    sample, ui = context.case, section.ui
    ui.workFolderEdit.currentPath = "results"
    ui.saveSceneCheckBox.checked = False
    ui.listButton.click()
    for reader in ("Anna", "Ben"):
        ui.readerEdit.text = reader
        section.onReader()
        ui.workTable.selectRow(0)
        ui.openButton.click()
        wait(slicer, context)
        masks = context.case.masks
        key = key_frame(context.case.run)
        found = read_masks(masks, key)
        if reader == "Ben":
            tumour = found.tumour.copy()
            tumour[:, : int(np.median(np.nonzero(tumour)[1]))] = 0
            editing(masks).draw(key, found.liver, tumour)
        editing(masks).accept(key)
        ui.saveButton.click()
    ui.trainingFolderEdit.currentPath = "training"
    context.setCase(sample)


def explore_and_export(slicer: Any, widget: Any) -> None:
    """Show a map and curves of the sample, and export it."""
    context = widget.context
    ui = {section.widget.name: section.ui for section in context.sections}
    for button in (ui["exploreSection"].showMapButton, ui["exploreSection"].curvesButton):
        button.click()
        wait(slicer, context)
    context.parameters.exportPicture = False
    ui["exportSection"].exportFolderEdit.currentPath = "export"
    ui["exportSection"].exportButton.click()


def views(case: Any, folder: Path) -> None:
    """Write the frame and its curve side by side, and the map on the frame with its legend."""
    import cv2

    from DSANetLib.mrml.maps import find_map
    from DSANetLib.mrml.plots import find_plot
    from DSANetLib.mrml.render import slice_view

    frame = slice_view(case.run, masks=case.masks, longest_side=600)
    plot = chart_picture(find_plot(case.run).chart, 600, frame.shape[0])
    pictures = {
        "panel-layout.png": np.hstack([frame, np.full((len(frame), 4, 3), 200, np.uint8), plot]),
        "explore-map.png": slice_view(case.run, overlay=find_map(case.run, "time_to_peak"), longest_side=600),
    }
    for name, picture in pictures.items():
        (folder / name).write_bytes(cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes())


def chart_picture(chart: Any, width: int, height: int) -> Any:
    """Return a plot chart node as VTK's chart draws it, uint8 (height, width, 3), the top row first."""
    import vtkmodules.vtkRenderingContextOpenGL2  # noqa: F401 - registers what draws charts
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkChartsCore import vtkChartXY
    from vtkmodules.vtkRenderingCore import vtkRenderWindow, vtkWindowToImageFilter
    from vtkmodules.vtkViewsContext2D import vtkContextView

    view, drawn, window = vtkContextView(), vtkChartXY(), vtkRenderWindow()
    window.SetOffScreenRendering(True)
    window.SetSize(width, height)
    view.SetRenderWindow(window)
    view.GetScene().AddItem(drawn)
    view.GetRenderer().SetBackground(1, 1, 1)
    drawn.SetTitle(chart.GetTitle())
    drawn.SetShowLegend(True)
    for axis, title in ((1, chart.GetXAxisTitle()), (0, chart.GetYAxisTitle())):
        drawn.GetAxis(axis).SetTitle(title)
    for number in range(chart.GetNumberOfPlotSeriesNodes()):
        series = chart.GetNthPlotSeriesNode(number)
        line = drawn.AddPlot(0)
        line.SetInputData(series.GetTableNode().GetTable(), series.GetXColumnName(), series.GetYColumnName())
        line.SetColorF(*series.GetColor())
        line.SetWidth(series.GetLineWidth())
        line.GetPen().SetLineType(series.GetLineStyle())  # the same numbers as vtkPen's, from 0 (none) on
        line.SetLabel(series.GetName())
    window.Render()
    grabber = vtkWindowToImageFilter()
    grabber.SetInput(window)
    grabber.Update()
    columns, rows, _ = grabber.GetOutput().GetDimensions()
    return vtk_to_numpy(grabber.GetOutput().GetPointData().GetScalars()).reshape(rows, columns, -1)[::-1, :, :3]


def photograph(slicer: Any, widget: Any, folder: Path) -> None:
    """Take the key frame, and each section alone."""
    from DSANetLib.mrml.render import render_slice_view

    case = widget.context.case
    render_slice_view(case.run, folder / "panel-frame.png", masks=case.masks, overwrite=True)
    panel = widget.parent
    for section in widget.context.sections:
        name = section.widget.name.removesuffix("Section").lower()
        if name not in SECTIONS:
            continue
        if name == "export":
            section.ui.exportList.setMinimumHeight(120)
        was, section.widget.collapsed = section.widget.collapsed, False
        if name == "predict":
            section.ui.predictTables.collapsed = False
        panel.adjustSize()
        grab(slicer, section.widget, folder / f"panel-{name}.png")
        advanced = getattr(section.ui, ADVANCED.get(name, ""), None)
        if advanced is not None:
            advanced.collapsed = False
            panel.adjustSize()
            grab(slicer, advanced, folder / f"panel-{name}-advanced.png")
            advanced.collapsed = True
        section.widget.collapsed = was


def grab(slicer: Any, widget: Any, path: Path) -> None:
    """Save a widget at its natural height."""
    for _round in range(3):
        widget.resize(WIDTH, max(widget.sizeHint().height(), widget.layout().heightForWidth(WIDTH)))
        slicer.app.processEvents()
    widget.grab().save(str(path))
    log.warning("%s", path)


def wait(slicer: Any, context: Any) -> None:
    """Run the event loop until the background work is done."""
    while context.jobs.busy:
        slicer.app.processEvents()
        time.sleep(0.01)
    slicer.app.processEvents()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"))
