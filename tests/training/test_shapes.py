"""The built-in data."""

import hashlib

import numpy as np
import pytest

from archdsl.training.parts import shapes


def digest(count: int, size: tuple[int, int, int], split: str = "train") -> str:
    images, labels = shapes.draw(count, size, seed=0, split=split)
    return hashlib.sha256(images.tobytes() + labels.astype("<i8").tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((3, 67, 67), "45223d936b70d446f34b315528052f03d26feb678c98ae3d41a943f51df7d263"),
        ((1, 28, 28), "6878632ee5d09dbe8d8b710387a532c1520cb319faa5194ffb4911abfaab4889"),
        ((5, 9, 40), "c5d605862c209fd6500f96a5c37d77b750614c2b20a832572d2b003dbce1953c"),
    ],
)
def test_every_machine_draws_the_same_bytes(size: tuple[int, int, int], expected: str) -> None:
    assert digest(130, size) == expected


def test_an_image_does_not_depend_on_how_many_are_drawn() -> None:
    few, _ = shapes.draw(70, (3, 16, 16), seed=3, split="train")
    many, _ = shapes.draw(200, (3, 16, 16), seed=3, split="train")
    assert np.array_equal(few, many[:70])


def test_splits_and_seeds_share_no_image() -> None:
    drawn = [
        shapes.draw(300, (3, 16, 16), seed=seed, split=split)[0]
        for seed, split in ((0, "train"), (0, "test"), (1, "train"))
    ]
    assert len({image.tobytes() for images in drawn for image in images}) == 900


def test_classes_are_balanced() -> None:
    _, labels = shapes.draw(1000, (1, 8, 8), seed=0, split="train")
    assert np.bincount(labels).tolist() == [100] * 10


def test_figures_cover_the_same_area_so_that_brightness_does_not_tell_them_apart() -> None:
    side = np.arange(-100, 101, dtype=np.int16)
    v, u = np.meshgrid(side, side, indexing="ij")
    areas = np.array([contains(u, v).sum() for contains in shapes.FIGURES.values()])
    assert len(areas) == 10
    assert areas.min() > 0.93 * areas.mean()
    assert areas.max() < 1.07 * areas.mean()


def test_figures_are_told_apart_by_their_outline() -> None:
    side = np.arange(-100, 101, dtype=np.int16)
    v, u = np.meshgrid(side, side, indexing="ij")
    masks = [contains(u, v) for contains in shapes.FIGURES.values()]
    for i, one in enumerate(masks):
        for other in masks[:i]:
            assert (one ^ other).sum() > 0.15 * one.sum()


@pytest.mark.parametrize("width", [300, 3000])
def test_a_figure_lies_in_one_place_however_wide_the_image(width: int) -> None:
    """Beyond a hundred radii coordinates outgrow 16 bits; wrapped, they would draw it again."""
    canvas = shapes._Canvas(np.uint64(1), np.arange(50, dtype=np.uint64), (1, 8, width))
    u, v = canvas.place(low=32, high=33)  # a radius of four pixels: the height
    inside = (np.abs(u) <= 64) & (np.abs(v) <= 64)
    for one in inside:
        columns = np.flatnonzero(one.any(axis=0))
        assert 8 <= len(columns) <= 12  # upright, or on a corner
        assert np.ptp(columns) == len(columns) - 1
