"""nnU-Net's own trainer with a stated cap on its length; nnU-Net finds it through ``nnUNet_extTrainer``."""

import os

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerCapped(nnUNetTrainer):  # noqa: N801 - nnU-Net looks for the file's name
    """Epochs, iterations an epoch and batch from the environment; nothing else differs."""

    def __init__(
        self, plans: dict, configuration: str, fold: int, dataset_json: dict, device: torch.device, **more: object
    ) -> None:
        plans["configurations"][configuration]["batch_size"] = int(os.environ["DSANET_NNUNET_BATCH"])
        super().__init__(plans, configuration, fold, dataset_json, device, **more)
        self.num_epochs = int(os.environ["DSANET_NNUNET_EPOCHS"])
        self.num_iterations_per_epoch = int(os.environ["DSANET_NNUNET_ITERATIONS"])
        self.num_val_iterations_per_epoch = 5
        self.save_every = 1
