"""Cohorts: a documented folder of runs, masks, clinical values and outcomes; checked, split and described."""
