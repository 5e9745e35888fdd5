"""Reproduction: a cohort folder → every training, prediction and table of the study, resumed where it was."""
