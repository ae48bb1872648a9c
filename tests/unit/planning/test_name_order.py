"""Names stand where readers look for them."""

from __future__ import annotations

from lti_tool.planning.name_order import name_order


def test_letters_come_before_accents_and_capitals_count_nothing() -> None:
    in_order = ["adam", "Æsop", "Ångström", "Čapek", "Curie", "Lem", "Łem", "Øster", "Özil", "Zeller", "zoe"]
    assert sorted(sorted(in_order), key=name_order) == in_order


def test_accents_decide_between_names_that_are_else_equal() -> None:
    assert sorted(["Müller, Zoe", "Muller, Ada", "Müller, Ada"], key=name_order) == [
        "Muller, Ada",
        "Müller, Ada",
        "Müller, Zoe",
    ]


def test_names_written_in_other_ways_stand_together() -> None:
    assert name_order("Jose\u0301") == name_order("José") == name_order("JOSÉ")
    assert sorted(["明", "Ada", "Бах", "علي"], key=name_order)[0] == "Ada"
