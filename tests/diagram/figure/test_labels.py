"""Labels beside each other and beside what is drawn."""

from __future__ import annotations

from archdsl.diagram.figure.labels import Label, Labels, Place, Side
from archdsl.diagram.figure.scene import Box, Point
from archdsl.diagram.figure.text import width


def label(*places: Point, needed: bool = True, outside: bool = False) -> Label:
    return Label(
        ("88",), 10, "#000000", tuple(Place(at, Side.LEFT) for at in places), needed, outside
    )


def test_a_label_goes_to_the_first_place_that_is_free() -> None:
    labels = Labels(100, [], [], [])
    labels.put(label(Point(10, 10), Point(50, 50)))
    labels.put(label(Point(12, 10), Point(50, 50)))
    assert [text.start for text in labels.texts] == [Point(10, 10), Point(50, 50)]


def test_figures_side_by_side_keep_apart() -> None:
    labels = Labels(100, [], [], [])
    labels.put(label(Point(10, 10)))
    labels.put(label(Point(10 + width("88", 10) + 1, 10), Point(50, 50)))
    assert labels.texts[1].start == Point(50, 50)


def test_one_that_is_needed_goes_further_down_and_another_is_left_out() -> None:
    labels = Labels(100, [], [], [])
    labels.put(label(Point(10, 10)))
    labels.put(label(Point(10, 10), needed=False))
    assert len(labels.texts) == 1
    labels.put(label(Point(10, 10)))
    assert labels.texts[1].start.y > 17


def test_a_spare_place_is_for_when_all_others_are_taken() -> None:
    lines = [(Point(0, 6), Point(30, 6))]
    spared = label(Point(10, 10))._replace(spare=(Place(Point(50, 50), Side.LEFT),))
    labels = Labels(100, lines, [], [])
    labels.put(spared)
    assert labels.texts[0].start == Point(10, 10)  # though it is on a line
    labels.put(spared)
    assert labels.texts[1].start == Point(50, 50)


def test_no_label_leaves_the_page() -> None:
    labels = Labels(40, [], [], [])
    labels.put(label(Point(35, 10)))
    assert labels.texts[0].start.x + width("88", 10) <= 40
    labels.put(label(Point(-5, 30)))
    assert labels.texts[1].start.x >= 0


def test_labels_keep_off_lines_where_they_can() -> None:
    line = Point(0, 6), Point(30, 6)
    labels = Labels(100, [line], [], [])
    labels.put(label(Point(10, 10), Point(10, 30)))
    assert labels.texts[0].start == Point(10, 30)
    beside = Point(0, 90), Point(30, 60)
    labels = Labels(100, [beside], [], [])
    labels.put(label(Point(2, 70), Point(50, 10)))
    assert labels.texts[0].start == Point(2, 70)  # the line's box is there, the line is not


def test_labels_do_not_touch_lines_either() -> None:
    below = Point(0, 10.3), Point(30, 10.3)  # the baseline is at 10
    labels = Labels(100, [below], [], [])
    labels.put(label(Point(10, 10), Point(10, 30)))
    assert labels.texts[0].start == Point(10, 30)


def test_a_line_is_interrupted_for_a_label_that_must_stand_on_it() -> None:
    line = Point(0, 6), Point(30, 6)
    labels = Labels(100, [line], [], [])
    labels.put(label(Point(10, 10), outside=True))
    (mask,) = labels.masks
    assert mask.left < 11 and mask.right > 20 and mask.top < 6 < mask.bottom


def test_a_figure_on_a_solid_has_no_mask() -> None:
    line = Point(0, 6), Point(30, 6)
    labels = Labels(100, [line], [], [Box(0, 0, 30, 30)])
    labels.put(label(Point(10, 10)))
    assert labels.masks == []
    free = Labels(100, [line], [], [])
    free.put(label(Point(10, 10)))
    assert len(free.masks) == 1


def test_words_keep_off_solids() -> None:
    labels = Labels(100, [], [], [Box(0, 0, 30, 30)])
    labels.put(label(Point(10, 10), Point(60, 60), outside=True))
    assert labels.texts[0].start == Point(60, 60)
    labels.put(label(Point(10, 10), Point(80, 60)))
    assert labels.texts[1].start == Point(10, 10)
