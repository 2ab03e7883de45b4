"""What the network sees, against numpy."""

from typing import Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from archdsl.training import TrainingError
from archdsl.training.augment import View, view, wanted
from archdsl.training.data.sources import Data, Split
from archdsl.training.parts.windows import _at_once, windows
from archdsl.words.recipe import Augment, Evaluate, Recipe

CPU = torch.device("cpu")


def data(count: int, size: tuple[int, int, int], seed: int = 0) -> Data:
    draws = np.random.default_rng(seed)
    channels = size[0]
    # Channels of different mean and spread, two of them correlated.
    images = draws.integers(0, 120, (count, *size)) + 30 * np.arange(channels)[:, None, None]
    images[:, -1] = (images[:, 0] + images[:, -1]) // 2
    split = Split(torch.from_numpy(images.astype(np.uint8)), torch.zeros(count, dtype=torch.int64))
    return Data("noise", True, ("one",), split, split)


def seen(augment: Augment | None, source: Data, window: tuple[int, int], seed: int = 0) -> View:
    return view(Recipe(augment=augment, seed=seed), source, window, CPU)


def pixels(source: Data) -> NDArray[np.float64]:
    return source.train.images.numpy().astype(np.float64)


def test_images_get_zero_mean_and_unit_deviation_by_channel() -> None:
    source = data(300, (3, 6, 7))
    raw = pixels(source)
    mean = raw.mean((0, 2, 3), keepdims=True)
    deviation = raw.std((0, 2, 3), keepdims=True)
    found = seen(None, source, (6, 7)).train(source.train.images, step=0)
    assert np.allclose(found.numpy(), (raw - mean) / deviation, atol=1e-5)


def test_mean_by_pixel_is_the_mean_image() -> None:
    source = data(300, (3, 6, 7))
    raw = pixels(source)
    deviation = raw.std((0, 2, 3), keepdims=True)
    found = seen(Augment(mean="pixel"), source, (6, 7)).train(source.train.images, step=0)
    assert np.allclose(found.numpy(), (raw - raw.mean(0)) / deviation, atol=1e-5)


def test_a_channel_that_never_changes_is_no_division_by_zero() -> None:
    images = torch.full((4, 1, 3, 3), 7, dtype=torch.uint8)
    split = Split(images, torch.zeros(4, dtype=torch.int64))
    source = Data("flat", True, ("one",), split, split)
    assert not seen(None, source, (3, 3)).train(images, step=0).any()


def test_windows_cut_mirror_and_pad() -> None:
    x = torch.arange(2 * 2 * 3 * 4, dtype=torch.float32).reshape(2, 2, 3, 4)
    top, left = torch.tensor([0, 3]), torch.tensor([1, 2])
    mirrored = torch.tensor([False, True])
    padded = np.pad(x.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1)))
    found = windows(x, top, left, mirrored, (2, 3), pad=1).numpy()
    assert np.array_equal(found[0], padded[0, :, 0:2, 1:4])
    assert np.array_equal(found[1], padded[1, :, 3:5, 2:5][:, :, ::-1])


def test_random_crops_reach_every_place_and_both_sides() -> None:
    image = torch.arange(5 * 5, dtype=torch.uint8).reshape(1, 1, 5, 5)
    split = Split(image, torch.zeros(1, dtype=torch.int64))
    source = Data("one", True, ("one",), split, split)
    looks = seen(Augment(resize=5, crop=4, flip=True), source, (4, 4))
    found = looks.train(image.expand(400, 1, 5, 5), step=0)
    raw = (found * looks.std + looks.mean).round().int().numpy()
    plain = image.int().numpy()[0]
    expected = {
        plain[:, top : top + 4, left : left + 4][:, :, ::side].tobytes()
        for top in (0, 1)
        for left in (0, 1)
        for side in (1, -1)
    }
    assert {one.tobytes() for one in raw} == expected
    assert 150 < sum(one[0, 0, 0] < one[0, 0, 1] for one in raw) < 250


