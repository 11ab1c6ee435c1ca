"""The order of WE-32 (domain.md): business files and samples as people and machines give them."""

from pathlib import Path

from tests.plant_files import write_plant

PRESS = "assembly/line1/press01"
ORDER = "1001"
FILES = {
    # One shift a day without a break: 10.5 h of planned busy time on Monday, 2026-03-02.
    "shift_pattern": """site_id,equipment_id,shift_id,weekday,starts_local,ends_local,kind
demo,demo,day,1,06:00,16:30,shift
""",
    "calendar_exception": "site_id,equipment_id,production_date,shift_id,kind,starts_at,ends_at\n",
    "signal_map": f"""site_id,equipment_id,signal,role,counter_mode,value_map_id
demo,{PRESS},State,state,,states
demo,{PRESS},Total,total_count,total,
demo,{PRESS},Rejects,reject_count,total,
demo,{PRESS},Reason,reason,,
""",
    "value_map": """value_map_id,raw_value,mapped_value
states,run,running
states,stop,stopped
states,setup,setup
""",
    "item": """item_id,name,unit,cost_group_id
FG,Finished,pcs,
RM1,Granulate,kg,resin
RM2,Lid,pcs,lids
RM3,Other lid,pcs,lids
PAL,Pallet,pcs,
""",
    "bom_line": """item_id,bom_version,line_id,component_item_id,operation_id,quantity_per,\
constant_quantity,scrap_ratio
FG,1,10,RM1,mould,2.0,,0.05
FG,1,20,RM2,mould,1,,
FG,1,30,PAL,,,1,
""",
    "routing_operation": f"""item_id,route_version,operation_id,sequence,work_unit_id,\
planned_run_s_per_unit,planned_setup_s,cost_category_id
FG,1,mould,10,{PRESS},360,3600,machine
""",
    "cost_version": """cost_version_id,type,site_id,valid_from,status,fallback_version_id,currency
std,standard,demo,2026-01-01,active,,EUR
now,standard,demo,2026-02-01,active,std,EUR
""",
    "cost_rate": """cost_version_id,cost_category_id,work_unit_id,kind,rate
std,machine,,setup,60
std,machine,,run,60
now,machine,,setup,66
now,machine,,run,66
""",
    "item_cost": """cost_version_id,item_id,unit_cost,costing_lot_quantity
std,RM1,5,
std,RM2,3,
std,PAL,20,
std,FG,,100
""",
    "overhead_formula": """cost_version_id,overhead_id,kind,base,rate
std,factory,per_hour,machine,30
""",
    "stock": """site_id,item_id,counted_at,quantity
demo,FG,2026-01-31T12:00:00Z,100
demo,RM1,2026-01-31T12:00:00Z,1000
demo,RM3,2026-01-31T12:00:00Z,50
""",
    # Pallets are left out, so that they are not on the sheet.
    "costing_sheet": """line_id,parent_line_id,sequence,name,cost_group_id
prime,,1,Prime cost,
stuff,prime,1,Raw material,
resin,stuff,1,Granulate,resin
lids,stuff,2,Lids,lids
work,prime,2,Machines,machine
works,,2,Works overhead,factory
""",
    "production_order": """production_order_id,site_id,item_id,route_version,order_quantity,\
cost_version_id,released_at,ended_at
1001,demo,FG,1,100,std,2026-03-01T08:00:00Z,2026-03-02T16:00:00Z
""",
    "order_operation": f"""production_order_id,operation_id,work_unit_id,started_at,finished_at
1001,mould,{PRESS},2026-03-02T06:00:00+01:00,2026-03-02T16:30:00+01:00
""",
    "material_movement": """movement_id,production_order_id,operation_id,item_id,\
replaces_item_id,quantity,unit_price,moved_at
1,1001,mould,RM1,,175,,2026-03-02T06:00:00+01:00
2,1001,mould,RM3,RM2,82,3.40,2026-03-02T06:00:00+01:00
3,1001,,PAL,,1,,2026-03-02T06:00:00+01:00
""",
}
SAMPLES = """site,equipment,signal,observed_at,value,text
demo,{press},State,2026-03-02T06:00:00+01:00,,setup
demo,{press},Total,2026-03-02T06:00:00+01:00,0,
demo,{press},Rejects,2026-03-02T06:00:00+01:00,0,
demo,{press},State,2026-03-02T07:30:00+01:00,,run
demo,{press},State,2026-03-02T11:00:00+01:00,,stop
demo,{press},Reason,2026-03-02T11:00:00+01:00,,jam
demo,{press},State,2026-03-02T11:30:00+01:00,,run
demo,{press},Total,2026-03-02T16:29:00+01:00,83,
demo,{press},Rejects,2026-03-02T16:29:00+01:00,3,
demo,{press},State,2026-03-02T16:30:00+01:00,,stop
"""


def write_files(folder: Path, **changed: str) -> Path:
    """Write the business files into a folder; `changed` replaces the text of tables by name."""
    return write_plant(folder, **(FILES | changed))


def write_samples(file: Path) -> Path:
    """Write what the press told that day, as a file of history."""
    file.write_text(SAMPLES.format(press=PRESS))
    return file
