from takt.contracts import TABLES


def test_keys_spans_and_references_name_columns_that_exist() -> None:
    for table in TABLES.values():
        names = {column.name for column in table.columns}
        assert set(table.key) <= names
        assert {name for span in table.spans for name in span} <= names
        for reference in table.references:
            assert set(reference.columns) <= names
            target = {column.name for column in TABLES[reference.table].columns}
            assert set(reference.to_columns) <= target


def test_a_column_of_one_name_has_one_type_unless_it_is_a_validity() -> None:
    types: dict[str, set[str]] = {}
    for table in TABLES.values():
        for column in table.columns:
            types.setdefault(column.name, set()).add(column.type)

    mixed = {name for name, found in types.items() if len(found) > 1}
    assert mixed <= {"valid_from", "valid_to"}


def test_the_meaning_of_a_column_tells_what_is_legal() -> None:
    assert (
        "One of: site, area, work_center, work_unit." in TABLES["equipment"].column("level").meaning
    )
    assert "At least 1, at most 7." in TABLES["shift_pattern"].column("weekday").meaning