@pytest.mark.parametrize("pad", [0, 2])
def test_a_gpu_cuts_the_same_windows(pad: int) -> None:
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(9, 3, 7, 8, generator=draws)
    top, left = (torch.randint(3 + 2 * pad, (9,), generator=draws) for _ in range(2))
    places = top, left, torch.arange(9) % 2 == 1, (5, 6)
    padded = torch.nn.functional.pad(x, (pad, pad, pad, pad))
    found = windows(x, *places, pad)
    assert torch.equal(found, _at_once(padded, *places))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_without_crop_or_flip_the_window_is_the_centre() -> None:
    source = data(3, (3, 8, 8))
    found = seen(Augment(resize=8), source, (6, 4)).train(source.train.images, step=0)
    whole = seen(None, source, (8, 8)).train(source.train.images, step=0)
    assert torch.equal(found, whole[:, :, 1:7, 2:6])


def test_draws_follow_from_seed_and_step_alone() -> None:
    source = data(32, (3, 8, 8))
    images = source.train.images
    everything = Augment(resize=8, crop=6, flip=True, pca=0.1)
    looks = seen(everything, source, (6, 6))
    first = looks.train(images, step=4)
    looks.train(images, step=5)
    torch.rand(100)
    assert torch.equal(looks.train(images, step=4), first)
    assert not torch.equal(looks.train(images, step=5), first)
    assert not torch.equal(seen(everything, source, (6, 6), seed=1).train(images, step=4), first)


def test_colour_noise_lies_along_the_components_with_the_eigenvalues_spread() -> None:
    source = data(200, (3, 8, 8))
    colours = pixels(source).transpose(1, 0, 2, 3).reshape(3, -1) / 255
    eigenvalues, vectors = np.linalg.eigh(np.cov(colours, bias=True))
    looks = seen(Augment(pca=0.5), source, (8, 8))
    images = source.train.images[:1].expand(4000, 3, 8, 8)
    change = looks.train(images, step=0) - seen(None, source, (8, 8)).train(images, step=0)
    assert torch.allclose(change, change[:, :, :1, :1].expand_as(change), atol=1e-5)
    # Back to 0..1, and into the components' own axes.
    noise = (change[:, :, 0, 0] * looks.std[0, :, 0, 0] / 255).double().numpy() @ vectors
    assert np.allclose(noise.std(0), 0.5 * eigenvalues, rtol=0.06)
    assert np.allclose(np.corrcoef(noise.T), np.eye(3), atol=0.06)


def test_ten_crops_are_corners_and_centre_and_their_mirrors() -> None:
    source = data(2, (1, 5, 7))
    looks = seen(None, source, (3, 3))
    whole = seen(None, source, (5, 7)).train(source.train.images, step=0)
    corners = [(1, 2), (0, 0), (0, 4), (2, 0), (2, 4)]
    cuts = [whole[:, :, top : top + 3, left : left + 3] for top, left in corners]
    expected = {x.numpy().tobytes() for cut in cuts for x in (cut, cut.flip(-1))}
    found = [x.contiguous().numpy().tobytes() for x in looks.test(source.test.images, crops=10)]
    assert len(found) == 10
    assert set(found) == expected
    [centre] = looks.test(source.test.images, crops=1)
    assert torch.equal(centre, cuts[0])


def test_kept_size_is_the_input_or_a_square_of_resize() -> None:
    plain = wanted(Recipe(), (3, 20, 30), classes=5)
    assert (plain.size, plain.square) == ((3, 20, 30), False)
    square = wanted(Recipe(augment=Augment(resize=32, crop=24)), (3, 24, 24), classes=5)
    assert (square.size, square.square) == ((3, 32, 32), True)


@pytest.mark.parametrize(
    ("augment", "crops", "message"),
    [
        (Augment(crop=20), 1, r"augment crop=20: the network's input is 24x24"),
        (Augment(resize=23), 1, r"augment resize=23: smaller than the input 24x24"),
        (Augment(pad=4), 1, r"augment pad=4: .*; add crop=24"),
        (None, 10, r"evaluate crops=10: .* add augment resize="),
    ],
)
def test_sizes_that_contradict_each_other(
    augment: Augment | None, crops: Literal[1, 10], message: str
) -> None:
    recipe = Recipe(augment=augment, evaluate=Evaluate(crops=crops))
    with pytest.raises(TrainingError, match=message):
        wanted(recipe, (3, 24, 24), classes=5)


def test_a_crop_of_what_is_kept_at_that_size_is_refused(recipe: Recipe) -> None:
    for augmented in (Augment(crop=12), Augment(crop=12, resize=12)):
        with pytest.raises(TrainingError, match="nothing to crop"):
            wanted(recipe.model_copy(update={"augment": augmented}), (3, 12, 12), 3)
