"""The section *Export*: what a case gives, as files in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from DSANetLib.errors import DSANetError, OutputError

from .panel import BaseSection


class ExportSection(BaseSection):
    """Writes the chosen case, or all cases of the scene; one that fails does not keep the others from it."""

    uiName = "Export"

    def setup(self) -> None:
        """Connect the button and the folder."""
        self.ui.exportButton.connect("clicked(bool)", self.onExport)
        self.ui.exportFolderEdit.connect("currentPathChanged(QString)", self.onFolder)

    def update(self) -> None:
        """Offer the button where there is a case and a folder."""
        ready = bool(self.context.case is not None and self.ui.exportFolderEdit.currentPath)
        self.ui.exportButton.setEnabled(ready)

    def onFolder(self, _path: str) -> None:
        """Another folder was chosen."""
        self.update()

    def onExport(self, _checked: bool = False) -> None:
        """Write the files; the list says what became of each case, the foot of the panel how it ended."""
        parameters = self.context.parameters
        cases = self.context.cases if parameters.exportAll else [self.context.case]
        folder = Path(self.ui.exportFolderEdit.currentPath)
        self.ui.exportFolderEdit.addCurrentPathToHistory()
        self.ui.exportList.clear()
        failed = sum(not self._export(case, folder) for case in cases)
        if parameters.exportScene:
            failed += not self._exportScene(folder)
        if failed:
            self.context.tell(_("{count} could not be exported; see the list.").format(count=failed), error=True)
        else:
            self.context.tell(_("Exported {count} to {folder}.").format(count=len(cases), folder=folder))

    def _export(self, case: Any, folder: Path) -> bool:
        overwrite = bool(self.ui.exportOverwriteCheckBox.checked)
        try:
            done = self.context.logic.exportCase(case, folder, parts=self._parts(), overwrite=overwrite)
        except DSANetError as error:
            return self._failed(error)
        self.ui.exportList.addItem(
            _("{case}: {count} files in {folder}").format(case=case.case_id, count=len(done.files), folder=done.folder)
        )
        for note in done.notes:
            self.ui.exportList.addItem(_("{case}: {note}").format(case=case.case_id, note=note))
        return True

    def _exportScene(self, folder: Path) -> bool:
        from DSANetLib.mrml.scene import save_scene

        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = save_scene(folder / "scene.mrb", overwrite=bool(self.ui.exportOverwriteCheckBox.checked))
        except OSError as error:
            problem = f"cannot be written ({error.strerror})"
            return self._failed(OutputError(problem, "Choose a folder you may write to", folder))
        except DSANetError as error:
            return self._failed(error)
        self.ui.exportList.addItem(_("scene: {path}").format(path=path))
        return True

    def _failed(self, error: DSANetError) -> bool:
        self.ui.exportList.addItem(str(error))
        return False

    def _parts(self) -> tuple[str, ...]:
        parameters = self.context.parameters
        wanted = {
            "masks": parameters.exportMasks,
            "tables": parameters.exportTables,
            "picture": parameters.exportPicture,
            "frames": parameters.exportFrames,
        }
        return tuple(name for name, on in wanted.items() if on)
