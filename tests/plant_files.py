"""A small plant's business files, complete and correct, to break one at a time."""

from pathlib import Path

FILES = {
    "equipment": """site_id,equipment_id,parent_id,level,name,time_zone,valid_from,valid_to
demo,demo,,site,Demo,Europe/Copenhagen,,
demo,assembly,demo,area,Assembly,,,
demo,assembly/line1,assembly,work_center,Line 1,,,
demo,assembly/line1/press01,assembly/line1,work_unit,Press 1,,,
""",
    "shift_pattern": """site_id,equipment_id,shift_id,weekday,starts_local,ends_local,kind
demo,demo,early,1,06:00,14:00,shift
demo,demo,early,1,09:00,09:30,break
demo,demo,late,1,14:00,22:00,shift
""",
    "calendar_exception": """site_id,equipment_id,production_date,shift_id,kind,starts_at,ends_at
demo,demo,2026-12-25,,holiday,,
""",
    "signal_map": """site_id,equipment_id,signal,role,counter_mode,counter_bits,value_map_id
demo,assembly/line1/press01,StateCurrent,state,,,packml
demo,assembly/line1/press01,Total,total_count,total,16,
""",
    "value_map": """value_map_id,raw_value,mapped_value
packml,6,execute
packml,4,idle
""",
    "reason_code": """reason_id,parent_reason_id,name,loss_category
mechanical,,Mechanical,availability
jam,mechanical,Jam,availability
""",
    "item": """item_id,name,unit
cup,Cup,pcs
lid,Lid,pcs
""",
    "routing_operation": """item_id,route_version,operation_id,sequence,planned_run_s_per_unit
cup,1,press,10,2.5
""",
    "production_order": """production_order_id,site_id,item_id,route_version,order_quantity
1001,demo,cup,1,500
""",
    "order_operation": """production_order_id,operation_id,work_unit_id,started_at
1001,press,assembly/line1/press01,2026-03-02T06:00:00+01:00
""",
}


def write_plant(folder: Path, **changed: str) -> Path:
    """Write all files into `folder`; `changed` replaces the text of tables by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, text in (FILES | changed).items():
        (folder / f"{table}.csv").write_text(text)
    return folder
