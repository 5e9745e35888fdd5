"""A run to try the module on, in Slicer's Sample Data: a synthetic patient, computed at first use; nothing is loaded
from the network.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import slicer

from DSANetLib.errors import OutputError
from DSANetLib.mrml.attributes import set_facts
from DSANetLib.mrml.scene import CaseNodes

CATEGORY = "DSANet"
NAME = "DSANetPhantom"

# Of no cohort that a model was trained or tested on; a run with its whole contrast course and three tumours.
_SEED = 9_500_006
_SIZE = 384


def registerSampleData() -> None:
    """Put the sample run into Slicer's Sample Data module; to be called at ``startupCompleted()``."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=NAME,
        # There is nothing to download: the run is made by `customDownloader`.
        uris="",
        fileNames="",
        nodeNames=NAME,
        thumbnailFileName=str(Path(__file__).resolve().parent.parent / "Resources" / "Icons" / f"{NAME}.png"),
        customDownloader=lambda _source: loadSample(),
    )


def loadSample() -> CaseNodes:
    """Load the sample run with its clinical values, and choose both in the panel.

    Raises
    ------
    DSANetError
        Where packages are not installed, or there is no room for the run (about 5 MB).
    """
    from DSANetLib.clinical import read_clinical
    from DSANetLib.mrml.clinical import write_clinical

    from .loading import MODULE, loadCase
    from .packages import LIGHT, ensure

    ensure(LIGHT)
    folder = makeSample(Path(slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory()))
    case = loadCase(next((folder / "runs").glob("*.dcm")))
    records = read_clinical(folder / "clinical.csv")
    set_facts(case.run.sequence, {"Patient": next(iter(records))})
    context = slicer.util.getModuleWidget(MODULE).context
    context.parameters.clinical = write_clinical(records)
    context.changed("case")
    return case


def makeSample(cache: Path) -> Path:
    """Return the folder of the sample patient in Slicer's cache, made there if it is not; whole or not at all."""
    from DSANetLib import __version__
    from DSANetLib.phantom import PhantomConfig, write_cohort
    from DSANetLib.phantom.config import EDITION

    # The phantom's films change with its edition, within a version too: an older sample is not what the docs show.
    folder = cache / f"{NAME}-{__version__}-edition{EDITION}"
    if folder.is_dir():
        return folder
    part = cache / f".{folder.name}.part"
    try:
        shutil.rmtree(part, ignore_errors=True)
        write_cohort(part, 1, _SEED, "dicom", PhantomConfig(rows=_SIZE, columns=_SIZE))
        part.replace(folder)
    except OSError as error:
        raise OutputError(
            f"the sample run cannot be written ({error.strerror})", "Make room in Slicer's cache folder", cache
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder
