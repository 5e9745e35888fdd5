"""nnU-Net's own trainer with a stated cap on its length; nnU-Net is given it by ``run.py``."""

import os

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerCapped(nnUNetTrainer):  # noqa: N801 - nnU-Net looks for the file's name
    """Epochs, iterations an epoch and batch from the environment; nothing else differs."""

    # The signature is nnU-Net's own: it stores each parameter under its name in every checkpoint.
    def __init__(self, plans: dict, configuration: str, fold: int, dataset_json: dict, device: torch.device) -> None:
        plans["configurations"][configuration]["batch_size"] = int(os.environ["DSANET_NNUNET_BATCH"])
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = int(os.environ["DSANET_NNUNET_EPOCHS"])
        self.num_iterations_per_epoch = int(os.environ["DSANET_NNUNET_ITERATIONS"])
        self.num_val_iterations_per_epoch = 5
        self.save_every = 1
