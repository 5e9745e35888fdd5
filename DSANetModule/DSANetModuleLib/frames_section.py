"""Section *Frames*: browse and play the run, the time–contrast curve with its key frame, the state of each frame."""

from __future__ import annotations

from typing import Any

import qt
from slicer.i18n import tr as _

from DSANetLib.mrml.choices import choose_key_frame, key_frame, key_frame_by_user
from DSANetLib.mrml.plots import find_plot, mark_frames
from DSANetLib.mrml.segmentation import states
from DSANetLib.mrml.sequence import stored_frames, times_of

from .layout import showChart
from .panel import BaseSection

_LETTERS = {"empty": "–", "predicted": "P", "edited": "E", "accepted": "A", "rejected": "R"}


class FramesSection(BaseSection):
    """Browse, play, and choose the key frame."""

    uiName = "Frames"

    def setup(self) -> None:
        """Connect signals."""
        ui = self.ui
        self._updating = False
        self._curve: Any = None
        self._hidden = ""
        ui.previousFrameButton.connect("clicked(bool)", self.onPrevious)
        ui.nextFrameButton.connect("clicked(bool)", self.onNext)
        ui.frameSlider.connect("valueChanged(int)", self.onSlider)
        ui.playButton.connect("toggled(bool)", self.onPlay)
        ui.stateStrip.connect("cellClicked(int,int)", self.onStrip)
        ui.goToKeyButton.connect("clicked(bool)", self.onGoToKey)
        ui.setKeyFrameButton.connect("clicked(bool)", self.onSetKey)
        ui.automaticKeyButton.connect("clicked(bool)", self.onAutomaticKey)
        # Not at the change of the frame alone: the strip gets its width later, and when the panel is made wider.
        ui.stateStrip.horizontalScrollBar().connect("rangeChanged(int,int)", self.onStripRange)
        ui.stateStrip.verticalHeader().setVisible(False)
        ui.stateStrip.setFixedHeight(3 * ui.stateStrip.fontMetrics().height() + 16)

    # --- browsing ------------------------------------------------------------------------------------------------

    def onPrevious(self, _checked: bool = False) -> None:
        """Show the frame before."""
        self._step(-1)

    def onNext(self, _checked: bool = False) -> None:
        """Show the frame after."""
        self._step(1)

    def _step(self, by: int) -> None:
        case = self.context.case
        if case is not None:
            last = case.run.sequence.GetNumberOfDataNodes() - 1
            self._show(min(max(case.run.browser.GetSelectedItemNumber() + by, 0), last))

    def onSlider(self, place: int) -> None:
        """Show the frame at a place in the sequence."""
        if not self._updating:
            self._show(place)

    def onStrip(self, _row: int, place: int) -> None:
        """Show the frame that was clicked."""
        self._show(place)

    def onStripRange(self, _least: int, _most: int) -> None:
        """Keep the shown frame in the middle of the strip where its width changed."""
        strip = self.ui.stateStrip
        if strip.currentItem() is not None:
            strip.scrollToItem(strip.currentItem(), qt.QAbstractItemView.PositionAtCenter)

    def _show(self, place: int) -> None:
        case = self.context.case
        if case is not None:
            case.run.browser.SetSelectedItemNumber(place)

    def onPlay(self, on: bool) -> None:
        """Play or stop; Slicer moves the frames."""
        case = self.context.case
        if case is not None and not self._updating:
            case.run.browser.SetPlaybackActive(bool(on))

    # --- key frame -----------------------------------------------------------------------------------------------

    def onGoToKey(self, _checked: bool = False) -> None:
        """Show the key frame."""
        case = self.context.case
        key = key_frame(case.run) if case else None
        if key is not None:
            with self.context.attempt():
                self.context.setFrame(key)

    def onSetKey(self, _checked: bool = False) -> None:
        """Make the shown frame the key frame, for the next Apply."""
        self._chooseKey(self.context.frame)

    def onAutomaticKey(self, _checked: bool = False) -> None:
        """Leave the key frame to the library again."""
        self._chooseKey(None)

    def _chooseKey(self, frame: int | None) -> None:
        case = self.context.case
        if case is None:
            return
        with self.context.attempt():
            choose_key_frame(case.run, frame)
            key = key_frame(case.run)
            if key is not None:
                self.context.tell(_("Key frame {frame}. Press Apply to segment it.").format(frame=key + 1))
        self.context.changed("case")

    # --- showing -------------------------------------------------------------------------------------------------

    def update(self) -> None:
        """Follow the shown frame, the key frame and the states."""
        case, ui = self.context.case, self.ui
        step = (ui.previousFrameButton, ui.nextFrameButton, ui.frameSlider, ui.playButton)
        for widget in (*step, ui.stateStrip, ui.setKeyFrameButton):
            widget.setEnabled(case is not None)
        frame = self.context.frame
        key = key_frame(case.run) if case else None
        self._updating = True
        try:
            self._showFrame(case, frame)
            self._showStrip(case, frame, key)
        finally:
            self._updating = False
        self._showKey(case, key)
        self._showCurve(case, frame, key)
        self._hideMasks(case)

    def _showFrame(self, case: Any, frame: int | None) -> None:
        ui = self.ui
        place = case.run.browser.GetSelectedItemNumber() if case else 0
        ui.frameSlider.maximum = case.run.sequence.GetNumberOfDataNodes() - 1 if case else 0
        ui.frameSlider.value = place
        ui.playButton.checked = self.context.playing
        ui.playButton.text = _("Stop") if self.context.playing else _("Play")
        if case is None or frame is None:
            ui.frameLabel.text = _("No run is chosen.")
            return
        times = times_of(case.run.sequence)
        ui.frameLabel.text = _("Frame {frame} of {count}, {time:.2f} s").format(
            frame=frame + 1, count=len(times), time=times[place] - times[0]
        )

    def _showStrip(self, case: Any, frame: int | None, key: int | None) -> None:
        strip = self.ui.stateStrip
        frames = stored_frames(case.run.sequence) if case else ()
        known = states(case.masks) if case and case.masks else {}
        if strip.columnCount != len(frames):
            strip.setColumnCount(len(frames))
        for place, number in enumerate(frames):
            text = _LETTERS[known.get(number, "empty")]
            item = strip.item(0, place)
            if item is None:
                item = qt.QTableWidgetItem()
                item.setTextAlignment(qt.Qt.AlignCenter)
                strip.setItem(0, place, item)
                strip.setHorizontalHeaderItem(place, qt.QTableWidgetItem())
                strip.setColumnWidth(place, 3 * strip.fontMetrics().height())
            if item.text() != text:
                item.setText(text)
            header = f"{number + 1}*" if number == key else str(number + 1)
            if strip.horizontalHeaderItem(place).text() != header:
                strip.horizontalHeaderItem(place).setText(header)
        if frame in frames and strip.currentColumn() != frames.index(frame):
            strip.setCurrentCell(0, frames.index(frame))
            strip.scrollToItem(strip.currentItem(), qt.QAbstractItemView.PositionAtCenter)

    def _showKey(self, case: Any, key: int | None) -> None:
        ui = self.ui
        byUser = case is not None and key_frame_by_user(case.run)
        if key is None:
            ui.keyFrameLabel.text = _("Key frame: –")
        else:
            who = _("chosen by hand") if byUser else _("chosen automatically")
            ui.keyFrameLabel.text = _("Key frame {frame}, {who}").format(frame=key + 1, who=who)
        ui.goToKeyButton.setEnabled(key is not None)
        ui.automaticKeyButton.setEnabled(byUser)

    def _showCurve(self, case: Any, frame: int | None, key: int | None) -> None:
        """Show the run's curve in the plot view, once, with its marks; what the user shows there afterwards stays."""
        plot = find_plot(case.run) if case else None
        chart = plot.chart.GetID() if plot is not None else None
        if chart != self._curve:
            self._curve = chart
            showChart(plot.chart if plot is not None else None)
        if plot is not None:
            mark_frames(case.run, plot, key_frame=key, shown_frame=frame)

    def _hideMasks(self, case: Any) -> None:
        """Hide the outlines while playing, and show them again afterwards; the masks are not touched."""
        masks = case.masks if case else None
        display = masks.segmentation.GetDisplayNode() if masks and masks.segmentation else None
        if display is None:
            return
        hide = self.context.playing and self.context.parameters.hideMasksWhilePlaying
        if hide and display.GetVisibility():
            display.SetVisibility(False)
            self._hidden = display.GetID()
        elif not hide and self._hidden == display.GetID():
            display.SetVisibility(True)
            self._hidden = ""

    def exit(self) -> None:
        """Stop playing."""
        self.onPlay(False)
