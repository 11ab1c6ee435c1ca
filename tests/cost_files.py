"""A plant's files of costs, of what orders took, and the active version they were loaded as.

Belongs here: what tests of those files start from; a test changes one thing of it.
"""

from datetime import datetime
from decimal import Decimal

from tests.reference_examining import Loaded

PRESS = "assembly/line1/press01"
VERSIONS = """cost_version_id,type,site_id,valid_from,status,currency
std,standard,demo,2026-01-01,active,EUR
"""
COSTS = {
    "cost_version": VERSIONS,
    "item_cost": "cost_version_id,item_id,unit_cost\nstd,cup,5\n",
    "cost_rate": f"""cost_version_id,cost_category_id,work_unit_id,kind,rate
std,labour,{PRESS},run,30
""",
    "overhead_formula": "cost_version_id,overhead_id,kind,rate\nstd,factory,per_hour,21\n",
}
ACTUALS = {
    "material_movement": """movement_id,production_order_id,operation_id,item_id,replaces_item_id,\
lot_id,quantity,unit_price,currency,is_return,moved_at
1,1001,press,lid,cup,L1,175,5.5,SEK,,2026-03-02T06:00:00Z
2,1001,,lid,,L1,2,,,true,2026-03-02T09:00:00Z
""",
    "labour_booking": """booking_id,production_order_id,operation_id,worker_id,kind,\
started_at,finished_at
1,1001,press,w1,setup,2026-03-02T06:00:00Z,2026-03-02T07:30:00Z
2,1001,press,w1,,2026-03-02T07:30:00Z,
""",
    "subcontract_receipt": """receipt_id,production_order_id,operation_id,vendor_id,quantity,\
rejected_quantity,unit_price,received_at
1,1001,coat,V7,80,3,1.2,2026-03-03T12:00:00Z
""",
    "customer_return": """return_id,site_id,item_id,production_order_id,quantity,returned_at,\
reason_id,amount,currency
1,demo,cup,1001,2,2026-04-01T06:00:00Z,jam,12.5,SEK
2,demo,cup,,1,2026-04-01T06:00:00Z,,,
""",
    "exchange_rate": "currency,valid_from,rate\nEUR,,1\nSEK,2026-01-01,0.09\n",
    "stock": """site_id,item_id,counted_at,quantity
demo,lid,2026-02-28T22:00:00Z,1000
demo,cup,2026-02-28T22:00:00Z,0
""",
    "costing_sheet": """line_id,parent_line_id,sequence,name,cost_group_id
prime,,1,Prime cost,
metal,prime,1,Metal,steel
metal,prime,1,Metal,brass
labour,prime,2,Labour,labour
works,,2,Works,factory
""",
    "period": """period_id,starts_at,ends_at
2026-02,2026-01-31T23:00:00Z,2026-02-28T23:00:00Z
2026-03,2026-02-28T23:00:00Z,2026-03-31T22:00:00Z
""",
}
ACTIVE = Loaded(
    item=[{"item_id": "cup"}, {"item_id": "lid"}],
    cost_version=[
        {
            "cost_version_id": "std",
            "type": "standard",
            "site_id": "demo",
            "valid_from": datetime(2026, 1, 1),
            "status": "active",
            "currency": "EUR",
        }
    ],
    item_cost=[{"cost_version_id": "std", "item_id": "cup", "unit_cost": Decimal(5)}],
    cost_rate=[
        {
            "cost_version_id": "std",
            "cost_category_id": "labour",
            "work_unit_id": PRESS,
            "kind": "run",
            "rate": Decimal(30),
        }
    ],
    overhead_formula=[
        {
            "cost_version_id": "std",
            "overhead_id": "factory",
            "kind": "per_hour",
            "rate": Decimal(21),
        }
    ],
)
