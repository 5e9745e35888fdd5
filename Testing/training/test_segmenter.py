"""Training model 1: it learns, repeats itself exactly, survives being stopped, and packages what it trained."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from DSANetLib.errors import OutputError, TrainingError
from DSANetLib.models import load_model
from DSANetLib.networks.losses import mask_loss
from DSANetLib.training import train
from DSANetLib.training.augment import plain_sample
from DSANetLib.training.objective import mask_loss as our_loss
from DSANetLib.training.order import Order
from DSANetLib.training.segmenter import SegmenterBatches, make_loop, train_segmenter
from DSANetLib.training.validation import choose_thresholds, predict_maps


def _weights(network) -> np.ndarray:
    return np.concatenate([value.double().numpy().ravel() for value in network.state_dict().values()])


def _loop(config, folder, patients, held_out):
    return make_loop(config, folder, patients, held_out, lambda _: None)


def test_the_loss_falls_and_the_log_says_so(segmenter, said):
    log = segmenter.with_name("ffs-tiny.training") / "log.csv"
    rows = list(csv.DictReader(log.open()))
    assert float(rows[-1]["total"]) < 0.8 * float(rows[0]["total"])
    assert {"samples", "seg", "lrs", "tdl", "dice"} <= set(rows[0])
    assert int(rows[-1]["samples"]) == 240
    assert any("a second" in line for line in said)


def test_the_package_says_how_it_came_about(segmenter, config):
    card = load_model(segmenter).card
    assert card.training["samples"] == 240
    assert card.seeds == {"training": 0}
    assert card.data["training"] == {"patients": 8, "first_seed": 1_000_000}
    assert card.data["phantom"]["rows"] == 96
    assert card.preparation == config.cohort.preparation
    assert card.metrics["validation_dice_tumour"].n == 4
    assert card.metrics["validation_dice_liver"].value > 0.2
    assert "synthetic phantom" in card.warning
    assert 0 < card.tumour_threshold < 1


def test_the_package_computes_what_was_trained(segmenter, config, patients, held_out):
    loop = _loop(config, segmenter.with_name("ffs-tiny.training"), patients, held_out)
    run = held_out[0].runs[0]
    sample = plain_sample(run, run.picked, config.cohort.preparation)
    tumour, liver = predict_maps(loop.averaged, [sample])
    model = load_model(segmenter)
    maps = model.segment(sample.frames, sample.key[None])
    # The package holds fp16.
    np.testing.assert_allclose(maps.tumour, tumour, atol=5e-3)
    np.testing.assert_allclose(maps.liver, liver, atol=5e-3)


def test_a_stopped_training_ends_like_an_undisturbed_one(config, patients, held_out, tmp_path):
    short = replace(config, samples=48)
    whole = _loop(short, tmp_path / "whole", patients, held_out).run()
    for stop in (3, 7):
        _loop(short, tmp_path / "parts", patients, held_out).run(stop_after=stop)
    resumed = _loop(short, tmp_path / "parts", patients, held_out)
    assert resumed.step == 7
    np.testing.assert_array_equal(_weights(resumed.run()), _weights(whole))
    logs = [list(csv.DictReader((tmp_path / name / "log.csv").open())) for name in ("whole", "parts")]
    keep = [[{k: v for k, v in row.items() if k != "seconds"} for row in log] for log in logs]
    assert keep[0] == keep[1]


def test_rows_written_after_the_checkpoint_are_dropped(config, patients, held_out, tmp_path):
    short = replace(config, samples=48)
    _loop(short, tmp_path, patients, held_out).run(stop_after=5)
    with (tmp_path / "log.csv").open("a") as stream:
        stream.write("40,9,9,9,9,9,9\n")
    _loop(short, tmp_path, patients, held_out)
    assert [int(row["samples"]) for row in csv.DictReader((tmp_path / "log.csv").open())] == [4, 8, 12, 16, 20]


def test_seeds_decide(config, patients, held_out, tmp_path):
    short = replace(config, samples=16)
    first, same, other = (
        _weights(_loop(replace(short, seed=seed), tmp_path / name, patients, held_out).run())
        for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_minutes_fix_a_number_of_samples_that_repeats_the_training(config, patients, held_out, tmp_path):
    lines = []
    timed = make_loop(replace(config, samples=None, minutes=0.04), tmp_path / "timed", patients, held_out, lines.append)
    network = timed.run()
    assert timed.samples >= 4 * 17
    assert f"samples={timed.samples} to repeat" in lines[0]
    again = _loop(replace(config, samples=timed.samples), tmp_path / "again", patients, held_out).run()
    np.testing.assert_array_equal(_weights(network), _weights(again))


def test_the_baseline_is_trained_on_the_same_samples_and_packaged(config, patients, held_out, tmp_path):
    plain = replace(config, model="unet", samples=16)
    ours = SegmenterBatches([r for p in patients for r in p.runs], config)(range(8, 12))
    theirs = SegmenterBatches([r for p in patients for r in p.runs], plain)(range(8, 12))
    assert torch.equal(ours["key"], theirs["key"])
    model = load_model(train(plain, tmp_path / "unet-tiny"))
    assert model.card.network.kind == "unet"
    run = held_out[0].runs[0]
    maps = model.segment(np.zeros((10, 32, 32)), plain_sample(run, run.key, config.cohort.preparation).key[None])
    assert maps.liver is None
    assert maps.tumour.shape == (1, 32, 32)


def test_tdl_and_lrs_are_trained_alone_first_where_asked(config, patients, held_out, tmp_path):
    loop = _loop(replace(config, samples=32, alone=0.5, precision="float32"), tmp_path, patients, held_out)
    before = {name: value.clone() for name, value in loop.network.state_dict().items() if name.endswith("weight")}
    loop.run(stop_after=4)
    after = loop.network.state_dict()
    moved = {name.split(".")[0] for name, value in before.items() if not torch.equal(value, after[name])}
    assert moved == {"tdl", "lrs"}
    loop.run()
    assert not torch.equal(before["ffs.outc.weight"], loop.network.state_dict()["ffs.outc.weight"])


def test_by_image_a_small_tumour_missed_costs_what_a_large_one_does():
    mask = torch.zeros(2, 1, 32, 32)
    mask[0, 0, :20, :20] = 1
    mask[1, 0, 5:8, 5:8] = 1

    def loss(found):
        logits = torch.full_like(mask, -12.0)
        logits[found][mask[found] > 0] = 12.0
        return float(our_loss(logits, mask, "image"))

    assert mask_loss(torch.where(mask > 0, 12.0, -12.0), mask) == pytest.approx(0, abs=1e-3)
    one_image = torch.where(mask[:1] > 0, 12.0, -12.0)
    theirs = float(mask_loss(one_image, mask[:1]))
    assert float(our_loss(one_image, mask[:1], "image")) == pytest.approx(theirs, abs=1e-6)
    bce_of = float(torch.nn.functional.softplus(torch.tensor(12.0)))
    small_missed = loss(0) - 0.5 * bce_of * 9 / 2048
    large_missed = loss(1) - 0.5 * bce_of * 400 / 2048
    assert small_missed == pytest.approx(0.5 * 0.5 * 0.9, abs=0.01)
    assert large_missed == pytest.approx(0.5 * 0.5, abs=0.01)


@pytest.mark.parametrize("model", ["ffs", "unet"])
def test_training_by_image_learns_too(config, patients, held_out, tmp_path, model):
    loop = _loop(replace(config, model=model, dice="image", samples=64), tmp_path, patients, held_out)
    loop.run()
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert float(rows[-1]["total"]) < float(rows[0]["total"])
    assert ("tdl" in rows[0]) == (model == "ffs")


def test_the_threshold_is_the_highest_of_the_best_of_the_validation_patients(config, held_out):
    class Oracle(torch.nn.Module):
        """Says 0.3 in the tumour and 0.2 elsewhere, whatever it is shown."""

        def __init__(self) -> None:
            super().__init__()
            self.calls = iter([p for p in held_out if any(r.tumour.max() > 128 for r in p.runs)])

        def forward(self, _frames, _key):
            run = next(self.calls).runs[0]
            said = np.where(run.tumour[run.masked.index(run.picked_in_liver)] >= 128, 0.3, 0.2)
            from DSANetLib.networks.segmenter import SegmenterOutput

            return SegmenterOutput(torch.logit(torch.from_numpy(said).float())[None, None], None, None)

    single = [replace(p, runs=p.runs[:1]) for p in held_out]
    facts = choose_thresholds(Oracle(), single, config)
    assert facts["tumour_threshold"] == pytest.approx(0.3)
    assert facts["dice"] == pytest.approx(1.0)
    assert facts["liver_threshold"] == 0.5


def test_validation_without_a_tumour_is_refused(config, held_out):
    empty = [replace(p, runs=tuple(replace(r, tumour=np.zeros_like(r.tumour)) for r in p.runs)) for p in held_out]
    with pytest.raises(TrainingError, match="no validation patient"):
        choose_thresholds(torch.nn.Identity(), empty, config)


def test_a_loss_that_is_no_number_ends_the_training_with_one_line(config, patients, held_out, tmp_path):
    loop = _loop(replace(config, samples=16), tmp_path, patients, held_out)
    with torch.no_grad():
        next(loop.network.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match="loss is nan at step 0"):
        loop.run()


def test_a_checkpoint_of_other_settings_or_damaged_is_refused(config, patients, held_out, tmp_path):
    short = replace(config, samples=16)
    _loop(short, tmp_path, patients, held_out).run(stop_after=1)
    assert _loop(replace(short, checkpoint_s=1.0, threads=2), tmp_path, patients, held_out).step == 1
    with pytest.raises(TrainingError, match="other settings"):
        _loop(replace(short, lr=1e-4), tmp_path, patients, held_out)
    (tmp_path / "checkpoint.pt").write_bytes(b"torn")
    with pytest.raises(TrainingError, match="cannot be read"):
        _loop(short, tmp_path, patients, held_out)


def test_checkpoints_are_written_in_time(config, patients, held_out, tmp_path):
    loop = _loop(replace(config, samples=8, checkpoint_s=1e-6), tmp_path, patients, held_out)
    loop.run(stop_after=1)
    assert [path.name for path in tmp_path.glob("*.pt")] == ["checkpoint.pt"]


def test_a_package_that_is_there_is_not_overwritten_and_costs_no_time(config, segmenter):
    with pytest.raises(OutputError, match="is there already"):
        train(config, segmenter)


def test_a_stop_leaves_a_checkpoint_and_no_package(config, tmp_path):
    folder = train_segmenter(replace(config, samples=16), tmp_path / "ffs", None, stop_after=1)
    assert (folder / "checkpoint.pt").exists()
    assert not (tmp_path / "ffs").exists()


def test_a_training_needs_an_end_and_a_place(config, patients, held_out, tmp_path):
    with pytest.raises(TrainingError, match="no end"):
        _loop(replace(config, samples=None), tmp_path, patients, held_out)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        _loop(config, tmp_path / "file" / "x", patients, held_out)


def test_every_patient_comes_once_a_pass():
    order = Order(7, seed=3)
    passes = [[order[7 * p + i] for i in range(7)] for p in range(3)]
    assert all(sorted(items) == list(range(7)) for items in passes)
    assert passes[0] != passes[1]
    assert [order[i] for i in range(7)] == passes[0]
