"""Characters: one figure from all sides, or the user's own pictures in order."""

from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from reelbase.media.character import Drawn, draw_character
from reelbase.media.figures import POSES, described, figure, traits_of
from reelbase.media.spec import RenderSpec

RED = (220, 30, 30)


def drawn(
    text: str = "A teal robot", references: tuple[Image.Image, ...] = (), **given: object
) -> Drawn:
    spec = RenderSpec.checked(
        task="character",
        text=text,
        aspect_ratio=None,
        resolution="144p",
        seconds=None,
        count=1,
        style=None,
        draft=True,
        parameters={"views": 2} | given,
    )
    return draw_character(spec, text, references)


def difference(a: Image.Image, b: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(a.convert("RGB"), b.convert("RGB"))).mean) / 3


def test_character_has_its_views_its_sprites_and_its_portrait() -> None:
    made = drawn(name="Bolt", views=3)
    roles = [role for role, _ in made.pictures]
    assert roles == ["result_image"] * 3 + ["sprite_sheet", "final_character"]
    sizes = [picture.size for _, picture in made.pictures]
    assert sizes == [(144, 144)] * 3 + [(3 * 72, len(POSES) * 72), (144, 144)]
    assert made.yields["name"] == "Bolt"
    assert "no model was asked" in made.yields["message"]
    assert "robot" in made.yields["visual_prompt"]


def test_sides_and_poses_differ_and_sprites_stand_on_nothing() -> None:
    pictures = dict(drawn().pictures)
    sheet = pictures["sprite_sheet"]
    assert sheet.mode == "RGBA"
    assert sheet.getpixel((0, 0)) == (38, 32, 48, 0)
    cells = [
        sheet.crop((72 * column, 72 * row, 72 * column + 72, 72 * row + 72))
        for row in range(len(POSES))
        for column in range(2)
    ]
    assert all(cell.getbbox() is not None for cell in cells)
    assert len({cell.tobytes() for cell in cells}) == len(cells)


@pytest.mark.parametrize("turn", [0, 90, 200])
@pytest.mark.parametrize(
    "text",
    ["a white rabbit wizard", "cat queen", "a bald man with a beard and glasses", "robot",
     "punk ninja with a cape", "แม่มดผมยาว", "brown bear chef", ""],
)  # fmt: skip
def test_nobody_is_cut_off_at_the_edge(text: str, turn: int) -> None:
    box = figure(traits_of(text, 7), 96, turn, "waving").getbbox()
    assert box is not None
    assert min(box[0], box[1], 96 - box[2], 96 - box[3]) >= 0
    assert box[3] - box[1] > 70
    assert box[0] > 0
    assert box[2] < 96


def test_words_decide_what_it_looks_like() -> None:
    traits = traits_of("A girl with long red hair in a green coat, wearing glasses", 5)
    assert (traits.kind, traits.hair, traits.hair_colour, traits.top) == (
        "person", "bob", "red", "green",
    )  # fmt: skip
    assert "glasses" in described(traits)
    assert traits_of("หุ่นยนต์สีแดง", 5).kind == "robot"


def test_same_order_gives_the_same_figure_and_another_seed_another() -> None:
    first, again, other = (dict(drawn("Somebody", seed=seed).pictures) for seed in (1, 1, 2))
    for role, picture in first.items():
        assert picture.tobytes() == again[role].tobytes()
    assert difference(first["final_character"], other["final_character"]) > 3


def test_reference_images_are_composed_and_nobody_is_drawn() -> None:
    references = (Image.new("RGB", (80, 40), RED), Image.new("RGB", (30, 90), RED))
    made = drawn(references=references, name="ดร.มะลิ")
    assert [role for role, _ in made.pictures] == ["sprite_sheet", "final_character"]
    assert "2 reference images" in made.yields["message"]
    for _, picture in made.pictures:
        colours = picture.convert("RGB").getcolors(1 << 16)
        assert colours is not None
        assert max(colours)[1] == RED


def test_long_names_and_texts_fit(tmp_path: Path) -> None:
    made = drawn("ข้อความยาวมาก " * 700, name="W" * 200)
    assert len(made.yields["description"].encode()) < 5000
    assert len(made.yields["name"]) == 200
