"""nnU-Net's own trainer with a stated cap on its length; nnU-Net is given it by ``run.py``."""

import json
import os
from importlib.metadata import version
from pathlib import Path

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerCapped(nnUNetTrainer):  # noqa: N801 - nnU-Net looks for the file's name
    """Epochs, iterations an epoch and batch from the environment; nothing else of the training differs."""

    # The signature is nnU-Net's own: it stores each parameter under its name in every checkpoint.
    def __init__(self, plans: dict, configuration: str, fold: int, dataset_json: dict, device: torch.device) -> None:
        batch = int(os.environ["DSANET_NNUNET_BATCH"])
        if batch:
            plans["configurations"][configuration]["batch_size"] = batch
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = int(os.environ["DSANET_NNUNET_EPOCHS"])
        self.num_iterations_per_epoch = int(os.environ["DSANET_NNUNET_ITERATIONS"])
        self.num_val_iterations_per_epoch = int(os.environ["DSANET_NNUNET_VALIDATIONS"])
        self.save_every = 1

    def save_checkpoint(self, filename: str) -> None:
        """Write a checkpoint whole or not at all: from a half one, left by a kill, no training goes on."""
        super().save_checkpoint(f"{filename}.part")
        Path(f"{filename}.part").replace(filename)

    def on_train_end(self) -> None:
        """Say, before the last checkpoint marks the training as done, what it was."""
        begun, ended = (self.logger.get_value(f"epoch_{when}_timestamps", step=None) for when in ("start", "end"))
        said = {
            "epochs": self.current_epoch,
            "iterations": self.num_iterations_per_epoch,
            "batch": self.batch_size,
            "seconds": sum(end - begin for begin, end in zip(begun, ended, strict=True)),
            "parameters": sum(one.numel() for one in self.network.parameters() if one.requires_grad),
            "threads": torch.get_num_threads(),
            "nnunetv2": version("nnunetv2"),
            "torch": version("torch"),
        }
        path = Path(self.output_folder) / "capped.json"
        path.with_suffix(".part").write_text(json.dumps(said, indent=1))
        path.with_suffix(".part").replace(path)
        super().on_train_end()
