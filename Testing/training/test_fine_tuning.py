"""Fine-tuning on a cohort folder, training by folds, and the command line of both."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from disks import full_disk

from DSANetLib.cli import build_parser, main
from DSANetLib.cohort import make_split, read_cohort, write_split
from DSANetLib.errors import ChoiceError, DependencyError, ModelError, OutputError, TrainingError
from DSANetLib.models import Metric, load_model
from DSANetLib.options import MODELS
from DSANetLib.training import config as configuration
from DSANetLib.training import train
from DSANetLib.training.command import make_config, run_training
from DSANetLib.training.finetune import fine_tune, fine_tuning
from DSANetLib.training.folds import _over_folds, predict_by_folds, refit, source_of, train_folds
from DSANetLib.training.segmenter import make_loop
from DSANetLib.worker.desk import Desk
from DSANetLib.worker.training import FineTuneTask


def test_a_package_is_fine_tuned_and_judged_on_who_was_held_out(folder, segmenter, tmp_path):
    events = []
    task = FineTuneTask(
        str(segmenter), str(folder), str(tmp_path / "ffs-mine"), str(tmp_path / "cache"), 160, threads=1
    )
    tuned = task.run(Desk(events.append))
    assert events[0].stage == "preparation"
    seen = [event.fraction for event in events if event.stage == "training"]
    assert seen[-1] > 0
    assert events[-1].left_s >= 0
    assert seen == sorted(seen)
    assert (tuned.training, tuned.held_out) == (9, 3)
    assert 0 <= tuned.dice.second <= 1
    assert tuned.better == (tuned.dice.first > tuned.dice.second)
    old, new = load_model(segmenter).card, load_model(tuned.package).card
    assert new.training["from_package"]["weights.safetensors"] == old.checksums["weights.safetensors"]
    assert new.training["from_package"]["name"] == "ffs-tiny"
    assert new.network == old.network
    assert tuned.runs == new.data["training"]["runs"] >= 9
    assert "fine-tuned from ffs-tiny" in new.summary
    assert new.tumour_threshold == pytest.approx(old.tumour_threshold)
    # The card's is of weights before they became fp16, of lesions of few pixels.
    assert new.metrics["held_out_dice_tumour"].value == pytest.approx(tuned.dice.first, abs=0.02)
    assert not (tmp_path / "ffs-mine.training").exists()


def test_a_cancelled_fine_tuning_leaves_no_package(folder, segmenter, tmp_path):
    def stop(done, _total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fine_tune(segmenter, folder, tmp_path / "mine", cache=tmp_path / "cache", threads=1, watch=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_full_disk_ends_a_fine_tuning_with_a_sentence(folder, segmenter, tmp_path):
    task = FineTuneTask(str(segmenter), str(folder), str(tmp_path / "mine"), str(tmp_path / "cache"), 8, threads=1)
    with full_disk(20_000), pytest.raises(OutputError, match="Make room"):
        task.run(Desk(lambda _event: None))
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_a_training_starts_from_the_weights_of_its_package(config, segmenter, patients, held_out, tmp_path):
    mine = fine_tuning(str(segmenter), "", cohort=config.cohort, samples=8)
    assert mine.lr < config.lr
    loop = make_loop(mine, tmp_path, patients, held_out, lambda _: None)
    trained = make_loop(config, segmenter.with_name("ffs-tiny.training"), patients, held_out, lambda _: None)
    for ours, theirs in zip(loop.network.parameters(), trained.averaged.parameters(), strict=True):
        np.testing.assert_allclose(ours.detach(), theirs, atol=2e-3)  # the package holds fp16
    with pytest.raises(TrainingError, match="another network"):
        make_loop(replace(mine, width=8), tmp_path / "b", patients, held_out, lambda _: None)


def test_too_few_corrected_patients_are_refused(folder, segmenter, tmp_path):
    lines = (folder / "manifest.csv").read_text().splitlines()
    own = tmp_path / "own"
    own.mkdir()
    for name in ("runs", "masks"):
        (own / name).symlink_to(folder / name)
    (own / "manifest.csv").write_text("\n".join(line for line in lines if line.startswith(("patient", "p1,"))))
    with pytest.raises(TrainingError, match=r"only 1 patient has corrected runs\. Correct runs of 2"):
        fine_tune(segmenter, own, tmp_path / "mine", cache=tmp_path / "cache")


@pytest.fixture(scope="module")
def split_folder(folder):
    cohort = read_cohort(folder)
    write_split(make_split(cohort, folds=3, test_share=0.0, seed=0), folder)
    return folder


def test_a_fold_holds_out_itself_and_validates_on_the_next(split_folder):
    parts = [source_of(split_folder, fold) for fold in range(3)]
    everyone = set(parts[0].training + parts[0].validation + parts[0].held_out)
    assert len(everyone) == 12
    assert set().union(*(part.held_out for part in parts)) == everyone
    assert parts[0].validation == parts[1].held_out
    assert source_of(split_folder).held_out == ()
    with pytest.raises(TrainingError, match="no fold 3"):
        source_of(split_folder, 3)


def test_folds_are_packages_whose_calibrated_probabilities_are_averaged(
    split_folder, response_config, segmenter, tmp_path
):
    from DSANetLib.phantom import simulate_patient
    from DSANetLib.pipeline import predict, segment

    config = replace(response_config, model="response-film", samples=8)
    said = []
    out = train_folds(config, split_folder, tmp_path / "folds", progress=said.append)
    facts = json.loads((out / "folds.json").read_text())
    assert facts["packages"] == ["fold-0", "fold-1", "fold-2"]
    told = facts["figures"]["fold-2"]["held_out_auc"]
    assert f"fold 2: held out auc {told['value']:.3f} of {told['n']} patients" in said
    each = [facts["figures"][f"fold-{i}"]["held_out_brier"] for i in range(3)]
    brier = facts["held_out"]["held_out_brier"]
    assert brier["n"] == sum(one["n"] for one in each) == 12
    assert brier["value"] == pytest.approx(sum(one["value"] * one["n"] for one in each) / 12)
    assert f"all folds: held out brier {brier['value']:.3f} of 12 patients" in said
    said.clear()
    train_folds(config, split_folder, out, progress=said.append)
    assert not said
    patient = simulate_patient(5_000_003, config.cohort.phantom)
    shown = [segment(patient.runs[0].run, load_model(segmenter))]
    single = [predict(shown, load_model(out / name)).probability for name in facts["packages"]]
    assert predict_by_folds(out, shown) == pytest.approx(np.mean(single))
    (out / "folds.json").write_text(json.dumps({"packages": [str(segmenter)]}))
    with pytest.raises(ModelError, match="no calibrated response model"):
        predict_by_folds(out, shown)


def test_a_refit_learns_from_all_as_long_as_the_folds_and_with_their_threshold(config, split_folder, tmp_path):
    out = tmp_path / "folds"
    lengths, thresholds = (8, 16, 24), (0.2, 0.5, 0.3)
    for fold, (samples, threshold) in enumerate(zip(lengths, thresholds, strict=True)):
        asked = replace(config, source=source_of(split_folder, fold), samples=samples, threshold=threshold, patience=1)
        train(asked, out / f"fold-{fold}")
    package = refit(replace(config, patience=1), split_folder, out)
    card = load_model(package).card
    best = [load_model(out / f"fold-{fold}").card.training["best_after_samples"] for fold in range(3)]
    assert card.training["samples"] == sorted(best)[1]
    assert (card.tumour_threshold, card.liver_threshold) == (0.3, 0.3)
    assert card.data["training"]["patients"] == 12
    assert card.data["validation"]["patients"] == 0
    assert not card.metrics
    with pytest.raises(TrainingError, match="cannot be calibrated"):
        refit(replace(config, model="response-clinical"), split_folder, out)


def test_the_command_line_offers_every_model_and_its_settings():
    assert MODELS == configuration.MODELS
    asked = ["train", "tdl", "--out", "x", "--preset", "paper", "--frames", "5", "--size", "64", "--batch", "16",
             "--accumulate", "2", "--patience", "3", "--samples", "64", "--schedule", "alone-joint"]  # fmt: skip
    made = make_config(build_parser().parse_args(asked))
    assert (made.model, made.batch, made.accumulate, made.patience, made.handover) == ("tdl", 16, 2, 3, "logits")
    assert (made.cohort.preparation.frames, made.cohort.preparation.size) == (5, 64)
    assert made.alone > 0


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        (["--folds"], "need --cohort"),
        (["--refit"], "need --cohort"),
        (["--cohort", "c", "--folds", "--fold", "1"], "choose one"),
        (["--cohort", "c", "--patients", "3"], "split.csv"),
        (["--schedule", "alone-joint"], "--samples"),
    ],
)
def test_options_that_do_not_go_together_are_refused(asked, word, capsys):
    with pytest.raises(ChoiceError, match=word):
        run_training(build_parser().parse_args(["train", "ffs", "--out", "x", *asked]), None)
    assert main(["train", "ffs", "--out", "x", *asked]) == 2
    assert word in capsys.readouterr().err


def test_the_mean_over_folds_weighs_each_by_its_patients():
    def card(value, n):
        return SimpleNamespace(metrics={"held_out_auc": Metric(value, n=n), "validation_auc": Metric(0.1, n=9)})

    assert _over_folds([card(0.6, 10), card(0.9, 5)]) == {"held_out_auc": {"value": pytest.approx(0.7), "n": 15}}


def test_tensorboard_without_its_package_is_refused_before_anything_is_prepared(split_folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    asked = ["train", "unet", "--cohort", str(split_folder), "--out", str(tmp_path / "mine"), "--tensorboard",
             "--cache", str(tmp_path / "cache"), "--samples", "8"]  # fmt: skip
    with pytest.raises(DependencyError, match="pip install tensorboard"):
        run_training(build_parser().parse_args(asked), None)
    assert list(tmp_path.iterdir()) == []


def test_the_command_fine_tunes_on_a_fold(split_folder, segmenter, tmp_path):
    asked = ["train", "ffs", "--out", str(tmp_path / "mine"), "--cohort", str(split_folder), "--fold", "1", "--from",
             str(segmenter), "--samples", "8", "--threads", "1", "--cache", str(tmp_path / "c"), "--quiet"]  # fmt: skip
    assert main(asked) == 0
    card = load_model(tmp_path / "mine").card
    assert card.training["from_package"]["name"] == "ffs-tiny"
    assert card.data["held_out"]["patients"] == 4
