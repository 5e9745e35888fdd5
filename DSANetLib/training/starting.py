"""Fine-tuning: a training that starts from a package's weights instead of random ones."""

from __future__ import annotations

from torch import nn

from ..errors import ModelError, TrainingError
from ..models import read_card
from ..models.card import ModelCard
from ..models.package import WEIGHTS, verify_file
from ..models.store import find_package
from .config import TrainingConfig


def load_weights(network: nn.Module, config: TrainingConfig) -> None:
    """Put the weights of ``config.from_package`` into a network; nothing where none is named.

    Raises
    ------
    TrainingError
        Where the package holds another network, or was made for another preparation.
    """
    if config.from_package is None:
        return
    from safetensors.torch import load_file

    card = starting_card(config)
    if card.network != network.config:
        raise TrainingError(
            f"{card.name} holds another network ({_shown(card.network)}) than the training ({_shown(network.config)})",
            "Fine-tune with the network of the package",
        )
    if card.preparation != config.cohort.preparation:
        raise TrainingError(f"{card.name} was made for another preparation", "Fine-tune with that of the package")
    path = verify_file(find_package(config.from_package), card, WEIGHTS)
    state = {name: value.float() for name, value in load_file(path).items()}
    missing, unexpected = network.load_state_dict(state, strict=False)
    # Counters of batches seen are whole numbers and not packaged.
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ModelError(f"weights and card do not fit ({(missing + unexpected)[0]})", "Install it again", path)


def starting_card(config: TrainingConfig) -> ModelCard:
    """Return the card of ``config.from_package``."""
    return read_card(find_package(str(config.from_package)))


def _shown(shape: object) -> str:
    return f"{getattr(shape, 'kind', 'response')}, width {getattr(shape, 'width', '?')}"
